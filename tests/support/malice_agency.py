"""An agency that may lie: it signs, logs and anchors whatever a test tells it to."""

from __future__ import annotations

import base64
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.adapters.chain import abi
from ledger.adapters.chain.contracts import (
    REGISTRY,
    address_of,
    sign_transaction,
    wait,
)
from ledger.domain.bundle.bundle import BundledCheckpoint
from ledger.domain.chain import contract_layout
from ledger.domain.chain.contract_layout import Hop
from ledger.domain.codecs import strict_json
from ledger.domain.codecs.cose import PrivateKey
from ledger.domain.codecs.text import b64url, format_time
from ledger.domain.event.document import VERSION
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.descriptor import HpkeKey
from ledger.domain.identity.names import agency_id, agency_urn
from ledger.domain.log import merkle
from ledger.domain.log import receipt as receipts
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Claims, Statement
from ledger.domain.ports.node_and_chain import HopStep
from ledger.services.node.certificate_authority import Authority, new_pseudonym

if TYPE_CHECKING:
    from tests.support.malice import World
from tests.support.log_trees import reader, tile_files
from tests.vectors.maps import map_root

DELAY = 3600


@dataclass
class Signer:
    """A key with its certificate."""

    key: PrivateKey
    der: bytes

    @property
    def digest(self) -> bytes:
        return sha256(self.der).digest()


@dataclass
class Item:
    """An item as its holders see it."""

    urn: str
    ref: bytes
    origin: str
    seq: int = -1
    head: bytes | None = None
    hops: list[Hop] = field(default_factory=list)


