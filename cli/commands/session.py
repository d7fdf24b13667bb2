"""custody session, custody alarms: who is logged in, and what auditors must look into."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import output
from cli.state import Json

_HELP = """Sessions that go on: your own, and for an administrator everybody's.

\b
Example:
  custody --home ~/node session list
  custody --home ~/node session end 0f1e2d3c4b5a69788796a5b4c3d2e1f0
"""
_ALARMS = """List alarms: people who opened many items within an hour. For auditors, data-protection officers and administrators.

\b
Example:
  custody --home ~/audit alarms
"""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="session")

    @group.command("list")
    def list_(as_json: Json = False) -> None:
        """List sessions that go on."""
        from cli.session import open_session

        with open_session() as session:
            found = session.node.sessions()
        rows = [[one["id"], one["pseudonym"], one["since"], one["until"]] for one in found]
        output.result({"sessions": found}, output.table(["SESSION", "WHO", "SINCE", "UNTIL"], rows))

    @group.command()
    def end(which: Annotated[str, typer.Argument(metavar="SESSION", help="As session list shows it.")], as_json: Json = False) -> None:
        """End a session at once; its owner can log in again with their key."""
        from cli.session import open_session

        with open_session() as session:
            session.node.end_session(which)
        output.result({"ended": which}, "ended; to keep somebody out: custody person suspend WHO")

    @app.command(help=_ALARMS)
    def alarms(as_json: Json = False) -> None:
        from cli.session import open_session

        with open_session() as session:
            found = session.node.alarms()
        rows = [
            [one["time"], one["kind"], one["pseudonym"], f"{one['count']} items within {one['seconds'] // 60} minutes"] for one in found
        ]
        output.result({"alarms": found}, output.table(["WHEN", "WHAT", "WHO", "HOW MANY"], rows))
