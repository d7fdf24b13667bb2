"""What the bundle of an item leaves out, for commands that make one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.invocation.global_options import STATE
from cli.items import items, short_ids
from cli.terminal import output
from ledger.domain.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.items.short_ids import Named
    from cli.node.session import Session
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
        "record is opened first, under the access that is signed for the export.",
    ),
]


class NotThereError(UsageError):
    """What was to be left out is no field of the record that can be: no disk refused anything."""


def record_export(session: Session, urn: str, basis: dict[str, Any]) -> str:
    """Sign that the record is exported; returns the access that opens it."""
    from ledger.client.reading import retrieval

    return retrieval.record_access(
        session.node, session.person, session.clock, urn, mode="export", basis=basis
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody who asks for an export means: the item, why it is read, what is left out, and
    the access under which the record was opened for that; empty where it was not. ``erased``: it
    was disposed of.
    """

    named: Named
    why: dict[str, Any]
    left_out: list[str]
    access: str
    erased: bool = False


def asked(
    session: Session,
    evidence: str,
    basis: str,
    verb: str,
    recipient: str,
    withhold: list[str] | None,
    ready: Callable[[Session, str], object] = lambda session, urn: None,
) -> Asked:
    """What somebody who asks for an export means. Of an item that was disposed of nobody reads
    anything, and so nobody says why.

    Args:
        ready: checks that the export could be made, before the record is opened.

    Raises:
        UsageError: an event is to be left out that the item does not have.
    """
    named = items.find(session, evidence)
    erased = session.node.item(named.urn).erased
    why = {} if erased else items.reason(basis, named, evidence, verb)
    return of_item(session, named, why, recipient, withhold or [], ready)


def of_item(
    session: Session,
    named: Named,
    why: dict[str, Any],
    recipient: str,
    withhold: list[str],
    ready: Callable[[Session, str], object] = lambda session, urn: None,
) -> Asked:
    """The same, of an item that was found; see asked."""
    from ledger.client.reading.redaction import Withheld

    item = session.node.item(named.urn)
    Withheld(withhold).require_counted(item.events)
    if item.erased:
        return Asked(named, {}, withhold, "", erased=True)
    ready(session, named.urn)
    rules, access = left_out(session, recipient, named.urn, why)
    return Asked(named, why, [*withhold, *rules], access)


def exported(session: Session, urn: str, access: str, withhold: list[str]) -> tuple[Bundle, bytes]:
    """The bundle of an item as its node makes it, parsed and as it came: whoever passes it on
    relies on its being that item's, and on what it leaves out.

    Args:
        access: that opens the record; empty where the record is destroyed.

    Raises:
        VerificationError: it is of another item, of one that has not the number by which it was
            named, or shows what was to be left out. NotThereError: that is none of its record.
    """
    from ledger.client.reading.redaction import require_withheld
    from ledger.domain.bundle.bundle import parse

    if access and (
        STATE.numbers or STATE.opening
    ):  # of the record: the bundle may leave the number out
        session.node.details(urn, access)
    try:
        data = session.node.bundle(urn, access, withhold=withhold)
    except UsageError as error:
        raise NotThereError(error.message, hint=error.hint) from error
    parsed = parse(data)
    require_withheld(parsed, urn, withhold)
    return parsed, data


def left_out(
    session: Session, recipient: str, urn: str, basis: dict[str, Any]
) -> tuple[list[str], str]:
    """What the agency's profile withholds from a kind of reader, as far as this item's record has
    it; and the access under which the record was opened for that, which is the one of the export.

    Raises:
        UsageError: the profile does not know that kind.
    """
    if not recipient:
        return [], ""
    known = session.node.agency().withhold
    if recipient not in known:
        raise UsageError(
            f"your profile does not say what a {recipient!r} may see",
            hint=f"one of {', '.join(sorted(known))}, or --withhold",
        )
    access = record_export(session, urn, basis)
    output.say(
        f"to leave out what a {recipient} does not see, the record was opened first; your export "
        f"was signed and recorded for that: {short_ids.short_digest(access)}"
    )
    documents = [
        detail.document
        for detail in session.node.details(urn, access)
        if detail.document is not None
    ]
    rules = [
        pointer
        for pointer in known[recipient]
        if any(_has(document, pointer) for document in documents)
    ]
    return rules, access


def _has(value: Any, pointer: str) -> bool:
    for name in pointer.removeprefix("/").split("/"):
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True
