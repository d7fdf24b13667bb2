"""Waiting until what a bundle shows is anchored: the record alone says so, and not a clock."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

from cli.terminal.working import working
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from cli.node.session import Session

_LOOK: Final = 2.0  # seconds between two looks
_FINAL: Final = "final"


def wait(session: Session, urn: str, waiting: int, *, seconds: float) -> bool:
    """Wait until every event of an item is in a final checkpoint. A node in this process anchors by
    nobody else, and is asked to.

    Args:
        waiting: events that are not anchored. seconds: at most so long, which is what the agency
            says that its log may take.

    Returns:
        whether they are.
    """
    events = counted(waiting, "event", ("is", "are"))
    if not session.served:
        with working(f"{events} not anchored yet: anchoring the log"):
            session.node.anchor()
        return session.node.item(urn).state == _FINAL
    end = time.monotonic() + seconds
    text = (
        f"{events} not anchored yet: waiting until the node has anchored its log, usually a "
        f"minute or so, {_at_most(seconds)}"
    )
    with working(text):
        while session.node.item(urn).state != _FINAL:
            if time.monotonic() >= end:
                return False
            time.sleep(_LOOK)
    return True


def _at_most(seconds: float) -> str:
    """The longest wait in the largest unit that it fills."""
    for one, unit, length in (("a day", "day", 86400), ("an hour", "hour", 3600)):
        if seconds >= length:
            number = math.ceil(seconds / length)
            return f"at most {counted(number, unit) if number > 1 else one}"
    if seconds > 60:
        return f"at most {counted(math.ceil(seconds / 60), 'minute')}"
    return "at most a minute"
