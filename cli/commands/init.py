"""custody init"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli.commands import stamp
from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command, quoted, runnable
from cli.terminal import outfile, output, questions
from cli.wording import trust_lines

_HELP = """Create a home: keys, chain, log, and the first person.

The first person is officer, custodian and administrator, and can invite colleagues at once. Where
the profile wants the administrator apart, both numbers are asked for.

With nothing but agency and person the home has an embedded chain of its own. Agencies that share a
chain do it in three steps: each makes its keys and a card (--url, --card), one of them deploys the
contracts with all cards (custody chain deploy), and each completes its home on that chain (--rpc,
--trust). Whoever has the cards of others works with these from the start (--partner): each is
compared with the registry of that trust root.

\b
Example:
  custody --home ~/evidence init --agency NL-POL --person 4711
  custody --home ~/node init --agency NL-POL --person 4711 \\
    --url https://custody.example --card nl-pol.json
  custody --home ~/node init --rpc https://chain.example --trust trust.json \\
    --partner ro-diicot.json
"""


def init(
    agency: Annotated[
        str, typer.Option(help="Agency code: country and short name, such as NL-POL.")
    ] = "",
    person: Annotated[
        str,
        typer.Option(help="Service number of the first person; kept sealed, never in the log."),
    ] = "",
    administrator: Annotated[
        str,
        typer.Option(
            help="Service number of the administrator, where that is another person: the home is "
            "then theirs, and they invite the first person."
        ),
    ] = "",
    role: Annotated[
        list[str] | None,
        typer.Option(
            help="Roles of the first person; may be repeated. Else officer, custodian and, unless "
            "that is another person, administrator."
        ),
    ] = None,
    profile: Annotated[
        str, typer.Option(help="Jurisdiction profile; see custody profile list.")
    ] = "neutral",
    url: Annotated[
        str, typer.Option(help="Address at which other agencies will reach this node.")
    ] = "",
    here: Annotated[
        bool,
        typer.Option("--here", help="Have commands in this folder find it: see custody home use."),
    ] = False,
    card: Annotated[Path | None, typer.Option(help="Where to write the founder's card.")] = None,
    force: outfile.Force = False,
    rpc: Annotated[str, typer.Option(help="URL of the shared chain.")] = "",
    trust: Annotated[
        Path | None, typer.Option(help="Trust root that custody chain deploy wrote.")
    ] = None,
    told: trust_lines.Told = "",
    partner: Annotated[
        list[Path] | None,
        typer.Option(
            help="Card of another founder of the shared chain, to work with from the start; may be "
            "repeated."
        ),
    ] = None,
    confirmations: Annotated[
        int,
        typer.Option(min=0, help="Blocks on top of one that make it final on the shared chain."),
    ] = 12,
    as_json: Json = False,
) -> None:
    from ledger.app import create_home
    from ledger.domain.errors import UsageError

    if rpc or trust is not None:
        if not rpc or trust is None or agency or person or administrator:
            raise UsageError(
                "joining a chain takes --rpc and --trust",
                hint="agency and person were said when the home was prepared with --card",
            )
        _join(rpc, trust, confirmations, told, partner or [])
        return
    if partner:
        raise UsageError(
            "other founders are known on the chain that is shared with them",
            hint="give their cards with --rpc and --trust, once the contracts are deployed",
        )
    trust_lines.believed(None, told)  # which is compared with nothing where no chain is joined
    if (card is None) != (not url):
        raise UsageError("a home that will share a chain needs both --url and --card")
    create_home.require_room(STATE.home)  # before anybody answers for nothing
    is_asked = not agency and not person
    founder = _founder(agency, person, administrator, role, profile)
    if card is not None:
        _prepare(founder, profile, url, card, force=force, here=here)
    else:
        _found(founder, profile, here=here)
        if is_asked:
            stamp.offer(STATE.home)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(init)


@dataclass(frozen=True, slots=True)
class _Founder:
    """Whose home is made: ``number`` in ``roles``. Where the administrator is another person than
    the first one to work with evidence, the home is the administrator's, and ``invited`` says whom
    they invite, in which roles.
    """

    agency: str
    number: str
    roles: list[str]
    invited: tuple[str, list[str]] | None = None

    def lines(self, pseudonym: str) -> list[str]:
        """What the person who made the home, and signs as ``pseudonym``, is told of the
        administrator.
        """
        if self.invited is not None:
            number, roles = self.invited
            return [
                f"You are the administrator and nothing else; {number} works with evidence, as "
                + " and ".join(roles),
            ]
        if "administrator" in self.roles:
            return ["You are its administrator too: you can invite colleagues."]
        given = [word for role in [*self.roles, "administrator"] for word in ("--role", role)]
        return [
            "Nobody is its administrator, so nobody can be invited. To become it as well:",
            f"  {command('person', 'renew', pseudonym, *given, '--at-home')}",
        ]

    def next_steps(self) -> list[str]:
        """Commands to type next, as they run from here."""
        if self.invited is None:
            steps = [command("upload", "FILE", "--case", "C", "--exhibit", "E")]
            if "administrator" in self.roles:
                steps.append(f"{command('serve')}   (so that colleagues can join)")
            return [f"{'Next:' if not at else '  or:'} {step}" for at, step in enumerate(steps)]
        number, roles = self.invited
        inviting = (word for role in roles for word in ("--role", role))
        return [
            f"Next: {command('serve')}",
            f"then: {command('person', 'invite', number, *inviting)}",
        ]


_WORKING: Final = ("officer", "custodian")


def _founder(
    agency: str, person: str, administrator: str, roles: list[str] | None, profile: str
) -> _Founder:
    """Who founds the home, asked for where a person is there to answer.

    Raises:
        UsageError: no agency or number, or none of the administrator where it must be another
            person.
    """
    from ledger.adapters import profiles
    from ledger.domain.errors import FormatError, UsageError
    from ledger.domain.identity.names import check_code

    rules = profiles.load(profile)
    agency = agency or questions.text("Agency code, country and short name, such as NL-POL:")
    try:  # before anything else is asked
        agency = agency and check_code(agency)
    except FormatError as error:
        raise UsageError(error.message, hint="give it with --agency, such as NL-POL") from error
    person = person or questions.text("Your service number (kept sealed, never in the log):")
    if not agency or not person:
        raise UsageError(
            "a new home needs --agency and --person",
            hint="custody init --agency CODE --person NUMBER, such as NL-POL and 4711",
        )
    working = list(roles or _WORKING)
    if rules.administrator_apart and not administrator and "administrator" not in working:
        administrator = questions.text(
            f"The profile {rules.code} wants the administrator to be somebody else than {person}. "
            "Service number of the administrator:"
        )
        if not administrator:
            raise UsageError(
                f"the profile {rules.code} wants the administrator to be another person",
                hint="give both numbers: custody init --agency CODE --person NUMBER "
                f"--administrator OTHER-NUMBER --profile {quoted(profile)}",
            )
    if not administrator:
        return _Founder(agency, person, roles or [*_WORKING, "administrator"])
    if administrator.split() == person.split():
        raise UsageError(
            "the administrator and the first person have one service number",
            hint="leave out --administrator, where they may be one person",
        )
    return _Founder(agency, administrator, ["administrator"], (person, working))


def _found(founder: _Founder, profile: str, *, here: bool) -> None:
    from dataclasses import asdict

    from cli.terminal import passphrases
    from ledger.app.create_home import found

    made = found(
        STATE.home,
        agency=founder.agency,
        person=founder.number,
        roles=founder.roles,
        passphrase=passphrases.choose(),
        profile=profile,
    )
    _remember(here=here)
    lines = [
        f"Home of {made.agency} created in {made.path}.",
        f"  you sign as   {made.pseudonym} ({', '.join(founder.roles)})",
        f"  chain         {made.chain_id} (local: not tamper-evident against its owner)",
        *_contracts(made),
        *founder.lines(made.pseudonym),
        "Keep the passphrase safe: without it nothing here can be opened.",
        *founder.next_steps(),
        *passphrases.keeping(),
    ]
    output.result({**asdict(made), "path": str(made.path), "roles": founder.roles}, *lines)


def _remember(*, here: bool) -> None:
    """Have commands find the home that was just made, and the file with its passphrase."""
    from ledger.app import find_home
    from ledger.domain.errors import CustodyError

    find_home.remember_quietly(STATE.home, passphrase_file=STATE.given_passphrase_file)
    if here:
        try:
            find_home.use(STATE.home, Path.cwd())
        except CustodyError as error:  # the home is made, and is named with --home
            output.say(f"{find_home.POINTER} was not written: {error.message}")


def _contracts(made: Any) -> list[str]:
    return [f"  registry      {made.registry}", f"  ledger        {made.ledger}"]


def _prepare(
    founder: _Founder, profile: str, url: str, path: Path, *, force: bool, here: bool
) -> None:
    import json

    from cli.terminal import passphrases
    from ledger.app.create_home import prepare

    with outfile.writing(path, force=force, mode=outfile.PUBLIC) as file:
        passphrase = passphrases.choose()
        card = prepare(
            STATE.home,
            agency=founder.agency,
            person=founder.number,
            roles=founder.roles,
            passphrase=passphrase,
            url=url.rstrip("/"),
            profile=profile,
        )
        _remember(here=here)
        encoded = json.dumps(card.as_json(), indent=1)
        value = {
            "agency": founder.agency,
            "governor": "0x" + card.governor.hex(),
            "anchorer": "0x" + card.anchorer.hex(),
            "recovery": "0x" + card.recovery.hex(),
        }
        value["descriptor"] = card.descriptor.digest.hex()
        file.otherwise(
            {
                **value,
                "card": None,
                "founder": card.as_json(),
            },  # the keys are made, and a home is prepared once
            f"Keys of {founder.agency} made in {STATE.home}. Its card, which holds nothing secret:",
            *encoded.splitlines(),
            hint="keep the card that was printed, as a file of its own",
        )
        file.write(encoded.encode() + b"\n")
    lines = [
        f"Keys of {founder.agency} made in {STATE.home}.",
        f"Its card is {path}, which holds nothing secret.",
        "Next: give the card to whoever deploys the contracts (`custody chain deploy`), then",
        f"  {runnable('custody init --rpc URL --trust FILE')}",
    ]
    output.result({**value, "card": str(path)}, *lines)


def _join(rpc: str, trust: Path, confirmations: int, told: str, partners: Sequence[Path]) -> None:
    from dataclasses import asdict

    from cli.items.arguments import read_trust
    from cli.terminal import passphrases
    from ledger.app.create_home import join
    from ledger.app.deploy_contracts import read_cards

    root = read_trust(trust)
    cards = read_cards(partners) if partners else []
    made = join(
        STATE.home,
        trust_lines.believed(root, told),
        url=rpc,
        confirmations=confirmations,
        passphrase=passphrases.ask(),
        partners=cards,
    )
    known = {card.agency: card.descriptor.service for card in cards if card.agency != made.agency}
    lines = [
        f"Home of {made.agency} in {made.path} joined chain {made.chain_id}.",
        f"  you sign as   {made.pseudonym}",
        *_contracts(made),
        *(f"  partner       {code}, at {url}" for code, url in known.items()),
        *trust_lines.lines(root),
        f"Next: {runnable('custody serve, and custody partner add URL')} for each other agency"
        if len(known) + 1 < len(root.agencies)
        else f"Next: {runnable('custody serve')}",
    ]
    value = {**asdict(made), "path": str(made.path), **trust_lines.as_json(root)}
    output.result(value, *lines)
