"""custody show"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import typer

from cli.invocation.global_options import Basis, Evidence, Json
from cli.invocation.hints import command
from cli.items import items, offer_confirmation, short_ids
from cli.node import people
from cli.terminal import moments, output
from cli.wording import labels, person_words, timeline
from ledger.domain.identity.person import PersonId, read_stored
from ledger.domain.identity.roles import ROLES_BY_TYPE

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.client.reading.listed_events import TimelineEvent
    from ledger.domain.ports.answers import (
        Item,
        LoggedEvent,
        OpenOffer,
        RecordedDocument,
        Replica,
        Standing,
    )

_HELP = """Show an item. Without --basis only what the node keeps in clear; with it the whole
record, after your access is signed.

\b
Example:
  custody --home ~/evidence show 3f0c1d2e-... --basis "case 2026-117, hearing"
"""
#: Of what the node tells without a record, whoever reads it.
_WORD: Final = "Until then all of this is the node's word."


def show(evidence: Evidence, basis: Basis = "", as_json: Json = False) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        named = items.find(session, evidence)
        shown = read(session, named, basis)
    output.result(shown.value, *shown.lines(evidence, by_case=bool(named.case)))


@dataclass(frozen=True, slots=True)
class Shown:
    """An item, or a case, as the node tells it, with its record where that was read."""

    item: Item
    events: list[LoggedEvent]
    details: list[RecordedDocument]
    standing: Standing | None
    names: dict[str, str]
    called: person_words.Names
    may_read: bool  # whether a role of theirs may open the record at all

    @property
    def value(self) -> dict[str, Any]:
        """What a script is told."""
        return {
            "item": self.item,
            "events": self.events,
            "details": [_told(detail) for detail in self.details] or None,
            "standing": self.standing,
        }

    def lines(self, typed: str, *, by_case: bool) -> list[str]:
        """What a person is told.

        Args:
            typed: how it was named. by_case: whether that says why it may be read.
        """
        from ledger.client.reading import listed_events

        told = listed_events.held_against(self.item, self.events, self.details)
        text = _text(self.item, told, self.names, self.standing, self.called)
        if any(one.is_signed for one in told):
            proving = command("bundle", typed, *([] if by_case else ["--basis", "WHY"]))
            text += [
                "Each event was held against its signature. Since when it is on the chain is",
                f"the node's word, and a bundle proves it: {proving}",
            ]
        elif self.may_read:
            reading = command("show", typed, "--basis", "WHY")
            text += [
                f"What happened stays sealed, your own words too. To read it, say why: {reading}",
                _WORD,
            ]
        else:
            text += ["What happened stays sealed: no role of yours opens a record.", _WORD]
        return [*text, *_missing(self.details)]


def read(session: Session, named: short_ids.Named, basis: str) -> Shown:
    """What the node tells of an item; with a basis also its record, after an access was signed."""
    from cli.items.arguments import basis as basis_member
    from ledger.client.reading import retrieval

    urn = named.urn
    details: list[RecordedDocument] = []
    standing: Standing | None = None
    if basis:
        access = retrieval.record_access(
            session.node,
            session.person,
            session.clock,
            urn,
            mode="view",
            basis=basis_member(basis),
        )
        details, standing = session.node.record(urn, access)
    item = session.node.item(urn)
    events = list(session.node.events(urn))
    called = people.named(session, _seen(item, details))
    may_read = bool(ROLES_BY_TYPE["accessed"] & session.person.certificate.roles)
    return Shown(item, events, details, standing, session.node.agency().names, called, may_read)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(show)


def _told(recorded_document: RecordedDocument) -> dict[str, Any]:
    """An event of the record for scripts, without what it was held against."""
    looked = {} if recorded_document.looked is None else {"looked": recorded_document.looked}
    return {
        "seq": recorded_document.seq,
        "statement": recorded_document.statement,
        "document": recorded_document.document,
        **looked,
    }


def _replica(replica: Replica) -> str:
    good = f", last good {replica.proof[:16].replace('T', ' ')}" if replica.proof else ""
    return f"{replica.node}: {labels.REPLICAS[replica.state]}{good}" + (
        f" ({replica.problem})" if replica.problem else ""
    )


def _text(
    item: Item,
    events: list[TimelineEvent],
    names: dict[str, str],
    standing: Standing | None,
    called: person_words.Names,
) -> list[str]:
    kind = "case" if item.kind == "case" else "item"
    lines = [
        f"{kind}     {short_ids.short_digest(item.opening) or '-'}  {item.evidence}",
        f"held by  {labels.holder(item, called)}"
        + (" (closed)" if item.closed else "")
        + (", keys destroyed" if item.erased else ""),
        *_offer(item.offer, called),
        *([] if kind == "case" else [f"content  {item.cid or 'none'}"]),
        f"state    {labels.STATES[item.state]}",
        *(f"kept at  {_replica(replica)}" for replica in item.replicas),
        *(offer_confirmation.standing_lines(standing) if standing is not None else []),
        "",
    ]
    is_read = any(told.is_signed for told in events)
    entries = []
    for told in events:
        event = told.listed
        proven = (
            f"on the chain by {event.provenTime}"
            if event.provenTime
            else labels.STATES[event.state]
        ) + ("; all of it the node's word" if is_read and not told.is_signed else "")
        entries.append(
            timeline.Told(
                event.seq,
                event.time,
                event.effect,
                event.agency,
                event.statement,
                told.document,
                proven,
                event.void,
                event.looked,
            )
        )
    lines += timeline.Timeline(entries, names, called).lines()
    return [*lines, "", f"times are {moments.zone_here(item.time)}"]


def _missing(details: list[RecordedDocument]) -> list[str]:
    """What the record does not say, so that what holds is the node's word."""
    from ledger.client.reading import whole_record

    lines = [f"not shown: {what}" for what in whole_record.missing(details)]
    word = "what holds for the item is the node's word alone: its record is not shown whole"
    return [*lines, word] if lines else []


def _seen(item: Item, details: list[RecordedDocument]) -> Iterator[PersonId]:
    """Everybody whom the item and its record name."""
    yield from person_words.actors(detail.document for detail in details)
    yield PersonId(item.custodian, item.holder)
    if item.offer is not None and item.offer.person:
        yield PersonId(item.offer.agency, item.offer.person)
    for detail in details:
        for look in detail.looked or ():
            who = read_stored(look.person)
            yield PersonId(who.agency or item.custodian, who.pseudonym)


def _offer(offer: OpenOffer | None, called: person_words.Names) -> list[str]:
    if offer is None:
        return []
    to = f"{called(offer.agency, offer.person)} of {offer.agency}" if offer.person else offer.agency
    return [f"offered  to {to}, good until {offer.expires or '?'}"]
