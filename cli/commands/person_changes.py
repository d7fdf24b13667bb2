"""custody person: suspend, renew, fetch, link, and guests from other agencies."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command, runnable
from cli.items import arguments
from cli.node import custody_key_notices, people
from cli.terminal import outfile, output
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.adapters.keystore.file import FileKeyring
    from ledger.domain.event.signing import Person

_RENEW = """Give somebody a new certificate before the old one expires, or other roles, as an
administrator; then they fetch it themselves.

Whoever becomes a custodian by it is given the custody key as with approve; whoever is one no more
keeps the key that they have. An administrator renews their own as well, without --role, and has it
at once.

\b
Example:
  custody --home ~/node person renew uhsvsxgbeqkdjg7gd2vbcbfsna \\
    --role examiner
  custody --home ~/mine person fetch
"""
_RENEWED: Final = "{} has a new certificate, and the old one counts here no longer."
_RENEWED_OWN: Final = "You have a new certificate, and sign with it from now on."

_FETCH = """Fetch the certificate that belongs to your key now, after an administrator renewed it.

Your fingerprint is shown, which you read to a colleague who asks for it. A new custodian takes the
custody key as well, if it waits for them.

\b
Example:
  custody --home ~/mine person fetch
"""

_LINK = """Say which account at your agency's identity provider is somebody's, as an administrator.

\b
Example:
  custody --home ~/node person link uhsvsxgbeqkdjg7gd2vbcbfsna \\
    --account a.colleague
"""

_CARD = """Make a card for another agency, so that they can let you in as a guest: to work on items
that they give you.

\b
Example:
  custody --home ~/mine person card --for https://custody.example -o card.json
"""

_ADMIT = """Let somebody of another agency in as a guest, with the card that they made for us, as an
administrator.

\b
Example:
  custody --home ~/node person admit card.json
