"""A key, or content, is released only after a signed access: what an access could open is asked
before it is signed, and again when something is handed out under it.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Final

from ledger.domain.codecs.text import from_hex
from ledger.domain.crypto import grants
from ledger.domain.errors import DeniedError, KeyringError, RuleError
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.identity.person import Recipient
from ledger.domain.identity.roles import OUTSIDE, keeps_custody
from ledger.domain.item import history_rules
from ledger.domain.item.custody_transitions import OFFER_OPEN
from ledger.domain.item.item_history import ItemHistory
from ledger.domain.item.participation import OPENS_CONTENT, ROLES_BY_PART, Part, acting_roles
from ledger.domain.item.recorded_event import RecordedEvent
from ledger.rows.items import ItemRow
from ledger.rows.logs import EntryRow
from ledger.rows.releases import ReleaseRow
from ledger.rows.states import ReleaseKind
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization, guard_marks
from ledger.services.access.authorization import Caller
from ledger.services.access.service_numbers import Persons
from ledger.services.node.context import Node
from ledger.services.records import documents

#: Roles that may never read details or content, whatever they sign.
NO_CONTENT: Final = ROLES_BY_PART[Part.WATCHER]
FRESH: Final = 3600  # seconds for which one recorded access is good


def require_readable(
    node: Node,
    unit: UnitOfWork,
    caller: Caller,
    item: ItemRow,
    mode: str,
    *,
    present: bool = True,
    pausing: bool = False,
) -> tuple[bytes, ...]:
    """Check that what an access of this mode opens could be handed to the caller.

    Asked before an access is signed, and again before it is registered: an access after which
    nothing is handed out would tell of a reading that never was.

    Args:
        present: whether the access says who is with the reader; not asked before it is signed.
        pausing: the open offer of the item would be taken back first.

    Returns:
        digests of the HPKE keys to which the content key is sealed for the caller.

    Raises:
        DeniedError, RuleError: why nothing could be handed out.
    """
    require_reader(node, unit, caller, item)
    _require_not_disposed(unit, item.state.evidence)
    if item.state.offer is not None and not pausing:
        parts = authorization.parts_of(node, unit, caller, item.state.evidence, item)
        hint = "wait until it is answered, or ask the holder or a custodian to take the offer back"
        if authorization.is_offered_to(node, caller, item):
            hint = (
                "check it and answer: custody handover accept ID, or custody handover decline ID "
                "--reason WHY"
            )
        elif acting_roles("transfer-withdrawn", parts, caller.roles):
            hint = (
                "take the offer back: custody handover withdraw ID --reason WHY; or read it "
                "meanwhile and offer it again: custody handover pause ID -o FILE --basis WHY"
            )
        raise RuleError(OFFER_OPEN, hint=hint)
    if item.state.custodian != node.agency:
        what = (
            f"this item went to {item.state.custodian}: readings are recorded by whoever "
            "holds it now"
        )
        raise RuleError(what, hint="ask them for a bundle")
    guard = _Guard(node, unit, caller, item.state.evidence)
    guard.require_inspected(mode, present=present)
    if mode in ("copy", "inspection"):
        guard.require_confidant()
    keys = tuple(
        dict.fromkeys(grants.parse(content_grant).recipient for content_grant in guard.grants())
    )
    if mode == "copy" and item.cid is not None and not keys:
        raise no_key()
    return keys


def require_reader(node: Node, unit: UnitOfWork, caller: Caller, item: ItemRow) -> None:
    """Check that the caller may read an item: neither the role nor the part of an administrator or
    auditor opens anything, so that they need another role and another part in the item.

    Raises:
        DeniedError: they have none.
    """
    parts = authorization.parts_of(node, unit, caller, item.state.evidence, item)
    if not caller.roles - NO_CONTENT or not parts - {Part.WATCHER}:
        raise DeniedError("this role sees records, never details or content")


def _require_not_disposed(unit: UnitOfWork, evidence: str) -> None:
    """Check that an item was not disposed of: from that moment on nothing of it is read, also where
    its keys are still there, and whoever signed an access before.

    Raises:
        DeniedError: it was.
    """
    if unit.erasures.get(evidence) is not None:
        raise DeniedError(
            "this item was disposed of: its keys are destroyed, or will be at once, and nothing of "
            "it can be read",
            hint="custody dispose certificate ID",
        )


def no_key() -> DeniedError:
    """Nobody sealed the content key to the caller."""
    hint = "whoever has it gives it to you with: `custody share ID --with YOU --basis WHY`"
    return DeniedError("no key to the content of this item was given to you", hint=hint)


def require_access(
    node: Node, unit: UnitOfWork, caller: Caller, evidence: str, access: bytes, kind: str
) -> EntryRow:
    """Check that ``access`` is the digest of the caller's own, recent `accessed` event on this
    item.

    Args:
        kind: content (for which a key is sealed to the caller), bundle, or details, for which an
            access of any mode is enough.

    Raises:
        DeniedError: it is not, or the caller's role may not read, or has no key; or the item was
            disposed of since.
    """
    require_reader(node, unit, caller, authorization.require_visible(node, unit, caller, evidence))
    _require_not_disposed(unit, evidence)
    hint = "sign an access first: this is what --basis does"
    row = unit.logs.entry_by_digest(access)
    if (
        row is None
        or row.evidence != evidence
        or row.certificate != caller.certificate
        or row.effect != "none"
    ):
        raise DeniedError(
            "no access of yours to this item is in the log under that digest", hint=hint
        )
    event = documents.read_event(node, unit, row)
    modes = ("view", "inspection", "copy", "export") if kind == "details" else ("copy", "export")
    if (
        event is None
        or event.type != "accessed"
        or event.body["mode"] not in modes
        or "basis" not in event.value
    ):
        raise DeniedError("the recorded access does not cover this", hint=hint)
    if (
        not -AHEAD <= node.clock.now() - row.time <= FRESH
    ):  # its time is that of the reader's own clock
        raise DeniedError("the recorded access is too old", hint=hint)
    guard = _Guard(node, unit, caller, evidence)
    if history_rules.looks_back(event):
        # What was marked after somebody signed an access is handed out as the mark lets it, from
        # that moment on.
        recorded = RecordedEvent(row.digest, event)
        history_rules.require_allowed(guard.history, recorded, node.clock.now())
    guard.require_inspected(event.body["mode"], present=bool(event.body.get("present")))
    if kind == "content":
        guard.require_confidant()
    if kind == "content" and not guard.grants():
        raise no_key()
    return row


class _Guard:
    """What decides whether somebody is handed guarded material, each thing read once and only where
    it is asked for: every range of a content asks.
    """

    def __init__(self, node: Node, unit: UnitOfWork, caller: Caller, evidence: str) -> None:
        self._node = node
        self._unit = unit
        self._caller = caller
        self._evidence = evidence

    @cached_property
    def history(self) -> ItemHistory:
        """What the item's documents tell, as far as they still open."""
        return guard_marks.history_of(self._node, self._unit, self._evidence)

    @cached_property
    def _item(self) -> ItemRow | None:
        return self._unit.items.get(self._evidence)

    @cached_property
    def _parts(self) -> frozenset[Part]:
        return authorization.parts_of(
            self._node, self._unit, self._caller, self._evidence, self._item
        )

    @cached_property
    def _marks(self) -> AbstractSet[str]:
        """The guard marks of the item: known by its head, so that a range of a content costs no
        history.
        """
        if self._item is None:
            return frozenset()
        return guard_marks.guards_of(self._node, self._unit, self._item).keys()

    @property
    def _is_guarded(self) -> bool:
        return history_rules.GUARDED in self._marks

    @cached_property
    def _is_outside(self) -> bool:
        """Whether the caller stands for the defence, under whichever enrolment of theirs: this goes
        through all people of the agency, and is asked last.

        Raises:
            KeyringError: a service number was altered, so that it cannot be told, and the item is
                guarded material; nobody is kept from reading anything else by that.
        """
        roles = self._caller.roles
        try:
            roles |= Persons(self._node, self._unit).roles(self._caller.id)
        except KeyringError:
            if self._is_guarded:
                raise
        return bool(roles & OUTSIDE)

    def require_inspected(self, mode: str, *, present: bool) -> None:
        """Check that guarded material is no more than inspected by whoever stands for the defence
        under any enrolment, whenever it was marked and whichever role they sign in.

        Raises:
            DeniedError: it would be. KeyringError: see _is_outside.
        """
        if self.holds_back:
            history_rules.require_inspection(mode, present=present)

    @property
    def holds_back(self) -> bool:
        """Whether it is guarded material, and the caller stands for the defence."""
        return self._is_guarded and self._is_outside

    def require_confidant(self, event_type: str = "accessed") -> None:
        """Check that nobody who investigates or prosecutes opens privileged content.

        Args:
            event_type: that they sign for it, in any role that their part lets them sign it in.

        Raises:
            DeniedError: they would.
        """
        if self._item is None or history_rules.PRIVILEGED in self._marks:
            roles = acting_roles(event_type, self._parts, self._caller.roles)
            history_rules.require_confidant(roles)

    def grants(self) -> list[bytes]:
        """See content_grants."""
        node, unit, caller, evidence = self._node, self._unit, self._caller, self._evidence
        own, custody = list[bytes](), list[bytes]()
        if self._parts & OPENS_CONTENT:
            own = authorization.own_grants(node, unit, caller, evidence)
        if Part.CUSTODIAN in self._parts and keeps_custody(caller.roles):
            key = node.descriptor(unit).custody.digest
            custody = unit.grants.sealed_to(evidence, "content", key)
        if not custody and not (own and self._is_guarded):
            return own
        if not self._is_outside:
            return [*own, *custody]
        return [] if self._is_guarded else own


