"""All that an event says, in plain words, for whoever signs it or decides upon it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any, Final

from cli.invocation.global_options import STATE
from cli.wording import labels, person_words
from ledger.domain.codecs.text import counted
from ledger.domain.event.disclosure import HIDING

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
#: What names a thing or a person among the members of one.
_FIRST: Final = ("scheme", "value", "name", "version", "number")
#: Items and statements: of many there is a count.
_CALLED: Final = re.compile(r"urn:\S+|[0-9a-f]{64}")
_LONG: Final = 10
_BESIDE: Final = ("basis", "handling", "identifiers", "occurred", "late")


def said(document: dict[str, Any]) -> list[tuple[str, Any]]:
    """The members of an event: nobody signs for half of it."""
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
    """What a member is called; one without a word of its own as it is written, in words."""
    return labels.MEMBERS.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def rows(body: dict[str, Any], *, but: Collection[str]) -> list[tuple[str, Any]]:
    """The members of a body that are not among those that its reader tells in another way."""
    return [(name, one) for name, one in body.items() if name not in but and name not in HIDING]


def text(value: Any, what: str = "") -> str:
    """The value of a member, whole; a long list of things by how many they are.

    Args:
        what: the list is of, where that is known.
    """
    if isinstance(value, dict) and {"agency", "person"} == set(value):
        return person_words.recipient(value, person_words.as_typed)
    if isinstance(value, dict):
        return _object(value)
    if isinstance(value, list):
        return _list(value, what)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value == UNREAD:
        return "(known once the record is opened)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _list(value: list[Any], what: str) -> str:
    """Words are all told: somebody signs for each. Of long lists of things there is a count."""
    is_words = all(isinstance(one, str) and not _CALLED.fullmatch(one) for one in value)
    if len(value) > _LONG and not is_words:
        return f"{len(value)} {what or 'of them'}, see --json"
    told = [text(one) for one in value]
    return ("; " if any("," in one for one in told) else ", ").join(told) or "none"


def _object(value: dict[str, Any]) -> str:
    """What something is called first, then what more is said of it; what is withheld by name."""
    if "suite" in value and "cid" in value:  # what nobody reads or compares by eye is in --json
        pieces = value.get("pieces")
        count = pieces.get("count") if isinstance(pieces, dict) else None
        told = counted(count, "piece") if isinstance(count, int) else "pieces (withheld)"
        return f"{str(value['cid'])[:16]}..., {told}, see --json"
    head = [text(value[name]) for name in _FIRST if name in value]
    rest = [f"{word(name)} {text(one)}" for name, one in rows(value, but=_FIRST)]
    hidden = [f"{word(name)} (withheld)" for name in value.get("_sd_names", ())]
    return ", ".join([*([" ".join(head)] if head else []), *rest, *hidden]) or "nothing"