class Agency:
    """One agency with all its keys."""

    def __init__(self, world: World, code: str, rng: Random) -> None:
        self.world, self.code, self.rng = world, code, rng
        now = world.clock.now() - 30 * 86400
        self.authority = Authority.found(code, now)
        self.log_key = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
        self.anchorer, self.governor = rng.randbytes(32), rng.randbytes(32)
        self.recovery = sha256(
            self.governor
        ).digest()  # the random numbers of a test stay what they were
        key = HpkeKey("X25519", rng.randbytes(32))
        self.descriptor = descriptors.build(
            agency=code, version=1, jurisdiction=code[:2], authorities=[self.authority.der],
            log_key=self.log_key.public_key().public_bytes_raw(), node=key, custody=key, max_anchoring_delay=DELAY,
        )  # fmt: skip
        self.older: list[descriptors.Descriptor] = []
        self.service = self.certify(["service"], service=True)
        self.people = {role: self.certify([role]) for role in ("officer", "custodian", "examiner")}
        self.crl = b""
        self.entries: list[bytes] = []
        self.denied: set[bytes] = set()
        self.anchored = 0
        self.notes: dict[int, bytes] = {}
        self.checkpoints: dict[int, BundledCheckpoint] = {}
        self.certificates: dict[bytes, bytes] = {}
        self.documents: dict[bytes, bytes] = {}
        self.statements: list[Statement] = []
        self.log_id = b""
        self.logs = 0

    def certify(
        self,
        roles: list[str],
        *,
        service: bool = False,
        authority: Authority | None = None,
        code: str = "",
    ) -> Signer:
        key = ec.derive_private_key(self.rng.randrange(1, 2**255), ec.SECP256R1())
        code = code or self.code
        pseudonym, now = new_pseudonym(), self.world.clock.now() - 86400
        issued = (authority or self.authority).issue(
            key.public_key(),
            agency=code,
            pseudonym=pseudonym,
            roles=roles,
            service=service,
            now=now,
        )
        return Signer(key, issued)

    # Signing

    def statement(
        self,
        item: Item,
        effect: str,
        *,
        who: Signer | None = None,
        time: int | None = None,
        **claims: Any,
    ) -> Statement:
        """A signed statement that follows an item's head, unless ``claims`` say otherwise."""
        told: dict[str, Any] = {
            "issuer": self.code,
            "subject": item.urn,
            "log_id": self.log_id,
            "time": self.world.clock.now() if time is None else time,
            "seq": item.seq + 1,
            "prev": item.head,
            "effect": effect,
            "ref": item.ref if effect == "open" else None,
            "to": None,
        } | claims
        signer = who or self.people["officer"]
        return statements.sign(
            signer.key, Claims(**told), self.rng.randbytes(32), signer.digest, signer.der
        )

    def say(self, item: Item, effect: str, **options: Any) -> Statement:
        """Sign and log an event; the item follows."""
        statement = self.statement(item, effect, **options)
        self.log(statement)
        item.seq, item.head = statement.claims.seq, statement.digest
        return statement

    def open(self, **options: Any) -> Item:
        item = Item(
            uuid.UUID(bytes=self.rng.randbytes(16), version=4).urn,
            self.rng.randbytes(32),
            self.code,
        )
        self.say(item, "open", **options)
        return item

    def log(self, statement: Statement) -> int:
        self.entries.append(statement.entry)
        if statement.chain:
            self.certificates[statement.certificate] = statement.chain[0]
        return len(self.entries) - 1

    def publish(self, kind: str, body: dict[str, Any]) -> None:
        """A statement of the agency about itself."""
        earlier = self.statements[-1] if self.statements else None
        parsed = certificates.parse(self.service.der)
        document = strict_json.dump(
            {
                "v": VERSION, "type": kind, "evidence": agency_urn(self.code), "seq": len(self.statements),
                "prev": earlier.digest.hex() if earlier else None,
                "actor": {"id": parsed.pseudonym, "agency": self.code, "kind": "service", "role": "service"},
                "time": format_time(self.world.clock.now()), "salt": b64url(self.rng.randbytes(32)), "body": body,
            }
        )  # fmt: skip
        claims = Claims(
            self.code, agency_urn(self.code), self.log_id, self.world.clock.now(), len(self.statements),
            earlier.digest if earlier else None, "agency",
        )  # fmt: skip
        digest = sha256(document).digest()
        statement = statements.sign(
            self.service.key, claims, digest, self.service.digest, self.service.der
        )
        self.documents[digest] = document
        self.statements.append(statement)
        self.log(statement)

    def publish_crl(self, *revoked: Signer, time: int | None = None, announce: bool = True) -> None:
        now = self.world.clock.now()
        pairs = [
            (certificates.load(one.der).serial_number, now if time is None else time)
            for one in revoked
        ]
        self.crl = self.authority.issue_crl(
            self.crl or None, pairs, number=len(self.statements) + 1, now=now
        )
        if announce:
            body = {
                "number": len(self.statements) + 1,
                "digest": sha256(self.crl).hexdigest(),
                "issued": format_time(now),
                "revoked": len(pairs),
            }
            self.publish("crl-published", body)

    def publish_descriptor(self, *, log_key: bytes = b"", announce: bool = True) -> None:
        """A new version in the registry, in force at once; announced and anchored before, as it
        must be.
        """
        value = strict_json.parse(self.descriptor.raw, what="descriptor", limit=1 << 20) | {
            "version": self.descriptor.version + 1
        }
        fresh = Ed25519PrivateKey.from_private_bytes(log_key) if log_key else self.log_key
        value["logKey"] = b64url(fresh.public_key().public_bytes_raw())
        value["ca"] += [base64.b64encode(self.authority.der).decode()] * (
            base64.b64encode(self.authority.der).decode() not in value["ca"]
        )
        found = descriptors.parse(strict_json.dump(value))
        if announce:
            self.publish(
                "descriptor-published", {"version": found.version, "digest": found.digest.hex()}
            )
            self.anchor()
        contracts = self.world.contracts
        data = abi.encode_call(REGISTRY, "publishDescriptor", agency_id(self.code), found.digest)
        nonce = contracts.chain.nonce(address_of(self.governor))
        raw = sign_transaction(
            contracts.chain,
            self.governor,
            to=contracts.registry,
            data=data,
            gas=300_000,
            nonce=nonce,
        )
        wait(contracts.chain, contracts.chain.send(raw))
        self.world.clock.time += 60
        self.older.append(self.descriptor)
        self.descriptor, self.log_key = found, fresh

    def change_authority(self) -> None:
        """A second CA beside the first one, by which everybody is certified from now on."""
        self.authority = Authority.found(self.code, self.world.clock.now() - 86400)
        self.publish_descriptor()
        self.service = self.certify(["service"], service=True)
        self.people = {role: self.certify([role]) for role in self.people}
        self.crl = b""
        self.publish_crl()

    # The tree and the chain

    def leaves(self, entries: Sequence[bytes] | None = None) -> list[bytes]:
        return [merkle.leaf_hash(entry) for entry in (self.entries if entries is None else entries)]

    def note(self, size: int, entries: Sequence[bytes] | None = None) -> bytes:
        root = merkle.root_of(size, reader(self.leaves(entries)))
        return receipts.sign_checkpoint(
            self.log_key,
            log_id=self.log_id,
            size=size,
            root=root,
            map_root=self.map_root(size, entries),
        ).note

    def map_root(self, size: int, entries: Sequence[bytes] | None = None) -> bytes:
        """Of the item map over the first entries."""
        return map_root(self.log_id, self.mapped(size, entries))

    def mapped(self, size: int, entries: Sequence[bytes] | None = None) -> list[bytes]:
        """What the map is made of: the first entries, without those that are denied."""
        shown = (self.entries if entries is None else entries)[:size]
        return [b"" if entry in self.denied else entry for entry in shown]

    def anchor(self) -> None:
        """Anchor everything logged so far."""
        old, new = self.anchored, len(self.entries)
        if old == new:
            return
        read = reader(self.leaves())
        root = merkle.root_of(new, read)
        proof = merkle.consistency_proof(old, new, read) if old else []
        contracts = self.world.contracts
        nonce = contracts.chain.nonce(address_of(self.anchorer))
        wait(
            contracts.chain,
            contracts.chain.send(
                contracts.sign_anchor(
                    self.anchorer, nonce, (old, new, root, self.map_root(new)), proof
                )
            ),
        )
        self.anchored, self.notes[new] = new, self.note(new)

    def hop(self, item: Item, hop: Hop, digest: bytes) -> None:
        """Tell the contract a step of a handover whose statement is anchored."""
        index = self.leaves().index(digest)
        proof = merkle.inclusion_proof(index, self.anchored, reader(self.leaves()))
        step = HopStep(agency_id(item.origin), item.ref, hop, index, tuple(proof))
        contracts = self.world.contracts
        raw = contracts.sign_hop(
            self.anchorer, contracts.chain.nonce(address_of(self.anchorer)), step
        )
        wait(contracts.chain, contracts.chain.send(raw))

    def offer(self, item: Item, other: Agency, *, on_chain: bool = True) -> Statement:
        """Offer an item to another agency, in the log and on the chain."""
        statement = self.say(item, "offer", to=other.code, who=self.people["custodian"])
        if on_chain:
            self.put_on_chain(item, other, statement)
        return statement

    def put_on_chain(self, item: Item, other: Agency, statement: Statement) -> None:
        """Tell the contract that a statement offers an item."""
        self.anchor()
        expires = self.world.clock.now() + 86400
        giver, taker = agency_id(self.code), agency_id(other.code)
        made = Hop(giver, taker, statement.digest, 0, expires, contract_layout.OPEN, bytes(32), 0)
        self.hop(item, made, statement.digest)
        item.hops.append(replace(made, offer_time=self.world.contracts.chain.head().time))

    def conclude(
        self, item: Item, effect: str, *, on_chain: bool = True, **options: Any
    ) -> Statement:
        """Answer or withdraw the open offer of an item."""
        statement = self.say(item, effect, who=self.people["custodian"], **options)
        if on_chain:
            self.anchor()
            self.tell(item, effect, statement)
        return statement

    def tell(self, item: Item, effect: str, statement: Statement) -> None:
        outcome = {
            "accept": contract_layout.ACCEPTED,
            "decline": contract_layout.DECLINED,
            "withdraw": contract_layout.WITHDRAWN,
        }[effect]
        before = item.hops[-1]
        item.hops[-1] = Hop(
            before.giver,
            before.taker,
            before.offer,
            before.offer_time,
            before.expires,
            outcome,
            statement.digest,
            0,
        )
        self.hop(item, item.hops[-1], statement.digest)

    # Files

    def write(
        self, folder: Path, *, entries: Sequence[bytes] | None = None, size: int | None = None
    ) -> Path:
        """Serve the log as a tree of files; ``entries`` instead of the true ones, for a log that
        lies.
        """
        shown = list(self.entries if entries is None else entries)[:size]
        shutil.rmtree(folder, ignore_errors=True)
        put = {
            "checkpoint": self.note(len(shown), shown),
            "crl": self.crl,
            f"crls/{self.code}": self.crl,
        }
        for other in self.world.agencies.values():
            put |= {
                f"descriptors/{one.digest.hex()}": one.raw
                for one in (*other.older, other.descriptor)
            }
            if other.crl:
                put[f"crls/{other.code}"] = other.crl
        put |= {f"certs/{digest.hex()}": der for digest, der in self.certificates.items()}
        put |= {f"documents/{digest.hex()}": raw for digest, raw in self.documents.items()}
        put |= {f"checkpoints/{number}": note for number, note in self.notes.items()}
        put |= tile_files(shown)
        for path, data in put.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return folder
