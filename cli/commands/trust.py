"""custody trust"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import outfile, output
from cli.global_options import Json

if TYPE_CHECKING:
    from ledger.adapters.node.client import NodeClient
    from ledger.domain.bundle.trust import TrustRoot

_HELP = """Write the trust root: chain, contracts, and how the finality of a block is judged. Hand
it over by another way than the bundles, in person for example. With --pin the bundles that you name
verify by it offline, also when the chain is gone.

\b
Example:
  custody --home ~/evidence trust -o trust.json
  custody --home ~/evidence trust -o court.json --pin photo.bundle
"""


def trust(
    out: Annotated[Path, typer.Option("-o", "--output", help="File to write.")],
    pin: Annotated[
        list[Path] | None, typer.Option(help="Bundle whose block is pinned; may be repeated.")
    ] = None,
    force: outfile.Force = False,
    as_json: Json = False,
) -> None:
    from cli.session import open_session

    with (
        outfile.writing(out, force=force, mode=outfile.PUBLIC, inputs=pin or []) as file,
        open_session() as session,
    ):
        root, pinned = _pinned(session.node, pin or [])
        file.write(root.encode())
    text = f"{out}: chain {root.chain_id} ({root.label})"
    if pinned:
        text += f"; pinned blocks: {', '.join(map(str, pinned))}"
    output.result(
        {"path": str(out), "chainId": root.chain_id, "label": root.label, "pinned": pinned},
        text,
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(trust)


def _pinned(node: NodeClient, bundles: list[Path]) -> tuple[TrustRoot, list[int]]:
    """The node's trust root, with the block of each bundle pinned as the node's chain has it, and
    the numbers of all pins.

    Raises:
        FormatError: no bundle. IncompleteError: nothing of it is anchored. VerificationError: the
            chain has another block there.
    """
    from dataclasses import replace

    from cli.arguments import read_file
    from ledger.domain.bundle import bundle as formats
    from ledger.domain.bundle import trust as roots
    from ledger.domain.chain.evm import parse_header
    from ledger.domain.chain.finality import Pinned
    from ledger.domain.errors import IncompleteError, VerificationError

    def pins(root: TrustRoot) -> dict[int, bytes]:
        return {
            number: digest
            for rule in root.finality
            if isinstance(rule, Pinned)
            for number, digest in rule.blocks.items()
        }

    root = roots.parse(node.trust_root())
    found = pins(root)
    for path in bundles:
        chain = formats.parse(read_file(path)).chain
        if chain is None:
            raise IncompleteError(
                7,
                f"{path}: nothing of it is anchored, so there is no block to pin",
                hint="custody anchor, then export it again",
            )
        header = parse_header(chain.header)
        found |= pins(roots.parse(node.trust_root(header.number)))
        if found[header.number] != header.hash:
            raise VerificationError(
                7,
                f"{path}: the chain has another block {header.number}",
                hint="export the bundle again",
            )
    others = tuple(rule for rule in root.finality if not isinstance(rule, Pinned))
    return replace(root, finality=(Pinned(found), *others) if found else others), sorted(found)
