"""custody chain: the chain that agencies share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import output
from cli.state import Json

_HELP = """The chain that agencies share.

\b
Example:
  custody chain deploy --rpc https://chain.example --founders nl-pol.json \\
    --founders ro-diicot.json --key deployer.key -o trust.json
"""
_DEPLOY = """Deploy both contracts for the agencies that found a consortium, and write the trust root.

The contracts have no owner: whoever deploys them has no power over them afterwards, and each agency checks their code when
it joins. Hand the trust root to everybody who shall verify, by another way than the bundles.

\b
Example:
  custody chain deploy --rpc https://chain.example --founders nl-pol.json \\
    --founders ro-diicot.json --key deployer.key -o trust.json
"""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="chain")

    @group.callback()
    def chain() -> None:
        """Keeps `deploy` a command of its own, although it is the only one."""

    @group.command(help=_DEPLOY)
    def deploy(
        rpc: Annotated[str, typer.Option(help="URL of the chain's JSON-RPC.")],
        founders: Annotated[list[Path], typer.Option(help="Cards of the founding agencies; may be repeated.")],
        out: Annotated[Path, typer.Option("-o", "--output", help="Where to write the trust root.")],
        key: Annotated[Path, typer.Option(help="File with the deploying account's key, 64 hex digits.")],
        fund: Annotated[float, typer.Option(min=0, help="Ether for each account of a founder, where the chain charges for gas.")] = 0,
        confirmations: Annotated[int, typer.Option(min=0, help="Blocks on top of one that make it final.")] = 12,
        sealer: Annotated[list[str] | None, typer.Option(help="Address that seals blocks (Clique), 0x...; may be repeated.")] = None,
        as_json: Json = False,
    ) -> None:
        from ledger import settings
        from ledger.adapters import files
        from ledger.adapters.chain.rpc import RpcChain
        from ledger.deploying import consort, read_cards
        from ledger.domain.encoding import from_0x, from_hex

        files.require_vacant(out, hint="choose another name for the trust root")
        cards = read_cards(founders)
        account = from_hex(settings.read_secret(key, what="key").decode("ascii", "replace").removeprefix("0x"), what="key", size=32)
        sealers = [from_0x(one, what="sealer", size=20) for one in sealer or []]
        opened = RpcChain(rpc, confirmations=confirmations)
        try:
            root = consort(opened, account, cards, wei=int(fund * 10**18), confirmations=confirmations, sealers=sealers)
        finally:
            opened.close()
        files.write(out, root.encode(), mode=0o644)
        registry, ledger = ("0x" + one.address.hex() for one in (root.registry, root.ledger))
        text = (
            f"Contracts deployed on chain {root.chain_id} for {', '.join(root.agencies)}.\n"
            f"  registry      {registry}\n  ledger        {ledger}\n  trust root    {out}\n"
            f"Next, at each agency: custody init --rpc {rpc} --trust {out.name}"
        )
        output.result({"chainId": root.chain_id, "registry": registry, "ledger": ledger, "agencies": list(root.agencies)}, text)
