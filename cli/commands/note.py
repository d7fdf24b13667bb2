"""custody note"""

from __future__ import annotations

from typing import Annotated

import typer

from cli.invocation.global_options import Evidence, Json
from cli.invocation.hints import command
from cli.items import selection
from cli.terminal import questions

_HELP = """Add a signed note to an item's record, or to those of a whole case.

\b
Example:
  custody note 2026-117/A1 "screen is cracked"
  custody note 2026-117/ "the hearing is on 12 March"
"""


def note(
    evidence: Evidence,
    words: Annotated[
        str, typer.Argument(metavar="[TEXT]", help="The note; sealed like every record.")
    ] = "",
    text: Annotated[str, typer.Option(help="The same, as an option.")] = "",
    yes: questions.Yes = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.client.reading import retrieval
    from ledger.domain.errors import UsageError

    if words and text:
        raise UsageError("one note at a time", hint=command("note", evidence, "TEXT"))
    said = words or text or questions.text("What shall the note say?")
    if not said.strip():
        raise UsageError("the note says nothing", hint=command("note", evidence, "TEXT"))
    with open_session() as session:
        chosen = selection.find(session, [evidence])
        selection.agree(chosen, "Add this note to {}?", yes=yes)
        done = selection.each(
            chosen,
            lambda one: retrieval.record(
                session.node, session.person, session.clock, one.urn, "note", {"text": said}
            ),
            "noting",
        )
    selection.tell_recorded(chosen, done)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(note)
