"""Bundles of agencies that lie: whatever they signed, logged and anchored, with every proof that a
bundle needs, so that nothing but the rule under test can refuse it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from ledger.domain.bundle.bundle import (
    Bundle,
    BundledCheckpoint,
    BundledDescriptor,
    BundledStatement,
    ChainSection,
    EntryList,
    LogRef,
    StorageProof,
)
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.chain import contract_layout
from ledger.domain.chain.contract_layout import ContractName, Hop
from ledger.domain.chain.finality import Pinned
from ledger.domain.codecs import strict_json
from ledger.domain.codecs.text import b64url, format_time
from ledger.domain.event import document as documents
from ledger.domain.event.types import TYPES
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.names import agency_id
from ledger.domain.log import merkle
from ledger.domain.log import receipt as receipts
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Claims, Statement
from ledger.domain.verify import FileDigest, Status, Verdict, VerificationReport, verify
from tests.support.log_trees import reader
from tests.support.malice import World
from tests.support.malice_agency import Agency, Item, Signer
from tests.vectors.maps import map_proof

CONTENT = {
    "cid": "b" + "a" * 58,
    "suite": "A256GCM-STREAM-1MiB",
    "pieces": {"size": 1048560, "count": 1},
    "paddedSize": 4096,
    "salt": b64url(bytes(16)),
    "commitment": b64url(bytes(32)),
}


def file_body(data: bytes, **members: Any) -> dict[str, Any]:
    """The body of an opening event of a file."""
    digests = {"sha-256": sha256(data).hexdigest()}
    kind = {"size": len(data), "mediaType": "image/jpeg", "name": "a.jpg"}
    return {"digests": digests, **kind, "content": CONTENT, **members}


def measured(data: bytes, **more: str) -> FileDigest:
    """What a verifier measures of a file."""
    return FileDigest(len(data), {"sha-256": sha256(data).hexdigest(), **more})


@dataclass(frozen=True)
class Event:
    """An event in an agency's log; ``document`` and ``disclosures`` as a bundle shows them."""

    agency: Agency
    statement: Statement
    document: bytes | None
    disclosures: tuple[str, ...] = ()


