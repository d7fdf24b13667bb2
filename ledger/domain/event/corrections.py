"""Which member of a recorded event a correction may name, and which value stands there.

- it is there, as the event stands after earlier corrections: a correction of what was never said
  would put something new into an old record, and read as if somebody had said it then
- where the old value is repeated, it is the one that stands: whoever reads the correction alone is
  not to be told of a value that was never there
- it is none of those by which everybody reads the event: its kind, its place, who signed it and
  when, its content, to whom it gives something, upon what it decides, what it orders. What is wrong
  there is a new event, or voids the item: an order is taken back by whoever may do that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, Final

from ledger.domain.errors import FormatError, RuleError
from ledger.domain.event.disclosure import HIDING
from ledger.domain.event.document import Event, require_completed

#: Members that make an event what it is, as JSON pointers; with all that is below them.
_FIXED: Final = (
    *("/v", "/type", "/evidence", "/seq", "/prev", "/actor", "/time", "/salt", "/refSalt"),
    *("/body/content", "/body/to", "/body/expires"),
    *("/body/target", "/body/pointer", "/body/approvals", "/body/offer"),
    *("/handling", "/body/handling", "/body/hold", "/body/until", "/body/rule"),
)
_BODY: Final = "/body"
#: How it is told that a correction names a place where nothing stands.
NO_FIELD: Final = "the event to correct has no such field"


def require_correctable(events: Mapping[str, Event], correction: Event) -> None:
    """Check that a correction names a member of its target, a JSON pointer (RFC 6901), and of the
    old value no other than the one that stands there.

    Args:
        events: of the item, by their statement digests in hex, the target among them.

    Raises:
        RuleError: the event does not have it, it makes the event what it is, with the members that
            there are; or another value stands there.
    """
    pointer = correction.body["pointer"]
    documents = {digest: event.value for digest, event in events.items()}
    value = standing(documents, correction.body["target"])
    if _is_fixed(pointer):
        reason = "the field to correct makes the event what it is, and cannot be corrected"
    elif not (found := _found(value, pointer)):
        reason = NO_FIELD
    elif "old" in correction.body and _form(correction.body["old"]) != _form(found[0]):
        raise RuleError(
            "the old value is not the one that stands there, after earlier corrections",
            hint="see: custody show ID --basis WHY; or leave it out",
        )
    else:
        _require_fitting({**documents, "": correction.value}, correction.body["target"])
        return
    raise RuleError(reason, hint=f"there is: {', '.join(_correctable(value)) or 'nothing'}")


def standing(documents: Mapping[str, dict[str, Any]], target: str) -> dict[str, Any]:
    """An event's document as it stands after the corrections of it, each as it was corrected
    itself.

    What an earlier version let through, of members that were not there or cannot be corrected,
    changes nothing. Neither does a correction of which another agency withholds what it corrects.

    Args:
        documents: of the item's events, in their order, by their statement digests in hex.
    """
    later: dict[str, list[tuple[str, Any]]] = {}
    for digest, document in reversed([*documents.items()]):
        if digest == target:
            break
        if document["type"] == "corrected":
            body = _replaced(document, later.get(digest, ()))["body"]
            said = {"target", "pointer", "new"} <= body.keys()
            if said and not _is_fixed(body["pointer"]):
                later.setdefault(body["target"], []).append((body["pointer"], body["new"]))
    return _replaced(documents[target], later.get(target, ()))


def _require_fitting(documents: Mapping[str, dict[str, Any]], target: str) -> None:
    """Check that an event, and what it corrects itself, are as corrected what could have been
    recorded: whoever reads a number, a time or a list there is not to find something else.

    Raises:
        RuleError: they are not.
    """
    try:
        while True:
            require_completed(standing(documents, target))
            if documents[target]["type"] != "corrected":
                return
            target = documents[target]["body"]["target"]
    except FormatError as error:
        raise RuleError(
            f"the new value does not fit there: {error}",
            hint="give what has the form of the old one: text, or with --values-are-json another",
        ) from error


def _is_fixed(pointer: str) -> bool:
    named = set(pointer.split("/"))
    fixed = any(f"{pointer}/".startswith(f"{one}/") for one in _FIXED)
    return pointer == _BODY or fixed or not HIDING.isdisjoint(named)


def _replaced(value: dict[str, Any], changes: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """A document with changes, which are given from the last one to the first."""
    value = deepcopy(value)
    for pointer, new in reversed([*changes]):
        above, _, name = pointer.rpartition("/")
        if _found(value, pointer):
            place: Any = _found(value, above)[0] if above else value
            place[int(name) if isinstance(place, list) else _plain(name)] = deepcopy(new)
    return value


def _plain(name: str) -> str:
    return name.replace("~1", "/").replace("~0", "~")


def _form(value: Any) -> str:
    """What is the same for one JSON value: true is not 1."""
    return json.dumps(value, sort_keys=True)


def _correctable(value: dict[str, Any]) -> list[str]:
    """What can be corrected, at the top and in the body. Names below these may be words of whoever
    recorded the event, and no error quotes them.
    """
    top = [f"/{name}" for name in value if f"/{name}" != _BODY]
    return sorted(
        one for one in [*top, *(f"{_BODY}/{name}" for name in value["body"])] if not _is_fixed(one)
    )


def _found(value: Any, pointer: str) -> list[Any]:
    """The value at a pointer, in a list of its own; an empty list where there is none."""
    if not pointer.startswith("/"):
        return []
    for name in pointer[1:].split("/"):
        step = _plain(name)
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step in map(str, range(len(value))):
            value = value[int(step)]
        else:
            return []
    return [value]
