"""custody demo"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import outfile, output
from cli.global_options import STATE
from cli.hints import elsewhere

if TYPE_CHECKING:
    from cli.session import Session

_HELP = """Run the main job on one file and explain every step: record, anchor, export, verify, and
refuse a tampered copy.

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
    from cli.commands import verify as verify_command
    from ledger.adapters import files
    from ledger.app import create_home
    from ledger.domain.errors import UsageError

    if not file.is_file():
        raise UsageError(f"{file} is not a file", hint="make demo FILE=path/to/any/file")
    outfile.require_folder(out, emptied=[file])
    files.renew_folder(out, "custody demo")
    passphrase = secrets.token_urlsafe(24)
    files.write(out / "passphrase", passphrase.encode() + b"\n")
    STATE.home, STATE.passphrase_file, STATE.server = out / "home", out / "passphrase", ""

    _title(1, "A police agency sets up its node")
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

    evidence = _record(file, out)

    _title(
        6, "A verifier who trusts nobody checks bundle and file, without home, server or network"
    )
    code = verify_command.run(out / "evidence.bundle", file, out / "trust.json", "")
    if code != 0:
        return code

    _title(7, "Somebody changes one byte of the file")
    _flip(file, out / "tampered")
    _tell("tampered", f"{out / 'tampered'}, one bit of one byte differs")
    code = verify_command.run(out / "evidence.bundle", out / "tampered", out / "trust.json", "")
    if code != 1:
        output.say("custody: the tampered copy was not refused: this is a defect")
        return 1
    _invite(file, out, evidence)
    return 0


def _invite(file: Path, out: Path, evidence: str) -> None:
    """Commands with which a reader goes on by themselves; each runs as it is printed."""
    output.show("", "The original is verified and the tampered copy is refused. Try it yourself:")
    common = ("--home", STATE.home, "--passphrase-file", STATE.passphrase_file)
    bundle, trust, why = out / "evidence.bundle", out / "trust.json", ("--basis", "trying it out")
    for words in (
        ("verify", bundle, file, "--trust", trust),
        ("verify", bundle, out / "tampered", "--trust", trust),
        (*common, "list"),
        (*common, "show", evidence, *why),
        (*common, "get", evidence, "-o", out / "copy", *why),
        (*common, "anchor"),
        (*common, "doctor", "--deep"),
    ):
        output.show(f"  .venv/bin/{elsewhere(*words)}")


def _record(file: Path, out: Path) -> str:
    """Steps 2 to 5; returns the evidence id."""
    from cli.session import open_session
    from ledger.client.upload import Upload, UploadOptions

    members = {
        "identifiers": [{"scheme": "case", "value": "DEMO-1"}, {"scheme": "exhibit", "value": "A1"}]
    }
    with open_session() as session:
        _title(
            2,
            (
                "The officer records the file: hashed, encrypted and signed here, before anything "
                "leaves this machine"
            ),
        )
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
        _export(session, item.evidence, out)
    return item.evidence


def _anchor(session: Session) -> None:
    _title(4, "The log's checkpoint is anchored in the contract")
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


def _export(session: Session, evidence: str, out: Path) -> None:
    from ledger.adapters import files
    from ledger.client import retrieval

    _title(5, "The record is exported as one bundle; the export itself is signed and recorded")
    basis = {"purpose": "demonstration"}
    access = retrieval.record_access(
        session.node, session.person, session.clock, evidence, mode="export", basis=basis
    )
    bundle = session.node.bundle(evidence, access)
    files.write(out / "evidence.bundle", bundle, mode=0o644)
    files.write(out / "trust.json", session.node.trust_root(), mode=0o644)
    _tell("bundle", f"{out / 'evidence.bundle'} ({output.size(len(bundle))})")
    _tell(
        "trust root",
        f"{out / 'trust.json'} - which chain, which contracts, who seals its blocks",
    )


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