@dataclass
class LyingItem:
    """An item whose events are signed by whoever a test names, in whatever order and form."""

    world: World
    origin: Agency
    events: list[Event] = field(default_factory=list)
    hops: list[Hop] = field(default_factory=list)
    beside: list[Event] = field(default_factory=list)
    #: How far a log's list goes and its receipts are, where not to the newest checkpoint.
    listed: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = self.origin.rng
        self.urn = uuid.UUID(bytes=rng.randbytes(16), version=4).urn
        self.salt = rng.randbytes(32)

    @property
    def ref(self) -> bytes:
        return documents.compute_ref(self.urn, self.salt)

    def say(
        self,
        event_type: str,
        body: dict[str, Any],
        signer: Signer,
        *,
        log: Agency | None = None,
        role: str = "",
        issuer: str = "",
        shown: bool = True,
        disclosures: tuple[str, ...] = (),
        **members: Any,
    ) -> Event:
        """Sign and log the next event, and have it in the bundle.

        Args:
            log: whose log takes it; the origin's otherwise. role: in which the signer acts, the
                only one that they have otherwise. members: at the top of the document.
        """
        taker, parsed = log or self.origin, certificates.parse(signer.der)
        [only, *_] = sorted(parsed.roles)
        opens, effect = not self.events, TYPES[event_type].effect
        before = None if opens else self.events[-1].statement.digest
        document = {
            "v": documents.VERSION,
            "type": event_type,
            "evidence": self.urn,
            "seq": len(self.events),
            "prev": None if before is None else before.hex(),
            "actor": {
                "id": parsed.pseudonym,
                "agency": parsed.agency,
                "kind": parsed.kind,
                "role": role or only,
            },
            "time": format_time(self.world.clock.now()),
            "salt": b64url(taker.rng.randbytes(32)),
            **({"refSalt": b64url(self.salt)} if opens else {}),
            "body": body,
            **members,
        }
        raw = strict_json.dump(document)
        claims = Claims(
            issuer or parsed.agency,
            self.urn,
            taker.log_id,
            self.world.clock.now(),
            len(self.events),
            before,
            effect,
            self.ref if opens else None,
            body["to"]["agency"] if effect == "offer" else None,
        )
        digest = sha256(raw).digest()
        statement = statements.sign(signer.key, claims, digest, signer.digest, signer.der)
        taker.log(statement)
        event = Event(taker, statement, raw if shown else None, disclosures if shown else ())
        self.events.append(event)
        return event

    def shown_with(self, number: int, *disclosures: str) -> LyingItem:
        """The same item, of which one event is shown with other disclosures."""
        other = self._copy()
        other.events[number] = replace(self.events[number], disclosures=disclosures)
        return other

    def say_beside(
        self, number: int, event_type: str, body: dict[str, Any], signer: Signer, **said: Any
    ) -> Event:
        """Sign and log an event that follows the first so many, and show it beside the branch."""
        other = self._copy()
        other.events = other.events[:number]
        event = other.say(event_type, body, signer, shown=False, **said)
        self.beside.append(event)
        return event

    def _copy(self) -> LyingItem:
        lists = {"events": [*self.events], "hops": [*self.hops], "beside": [*self.beside]}
        other = replace(self, **lists, listed={**self.listed})
        other.urn, other.salt = self.urn, self.salt
        return other

    def offer(self, taker: Agency, signer: Signer) -> int:
        """Offer the item to another agency, in the log and on chain; when that offer ends."""
        expires = self.world.clock.now() + 86400
        to = {"agency": taker.code}
        terms = {"mode": "custody", "to": to, "expires": format_time(expires)}
        offered = self.say("transfer-offered", terms, signer).statement.digest
        self.put_on_chain(taker, offered, expires)
        return expires

    def put_on_chain(self, taker: Agency, offered: bytes, expires: int) -> None:
        """Tell the contract of an offer, by whatever is in the origin's log."""
        anchor(self.origin)
        giver, addressed = agency_id(self.origin.code), agency_id(taker.code)
        none = contract_layout.OPEN, bytes(32), 0
        hop = Hop(giver, addressed, offered, 0, expires, *none)
        self.origin.hop(Item(self.urn, self.ref, self.origin.code), hop, offered)
        self.hops.append(replace(hop, offer_time=self.world.contracts.chain.head().time))

    def accept(self, taker: Agency, signer: Signer, **body: Any) -> None:
        """Take it, in the taker's log and on chain."""
        offered = self.events[-1].statement.digest
        answer = {"offer": offered.hex(), **body}
        accepted = self.say("transfer-accepted", answer, signer, log=taker)
        self.conclude(taker, contract_layout.ACCEPTED, accepted.statement.digest)

    def withdraw(self, signer: Signer) -> None:
        """Take the offer back, in the log and on chain."""
        answer = {"offer": self.events[-1].statement.digest.hex(), "reason": "x"}
        event = self.say("transfer-withdrawn", answer, signer)
        self.conclude(self.origin, contract_layout.WITHDRAWN, event.statement.digest)

    def conclude(self, agency: Agency, outcome: int, digest: bytes) -> None:
        """End the open offer on chain, by whatever is in an agency's log."""
        anchor(agency)
        hop = replace(self.hops[-1], outcome=outcome, outcome_digest=digest)
        agency.hop(Item(self.urn, self.ref, self.origin.code), hop, digest)
        self.hops[-1] = replace(hop, time=self.world.contracts.chain.head().time)

    def verdict(self, file: FileDigest | None = None) -> VerificationReport:
        """What somebody else finds of the bundle."""
        data, root = self.bundle()
        return verify(data, root, file=file)

    def bundle(self) -> tuple[bytes, TrustRoot]:
        """The bundle, with a trust root that pins its block."""
        for agency in self.world.agencies.values():
            self.world.clock.time += 60
            anchor(agency)
        self.world.clock.time += 60
        for agency in self.world.agencies.values():
            agency.publish_crl()
        return _bundle(self)


def refused(report: VerificationReport, step: int, *words: str) -> None:
    """Require that a step fails, for a reason in these words."""
    assert report.verdict is Verdict.FAILED, report
    assert [one.number for one in report.steps.values() if one.status is Status.FAILED] == [step]
    assert all(word in report.steps[step].detail for word in words), report.steps[step].detail


def found(report: VerificationReport, *words: str) -> list[str]:
    """The findings that have all of these words."""
    return [one for one in report.findings if all(word in one for word in words)]


def prepare(world: World) -> World:
    """Note the checkpoints of a world whose agencies will lie in bundles, from now on."""
    for agency in world.agencies.values():
        anchor(agency)
    return world


def anchor(agency: Agency) -> None:
    """Anchor what is logged, and note the checkpoint as bundles show it."""
    before = agency.anchored
    agency.anchor()
    if agency.anchored != before:
        latest = agency.world.contracts.latest(agency.log_id)
        agency.checkpoints[agency.anchored] = BundledCheckpoint(
            0, before, latest.size, latest.root, latest.map_root, 1, latest.time, latest.block, b""
        )


