"""custody demo"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.court import court_folder, court_page
from cli.files import beside
from cli.invocation.global_options import STATE
from cli.invocation.hints import elsewhere
from cli.terminal import outfile, output
from cli.terminal.working import working

if TYPE_CHECKING:
    from cli.court.court_page import CourtFolder
    from cli.node.session import Session

_ITEM: Final = "DEMO-1/A1"
_HELP = """Run the main job on one file and explain every step: record, anchor, leave a folder for
the court, verify it, and refuse a tampered copy.

\b
Example:
  custody demo photo.jpg --output demo-out
"""


def demo(
    file: Annotated[Path, typer.Argument(help="Any real file.")],
    out: Annotated[
        Path,
        typer.Option("-o", "--output", help="Folder for what the demonstration leaves behind."),
    ] = Path("demo-out"),
) -> None:
    raise typer.Exit(_demo(file, out))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(demo)


def _demo(file: Path, out: Path) -> int:
    from ledger.adapters import files
    from ledger.domain.errors import UsageError

    if not file.is_file():
        raise UsageError(f"{file} is not a file", hint="make demo FILE=path/to/any/file")
    outfile.require_folder(out, emptied=[file])
    files.renew_folder(out, "custody demo")
    output.show(
        f"This plays with {file} what an agency, a court and a forger do; it takes some ten "
        "seconds.",
        f"All that it makes lies in {out}, and is of no use anywhere else.",
    )
    passphrase = secrets.token_urlsafe(24)
    files.write(out / "passphrase", passphrase.encode() + b"\n")
    STATE.home, STATE.passphrase_file, STATE.server = out / "home", out / "passphrase", ""
    _set_up(passphrase)
    left = _record(file, out)
    return _check(left, out)


def _set_up(passphrase: str) -> None:
    """Step 1: keys, chain and contracts of an agency."""
    _title(1, "A police agency sets up its node")
    with working("making its keys, and a chain with the two contracts: once for each agency"):
        from ledger.app import create_home

        made = create_home.found(
            STATE.home,
            agency="NL-POL",
            person="4711",
            roles=["officer", "custodian"],
            passphrase=passphrase.encode(),
        )
    _tell("agency", "NL-POL, with keys of its own; every record below is signed by a person's key")
    _tell(
        "you", f"{made.pseudonym} - a random pseudonym; your service number is nowhere in the log"
    )
    _tell("contracts", f"registry {made.registry}")
    _tell("", f"ledger   {made.ledger} - they refuse any rewriting, and have no owner")


def _check(left: CourtFolder, out: Path) -> int:
    """Steps 6 and 7: a verifier, and a forger; the exit code."""
    from cli.commands import verify as verify_command
    from ledger.domain.bundle import trust_fingerprint

    told = trust_fingerprint.of(left.root).chain
    bundle, file, trust = (
        left.folder / name for name in (left.bundle, left.file, court_page.TRUST)
    )
    _title(6, "A court that trusts nobody checks the folder, without home, server or network")
    _tell("told", f"by telephone, the fingerprint {told}")
    output.show("")
    code = verify_command.run(bundle, file, trust, "", told=told)
    if code != 0:
        return code

    _title(7, "Somebody changes one byte of the file")
    _flip(file, out / "tampered")
    _tell("tampered", f"{out / 'tampered'}, one bit of one byte differs")
    output.show("")
    code = verify_command.run(bundle, out / "tampered", trust, "", told=told)
    if code != 1:
        output.say("custody: the tampered copy was not refused: this is a defect")
        return 1
    _invite(left, out)
    return 0


def _invite(left: CourtFolder, out: Path) -> None:
    """Commands with which a reader goes on by themselves; each runs as it is printed."""
    # Not among the homes of this user, who throws it away: its passphrase is named with it.
    folder, home = left.folder, ("--home", STATE.home, "--passphrase-file", out / "passphrase")
    trust = ("--trust", folder / court_page.TRUST)
    output.show(
        "",
        "VERIFIED: the file that the court got. FAILED: the copy with one changed byte.",
        f"For a stranger: {folder}, and {folder / beside.PAGE} in it. Try it yourself:",
    )
    for words in (
        ("verify", folder / left.file, *trust),
        ("verify", folder / left.bundle, out / "tampered", *trust),
        (*home, "list"),
        (*home, "show", _ITEM),
        (*home, "get", _ITEM, "-o", out / "copy"),
        (*home, "court", _ITEM, "-o", out / "again"),
        (*home, "anchor"),
        (*home, "doctor", "--deep"),
    ):
        output.show(f"  .venv/bin/{elsewhere(*words)}")


def _record(file: Path, out: Path) -> CourtFolder:
    """Steps 2 to 5; what is left for the court."""
    case, _, exhibit = _ITEM.partition("/")
    members = {
        "identifiers": [{"scheme": "case", "value": case}, {"scheme": "exhibit", "value": exhibit}]
    }
    _title(
        2,
        "The officer records the file: hashed, encrypted and signed here, before anything "
        "leaves this machine",
    )
    with ExitStack() as stack:
        with working("opening the home with its passphrase, which is slow on purpose"):
            from cli.node.session import open_session
            from ledger.client.intake.upload import Upload, UploadOptions

            session = stack.enter_context(open_session())
        with output.progress("uploading", file.stat().st_size) as advance:
            upload = Upload(
                session.person,
                session.node,
                session.journal,
                session.clock,
                UploadOptions(members),
                advance,
            )
            item = next(iter(list(upload.run([file]))))
        _tell("file", f"{file} ({output.size(item.size)})")
        _tell("sha-256", item.digests["sha-256"])
        _tell("CID", f"{item.cid} - of the ciphertext, as any IPFS node computes it")
        stored = session.node.status().storedBytes
        _tell("stored", f"{output.size(stored)} of ciphertext, padded: even the size says little")

        _title(3, "The signed record is appended to the agency's log")
        _tell("item", item.evidence)
        _tell("log entry", f"number {item.index}, state: in the log, not yet anchored")

        _anchor(session)
        return _leave(session, item.evidence, out)


def _anchor(session: Session) -> None:
    _title(4, "The log's checkpoint is anchored in the contract")
    with working("one transaction, which the contract takes or refuses"):
        status = session.node.anchor()
    newest, chain = status.newest, status.chain
    assert newest is not None
    assert chain is not None
    _tell("root", newest.root)
    _tell(
        "anchored",
        (
            f"{newest.size} entries in block {newest.block}, gas {newest.gas}, "
            f"transaction {newest.transaction}"
        ),
    )
    _tell("chain", f"{chain.id} ({chain.label})")


def _leave(session: Session, evidence: str, out: Path) -> CourtFolder:
    _title(5, "A folder for the court; that it was made is itself signed and recorded")
    with working("exporting the record, decrypting the file, and checking both"):
        left = court_folder.write(
            *(session, evidence, out / "for-the-court", {"purpose": "demonstration"}),
            withhold=[],
            signed=[],
        )
    _tell("folder", str(left.folder))
    _tell("file", left.file)
    _tell("bundle", f"{left.bundle} - the record with all its proofs")
    _tell("trust root", f"{court_page.TRUST} - which chain, which contracts, who seals its blocks")
    _tell("page", f"{beside.PAGE} - for somebody who has never seen this, to print")
    return left


def _flip(file: Path, target: Path) -> None:
    """A copy with one bit flipped; an empty file gets one byte."""
    shutil.copyfile(file, target)
    with target.open("r+b") as stream:
        middle = stream.seek(0, os.SEEK_END) // 2
        stream.seek(middle)
        byte = stream.read(1) or b"\x00"
        stream.seek(middle)
        stream.write(bytes([byte[0] ^ 1]))


def _title(number: int, text: str) -> None:
    output.show("", f"{number}. {text}")


def _tell(name: str, text: str) -> None:
    output.show(f"   {name:<11} {text}")
