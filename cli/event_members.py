"""All that an event says, in plain words, for whoever signs it or decides upon it."""

from __future__ import annotations

import json
from typing import Any, Final

from cli import labels, people

#: Stands for a statement that is known only once the record was opened.
UNREAD: Final = "00" * 32
_BESIDE: Final = ("basis", "handling", "identifiers", "occurred", "late")


def said(document: dict[str, Any]) -> list[tuple[str, Any]]:
    """The members of an event, also those that the timeline leaves out: nobody signs for half of
    it.
    """
    return [
        *document["body"].items(),
        *((name, document[name]) for name in _BESIDE if name in document),
    ]


def word(name: str) -> str:
    """What a member is called."""
    return labels.MEMBERS.get(name, name)


def text(value: Any) -> str:
    """The value of a member."""
    if isinstance(value, dict) and {"agency", "person"} == set(value):
        return people.recipient(value, people.as_typed)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(map(text, value))
    if value == UNREAD:
        return "(known once the record is opened)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
