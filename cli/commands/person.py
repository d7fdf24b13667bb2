"""custody person: the people of an agency."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import members, outfile, output
from cli.state import STATE, Json

_HELP = """People of the agency: invite, enrol, approve, suspend, list.

\b
Example:
  custody --home ~/node person invite --number 4712 --role officer \\
    --url https://custody.example -o invitation.json
  custody --home ~/mine person enrol invitation.json
  custody --home ~/node person list
  custody --home ~/node person approve 0f1e2d3c4b5a6978
"""
_INVITE = """Invite somebody, as an administrator. Hand the file over by a safe way: whoever has it can ask in that person's place.

\b
Example:
  custody --home ~/node person invite --number 4712 --role officer \\
    --url https://custody.example -o invitation.json
"""
_ENROL = """Join an agency with an invitation: keys are made here and never leave this machine. Read the fingerprint to the administrator;
once they approved, run the same command again.

\b
Example:
  custody --home ~/mine person enrol invitation.json
"""
_APPROVE = """Approve somebody who asked, after comparing the fingerprint with them by voice. Nobody approves themselves.

\b
Example:
  custody --home ~/node person approve 0f1e2d3c4b5a6978
"""
_SUSPEND = """Suspend a person: from this moment they can do nothing here, and every verifier learns of it.

What they signed until now is anchored first, and goes on verifying. With --since nothing signed after that time counts: for
stolen keys.

\b
Example:
  custody --home ~/node person suspend uhsvsxgbeqkdjg7gd2vbcbfsna
"""
_RENEW = """Give somebody a new certificate before the old one expires, or other roles, as an administrator; then they fetch it themselves.

\b
Example:
  custody --home ~/node person renew uhsvsxgbeqkdjg7gd2vbcbfsna \\
    --role examiner
  custody --home ~/mine person fetch
