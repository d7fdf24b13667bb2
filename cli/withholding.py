"""What the bundle of an item leaves out, for commands that make one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cli.session import Session

Withhold = Annotated[
    list[str] | None,
    typer.Option(help="What to leave out: /body/place, 3:/body/place, or 3 (a whole event)."),
]
Recipient = Annotated[
    str,
    typer.Option("--for", help="Kind of reader; your profile says what such a one does not see."),
]


def record_export(session: Session, urn: str, basis: dict[str, Any]) -> str:
    """Sign that the record is exported; returns the access that opens it."""
    from ledger.client import retrieval

    return retrieval.record_access(
        session.node, session.person, session.clock, urn, mode="export", basis=basis
    )


def left_out(
    session: Session, recipient: str, urn: str, basis: dict[str, Any], *, erased: bool
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
        for detail in session.node.details(urn, record_export(session, urn, basis))
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
