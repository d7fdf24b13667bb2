"""Rows that follow from the log, the chain and public documents alone: every one is derived again and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from typing import Any, Final

from ledger.domain import enrolment, merkle, slots, tiles
from ledger.domain import receipt as receipts
from ledger.domain import statement as statements
from ledger.domain.audit.findings import Finding
from ledger.domain.audit.ports import AuditState
from ledger.domain.audit.report import Report
from ledger.domain.errors import CustodyError
from ledger.domain.event import document as documents
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.descriptor import HpkeKey
from ledger.domain.identity.names import agency_id, agency_urn
from ledger.domain.records import EntryRow
from ledger.domain.statement import Claims
from ledger.domain.tiles import HEIGHT, WIDTH
from ledger.domain.unit import Unit
from ledger.services.node import Node

PAGE: Final = 256
_STRAY: Final = 200
_ANYWHERE: Final = 2**62


class LogRows:
    """Compares tables of a home; ``state`` is that of an audit of its log that was just made."""

    def __init__(self, node: Node, state: AuditState, report: Report, advance: Callable[[int], None]) -> None:
        self._node = node
        self._state = state
        self._report = report
        self._advance = advance
        self.count = 0

    def run(self) -> None:
        """Compare everything."""
        self._entries()
        parts = {
            "log": self._log, "checkpoint": self._checkpoints, "descriptor": self._descriptors, "crl": self._crls,
            "certificate": self._certificates, "person": self._people, "crossing": self._crossings,
        }  # fmt: skip
        for table, compare in parts.items():
            with self._node.records.read() as unit, self.guarded(table):
                compare(unit)

    @contextmanager
    def guarded(self, place: str) -> Iterator[None]:
        """A row may have been altered into something that no program of ours would write: that is a finding, and the rest goes on."""
        try:
            yield
        except (CustodyError, ValueError, TypeError, KeyError, AttributeError, LookupError) as error:
            told = error.message if isinstance(error, CustodyError) else type(error).__name__
            self._find("row-edited", place, "values that can be read", told)

    def differ(self, table: str, key: str, expected: dict[str, Any], found: dict[str, Any]) -> None:
        """Tell which columns of a row are not what they should be; values of columns that may be case data are not told."""
        self.count += 1
        for name, value in expected.items():
            if found.get(name) != value:
                self._find("row-edited", f"{table} {key}", f"{name} = {shown(value)}", shown(found.get(name)))

    def _find(self, code: str, place: str, expected: str, found: str) -> None:
        self._report.add(Finding(code, place, expected, found))

    def missing(self, table: str, key: str, why: str) -> None:
        """A row that must be there is not."""
        self._find("row-missing", f"{table} {key}", why, "no such row")

    def inserted(self, table: str, key: str, why: str) -> None:
        """A row that nothing accounts for."""
        self._find("row-inserted", f"{table} {key}", why, "a row")

    def stray(self, unit: Unit, table: str, column: str, of: list[tuple[str, str]], why: str) -> None:
        """Rows of a table that belong to nothing."""
        for value in unit.stray(table, column, of, _STRAY):
            self.inserted(table, shown(value), why)

    def _entries(self) -> None:
        """Columns of entries against the entries; tiles against the tree that the entries make."""
        node, frontier = self._node, merkle.Frontier()
        expected: dict[tuple[int, int], bytearray] = {}
        with node.records.read() as unit:
            state = unit.log(node.log_id)
            size = state.size if state is not None else 0
        for start in range(0, size, PAGE):
            with node.records.read() as unit:
                rows = unit.entries(node.log_id, start, min(start + PAGE, size))
            places = {row.index for row in rows}
            for index in sorted(set(range(start, min(start + PAGE, size))) - places):
                self.missing("entry", str(index), "the log has an entry there")
            for row in rows:
                with self.guarded(f"entry {row.index}"):
                    self.entry(row)
                if not start <= row.index < row.receipt_size <= size:
                    self._find(
                        "row-edited", f"entry {row.index}", "receipt_size beyond the entry and within the log", str(row.receipt_size)
                    )
                for level, index, value in frontier.append(merkle.leaf_hash(row.entry)):
                    if level % HEIGHT == 0:
                        expected.setdefault((level // HEIGHT, index // WIDTH), bytearray()).extend(value)
            with node.records.read() as unit:
                for key in [key for key, data in expected.items() if len(data) == 32 * WIDTH or start + PAGE >= size]:
                    self._tile(unit, *key, bytes(expected.pop(key)))
            self._advance(len(rows))
        with node.records.read() as unit:
            beyond = unit.entries(node.log_id, -_ANYWHERE, 0) + unit.entries(node.log_id, size, _ANYWHERE)
            count = unit.count("tile")
        for row in beyond:
            self.inserted("entry", str(row.index), f"the log has {size} entries")
        if count != (wanted := sum(1 for _ in tiles.places(size))):
            self._find("row-inserted" if count > wanted else "row-missing", "tile", f"{wanted} tiles", f"{count}")

    def entry(self, row: EntryRow) -> None:
        """One row of a log's entries against the entry itself."""
        try:
            statement = statements.parse_entry(row.entry)
        except CustodyError as error:
            self._find("row-edited", f"entry {row.index}", "a log entry", error.message)
            return
        claims = statement.claims
        expected = {
            "digest": statement.digest, "evidence": claims.subject, "seq": claims.seq, "effect": claims.effect, "time": claims.time,
            "agency": claims.issuer, "payload": statement.payload, "certificate": statement.certificate,
        }  # fmt: skip
        if row.void:
            expected["void"] = self._lost(statement.digest, claims)
        self.differ("entry", str(row.index), expected, asdict(row))

    def _lost(self, digest: bytes, claims: Claims) -> bool:
        """Whether the contract took another outcome of the offer that this entry answers."""
        outcome = claims.effect in {"accept", "decline", "withdraw"} and claims.prev is not None
        told = self._state.offered(claims.prev) if outcome and claims.prev is not None else None
        return told is not None and told.hop.outcome != slots.OPEN and told.hop.outcome_digest != digest

    def _tile(self, unit: Unit, level: int, index: int, expected: bytes) -> None:
        self.differ("tile", f"{level}/{index}", {"data": expected}, {"data": unit.tile(self._node.log_id, level, index)})

    def _log(self, unit: Unit) -> None:
        node = self._node
        rows = unit.rows("log")
        for row in rows:
            if row["log"] != node.log_id:
                self.inserted("log", row["log"].hex(), "this agency's log alone")
            elif row["frozen"]:
                self._find("frozen", "log", "a log that is written to", row["frozen"])
            else:
                self.differ("log", row["log"].hex(), {"agency": node.agency, "size": len_entries(unit, node.log_id)}, row)

    def _checkpoints(self, unit: Unit) -> None:
        told = {one.size: one for one in self._state.checkpoints(self._node.log_id, after=0)}
        key = self._node.keys.log.public_key().public_bytes_raw()
        for row in unit.rows("checkpoint"):
            place, one = f"of {row['size']} entries", told.pop(row["size"], None)
            if one is None:
                if row["state"] != "submitted":
                    self.inserted("checkpoint", place, "the contract has no such checkpoint")
                continue
            expected = {"log": one.log, "prev": one.prev, "root": one.root, "version": one.version, "time": one.time, "block": one.block}
            if row["state"] != "submitted":
                self.differ("checkpoint", place, expected, row)
            try:
                signed = receipts.parse_checkpoint(row["note"])
                receipts.verify_checkpoint(signed, key)
                if (signed.size, signed.root) != (one.size, one.root):
                    self._find("row-edited", f"checkpoint {place}", f"a note of root {one.root.hex()}", signed.root.hex())
            except CustodyError as error:
                self._find("row-edited", f"checkpoint {place}", "a note signed with the log key", error.message)
        for size in told:
            self.missing("checkpoint", f"of {size} entries", "the contract has one")

    def _descriptors(self, unit: Unit) -> None:
        published = {one.version: one for one in self._state.published() if one.agency == agency_id(self._node.agency)}
        self._compare_descriptors("descriptor", published, unit.rows("descriptor"), self._node.agency, whole=True)
        for partner in {row["agency"] for row in unit.rows("partner_descriptor")}:
            theirs = {one.version: one for one in self._state.published() if one.agency == agency_id(partner)}
            self._compare_descriptors("partner_descriptor", theirs, unit.rows("partner_descriptor", agency=partner), partner, whole=False)
        for row in unit.rows("partner"):
            known = [descriptors.parse(one["document"]) for one in unit.rows("partner_descriptor", agency=row["agency"])]
            if row["crl"]:
                try:
                    certificates.require_signed_list(row["crl"], [one for parsed in known for one in parsed.authorities])
                except CustodyError as error:
                    self._find("row-edited", f"partner {row['agency']}", "a revocation list of that agency", error.message)

    def _compare_descriptors(self, table: str, published: dict[int, Any], rows: list[dict[str, Any]], agency: str, *, whole: bool) -> None:
        for row in rows:
            place, one = f"version {row['version']} of {agency}", published.pop(row["version"], None)
            if one is None:
                self.inserted(table, place, "the registry has no such version")
                continue
            found = {**row, "document": sha256(row["document"]).digest()}
            self.differ(table, place, {"document": one.digest, "active_from": one.active_from, "block": one.block}, found)
        for version, one in published.items() if whole else ():
            expected = slots.descriptor_commitment(one.digest, one.active_from, one.block)
            if self._node.contracts.descriptor_commitment(agency_id(agency), version) == expected:
                self.missing(table, f"version {version} of {agency}", "the registry has one")

    def _crls(self, unit: Unit) -> None:
        rows = unit.rows("crl")
        announced = self._announced(unit)
        for row in rows:
            place = f"number {row['number']}"
            try:
                issued = certificates.crl_issued(row["der"])
            except CustodyError as error:
                self._find("row-edited", f"crl {place}", "a revocation list", error.message)
                continue
            self.differ("crl", place, {"issued": issued}, row)
            if sha256(row["der"]).hexdigest() not in announced:
                self.inserted("crl", place, "no statement in the log announces this list")
        numbers = [row["number"] for row in rows]
        for number in sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers)):
            self.missing("crl", f"number {number}", "lists are numbered without a gap")
        held = {sha256(row["der"]).hexdigest() for row in rows}
        for digest in sorted(announced - held):
            self.missing("crl", digest[:16], "a statement in the log announces this list")

    def _announced(self, unit: Unit) -> set[str]:
        """Digests of revocation lists that the agency's statements announce, also those that are not anchored yet."""
        found: set[str] = set()
        for row in unit.events(agency_urn(self._node.agency)):
            for stored in unit.rows("document", digest=row.payload):
                self.differ("document", row.payload.hex()[:16], {"evidence": row.evidence}, stored)
            raw = unit.document(row.payload)
            if raw is None or sha256(raw).digest() != row.payload:
                self._find("document-differs", f"document of entry {row.index}", f"SHA-256 {row.payload.hex()[:16]}…", "none or another")
                continue
            event = documents.parse(raw)
            if event.type == "crl-published":
                found.add(event.body["digest"])
        return found

    def _certificates(self, unit: Unit) -> None:
        for row in unit.rows("certificate"):
            self.differ("certificate", row["digest"].hex()[:16], {"der": row["digest"]}, {"der": sha256(row["der"]).digest()})
        used = [("entry", "certificate"), ("person", "certificate"), ("enrolment", "certificate"), ("session", "certificate")]
        self.stray(unit, "certificate", "digest", used, "nothing in the log was signed with it, and nobody has it")
        for digest in unit.stray("entry", "certificate", [("certificate", "digest")], _STRAY):
            self.missing("certificate", digest.hex()[:16], "an entry is signed with it")

    def _people(self, unit: Unit) -> None:
        """Whoever may log in has a certificate that says the same, and is not revoked."""
        crls = [row.der for row in unit.crls()[-1:]]
        proven = {one.spki: one.hpke.digest for one in self._requests(unit)}
        for row in unit.rows("person"):
            place, der = f"{str(row['person'])[:8]}…", unit.certificate(row["certificate"])
            if der is None:
                self.missing("certificate", row["certificate"].hex()[:16], "a person has it")
                continue
            found = certificates.parse(der)
            self.differ("person", place, {"person": found.subject, "kind": "person"}, {**row, "kind": found.kind})
            key = self._proven(row["proof"], place) or proven.get(enrolment.encode_key(found.key))
            if key is not None:  # whoever could swap it would be sealed everything that is meant for this person
                kem, _, raw = row["hpke"].partition(b"\x00")
                self.differ("person", place, {"hpke": key}, {"hpke": HpkeKey(kem.decode("ascii", "replace"), raw).digest})
            revoked = any(
                certificates.load_crl(one).get_revoked_certificate_by_serial_number(certificates.load(der).serial_number) for one in crls
            )
            if row["active"] and found.agency == self._node.agency and revoked:
                self._find("row-edited", f"person {place}", "active = False, as the certificate is revoked", "active = True")
        signers = {one.certificate for one in self._state.usages(self._node.log_id)}
        known = {row["person"] for row in unit.rows("person")}
        for digest in signers:
            der = unit.certificate(digest)
            if der is not None and (found := certificates.parse(der)).kind == "person" and found.subject not in known:
                self.missing("person", f"{found.pseudonym[:8]}… of {found.agency}", "they signed in the log")

    def _proven(self, proof: bytes, place: str) -> bytes | None:
        """The digest of the HPKE key for which a person signed when they joined; None where that was not kept."""
        try:
            return enrolment.parse(proof).hpke.digest if proof else None
        except CustodyError as error:
            self._find("row-edited", f"person {place}", "a request signed by whoever joined", error.message)
            return None

    def _requests(self, unit: Unit) -> list[enrolment.Request]:
        """What people signed for when they joined: both their keys."""
        found = []
        for row in unit.rows("enrolment"):
            if row["request"]:
                try:
                    found.append(enrolment.parse(row["request"]))
                except CustodyError as error:
                    self._find("row-edited", f"enrolment {row['code'].hex()[:16]}", "a request signed by whoever joined", error.message)
        return found

    def _crossings(self, unit: Unit) -> None:
        """Handovers between agencies against the chain."""
        for row in unit.rows("crossing"):
            told = self._state.offered(row["offer"])
            place = f"{row['number']} of {row['evidence']}"
            if told is None or row["state"] not in {"concluded", "open", "concluding"}:
                if row["state"] == "concluded":
                    self.inserted("crossing", place, "the chain knows no such handover")
                continue
            hop = told.hop
            found = {**row, "giver": agency_id(row["giver"]), "taker": agency_id(row["taker"])}
            expected: dict[str, Any] = {"giver": hop.giver, "taker": hop.taker, "expires": hop.expires}
            if row["offer_time"]:
                expected["offer_time"] = hop.offer_time
            if row["state"] == "concluded":
                expected |= {"outcome": hop.outcome, "outcome_digest": hop.outcome_digest, "time": hop.time}
            self.differ("crossing", place, expected, found)
        ours = agency_id(self._node.agency)
        known = {row["offer"] for row in unit.rows("crossing")}
        for told in self._state.told():
            if ours in {told.hop.giver, told.hop.taker} and told.hop.offer not in known and told.hop.outcome == slots.ACCEPTED:
                self.missing("crossing", told.hop.offer.hex()[:16], "the chain knows this handover of ours")


def shown(value: object) -> str:
    """A value in a finding: bytes as the beginning of their hex, long text not at all."""
    if isinstance(value, bytes):
        return value.hex()[:16] + ("…" if len(value) > 8 else "")
    text = str(value)
    return text if len(text) <= 80 else f"{len(text)} characters"


def len_entries(unit: Unit, log: bytes) -> int:
    """Entries of a log that follow one another from the first on: its size, found by halving."""
    low, high = 0, 1
    while unit.entry(log, high - 1) is not None:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if unit.entry(log, middle - 1) is not None:
            low = middle
        else:
            high = middle
    return low
