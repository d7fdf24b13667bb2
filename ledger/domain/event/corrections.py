"""Which member of a recorded event a correction may name.

- it is there: a correction of what was never said would put something new into an old record, and
  read as if somebody had said it then
- it is none of those by which everybody reads the event: its kind, its place, who signed it and
  when, its content, to whom it gives something. What is wrong there is a new event, or voids the
  item.
"""

from __future__ import annotations

from typing import Any, Final

from ledger.domain.errors import RuleError
from ledger.domain.event.document import Event

#: Members that make an event what it is, as JSON pointers; with all that is below them.
_FIXED: Final = (
    *("/v", "/type", "/evidence", "/seq", "/prev", "/actor", "/time", "/salt", "/refSalt"),
    *("/body/content", "/body/to", "/body/expires"),
    *("/_sd", "/_sd_alg", "/body/_sd"),
)
_BODY: Final = "/body"


def require_member(event: Event, pointer: str) -> None:
    """Check that a correction may name a member of this event, a JSON pointer (RFC 6901).

    Raises:
        RuleError: the event does not have it, or it makes the event what it is; with the members
            that there are.
    """
    if pointer == _BODY or any(f"{pointer}/".startswith(f"{one}/") for one in _FIXED):
        reason = "the member to correct makes the event what it is, and cannot be corrected"
    elif not _is_there(event.value, pointer):
        reason = "the event to correct has no such member"
    else:
        return
    raise RuleError(reason, hint=f"there is: {', '.join(_correctable(event)) or 'nothing'}")


def _correctable(event: Event) -> list[str]:
    """What can be corrected, at the top and in the body. Names below these may be words of whoever
    recorded the event, and no error quotes them.
    """
    top = [f"/{name}" for name in event.value if f"/{name}" != _BODY]
    return sorted(
        one for one in [*top, *(f"{_BODY}/{name}" for name in event.body)] if one not in _FIXED
    )


def _is_there(value: Any, pointer: str) -> bool:
    if not pointer.startswith("/"):
        return False
    for name in pointer[1:].split("/"):
        step = name.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step in map(str, range(len(value))):
            value = value[int(step)]
        else:
            return False
    return True
