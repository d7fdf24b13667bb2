"""What the documents of an item forbid to follow, judged on the node before an event is sequenced."""

from __future__ import annotations

from typing import Final

from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.person import PersonId
from ledger.domain.life import GUARDED, OUTSIDE, Life, Told
from ledger.domain.records import ItemRow
from ledger.domain.unit import Unit
from ledger.services import reading
from ledger.services.checking import Checked
from ledger.services.node import Node

BIOMETRIC: Final = "biometric"
_APPROVALS: Final = 2


class Review:
    """The judgement of one batch, within its transaction."""

    def __init__(self, node: Node, unit: Unit) -> None:
        self._node = node
        self._unit = unit
        self._told: dict[str, list[Told]] = {}  # by items, what this batch has said so far
        self._lives: dict[str, Life] = {}

    def require_allowed(self, one: Checked, before: ItemRow | None) -> None:
        """Check an event against its item's life so far, and take it into account.

        Raises:
            RuleError, DeniedError: why it may not follow.
        """
        if self._node.profile is not None and one.certificate.kind == "person":
            self._node.profile.require_allowed(one.event)
        if one.certificate.agency != self._node.agency:
            _require_involved(self._unit, one, before)
        told = Told(one.statement.digest, one.event)
        evidence = one.statement.claims.subject
        if before is None:
            _require_origin(self._node, self._unit, told)
        else:
            life = self._life(evidence) if Life.looks_back(one.event) else self._lives.get(evidence, Life())
            life.require_allowed(told, self._node.clock.now())
            _require_official(self._unit, one, life)
        self._told.setdefault(evidence, []).append(told)
        if evidence in self._lives:
            self._lives[evidence].take(told)

    def _life(self, evidence: str) -> Life:
        if evidence not in self._lives:
            self._lives[evidence] = life_of(self._node, self._unit, evidence)
            for told in self._told.get(evidence, []):
                self._lives[evidence].take(told)
        return self._lives[evidence]


def _require_official(unit: Unit, one: Checked, life: Life) -> None:
    """Guarded material is not granted to anybody outside government and court, whatever the event calls them.

    Raises:
        DeniedError: it would be.
    """
    to = one.event.body.get("to", {}) if GUARDED in life.handling and one.grants else {}
    row = unit.person(PersonId(to.get("agency", ""), to["person"])) if "person" in to else None
    der = unit.certificate(row.certificate) if row is not None else None
    if der is not None and certificates.parse(der).roles <= OUTSIDE:
        raise DeniedError(f"material marked {GUARDED} is granted to government and court only", hint="show it under supervision")


def _require_involved(unit: Unit, one: Checked, before: ItemRow | None) -> None:
    """Somebody of another agency records only about what was given to them; another node only that it destroyed keys it held.

    Raises:
        DeniedError: otherwise.
    """
    evidence = one.statement.claims.subject
    if one.certificate.kind == "service":
        held = {row.giver for row in unit.crossings(evidence)} | {row.taker for row in unit.crossings(evidence)}
        involved = one.event.type == "keys-destroyed" and one.certificate.agency in held and unit.erasure(evidence) is not None
    else:
        person = unit.person(one.certificate.subject)
        involved = person is not None and bool(unit.grants(evidence, "content", reading.hpke_key(person).digest))
    if before is None or not involved:
        raise DeniedError("this was not given to you")


def life_of(node: Node, unit: Unit, evidence: str) -> Life:
    """An item's life, as far as its documents still open."""
    life = Life()
    for row in unit.events(evidence):
        event = reading.read_event(node, unit, row)
        if event is not None:
            life.take(Told(row.digest, event))
    return life


def _require_origin(node: Node, unit: Unit, told: Told) -> None:
    """A derived item names parents that are held here; what recognises people takes two approvals on one of them."""
    if told.event.type != "derived":
        return
    parents = told.event.body["parents"]
    if len(unit.items_named(parents)) != len(set(parents)):
        raise RuleError("an item that this one is derived from is not known here", hint="check the parents")
    if BIOMETRIC not in told.event.value.get("handling", []):
        return
    people = set()
    for digest in told.event.body.get("approvals", []):
        row = unit.entry_by_digest(bytes.fromhex(digest))
        event = reading.read_event(node, unit, row) if row is not None and row.evidence in parents else None
        if row is not None and event is not None and event.type == "approved":
            people.add(Told(row.digest, event).actor)
    if len(people - {told.actor}) < _APPROVALS:
        raise RuleError(
            f"biometric output takes the approval of {_APPROVALS} colleagues on an item that it is derived from",
            hint="custody record approve PARENT --target ANALYSIS, by each; then --approval DIGEST twice",
        )
