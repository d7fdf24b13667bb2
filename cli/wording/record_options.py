"""What every record can say besides its own body: legal basis, when it happened, why late. Options
shared by commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.invocation.hints import quoted
from cli.wording import known_codes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.terminal.moments import Moment
    from ledger.domain.errors import DemandError, UsageError

Purpose = Annotated[
    str, typer.Option("--basis", help="Legal basis or reason in words, part of the signed record.")
]
BasisKind = Annotated[
    str,
    typer.Option(
        "--basis-kind", help="warrant, consent, eio, epoc, mla, jit, court-order, statute ..."
    ),
]
Authorisation = Annotated[
    str,
    typer.Option(
        "--authorisation", help="Reference of the authorisation, such as a warrant's number."
    ),
]
Authority = Annotated[
    str, typer.Option("--authority", help="Authority that ordered or allowed it.")
]
Occurred = Annotated[
    str,
    typer.Option(
        "--occurred",
        help='When it happened, if not now: "2026-11-20 10:00 Europe/Amsterdam", or with an offset '
        "or Z.",
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="Go on with an interrupted upload, with the details that were given then."
    ),
]
Restart = Annotated[
    bool,
    typer.Option(
        "--restart", help="Begin anew with these details what was interrupted with others."
    ),
]
Case = Annotated[str, typer.Option("-c", "--case", help="Case number; searchable, never in clear.")]
Exhibit = Annotated[
    str, typer.Option("-e", "--exhibit", help="Exhibit number; searchable, never in clear.")
]
Handling = Annotated[
    list[str] | None,
    typer.Option(
        "--handling",
        help="Mark such as victim-identity; one of your own as own:MARK; may be repeated.",
    ),
]
Late = Annotated[str, typer.Option("--late", help="Why it is recorded late.")]


def basis_member(purpose: str, kind: str, reference: str, authority: str) -> dict[str, Any]:
    """The `basis` member, empty where nothing was said.

    Raises:
        UsageError: details of a basis without the basis itself, or a kind that is a slip.
    """
    from ledger.domain.errors import UsageError

    kind = known_codes.read(known_codes.BASES, "--basis-kind", kind)
    details = {"kind": kind, "reference": reference.strip(), "authority": authority.strip()}
    found = {name: value for name, value in details.items() if value}
    if found and not purpose.strip():
        raise UsageError(
            "details of a legal basis without the basis",
            hint='say what it is: --basis "search warrant"',
        )
    return {"basis": {"purpose": purpose.strip(), **found}} if purpose.strip() else {}


def handling_member(marks: Iterable[str] | None) -> dict[str, Any]:
    """The `handling` member, empty where nothing was said.

    Raises:
        UsageError: a mark is not known, and not said to be meant.
    """
    found = known_codes.read_all(known_codes.HANDLING, "--handling", marks)
    return {"handling": found} if found else {}


def moment_members(
    occurred: str, late: str, zone: str = "", *, quiet: bool = False
) -> dict[str, Any]:
    """The `occurred` and `late` members, where they were said: the time in UTC, with the zone that
    was named.

    Args:
        zone: of a time that names none. quiet: see moments.read.

    Raises:
        UsageError: no time, or one that has not come yet.
    """
    moment = past_time(occurred, "--occurred", zone, quiet=quiet) if occurred else None
    named = {"zone": moment.zone} if moment is not None and moment.zone else {}
    return {
        **({"occurred": {"from": moment.text, **named}} if moment is not None else {}),
        **({"late": late.strip()} if late.strip() else {}),
    }


def identifier_members(case: str, exhibit: str) -> dict[str, Any]:
    """The `identifiers` member, where a case or an exhibit number was said.

    Raises:
        UsageError: one is none.
    """
    require_numbers(case, exhibit)
    found = [
        {"scheme": scheme, "value": value}
        for scheme, value in (("case", case), ("exhibit", exhibit))
        if value
    ]
    return {"identifiers": found} if found else {}


def require_numbers(case: str, exhibit: str) -> None:
    """Check a case and an exhibit number that somebody gives an item, either of them empty where
    none was said. A stroke at an end means all that belongs to a number (2026-117/A2/): what was
    recorded under "A2/" was found by nobody who typed that.

    Raises:
        UsageError: one is none.
    """
    from ledger.domain.errors import UsageError

    for what, option, number in (("a case", "--case", case), ("an exhibit", "--exhibit", exhibit)):
        if (bare := "/".join(filter(None, number.strip().split("/")))) != number.strip():
            raise UsageError(
                f"{number[:80]!r} is not {what} number: in one a stroke stands between two parts",
                hint=f"say it without: {option} {quoted(bare or 'NUMBER')}",
            )


def past_time(text: str, option: str, zone: str = "", *, quiet: bool = False) -> Moment:
    """A time that has come: asked before anything is hashed or sent.

    Args:
        zone: of a time that names none. quiet: see moments.read.

    Raises:
        UsageError: it is none, or lies ahead of this computer's clock.
    """
    import time

    from cli.terminal import moments
    from ledger.domain.codecs.text import format_time
    from ledger.domain.errors import UsageError
    from ledger.domain.event import claimed_times

    now, moment = int(time.time()), moments.read(text, option, zone=zone, quiet=quiet)
    if moment.seconds > now:
        raise UsageError(
            f"{option} {text} lies after {format_time(now)}, when it would be signed",
            hint=claimed_times.HINT,
        )
    return moment


#: Members of a record by the options that say them, for what a profile asks for.
_OPTIONS = {
    "/identifiers": "--case or --exhibit",
    "/basis": "--basis",
    "/basis/purpose": "--basis",
    "/basis/kind": "--basis-kind",
    "/basis/reference": "--authorisation",
    "/basis/authority": "--authority",
    "/occurred": "--occurred",
    "/late": "--late",
    "/handling": "--handling",
    "/body/partOf": "--from",
    "/body/method": "--method",
    "/body/tool": "--tool",
    "/body/tool/version": "--tool-version",
    "/body/place": "--place",
    "/body/purpose": "--purpose",
    "/body/reason": "--reason",
    "/body/rule": "--rule",
    "/body/deviceClock": "--clock-shown and --clock-reference",
}


def unmet(error: DemandError) -> UsageError:
    """What the agency's profile asks for, as wrong usage: nothing was read or recorded yet.

    Returns:
        the error, with what to give for it; a member that no option says stays a pointer.
    """
    from ledger.domain.errors import UsageError

    options = list(dict.fromkeys(_OPTIONS.get(pointer, pointer) for pointer in error.pointers))
    hint = f"give {', '.join(options)} as well; nothing was read or recorded yet"
    return UsageError(error.message, hint=hint if options else error.hint)


def interruption(resume: bool, restart: bool) -> str:
    """What becomes of an interrupted upload with other details.

    Raises:
        UsageError: both were asked for.
    """
    from ledger.client.intake.upload_request import REFUSE, RESTART, RESUME
    from ledger.domain.errors import UsageError

    if resume and restart:
        raise UsageError(
            "--resume and --restart exclude one another",
            hint="--resume keeps the details of then, --restart takes these",
        )
    return RESUME if resume else RESTART if restart else REFUSE
