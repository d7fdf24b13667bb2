"""custody bundle"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import outfile, output
from cli.global_options import Basis, Evidence, Json
from cli.hints import runnable
from cli.labels import counted

_HELP = """Export an item's record as one file that verifies offline. Your export is signed and
recorded first.

\b
Example:
  custody --home ~/evidence bundle 3f0c1d2e-... -o x.bundle --basis "court"
"""


def bundle(
    evidence: Evidence,
    out: Annotated[Path, typer.Option("-o", "--output", help="File to write.")],
    basis: Basis,
    force: outfile.Force = False,
    withhold: Annotated[
        list[str] | None,
        typer.Option(help="What to leave out: /body/place, 3:/body/place, or 3 (a whole event)."),
    ] = None,
    recipient: Annotated[
        str,
        typer.Option(
            "--for", help="Kind of reader; your profile says what such a one does not see."
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    from cli.arguments import basis as basis_member
    from cli.arguments import evidence_urn
    from cli.session import open_session
    from ledger.client.redaction import Withheld
    from ledger.domain.bundle.bundle import parse

    urn, why = evidence_urn(evidence), basis_member(basis)
    Withheld(withhold or [])  # a selector of another form is told before anything is signed
    with (
        outfile.writing(out, force=force) as file,
        open_session() as session,
    ):  # and so is a file that cannot be written
        erased = session.node.item(urn).erased
        left_out = [*(withhold or []), *_left_out(session, recipient, urn, why, erased=erased)]
        access = "" if erased else _access(session, urn, why)
        if access:
            told = f"your export was signed and recorded ({access}); the bundle was not written"
            file.otherwise(
                {"path": None, "access": access},
                told,
                hint="export it again, with another --output",
            )
        data = session.node.bundle(urn, access, withhold=left_out)
        parsed = parse(data)
        file.write(data)
    waiting = sum(statement.receipt is None for statement in parsed.statements)
    lines = [f"{out}: {counted(len(parsed.statements), 'event')}, {output.size(len(data))}"]
    if waiting:
        told = f"not anchored yet: {waiting} of them, so it verifies as incomplete:"
        lines.append(f"{told} {runnable('custody anchor')}, then export again")
    if left_out:
        lines.append(
            f"left out: {', '.join(left_out)}; whoever verifies it sees that, and can "
            "check "
            "the rest"
        )
    output.result(
        {
            "path": str(out),
            "events": len(parsed.statements),
            "size": len(data),
            "waiting": waiting,
            "access": access,
        },
        *lines,
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(bundle)


def _access(session: Any, urn: str, basis: dict[str, Any]) -> str:
    from ledger.client import retrieval

    return retrieval.record_access(
        session.node, session.person, session.clock, urn, mode="export", basis=basis
    )


def _left_out(
    session: Any, recipient: str, urn: str, basis: dict[str, Any], *, erased: bool
) -> list[str]:
    """What the agency's profile withholds from a kind of reader, as far as this item's record has
    it.

    Raises:
        UsageError: the profile does not know that kind.
    """
    from ledger.domain.errors import UsageError

    if not recipient or erased:
        return []
    rules = session.node.agency().withhold
    if recipient not in rules:
        raise UsageError(
            f"your profile does not say what a {recipient!r} may see",
            hint=f"one of {', '.join(sorted(rules))}, or --withhold",
        )
    documents = [
        detail.document
        for detail in session.node.details(urn, _access(session, urn, basis))
        if detail.document is not None
    ]
    return [
        pointer
        for pointer in rules[recipient]
        if any(_has(document, pointer) for document in documents)
    ]


def _has(value: Any, pointer: str) -> bool:
    for name in pointer.removeprefix("/").split("/"):
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True