"""

Fingerprint = Annotated[
    str, typer.Option(help="Of their keys, as you compared it with them by voice.")
]


def renew(
    who: Annotated[
        str,
        typer.Argument(metavar="WHO", help="Service number, or as `custody person list` shows it."),
    ],
    role: Annotated[
        list[str] | None,
        typer.Option(help="Roles from now on; without it as before. May be repeated."),
    ] = None,
    fingerprint: Fingerprint = "",
    at_home: Annotated[
        bool,
        typer.Option(
            "--at-home",
            help="With the CA key in the home, without a login: where no administrator has a "
            "certificate that is still good, or a thief shut them out; makes somebody "
            "administrator, and nothing else. The home must not be served meanwhile.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session

    if at_home:
        _renew_at_home(arguments.person(who), role)
        return
    with open_session() as session:
        who = people.reference(session, who)
        done = session.node.renew(who, role or [])
        lines = _after_renewal(session, who)
        listed = session.node.people() if done.custodyKey == "waits" else []
        shown = next((person.fingerprint for person in listed if person.reference == who), "")
        given = custody_key_notices.pass_on(
            session, who, done.custodyKey, compared=fingerprint, shown=shown
        )
        kept = custody_key_notices.kept(session, who) if done.keepsCustodyKey else []
    value = {
        "pseudonym": who,
        "since": done.revoked,
        "custodyKey": given.custody,
        "keepsCustodyKey": done.keepsCustodyKey,
    }
    output.result(value, *lines, *given.lines, *kept)


def _after_renewal(session: Session, who: str) -> list[str]:
    """What to say of a new certificate; one's own is fetched at once, as nothing more can be done
    under the old one, and the session goes on with it.
    """
    from ledger.app import enrolling
    from ledger.domain.errors import CustodyError
    from ledger.domain.identity.person import read_reference

    old = session.person.certificate
    if read_reference(who, home=old.agency) != old.subject:
        return [_RENEWED.format(who), "They fetch it with: `custody person fetch`"]
    try:
        enrolling.fetch(session.keyring, session.node)
    except CustodyError as error:  # it was done all the same, and the old one counts no longer
        told = f"You have a new certificate, which could not be fetched: {error.message}"
        return [told, runnable("Fetch it with: custody person fetch")]
    session.look_again()
    return [_RENEWED_OWN]


def _renew_at_home(who: str, roles: list[str] | None) -> None:
    from cli.node.session import open_alone
    from ledger.app import enrolling
    from ledger.domain.codecs.text import format_time
    from ledger.domain.identity import certificate as certificates
    from ledger.domain.identity.person import read_reference
    from ledger.services.people import membership

    with open_alone() as home:
        person = read_reference(who, home=home.settings.agency)
        done = membership.renew(home.node, person, roles=roles, by=None)
        lines = [_RENEWED.format(who), "They fetch it with: `custody person fetch`"]
        own = certificates.parse(home.keyring.get("person-certificate"))
        if own.subject == person:
            with home.node.records.read() as unit:
                row, descriptor = unit.people.get(person), home.node.descriptor(unit)
                der = unit.people.certificate(row.certificate) if row is not None else None
            enrolling.keep_certificate(home.keyring, der or b"", descriptor)
            lines = [_RENEWED_OWN]
    value = {
        "pseudonym": who,
        "since": format_time(done.revoked),
        "custodyKey": done.custody,
        "keepsCustodyKey": done.keeps_custody,
    }
    output.result(value, *lines)


def fetch(as_json: Json = False) -> None:
    from cli.items.arguments import node_address
    from cli.node.served import served_at
    from cli.node.servers import Servers
    from cli.node.session import joined, unlock
    from ledger.adapters.node.client import NodeClient
    from ledger.app import enrolling

    keyring, url = unlock().keyring(), node_address()
    known = Servers(STATE.home, keyring, served_at(STATE.home))
    with NodeClient(url) as node:
        found = enrolling.fetch(keyring, node, require=partial(known.require, url))
    roles = ", ".join(sorted(found.roles))
    person = joined(keyring, url)
    more = [*custody_key_notices.lacking(person), *_of_field(keyring, person)]
    value = {
        "pseudonym": found.pseudonym,
        "roles": sorted(found.roles),
        "fingerprint": person.fingerprint,
    }
    told = (f"you sign as {found.pseudonym} ({roles})", f"fingerprint: {person.fingerprint}")
    output.result(value, *told, *more)


def link(
    who: Annotated[
        str,
        typer.Argument(metavar="WHO", help="Service number, or as `custody person list` shows it."),
    ],
    account: Annotated[
        str,
        typer.Option(help="Their account at the identity provider, the `sub` of its tokens."),
    ],
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        who = people.reference(session, who)
        session.node.link(who, account)
    output.result({"pseudonym": who}, "linked: they log in with both, their key and that account")


def card(
    url: Annotated[str, typer.Option("--for", help="Address of the other agency's node.")],
    out: Annotated[Path, typer.Option("-o", "--output", help="Where to write the card.")],
    force: outfile.Force = False,
    moved: Annotated[
        bool,
        typer.Option("--moved", help="Their node is there now, and no longer where you knew it."),
    ] = False,
    as_json: Json = False,
) -> None:
    from cli.node.served import served_at
    from cli.node.servers import Servers
    from cli.node.session import unlock
    from ledger.adapters.node.client import NodeClient
    from ledger.app import enrolling

    with outfile.writing(out, force=force, mode=outfile.PUBLIC) as file:
        keyring = unlock().keyring()
        with NodeClient(url) as node:
            about = node.agency()
            known = Servers(STATE.home, keyring, served_at(STATE.home))
            pin = partial(known.pin, url, moved=moved)
            file.write(enrolling.card(keyring, node, require=pin))
    once = command("list", server=url)
    lines = [
        (f"The node at {url} says to be that of {about.agency}: ask them if you are not certain."),
        f"{out} holds nothing secret: give it to their administrator.",
        f"Once they let you in: {once}",
    ]
    output.result({"path": str(out)}, *lines)


def admit(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The card.")],
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.app import enrolling

    certificate, proof = enrolling.read_card(path)
    with open_session() as session:
        who = session.node.admit(certificate, proof)
    pseudonym, _, agency = who.partition("@")
    text = f"{who} may come in now; give them items with: " + command(
        "share", "ID", "--with", who, "--basis", "WHY"
    )
    output.result({"reference": who, "pseudonym": pseudonym, "agency": agency}, text)


def register(group: typer.Typer) -> None:
    """Add the commands to the group."""
    group.command(help=_RENEW)(renew)

    group.command(help=_FETCH)(fetch)

    group.command(help=_LINK)(link)

    group.command(help=_CARD)(card)

    group.command(help=_ADMIT)(admit)


def _of_field(keyring: FileKeyring, person: Person) -> list[str]:
    """What a new certificate means for what was signed without network and still waits."""
    from ledger.app import field_folder
    from ledger.domain.errors import LockedError, UsageError

    try:
        with field_folder.open_field(STATE.home, keyring) as field:
            waiting, denied = len(field), field.not_permitted(person)
    except (UsageError, LockedError):  # nothing was prepared, or another command looks at it now
        return []
    if not waiting:
        return []
    lines = [
        (
            f"{counted(waiting, 'signed event', ('waits', 'wait'))} to be sent: "
            f"{command('field', 'send')} signs anew what was signed under your old certificate."
        )
    ]
    if denied:
        lines.append(
            f"Warning: your roles may record no more: {', '.join(denied)}. What waits of it is "
            "refused until they may again."
        )
    return lines
