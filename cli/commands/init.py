"""custody init"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import outfile, output
from cli.global_options import STATE, Json
from cli.hints import runnable

_HELP = """Create a home: keys, chain, log, and the first person.

With nothing but agency and person the home has an embedded chain of its own. Agencies that share a
chain do it in three steps: each makes its keys and a card (--url, --card), one of them deploys the
contracts with all cards (custody chain deploy), and each completes its home on that chain (--rpc,
--trust).

\b
Example:
  custody --home ~/evidence init --agency NL-POL --person 4711
  custody --home ~/node init --agency NL-POL --person 4711 \\
    --url https://custody.example --card nl-pol.json
  custody --home ~/node init --rpc https://chain.example --trust trust.json
"""


def init(
    agency: Annotated[
        str, typer.Option(help="Agency code: country and short name, such as NL-POL.")
    ] = "",
    person: Annotated[
        str,
        typer.Option(help="Service number of the first person; kept sealed, never in the log."),
    ] = "",
    role: Annotated[
        list[str] | None, typer.Option(help="Roles of that person; may be repeated.")
    ] = None,
    profile: Annotated[
        str, typer.Option(help="Jurisdiction profile; see custody profile list.")
    ] = "neutral",
    url: Annotated[
        str, typer.Option(help="Address at which other agencies will reach this node.")
    ] = "",
    card: Annotated[Path | None, typer.Option(help="Where to write the founder's card.")] = None,
    force: outfile.Force = False,
    rpc: Annotated[str, typer.Option(help="URL of the shared chain.")] = "",
    trust: Annotated[
        Path | None, typer.Option(help="Trust root that custody chain deploy wrote.")
    ] = None,
    confirmations: Annotated[
        int,
        typer.Option(min=0, help="Blocks on top of one that make it final on the shared chain."),
    ] = 12,
    as_json: Json = False,
) -> None:
    from ledger.domain.errors import UsageError

    if rpc or trust is not None:
        if not rpc or trust is None or agency or person:
            raise UsageError(
                "joining a chain takes --rpc and --trust",
                hint="agency and person were said when the home was prepared with --card",
            )
        _join(rpc, trust, confirmations)
        return
    if not agency or not person:
        raise UsageError(
            "a new home needs --agency and --person",
            hint="custody init --agency NL-POL --person 4711",
        )
    if (card is None) != (not url):
        raise UsageError("a home that will share a chain needs both --url and --card")
    roles = role or ["officer", "custodian"]
    if card is not None:
        _prepare(agency, person, roles, profile, url, card, force=force)
    else:
        _found(agency, person, roles, profile)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(init)


def _found(agency: str, person: str, roles: list[str], profile: str) -> None:
    from dataclasses import asdict

    from cli.session import ask_passphrase
    from ledger.app.create_home import found

    made = found(
        STATE.home,
        agency=agency,
        person=person,
        roles=roles,
        passphrase=ask_passphrase(confirm=True),
        profile=profile,
    )
    lines = [
        f"Home of {made.agency} created in {made.path}.",
        f"  you sign as   {made.pseudonym} ({', '.join(roles)})",
        f"  chain         {made.chain_id} (local: not tamper-evident against its owner)",
        *_contracts(made),
        *(
            []
            if "administrator" in roles
            else [
                (
                    "  no administrator: nobody else can be invited, unless it is made with --role "
                    "administrator too"
                )
            ]
        ),
        "Keep the passphrase safe: without it nothing here can be opened.",
        f"Next: {runnable('custody upload FILE --case C --exhibit E')}",
    ]
    output.result({**asdict(made), "path": str(made.path), "roles": roles}, *lines)


def _contracts(made: Any) -> list[str]:
    return [f"  registry      {made.registry}", f"  ledger        {made.ledger}"]


def _prepare(
    agency: str, person: str, roles: list[str], profile: str, url: str, path: Path, *, force: bool
) -> None:
    import json

    from cli.session import ask_passphrase
    from ledger.app.create_home import prepare

    with outfile.writing(path, force=force, mode=outfile.PUBLIC) as file:
        passphrase = ask_passphrase(confirm=True)
        card = prepare(
            STATE.home,
            agency=agency,
            person=person,
            roles=roles,
            passphrase=passphrase,
            url=url.rstrip("/"),
            profile=profile,
        )
        encoded = json.dumps(card.as_json(), indent=1)
        value = {
            "agency": agency,
            "governor": "0x" + card.governor.hex(),
            "anchorer": "0x" + card.anchorer.hex(),
        }
        value["descriptor"] = card.descriptor.digest.hex()
        file.otherwise(
            {
                **value,
                "card": None,
                "founder": card.as_json(),
            },  # the keys are made, and a home is prepared once
            f"Keys of {agency} made in {STATE.home}. Its card, which holds nothing secret:",
            *encoded.splitlines(),
            hint="keep the card that was printed, as a file of its own",
        )
        file.write(encoded.encode() + b"\n")
    lines = [
        f"Keys of {agency} made in {STATE.home}; its card is {path}, which holds nothing secret.",
        "Next: give the card to whoever deploys the contracts (`custody chain deploy`), then",
        f"  {runnable('custody init --rpc URL --trust FILE')}",
    ]
    output.result({**value, "card": str(path)}, *lines)


def _join(rpc: str, trust: Path, confirmations: int) -> None:
    from dataclasses import asdict

    from cli.arguments import read_trust
    from cli.session import ask_passphrase
    from ledger.app.create_home import join

    made = join(
        STATE.home,
        read_trust(trust),
        url=rpc,
        confirmations=confirmations,
        passphrase=ask_passphrase(),
    )
    lines = [
        f"Home of {made.agency} in {made.path} joined chain {made.chain_id}.",
        f"  you sign as   {made.pseudonym}",
        *_contracts(made),
        f"Next: {runnable('custody serve, and custody partner add URL')} for each other agency",
    ]
    output.result({**asdict(made), "path": str(made.path)}, *lines)