"""
_FETCH = """Fetch the certificate that belongs to your key now, after an administrator renewed it.

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
_CARD = """Make a card for another agency, so that they can let you in as a guest: to work on items that they give you.

\b
Example:
  custody --home ~/mine person card --for https://custody.example -o card.json
"""
_ADMIT = """Let somebody of another agency in as a guest, with the card that they made for us, as an administrator.

\b
Example:
  custody --home ~/node person admit card.json
"""
_LIST = """List the people of the agency, and open invitations, as an administrator.

\b
Example:
  custody --home ~/node person list
"""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="person")

    @group.command(help=_INVITE)
    def invite(
        number: Annotated[str, typer.Option(help="Service number; kept sealed, never in the log.")],
        role: Annotated[list[str], typer.Option(help="Roles; may be repeated.")],
        out: Annotated[Path, typer.Option("-o", "--output", help="Where to write the invitation.")],
        url: Annotated[str, typer.Option(help="Where the person reaches the node; else the one that serves now.")] = "",
        force: outfile.Force = False,
        as_json: Json = False,
    ) -> None:
        from cli.session import open_session, served_at
        from ledger import enrolling
        from ledger.domain.errors import UsageError

        server = url or STATE.server or served_at(STATE.home)
        if not server:
            raise UsageError(
                "nobody could reach this node", hint="start it with custody serve, or give the --url at which it will be reached"
            )
        with outfile.writing(out, force=force) as file, open_session() as session:
            made = enrolling.invitation(session.node, server=server, number=number, roles=role)
            file.write(made.encode())
        lines = [
            f"Invitation written to {out}, good until {made.expires}.",
            f"They join with: custody --home MY-FOLDER person enrol {out.name}",
        ]
        output.result({"path": str(out), "expires": made.expires, "server": made.server}, *lines)

    @group.command(help=_ENROL)
    def enrol(
        invitation: Annotated[Path, typer.Argument(metavar="FILE", help="The invitation.")],
        as_json: Json = False,
    ) -> None:
        from cli.session import ask_passphrase
        from ledger import enrolling, settings
        from ledger.adapters.keystore.file import FileKeyring
        from ledger.adapters.node.client import NodeClient

        given = enrolling.read_invitation(invitation)
        new = not settings.is_client(STATE.home)
        passphrase = ask_passphrase(confirm=new)
        if new:
            enrolling.make_keys(STATE.home, given, passphrase)
        keyring = FileKeyring.open(STATE.home / settings.KEYRING, passphrase)
        with NodeClient(given.server) as node:
            done = enrolling.enrol(keyring, given, node)
        if done.certificate is None:
            lines = [
                f"Your keys are in {STATE.home}. Read this to the administrator:",
                "",
                f"  {done.fingerprint}",
                "",
                "Once they approved, run the same command again.",
            ]
        else:
            roles = ", ".join(sorted(done.certificate.roles))
            who = f"{done.certificate.pseudonym} ({roles})"
            lines = [f"You are enrolled at {given.agency} and sign as {who}.", f"Try: custody --home {STATE.home} status"]
        pseudonym = done.certificate.pseudonym if done.certificate is not None else None
        output.result({"fingerprint": done.fingerprint, "pseudonym": pseudonym, "home": str(STATE.home)}, *lines)

    @group.command("list", help=_LIST)
    def list_(as_json: Json = False) -> None:
        from cli.session import open_session

        with open_session() as session:
            found = session.node.people()
        rows = [[one["reference"], one["number"], one["state"], ", ".join(one["roles"])] for one in found]
        lines = output.table(["WHO", "NUMBER", "STATE", "ROLES"], rows)
        for one in found:
            if one["fingerprint"]:
                lines += [
                    f"{one['number']} asks to join with the fingerprint {one['fingerprint']}: compare it with them by voice, then",
                    f"  custody --home {STATE.home} person approve {one['reference']}",
                ]
        output.result({"people": found}, *lines)

    @group.command(help=_APPROVE)
    def approve(
        reference: Annotated[str, typer.Argument(metavar="WHO", help="As `custody person list` shows it.")], as_json: Json = False
    ) -> None:
        from cli.session import open_session

        with open_session() as session:
            pseudonym = session.node.approve(reference)
        output.result({"pseudonym": pseudonym}, f"Approved: they sign as {pseudonym} from now on.")

    @group.command(help=_SUSPEND)
    def suspend(
        pseudonym: Annotated[str, typer.Argument(metavar="WHO", help="As `custody person list` shows it.")],
        since: Annotated[str, typer.Option(help="For stolen keys: 2026-11-20T10:00:00Z. Nothing signed after it counts.")] = "",
        as_json: Json = False,
    ) -> None:
        from cli.session import open_session

        moment = members.time_of(since, "--since") if since else None
        with open_session() as session:
            revoked = session.node.suspend(pseudonym, since=moment)
        output.result({"pseudonym": pseudonym, "revoked": revoked}, f"{pseudonym} is suspended, and revoked as of {revoked}.")

    @group.command(help=_RENEW)
    def renew(
        pseudonym: Annotated[str, typer.Argument(metavar="WHO", help="As `custody person list` shows it.")],
        role: Annotated[list[str] | None, typer.Option(help="Roles from now on; without it as before. May be repeated.")] = None,
        as_json: Json = False,
    ) -> None:
        from cli.session import open_session

        with open_session() as session:
            since = session.node.renew(pseudonym, role or [])
        lines = [f"{pseudonym} has a new certificate, and the old one counts no longer.", "They fetch it with: custody person fetch"]
        output.result({"pseudonym": pseudonym, "since": since}, *lines)

    @group.command(help=_FETCH)
    def fetch(as_json: Json = False) -> None:
        from cli.session import ask_passphrase, node_address
        from ledger import enrolling, settings
        from ledger.adapters.keystore.file import FileKeyring
        from ledger.adapters.node.client import NodeClient

        keyring = FileKeyring.open(STATE.home / settings.KEYRING, ask_passphrase())
        with NodeClient(node_address()) as node:
            found = enrolling.fetch(keyring, node)
        roles = ", ".join(sorted(found.roles))
        output.result({"pseudonym": found.pseudonym, "roles": sorted(found.roles)}, f"you sign as {found.pseudonym} ({roles})")

    @group.command(help=_LINK)
    def link(
        pseudonym: Annotated[str, typer.Argument(metavar="WHO", help="As `custody person list` shows it.")],
        account: Annotated[str, typer.Option(help="Their account at the identity provider, the `sub` of its tokens.")],
        as_json: Json = False,
    ) -> None:
        from cli.session import open_session

        with open_session() as session:
            session.node.link(pseudonym, account)
        output.result({"pseudonym": pseudonym}, "linked: they log in with both, their key and that account")

    @group.command(help=_CARD)
    def card(
        url: Annotated[str, typer.Option("--for", help="Address of the other agency's node.")],
        out: Annotated[Path, typer.Option("-o", "--output", help="Where to write the card.")],
        force: outfile.Force = False,
        as_json: Json = False,
    ) -> None:
        from cli.session import ask_passphrase
        from ledger import enrolling, settings
        from ledger.adapters.keystore.file import FileKeyring
        from ledger.adapters.node.client import NodeClient

        with outfile.writing(out, force=force, mode=outfile.PUBLIC) as file:
            keyring = FileKeyring.open(STATE.home / settings.KEYRING, ask_passphrase())
            with NodeClient(url) as node:
                file.write(enrolling.card(keyring, node))
        lines = [
            f"{out} holds nothing secret: give it to their administrator.",
            f"Once they let you in: custody --home {STATE.home} --server {url} list",
        ]
        output.result({"path": str(out)}, *lines)

    @group.command(help=_ADMIT)
    def admit(path: Annotated[Path, typer.Argument(metavar="FILE", help="The card.")], as_json: Json = False) -> None:
        from cli.session import open_session
        from ledger import enrolling

        certificate, proof = enrolling.read_card(path)
        with open_session() as session:
            pseudonym = session.node.admit(certificate, proof)
        output.result({"pseudonym": pseudonym}, f"{pseudonym} may come in now; give them items with: custody share ID --with {pseudonym}")
