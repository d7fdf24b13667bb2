"""What the bundle of an item leaves out, for commands that make one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import items, output
from cli.global_options import STATE

if TYPE_CHECKING:
    from cli.items import Named
    from cli.session import Session
    from ledger.domain.bundle.bundle import Bundle

Withhold = Annotated[
    list[str] | None,
    typer.Option(help="What to leave out: /body/place, 3:/body/place, or 3 (a whole event)."),
]
Recipient = Annotated[
    str,
    typer.Option(
        "--for",
        help="Kind of reader; your profile says what such a one does not see. To leave it out the "
        "record is opened first, which is recorded as an access of its own.",
    ),
]


def record_export(session: Session, urn: str, basis: dict[str, Any]) -> str:
    """Sign that the record is exported; returns the access that opens it."""
    from ledger.client import retrieval

    return retrieval.record_access(
        session.node, session.person, session.clock, urn, mode="export", basis=basis
    )


def asked(
    session: Session,
    evidence: str,
    basis: str,
    verb: str,
    recipient: str,
    withhold: list[str] | None,
) -> tuple[Named, dict[str, Any], list[str], bool]:
    """What somebody who asks for an export means.

    Returns:
        the item, why it is read, what is left out, and whether it was disposed of: nobody reads
        such an item, and so nobody says why.
    """
    named = items.find(session, evidence)
    erased = session.node.item(named.urn).erased
    why = {} if erased else items.reason(basis, named, evidence, verb)
    rules = left_out(session, recipient, named.urn, why, erased=erased)
    return named, why, [*(withhold or []), *rules], erased


def exported(session: Session, urn: str, access: str, withhold: list[str]) -> tuple[Bundle, bytes]:
    """The bundle of an item as its node makes it, parsed and as it came: whoever passes it on
    relies on its being that item's, and on what it leaves out.

    Args:
        access: that opens the record; empty where the record is destroyed.

    Raises:
        VerificationError: it is of another item, of one that has not the number by which it was
            named, or shows what was to be left out.
    """
    from ledger.client.redaction import require_withheld
    from ledger.domain.bundle.bundle import parse

    if access and (
        STATE.numbers or STATE.opening
    ):  # of the record: the bundle may leave the number out
        session.node.details(urn, access)
    data = session.node.bundle(urn, access, withhold=withhold)
    parsed = parse(data)
    require_withheld(parsed, urn, withhold)
    return parsed, data


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
    access = record_export(session, urn, basis)
    output.say(
        f"to leave out what a {recipient} does not see, the record was opened first; that is an "
        f"access of its own, signed and recorded: {access}"
    )
    documents = [
        detail.document
        for detail in session.node.details(urn, access)
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
