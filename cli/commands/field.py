"""custody field: work without network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command, runnable
from cli.items import same_numbers, short_ids
from cli.terminal import output
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from ledger.client.field.offline_queue import Told
    from ledger.domain.ports.answers import Registered

_HELP = """Work where there is no network: record and sign with --offline, send later. The order and
the times of signing stay.

\b
Example:
  custody --home ~/mine field prepare
  custody --home ~/mine --offline seize "phone, black" --seal S-1
  custody --home ~/mine --offline upload photos/ --case 2026-117
  custody --home ~/mine field send
"""
_PREPARE = """Write down, while there is a network, what --offline needs to know of the node.

\b
Example:
  custody --home ~/mine field prepare
"""
_STATUS = """Show what waits to be sent, with what the node refused at the last try and why.

\b
Example:
  custody --home ~/mine field status
"""
_SEND = """Send what waits, in the order in which it was signed. May be interrupted and repeated.

What the node refuses stays, with what depends on it, and is told at the end (exit code 3); all else
is sent. What was signed under a certificate that was renewed since is signed anew: it keeps when it
happened, and says when it was signed now.

\b
Example:
  custody --home ~/mine field send
"""
_DROP = """Give up a statement that the node refused, as its signer, for good.

With the one that begins an item all that waits about the item goes, and with an upload the only
sealed copy of the file: that takes --force. Later statements about an item that stays are signed
anew by the next `field send`.

\b
Example:
  custody --home ~/mine field drop 2
"""


def prepare(as_json: Json = False) -> None:
    from cli.node.session import open_session
    from ledger.app import field_folder

    with open_session() as session:
        about = session.node.agency()
    field_folder.prepare_field(STATE.home, about)
    output.result(
        {"agency": about.agency},
        f"ready: {command('--offline', 'upload', 'FILE')} signs for {about.agency}",
    )


def status(as_json: Json = False) -> None:
    from cli.node.session import open_field

    with open_field() as node:
        found, waiting = node.status(), node.waiting()
    text = (
        f"{counted(found.integrated, 'signed event', ('waits', 'wait'))} to be sent, with "
        f"{output.size(found.storedBytes)} of encrypted content"
    )
    value = {"queued": found.integrated, "storedBytes": found.storedBytes, "waiting": waiting}
    output.result(value, text, *_lines(waiting))


def send(
    anew: Annotated[
        bool,
        typer.Option(
            "--anew",
            help="Sign anew what was refused before: the clock was wrong, or a reason lacked.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_field, open_session

    sent: list[Registered] = []
    with (
        open_field() as field,
        open_session() as session,
        output.progress("sending", len(field), unit="statements") as advance,
    ):
        for answer in field.send(session.node, session.person, session.clock, anew=anew):
            sent.append(answer)
            advance(1)
        refused = field.refused()
        same = [one for one in sent if one.sameNumber]
        ids = short_ids.shorts(
            session, (urn for one in same for urn in (one.evidence, *one.sameNumber))
        )
    again = sum(bool(recorded.repeated) for recorded in sent)
    lines = [
        f"{counted(len(sent), 'signed event', ('is', 'are'))} in the log now"
        + (f", {again} of them there already" if again else "")
    ]
    for recorded in same:
        lines += same_numbers.told(
            ids[recorded.evidence], map(ids.__getitem__, recorded.sameNumber)
        )
    if refused:
        stay = counted(len(refused), "signed event", ("stays", "stay"))
        lines.append(f"{stay} here, refused or behind one that was:")
    output.result(
        {"sent": len(sent), "repeated": again, "registered": sent, "refused": refused},
        *lines,
        *_lines(refused),
    )
    if refused:
        raise typer.Exit(3)


def drop(
    statement: Annotated[
        str,
        typer.Argument(
            metavar="STATEMENT", help="Its number, as field status shows it, or its digest."
        ),
    ],
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Also a whole item, with the only sealed copy of its content."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import unlock
    from ledger.app import field_folder, person_keys

    keyring = unlock().keyring()
    with field_folder.open_field(STATE.home, keyring) as field:
        gone = field.drop(statement, person_keys.person_at(keyring, field.agency()), force=force)
        left = len(field)
    output.result(
        {"dropped": gone, "queued": left},
        "given up for good:",
        *_titles(gone),
        counted(left, "signed event", ("waits", "wait")),
    )


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="field")

    group.command(help=_PREPARE)(prepare)

    group.command(help=_STATUS)(status)

    group.command(help=_SEND)(send)

    group.command(help=_DROP)(drop)


def _titles(waiting: Sequence[Told]) -> list[str]:
    """What statements say, a line each. The node alone knows what opened the items that were not
    begun here: those are told by how their whole ids begin.
    """
    opened = {one.evidence: one.statement for one in waiting if one.seq == 0}
    ids = short_ids.apart({one.evidence: opened.get(one.evidence, "") for one in waiting})
    return [
        f"  {one.number}  {one.type}{f' {one.name!r}' if one.name else ''}, event {one.seq} of "
        f"{ids[one.evidence]}"
        for one in waiting
    ]


def _lines(waiting: Sequence[Told]) -> Iterator[str]:
    """Statements that wait, each with what was said of it."""
    for one, title in zip(waiting, _titles(waiting), strict=True):
        yield title
        if one.why:
            yield f"      refused: {one.why}"
            yield f"      what to do: {runnable(one.hint)}"