def require_shown_on_offer(node: Node, unit: UnitOfWork, caller: Caller, evidence: str) -> None:
    """Check that guarded material on offer is shown to nobody who stands for the defence, also
    where they joined it after the offer was made to them, and privileged material to nobody who
    would take it as somebody who investigates.

    Raises:
        DeniedError: it would be. KeyringError: see _Guard.
    """
    guard = _Guard(node, unit, caller, evidence)
    guard.require_confidant("transfer-accepted")
    if guard.holds_back:
        raise DeniedError(
            f"material marked {history_rules.GUARDED} is given to government and court only",
            hint="refuse it: custody handover decline ID --reason WHY",
        )


def note_release(
    node: Node, statement: bytes, recipient: Recipient, kind: ReleaseKind, evidence: str
) -> None:
    """Write down what is about to be handed out, and which statement covers it: an audit compares
    both.

    Raises:
        StorageError: it cannot be written down, and must not be handed out.
    """
    with node.records.write() as unit:
        unit.releases.put(ReleaseRow(statement, recipient, kind, evidence, node.clock.now()))


def release(node: Node, caller: Caller, evidence: str, access: str, kind: ReleaseKind) -> EntryRow:
    """Check the caller's recorded access, by its digest in hex, and write down what is about to be
    handed out under it.

    Args:
        kind: see require_access.

    Raises:
        FormatError: no digest. DeniedError, NotFoundError: the access does not cover it.
    """
    digest = from_hex(access, what="access", size=32)
    with node.records.read() as unit:
        row = require_access(node, unit, caller, evidence, digest, kind)
    note_release(node, digest, caller.id.recipient, kind, evidence)
    return row


def is_covered(unit: UnitOfWork, evidence: str, access: str) -> bool:
    """Whether a bundle of an item is handed out under an access: always, until its keys are gone.

    Raises:
        DeniedError: none is given though keys are there still, and will be destroyed at once.
    """
    erasure = unit.erasures.get(evidence)
    if erasure is not None and erasure.state == "due" and not access:
        raise DeniedError(
            "the keys of this item are being destroyed: nothing of it can be read any more",
            hint="try again in a moment: a bundle without documents needs no access then",
        )
    return erasure is None or bool(access)


def content_grants(node: Node, unit: UnitOfWork, caller: Caller, evidence: str) -> list[bytes]:
    """The grants of an item's content key that the caller may be handed.

    These are the ones sealed to the caller, as long as one of their parts opens content. A
    custodian gets those sealed to the custody key as well. Whoever stands for the defence under any
    enrolment gets none of those, and none at all of guarded material.

    Raises:
        KeyringError: see _Guard.
    """
    return _Guard(node, unit, caller, evidence).grants()
