"""Times as people type and read them: with an offset or a named zone, or of the zone that is set on
this computer, never guessed.

- `2026-11-20T10:00:00Z`, `2026-11-20 10:00 +01:00`, `2026-11-20 10:00 Europe/Amsterdam`
- without a zone a time is that of this computer's zone, which is said with its offset; in a script,
  where nobody reads it, it is refused
- a time that a clock showed twice, or jumped over, is refused with both that it may have been
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from cli.terminal import output, questions
from ledger.domain.codecs.text import format_time, parse_time

_TIME: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?:[T ](?P<clock>\d\d:\d\d(?::\d\d)?))? ?(?P<zone>\S.*)?", re.ASCII
)
_OFFSET: Final = re.compile(r"([+-])(\d\d):?([0-5]\d)?", re.ASCII)
#: Names of zones that mean one place: CET, EST or IST are several.
_NAMED: Final = re.compile(r"[A-Za-z_]{1,30}(?:/[A-Za-z0-9_+-]{1,30}){1,2}", re.ASCII)
_YEARS: Final = range(1971, 9999)
_MINUTE: Final = 60
_UTC: Final = ("Z", "z", "UTC", "GMT")
_EXAMPLE: Final = '"2026-11-20 10:00 Europe/Amsterdam", "2026-11-20 10:00 +01:00" or in UTC, with Z'


@dataclass(frozen=True, slots=True)
class Moment:
    """A time that somebody typed, in seconds, and the zone that they named; empty for none."""

    seconds: int
    zone: str = ""

    @property
    def text(self) -> str:
        """As documents write it, in UTC."""
        return format_time(self.seconds)


def read(
    text: str, option: str, *, day: bool = False, zone: str = "", quiet: bool = False
) -> Moment:
    """A time that an option says.

    Args:
        day: a date alone does too, and is its beginning.
        zone: of a time that names none; empty for that of this computer.
        quiet: whoever asks tells once for many how a time without a zone was taken.

    Raises:
        UsageError: it is none, has no zone where nobody can be told which one is taken, or is no
            single moment there.
    """
    from ledger.domain.errors import UsageError

    match = _TIME.fullmatch(text.strip())
    if match is None or not (match["clock"] or day):
        raise UsageError(
            f"{option}: expected a time like 2026-11-21T09:14:03Z, not {text[:60]!r}",
            hint=f"give date, time and zone: {_EXAMPLE}",
        )
    try:
        naive = datetime.fromisoformat(f"{match['day']}T{match['clock'] or '00:00'}")
        if naive.year not in _YEARS:
            raise ValueError
    except ValueError as error:
        raise UsageError(
            f"{option}: no such date or time: {text[:60]!r}", hint=f"expected: {_EXAMPLE}"
        ) from error
    typed = (match["zone"] or zone).strip()
    moment = _moment(naive, _zone(typed, option) if typed else _local(option, text), option)
    if not typed and not quiet:
        output.say(f"{option} {text.strip()} says no zone; taken as local: {told(moment)}")
    return Moment(moment, typed if _NAMED.fullmatch(typed) else "")


def says_zone(text: str) -> bool:
    """Whether a time that somebody typed says its zone."""
    match = _TIME.fullmatch(text.strip())
    return match is None or bool(match["zone"])


def told(seconds: int, zone: tzinfo | None = None) -> str:
    """A time of a zone, by default this computer's, with its offset and with UTC beside it."""
    at = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
    if not at.utcoffset():
        return f"{at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{at:%Y-%m-%d %H:%M:%S} {_offset(at)}, {format_time(seconds)} in UTC"


def day_and_clock(text: str) -> tuple[str, str, str]:
    """A time that a document says, as (date, clock) of this computer's zone, and in UTC where that
    is another one; else empty.
    """
    at = datetime.fromtimestamp(parse_time(text, what="time"), UTC).astimezone()
    beside = f"{_local_text(at)}, {text} in UTC" if at.utcoffset() else ""
    return f"{at:%Y-%m-%d}", f"{at:%H:%M:%S}", beside


def here(text: str) -> str:
    """A time that a document says, of this computer's zone and with its offset, for a table."""
    at = datetime.fromtimestamp(parse_time(text, what="time"), UTC).astimezone()
    return f"{at:%Y-%m-%d %H:%M:%S}{_offset(at) if at.utcoffset() else 'Z'}"


def zone_here(text: str) -> str:
    """In which zone times are told that ``day_and_clock`` gives, by one of them."""
    at = datetime.fromtimestamp(parse_time(text, what="time"), UTC).astimezone()
    return "local, with UTC beside them" if at.utcoffset() else "UTC"


def apart(first: str, second: str) -> bool:
    """Whether two times that documents say are more than a minute apart."""
    moments = (parse_time(text, what="time") for text in (first, second))
    return abs(next(moments) - next(moments)) > _MINUTE


def happened(occurred: dict[str, str]) -> str:
    """When something happened, as a record says it: in the zone that it names, with UTC beside."""
    moment = parse_time(occurred["from"], what="occurred")
    name = occurred.get("zone", "")
    zone = _named(name) if _NAMED.fullmatch(name) else None
    if zone is None:
        return told(moment)
    return f"{told(moment, zone)} ({name})"


def _zone(typed: str, option: str) -> tzinfo:
    from ledger.domain.errors import UsageError

    if typed in _UTC:
        return UTC
    if (offset := _OFFSET.fullmatch(typed)) and int(offset[2]) < 15:
        ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(ahead if offset[1] == "+" else -ahead)
    zone = _named(typed) if _NAMED.fullmatch(typed) else None
    if zone is None:
        raise UsageError(
            f"{option}: {typed[:40]!r} is no zone that is known here",
            hint=f"name it by a place or by its offset: {_EXAMPLE}",
        )
    return zone


def _named(name: str) -> tzinfo | None:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not known, or no name of a zone
        return None


def _local(option: str, text: str) -> tzinfo | None:
    """None, by which datetime means the zone of this computer.

    Raises:
        UsageError: nobody is told what it means.
    """
    from ledger.domain.errors import UsageError

    if not questions.can_ask():
        raise UsageError(
            f"{option} {text[:60]!r} says no zone, and none is guessed in a script",
            hint=f"give it: {_EXAMPLE}",
        )
    return None


def _moment(naive: datetime, zone: tzinfo | None, option: str) -> int:
    """The one moment at which clocks of a zone show a time.

    Raises:
        UsageError: they never did, or twice.
    """
    from ledger.domain.errors import UsageError

    def at(fold: int) -> datetime:
        return naive.replace(tzinfo=zone, fold=fold).astimezone(UTC)

    both = [at(0), at(1)]
    real = {one for one in both if one.astimezone(zone).replace(tzinfo=None, fold=0) == naive}
    if len(real) == 1:
        return int(real.pop().timestamp())
    choices = " or ".join(f'"{_local_text(one.astimezone(zone))}"' for one in sorted(both))
    why = "was shown twice, as clocks went back" if real else "was never shown: clocks went forward"
    raise UsageError(f"{option}: {naive:%Y-%m-%d %H:%M} {why}", hint=f"say which: {choices}")


def _local_text(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} {_offset(at)}"


def _offset(at: datetime) -> str:
    return at.isoformat()[-6:]
