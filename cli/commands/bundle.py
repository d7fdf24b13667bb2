"""custody bundle"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.court import anchoring_wait, withholding
from cli.files import beside
from cli.invocation import command_line
from cli.invocation.global_options import STATE, Basis, Json
from cli.invocation.hints import command, elsewhere, runnable
from cli.items import items, selection, short_ids
from cli.items.short_ids import Named
from cli.terminal import outfile, output, questions
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.domain.bundle.bundle import Bundle
    from ledger.domain.bundle.trust import TrustRoot

_DAY = 86_400.0  # seconds
_HELP = """Export an item's record as one file that verifies offline. Your export is signed and
recorded first. Without -o it is written into the working folder under the name of the file that it
speaks of, photo.jpg.bundle, where `custody verify photo.jpg` finds it; so are those of several
items, of a whole case, or of an exhibit with its parts, or into the folder that -o names.

\b
Example:
  custody bundle 2026-117/A1
  custody bundle 2026-117/ -o bundles
  custody bundle 3f0c1d2e -o x.bundle --basis "court"
"""


@dataclass(frozen=True, slots=True)
class _Export:
    """One bundle: its events, of which some may not be anchored yet, and what was left out."""

    parsed: Bundle
    data: bytes
    access: str
    left_out: list[str]

    @property
    def waiting(self) -> int:
        """Events that are not anchored yet."""
        return sum(statement.receipt is None for statement in self.parsed.statements)

    def told(self, path: Path) -> dict[str, Any]:
        """For scripts."""
        return {
            "path": str(path),
            "events": len(self.parsed.statements),
            "size": len(self.data),
            "waiting": self.waiting,
            "access": self.access,
        }


def bundle(
    evidence: selection.Several,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File to write; of several items, their folder."),
    ] = None,
    basis: Basis = "",
    force: outfile.Force = False,
    withhold: withholding.Withhold = None,
    recipient: withholding.Recipient = "",
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until every event is anchored, then export.")
    ] = False,
    yes: questions.Yes = False,
    as_json: Json = False,
) -> None:
    from ledger.client.reading.redaction import Withheld

    items.require_said(basis)
    Withheld(withhold or [])  # a selector of another form is told before anything is signed
    if len(evidence) > 1 or items.is_whole(evidence[0]):
        if force:
            _refuse_force()
        _several(evidence, out, basis, withhold or [], recipient, wait=wait, yes=yes)
    else:
        _one(evidence[0], out, basis, withhold or [], recipient, wait=wait, force=force)


def _one(
    typed: str,
    out: Path | None,
    basis: str,
    withhold: list[str],
    recipient: str,
    *,
    wait: bool,
    force: bool,
) -> None:
    from cli.node.session import open_session

    target = out or beside.free(f"item-{secrets.token_hex(4)}", "item")
    with (
        outfile.writing(target, force=force) as file,
        open_session() as session,
    ):  # and so is a file that cannot be written
        asked = withholding.asked(session, typed, basis, "bundle", recipient, withhold)
        made = _made(session, asked, file=file, wait=wait)
        file.write(made.data)
        unsealed = "" if made.waiting else _unsealed(_root_of(session), made.parsed)
    if out is None:
        out = beside.settle(target, _free(asked.named, made, Path()))
    lines = [
        f"{out}: {counted(len(made.parsed.statements), 'event')}, {output.size(len(made.data))}"
    ]
    if made.waiting:
        told = f"not anchored yet: {made.waiting} of them, so it verifies as incomplete."
        again = command_line.again(
            "--wait", "--force", "-o", out, without=("--wait", "--force", "--output")
        )
        lines.append(f"{told} Once they are: {again}")
    if unsealed:
        lines.append(f"it verifies as incomplete: {unsealed}")
    if made.left_out:
        lines.append(
            f"left out: {', '.join(made.left_out)}; whoever verifies it sees that, and can check "
            "the rest"
        )
    if not made.waiting and not unsealed:
        lines.append(f"Check it: {_checking(out)}")
    output.result(made.told(out), *lines)


def _made(
    session: Session, asked: withholding.Asked, *, file: outfile.Target | None, wait: bool
) -> _Export:
    """Sign the export and make the bundle.

    Args:
        wait: until every event is anchored, or its agency's log has taken longer than it may.
        file: that it goes to, which tells what was signed where it cannot be written.
    """
    from ledger.domain.errors import CustodyError

    urn, access = asked.named.urn, asked.access
    if not access and not asked.erased:
        access = withholding.record_export(session, urn, asked.why)
    if access and file is not None:
        signed = short_ids.short_digest(access)
        told = f"your export was signed and recorded ({signed}); the bundle was not written"
        file.otherwise(
            {"path": None, "access": access},
            told,
            hint="export it again, with another --output",
        )
    try:
        parsed, data = withholding.exported(session, urn, access, asked.left_out)
        waiting = sum(row.receipt is None for row in parsed.statements)
        if wait and waiting and anchoring_wait.wait(session, urn, waiting, seconds=_delay(parsed)):
            parsed, data = withholding.exported(session, urn, access, asked.left_out)
    except CustodyError:
        if access:
            output.say(
                f"your export was signed and recorded ({short_ids.short_digest(access)}); "
                "no bundle was written"
            )
        raise
    return _Export(parsed, data, access, asked.left_out)


def _delay(parsed: Bundle) -> float:
    """How long a log may take to anchor, as the agency that holds the item says; a day where the
    bundle does not tell.
    """
    from ledger.domain.identity import descriptor

    agency = parsed.logs[parsed.statements[-1].log].agency
    known = [descriptor.parse(row.document) for row in parsed.descriptors]
    return max((one.max_anchoring_delay for one in known if one.agency == agency), default=_DAY)


def _several(
    typed: list[str],
    folder: Path | None,
    basis: str,
    withhold: list[str],
    recipient: str,
    *,
    wait: bool,
    yes: bool,
) -> None:
    """A bundle for each of several items, in one folder."""
    from cli.node.session import open_session

    where = folder or Path()
    outfile.require_folder(where)
    with open_session() as session:
        chosen = selection.find(session, typed)
        whys = selection.reasons(chosen, basis, "bundle")
        unsealed: list[str] = []
        selection.agree(chosen, "Export the records of {}?", yes=yes)
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        root = _root_of(session)

        def export(one: Named) -> dict[str, Any]:
            target = where / f"item-{secrets.token_hex(4)}"
            with outfile.writing(target, force=False) as file:
                asked = withholding.of_item(session, one, whys[one.urn], recipient, withhold)
                made = _made(session, asked, file=None, wait=wait)
                file.write(made.data)
            if not made.waiting and (told := _unsealed(root, made.parsed)):
                unsealed.append(told)
            return made.told(beside.settle(target, _free(one, made, where)))

        done = selection.each(chosen, export, "exporting")
    written = [answer for _, answer in done.answers]
    waiting = sum(bool(answer["waiting"]) for answer in written)
    lines = [f"{counted(len(written), 'bundle')} written to {where.absolute()}"]
    if waiting:
        told = f"{counted(waiting, 'bundle')} of them with events that are not anchored yet."
        again = command_line.again("--wait", without=("--wait",))
        lines.append(f"{told} Once they are: {again}")
    if unsealed:
        told = f"{counted(len(unsealed), 'bundle')} of them, verified as incomplete: {unsealed[0]}"
        lines.append(told)
    selection.tell(done, *lines)


def _root_of(session: Session) -> TrustRoot | None:
    """How the seals of the node's chain are judged; None where the node does not tell just now: the
    bundle is written, and is as good as it is.
    """
    from ledger.domain.bundle import trust
    from ledger.domain.errors import CustodyError

    try:
        return trust.parse(session.node.trust_root())
    except CustodyError:
        return None


def _unsealed(root: TrustRoot | None, parsed: Bundle) -> str:
    """What a bundle lacks to be judged by the seals that it carries, and what to do; empty where it
    lacks nothing.
    """
    from ledger.client import trust_roots
    from ledger.domain.errors import CustodyError

    try:
        if root is not None:
            trust_roots.require_sealed(root, parsed)
    except CustodyError as error:
        return f"{error.message}: {runnable(error.hint)}" if error.hint else error.message
    return ""


def _free(named: Named, made: _Export, folder: Path) -> Path:
    otherwise = f"item-{named.short[:8]}"
    return beside.free(_name(made.parsed) or otherwise, otherwise, beside.BUNDLE, folder=folder)


def _refuse_force() -> None:
    from ledger.domain.errors import UsageError

    raise UsageError(
        "several bundles are written under names of their own, and replace nothing",
        hint="leave --force away",
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(bundle)


def _checking(out: Path) -> str:
    """The command that verifies a bundle, with the file where that lies beside it."""
    file = out.with_suffix("")
    if STATE.server:  # another node than one's own is not asked whose chain is trusted
        return elsewhere("verify", out, "--trust", "TRUST-ROOT")
    if out.suffix != beside.BUNDLE:  # which could be anything, and is verified with its file
        return command("verify", out, "FILE")
    return command("verify", file if file.is_file() else out)


def _name(parsed: Bundle) -> str:
    """The name under which the file was recorded; empty where the bundle does not tell it."""
    from ledger.domain.event import document

    first = parsed.statements[0]
    if first.document is None:
        return ""
    return str(document.parse(first.document, first.disclosures).body.get("name", ""))
