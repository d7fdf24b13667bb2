"""The times that an event claims, against that of its own signature.

- none lies in its future: it would be a record of something that had not happened yet. As far as
  clocks differ, a time that another clock told may
- an event that is recorded late says why, where the profile asks for it
"""

from __future__ import annotations

from typing import Any, Final

from ledger.domain.codecs.text import parse_time

#: Seconds for which somebody's clock may run ahead of a node's.
AHEAD: Final = 300
#: What a refusal advises.
HINT = (
    "give the time at which it happened, in UTC; if it is right, the clock of the computer "
    "that signs is wrong: set it"
)


def contradiction(document: dict[str, Any], *, ahead: int = AHEAD) -> str | None:
    """Says which moment lies after the signature, with both times; None where all is well.

    Args:
        document: completed; members that it lacks are not judged. ahead: seconds for which they may
            lie after it, none for whoever signs by the clock that told them.

    Returns:
        the sentence, or None.
    """
    body, occurred = document.get("body", {}), document.get("occurred", {})
    clock = body.get("deviceClock")
    moments = (
        ("it happened", occurred.get("from")),
        ("it ended", occurred.get("to")),
        ("it was discovered", body.get("discovered")),
        (
            "the device's clock was compared",
            clock.get("reference") if isinstance(clock, dict) else None,
        ),
    )
    signed = parse_time(document["time"], what="time")
    for what, moment in moments:
        if isinstance(moment, str) and parse_time(moment, what=what) > signed + ahead:
            return (
                f"{what} at {moment}, but this is signed at {document['time']}: later things "
                "cannot be recorded yet"
            )
    return None


def unexplained_delay(document: dict[str, Any]) -> int:
    """Seconds from when it happened to the signature, where the event does not say why it is
    recorded late; otherwise 0.

    Args:
        document: completed, with ``time``.
    """
    if "occurred" not in document or "late" in document:
        return 0
    signed = parse_time(document["time"], what="time")
    return signed - parse_time(document["occurred"]["from"], what="occurred")