def _bundle(item: LyingItem) -> tuple[bytes, TrustRoot]:
    world, chain = item.world, item.world.contracts.chain
    block = chain.block(chain.final())
    everything = [*item.events, *item.beside]
    logs = list(dict.fromkeys(event.agency.code for event in everything))
    wanted: set[tuple[int, int]] = set()
    rows: list[tuple[Event, int, int, bytes, tuple[int, int]]] = []
    for event in everything:
        agency, log = event.agency, logs.index(event.agency.code)
        index, sizes = agency.entries.index(event.statement.entry), sorted(agency.checkpoints)
        first = next(size for size in sizes if size > index)
        newest = item.listed.get(agency.code, sizes[-1])
        wanted |= {(log, first), (log, newest)}
        read = reader(agency.leaves())
        receipt = receipts.issue(
            agency.log_key,
            log_id=agency.log_id,
            subject=item.urn,
            size=newest,
            index=index,
            path=merkle.inclusion_proof(index, newest, read),
            root=merkle.root_of(newest, read),
        )
        rows.append((event, log, index, receipt.encode(), (log, first)))
    numbers = {place: number for number, place in enumerate(sorted(wanted))}
    checkpoints = [
        replace(world[logs[log]].checkpoints[size], log=log, note=world[logs[log]].note(size))
        for log, size in numbers
    ]
    shown = tuple(
        BundledStatement(
            log, index, event.statement.entry, event.document, event.disclosures, receipt,
            numbers[first],
        )
        for event, log, index, receipt, first in rows
    )  # fmt: skip
    lists = tuple(
        EntryList(
            numbers[log, size],
            bytes(32),
            (),
            map_proof(world[code].log_id, world[code].mapped(size), item.urn),
        )
        for log, code in enumerate(logs)
        for size in [item.listed.get(code, max(world[code].checkpoints))]
    )
    certificates_used = {e.statement.certificate: e.statement.chain[0] for e in item.events}
    issuers = {certificates.parse(der).agency for der in certificates_used.values()}
    named = sorted({*issuers, *logs})
    ids = [world.contracts.log_id(agency_id(code), 0) for code in logs]
    key = contract_layout.custody_key(agency_id(item.origin.code), item.ref)
    accepted = [hop.taker for hop in item.hops if hop.outcome == contract_layout.ACCEPTED]
    holder = accepted[-1] if accepted else agency_id(item.origin.code)
    held = [log for log, code in enumerate(logs) if agency_id(code) == holder]
    concluded = sum(hop.outcome != contract_layout.OPEN for hop in item.hops)
    on_ledger = [
        *(contract_layout.checkpoint_slot(ids[one.log], one.size) for one in checkpoints),
        *(contract_layout.newest_slot(ids[log]) for log in held),
        contract_layout.custody_slot(key),
        *([contract_layout.hop_slot(key, concluded - 1)] if concluded else []),
        *([contract_layout.hop_slot(key, concluded)] if len(item.hops) > concluded else []),
    ]
    on_registry = [
        contract_layout.descriptor_slot(agency_id(code), version)
        for code in named
        for version in ((1, 2) if code in issuers else (1,))
    ] + [contract_layout.agency_slot(holder)]
    ledger = chain.prove(world.contracts.ledger, on_ledger, block.number)
    registry = chain.prove(world.contracts.registry, on_registry, block.number)
    bundle = Bundle(
        item.urn,
        item.origin.code,
        tuple(LogRef(code, 0) for code in logs),
        shown,
        tuple(certificates_used.values()),
        tuple(world[code].crl for code in sorted(issuers)),
        tuple(checkpoints),
        tuple(_descriptor(world[code]) for code in named),
        tuple(item.hops),
        ChainSection(
            block.header,
            (),
            registry.account,
            ledger.account,
            (
                *_proofs("ledger", on_ledger, ledger.storage),
                *_proofs("registry", on_registry, registry.storage),
            ),
        ),
        lists=lists,
    )
    root = replace(world.root, finality=(Pinned({block.number: block.hash}),))
    return bundle.encode(), root


def _proofs(
    contract: ContractName, slots: Iterable[bytes], nodes: Sequence[tuple[bytes, ...]]
) -> Iterable[StorageProof]:
    return (
        StorageProof(contract, slot, tuple(proof)) for slot, proof in zip(slots, nodes, strict=True)
    )


def _descriptor(agency: Agency) -> BundledDescriptor:
    """The founding descriptor, with the block in which the contract took it."""
    contracts = agency.world.contracts
    wanted = contracts.descriptor_commitment(agency_id(agency.code), 1)
    for number in range(contracts.chain.head().number + 1):
        block = contracts.chain.block(number)
        digest = agency.descriptor.digest
        if contract_layout.descriptor_commitment(digest, block.time, number) == wanted:
            return BundledDescriptor(agency.descriptor.raw, block.time, number)
    raise AssertionError(f"the contract has another descriptor of {agency.code}")
