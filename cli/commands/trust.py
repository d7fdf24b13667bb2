"""custody trust"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.files import beside
from cli.invocation.global_options import STATE, Json
from cli.node import own_trust
from cli.terminal import outfile, output
from cli.wording import trust_lines

if TYPE_CHECKING:
    from ledger.client.trust_roots import TrustApi
    from ledger.domain.bundle.trust import TrustRoot

_HELP = """Show the fingerprint of the trust root, and write the trust root with --output: chain,
contracts, and how the finality of a block is judged. Hand the file over with the bundles if you
like; read the fingerprint to whoever verifies by another way, such as the telephone.

With --pin the bundles that you name verify by it offline, also when the chain is gone. With --check
it tells whether a trust root that somebody else was given agrees with your own chain. Nothing of it
is secret: no passphrase is asked for.

\b
Example:
  custody --home ~/evidence trust -o trust.json
  custody --home ~/evidence trust -o court.json --pin photo.bundle
  custody --home ~/evidence trust --check court.json
"""
_AGREES = (
    "your node's chain agrees with all that is believed of it (chain, contracts, signers, pinned "
    "blocks); its label, agencies, time authorities and confirmations were compared with nothing"
)


def trust(
    out: Annotated[Path | None, typer.Option("-o", "--output", help="File to write.")] = None,
    pin: Annotated[
        list[Path] | None, typer.Option(help="Bundle whose block is pinned; may be repeated.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="Trust root to compare with the chain of your node.")
    ] = None,
    force: outfile.Force = False,
    as_json: Json = False,
) -> None:
    from cli.items.arguments import read_trust
    from ledger.client import trust_roots
    from ledger.domain.errors import UsageError

    if STATE.offline:
        raise UsageError(
            "the chain, or your agency's node, tells the trust root, and --offline asks nobody",
            hint="leave out --offline",
        )
    if check is not None:
        if out is not None or pin:
            raise UsageError(
                "--check compares a trust root and writes none", hint="leave out --output and --pin"
            )
        beside.require_own_node("leave out --server, and unset CUSTODY_SERVER")
        given = read_trust(check)
        with own_trust.teller() as node:
            trust_roots.require_same(node, given)
        _tell(given, f"{check}: {_AGREES}", check)
        return
    with ExitStack() as stack:
        file = (
            stack.enter_context(
                outfile.writing(out, force=force, mode=outfile.PUBLIC, inputs=pin or [])
            )
            if out is not None
            else None
        )
        node = stack.enter_context(_named() if STATE.server else own_trust.teller())
        root = _pinned(node, pin or [])
        if file is not None:
            file.write(root.encode())
    _tell(root, f"{out or 'trust root'}: chain {root.chain_id} ({root.label})", out)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(trust)


def _tell(root: TrustRoot, text: str, path: Path | None) -> None:
    """Print a trust root's chain and fingerprints."""
    output.result(
        {
            "path": None if path is None else str(path),
            "chainId": root.chain_id,
            "label": root.label,
            **trust_lines.as_json(root),
        },
        text,
        *trust_lines.lines(root),
        "read it to whoever verifies, by another way than the file",
    )


@contextmanager
def _named() -> Iterator[TrustApi]:
    """The node of --server, which is asked as somebody who knows whose it is: what is known of
    other nodes lies among the keys.
    """
    from cli.node.session import open_session

    with open_session() as session:
        yield session.node


def _pinned(node: TrustApi, bundles: list[Path]) -> TrustRoot:
    """The node's trust root, with the block of each bundle pinned as the node's chain has it.

    Raises:
        FormatError: no bundle. IncompleteError: nothing of it is anchored. VerificationError: the
            chain has another block there.
    """
    from cli.items.arguments import read_file
    from ledger.client import trust_roots
    from ledger.domain.bundle import bundle as formats
    from ledger.domain.bundle import trust as roots

    root = roots.parse(node.trust_root())
    for path in bundles:
        root = trust_roots.pinned(node, root, formats.parse(read_file(path)), str(path))
    return root
