"""custody chain: the chain that agencies share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands import chain_signers
from cli.invocation.global_options import Json
from cli.invocation.hints import elsewhere
from cli.terminal import outfile, output
from cli.wording import trust_lines

if TYPE_CHECKING:
    from ledger.domain.chain.recognition import Recognised

_HELP = """The chain that agencies share.

\b
Example:
  custody chain deploy --rpc https://chain.example --founders nl-pol.json \\
    --founders ro-diicot.json --key deployer.key -o trust.json
  custody --home ~/node chain signers
"""
_DEPLOY = """Deploy both contracts for the agencies that found a consortium, and write the trust
root.

The chain is asked what it is: how its blocks are hashed, who seals them, and how often. A node that
contradicts itself, or what is said here, is refused before anything is paid for.

The contracts have no owner: whoever deploys them has no power over them afterwards, and each agency
checks their code when it joins. Hand the trust root to everybody who shall verify, by another way
than the bundles.

\b
Example:
  custody chain deploy --rpc https://chain.example --founders nl-pol.json \\
    --founders ro-diicot.json --key deployer.key -o trust.json
"""


def deploy(
    rpc: Annotated[str, typer.Option(help="URL of the chain's JSON-RPC.")],
    founders: Annotated[
        list[Path], typer.Option(help="Cards of the founding agencies; may be repeated.")
    ],
    out: Annotated[Path, typer.Option("-o", "--output", help="Where to write the trust root.")],
    key: Annotated[
        Path, typer.Option(help="File with the deploying account's key, 64 hex digits.")
    ],
    fund: Annotated[
        float,
        typer.Option(
            min=0, help="Ether for each account of a founder, where the chain charges for gas."
        ),
    ] = 0,
    confirmations: Annotated[
        int, typer.Option(min=0, help="Blocks on top of one that make it final.")
    ] = 12,
    force: outfile.Force = False,
    sealer: Annotated[
        list[str] | None,
        typer.Option(
            help="Address that seals blocks, 0x..., where the chain's node does not tell or shall "
            "be held to it; may be repeated."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    from ledger.app import settings
    from ledger.app.deploy_contracts import consort, read_cards
    from ledger.domain.codecs.text import from_0x, from_hex

    with outfile.writing(out, force=force, mode=outfile.PUBLIC, inputs=[*founders, key]) as file:
        cards = read_cards(founders)
        account = from_hex(
            settings.read_secret(key, what="key").decode("ascii", "replace").removeprefix("0x"),
            what="key",
            size=32,
        )
        signers = frozenset(from_0x(one, what="sealer", size=20) for one in sealer or [])
        root, found = consort(
            rpc,
            account,
            cards,
            wei=int(fund * 10**18),
            confirmations=confirmations,
            signers=signers or None,
        )
        registry, ledger = ("0x" + one.address.hex() for one in (root.registry, root.ledger))
        value: dict[str, Any] = {
            "chainId": root.chain_id,
            "registry": registry,
            "ledger": ledger,
            "agencies": list(root.agencies),
            "blocks": _as_json(found),
        }
        lines = [
            f"Contracts deployed on chain {root.chain_id} for {', '.join(root.agencies)}.",
            f"  registry      {registry}",
            f"  ledger        {ledger}",
            *_told(found),
        ]
        encoded = root.encode()
        shown = {
            **value,
            "trust": json.loads(encoded),
        }  # they were paid for, and nothing else knows where they are
        hint = "keep the trust root that was printed, as a file of its own; do not deploy again"
        file.otherwise(shown, *lines, "The trust root:", *encoded.decode().splitlines(), hint=hint)
        file.write(encoded)
    value |= trust_lines.as_json(root)
    joining = elsewhere("--home", "HOME", "init", "--rpc", rpc, "--trust", out.name)
    lines += [
        f"  trust root    {out}",
        *trust_lines.lines(root),
        f"Next, at each agency, with the home that made its card: `{joining}`",
    ]
    output.result(value, *lines)


def _as_json(found: Recognised) -> dict[str, Any]:
    """What a chain was found to be, for scripts."""
    return {
        "kind": found.kind,
        "signers": ["0x" + signer.hex() for signer in sorted(found.signers)],
        "inContract": found.in_contract,
        "silent": ["0x" + signer.hex() for signer in sorted(found.silent)],
        "period": found.period,
    }


def _told(found: Recognised) -> list[str]:
    """What a chain was found to be, and what that is worth to whoever verifies."""
    from ledger.domain.chain import recognition
    from ledger.domain.chain.qbft import TOLERANT

    every = "" if found.period is None else f", one every {found.period} s"
    lines = [f"  blocks        {recognition.NAMES[found.kind]}{every}"]
    lines += [
        f"  sealed by     0x{signer.hex()}{' (not lately)' if signer in found.silent else ''}"
        for signer in sorted(found.signers)
    ]
    if found.kind == "none":
        return [
            *lines,
            "No seals that a verifier could judge: bundles do not verify offline, unless by a",
            "trust root in which an agency pins their block: `custody trust -o FILE --pin BUNDLE`",
        ]
    if len(found.signers) == 1:
        lines.append("One signer alone seals it: not tamper-evident against that one.")
    elif found.kind == "qbft" and len(found.signers) < TOLERANT:
        lines.append(f"Fewer than {TOLERANT} validators tolerate none that lies.")
    return lines


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="chain")

    group.command(help=_DEPLOY)(deploy)

    chain_signers.register(group)
