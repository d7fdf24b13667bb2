"""All that an event says, in plain words, for whoever signs it or decides upon it."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from cli.invocation.global_options import STATE
from cli.wording import labels, person_words

#: Stands for a statement that is known only once the record was opened.
UNREAD: Final = "00" * 32
#: Members by the options that say them, as JSON pointers (RFC 6901). What is not here is a member
#: of the event's own.
FIELDS: Final = {
    "basis": "/basis/purpose",
    "basis-kind": "/basis/kind",
    "authorisation": "/basis/reference",
    "authority": "/basis/authority",
    "occurred": "/occurred/from",
    "late": "/late",
    "name": "/body/name",
    "description": "/body/description",
    "text": "/body/text",
    "reason": "/body/reason",
    "place": "/body/place",
    "purpose": "/body/purpose",
    "condition": "/body/condition",
    "method": "/body/method",
    "tool": "/body/tool/name",
    "tool-version": "/body/tool/version",
    "make": "/body/device/make",
    "model": "/body/device/model",
    "serial": "/body/device/serial",
    "collector": "/body/collector/name",
    "clock-shown": "/body/deviceClock/shown",
    "clock-reference": "/body/deviceClock/reference",
}
#: All numbers at once that an event gave its item, the one that opened it or a later one: of a
#: draft, which says no other place before the record was read.
NUMBERS: Final = ("/identifiers", "/body/identifiers")
_FIELD_OF: Final = {pointer: name for name, pointer in FIELDS.items()}
_NUMBER: Final = re.compile(r"/identifiers/(\d{1,4})/value")
_BESIDE: Final = ("basis", "handling", "identifiers", "occurred", "late")


def said(document: dict[str, Any]) -> list[tuple[str, Any]]:
    """The members of an event, also those that the timeline leaves out: nobody signs for half of
    it.
    """
    return [
        *(
            (name, _field(one) if name == "pointer" else one)
            for name, one in document["body"].items()
        ),
        *((name, document[name]) for name in _BESIDE if name in document),
    ]


def _field(pointer: str) -> str:
    """What a correction is about, as the option is called that said it; what no option says, as it
    was signed.
    """
    if pointer in NUMBERS:
        return "number"
    if numbered := _NUMBER.fullmatch(pointer):
        scheme = STATE.schemes.get(pointer)
        return f"{scheme} number" if scheme else f"number {int(numbered[1]) + 1} of the item"
    return _FIELD_OF.get(pointer, pointer)


def word(name: str) -> str:
    """What a member is called."""
    return labels.MEMBERS.get(name, name)


def text(value: Any) -> str:
    """The value of a member."""
    if isinstance(value, dict) and {"agency", "person"} == set(value):
        return person_words.recipient(value, person_words.as_typed)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(map(text, value))
    if isinstance(value, list) and all(_is_number(one) for one in value):
        return ", ".join(f"{one['scheme']} {one['value']}" for one in value)
    if value == UNREAD:
        return "(known once the record is opened)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_number(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"scheme", "value"}
