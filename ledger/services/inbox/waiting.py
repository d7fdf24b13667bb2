"""What waits for a person: matters of the agency and its node, as far as the single views tell them
to this person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ledger.domain.errors import KeyringError
from ledger.domain.item.duties import DutyKind
from ledger.domain.item.participation import Part, acting_roles
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization, stolen_orders
from ledger.services.access.authorization import Caller
from ledger.services.access.service_numbers import open_number
from ledger.services.node import duty_board
from ledger.services.node.context import Node
from ledger.services.onchain import checkpoint_anchoring
from ledger.services.people import admission, colleagues, expiry

Kind = (
    DutyKind
    | Literal[
        "offer",
        "offer-expired",
        "copy-damaged",
        "person-asks",
        "alarm",
        "not-anchored",
        "worker-failing",
        "certificate",
        "frozen",
        "record-unreadable",
    ]
)
#: Matters of one kind that are told at once.
MOST: Final = 100
#: Seconds for which an entry may wait for the chain before somebody is told.
_UNANCHORED: Final = 3600
#: Seconds for which an alarm is told: nobody marks one as seen.
_ALARMED: Final = 14 * 86400
_ALARM_READERS: Final = frozenset({"auditor", "data-protection-officer", "administrator"})
_ADMITS: Final = frozenset({"administrator"})


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits.

    ``evidence``: the item, empty for none; ``subject``: of a person who asks to join the reference
    by which they are approved, of background work its name, of alarms the id of the newest one;
    ``count``: how many of the kind this one line stands for; ``since`` and ``due``: seconds since
    1970, None where nothing says so; ``told``: what the node says about it, ``hint``: what to do,
    of its own matters alone.
    """

    kind: Kind
    evidence: str = ""
    subject: str = ""
    count: int = 1
    since: int | None = None
    due: int | None = None
    told: str = ""
    hint: str = ""


def of_node(node: Node, unit: UnitOfWork, caller: Caller) -> Iterator[Waiting]:
    """What waits that is about no single item."""
    yield from _anchoring(node, unit)
    yield from _workers(node, caller)
    if caller.roles & _ADMITS:
        yield from _people(node, unit)
    if caller.roles & _ALARM_READERS:
        since = node.clock.now() - _ALARMED
        rows = unit.releases.alarms(after=since, limit=MOST)
        if rows:
            yield Waiting("alarm", subject=rows[-1].id, count=len(rows), since=rows[0].time)
    for ends in expiry.told_to(caller, expiry.ending(node))[:MOST]:
        name = ends.person.pseudonym if ends.person is not None else ends.owner
        said, todo = ends.told(node.clock.now()), ends.remedy
        yield Waiting("certificate", subject=name, due=ends.until, told=said, hint=todo)


def _anchoring(node: Node, unit: UnitOfWork) -> Iterator[Waiting]:
    log, reached = unit.logs.get(node.log_id), checkpoint_anchoring.progress(node, unit)
    if log is not None and log.frozen:
        yield Waiting("frozen", told=log.frozen)
    count = reached.integrated - reached.final
    oldest = unit.logs.entry(node.log_id, reached.final) if count > 0 else None
    if oldest is not None and oldest.time < node.clock.now() - _UNANCHORED:
        yield Waiting("not-anchored", count=count, since=oldest.time)


def _workers(node: Node, caller: Caller) -> Iterator[Waiting]:
    inside = colleagues.may_be_told(node, caller)
    for row in duty_board.shown(node.workers.rows(), inside=inside):
        if row.failures:
            yield Waiting(
                "worker-failing",
                subject=row.worker,
                count=row.failures,
                since=row.since,
                told=row.problem,
                hint=row.hint,
            )


def _people(node: Node, unit: UnitOfWork) -> Iterator[Waiting]:
    now = node.clock.now()
    asking = [
        row
        for row in unit.people.enrolments()
        if row.state == "requested" and admission.is_open(row, now)
    ]
    for row in asking[:MOST]:
        try:
            number = open_number(node, row.number, row.code)
        except KeyringError:  # told by audits; the others are approved all the same
            number = ""
        subject = admission.reference_of(row)
        yield Waiting("person-asks", subject=subject, due=row.expires, told=number)


def offers(node: Node, unit: UnitOfWork, caller: Caller) -> Iterator[Waiting]:
    """Offers that wait for the caller's answer, and expired ones that they may take back."""
    person, recipient = authorization.seen_by(node, unit, caller)
    now, found = node.clock.now(), 0
    for item in unit.items.offered(limit=5 * MOST, person=person, recipient=recipient):
        offer, parts = (
            item.state.offer,
            authorization.parts_of(node, unit, caller, item.evidence, item),
        )
        if offer is None or found == MOST:
            continue
        expired = offer.expires is not None and offer.expires < now
        asked = Part.ASKED in parts and stolen_orders.is_given(node, unit, offer.digest)
        if asked and not expired:
            yield Waiting("offer", item.evidence, since=item.time, due=offer.expires)
        elif expired and acting_roles("transfer-withdrawn", parts, caller.roles):
            yield Waiting("offer-expired", item.evidence, since=item.time, due=offer.expires)
        else:
            continue
        found += 1
