"""A custody node: everything that people's commands ask of one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from ledger.adapters.node import signed_records
from ledger.adapters.node.finding import page_of
from ledger.adapters.node.governing import GoverningNode
from ledger.adapters.node.http import LARGE, KeptSession, Session, bytes_of
from ledger.adapters.web.client import WebError
from ledger.domain.codecs.text import b64url
from ledger.domain.errors import BusyError, FormatError, UnconfirmedError
from ledger.domain.ipld import car
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block
from ledger.domain.ports import answers, node_answers
from ledger.domain.ports.answers import BYTES
from ledger.domain.untrusted.shapes import Maybe

__all__ = ["KeptSession", "NodeClient", "Session"]
T = TypeVar("T")
_AGAIN: Final = (0.2, 1.0, None)  # seconds before statements are sent once more
_KEPT: Final = 5  # seconds for which what the node is counts, unasked
_LOOK: Final = "before you repeat it, look whether it is there: custody list, or custody show ITEM"


class NodeClient(GoverningNode):
    """Calls of the API, for people; see HttpNode."""

    _said: tuple[float, node_answers.About] | None = None

    def missing(self, wanted: Sequence[bytes]) -> list[bytes]:
        """See clientports.NodeApi."""
        asked = [cids.to_text(cid) for cid in wanted]
        answer = self._ask("POST", "/v1/blocks/missing", {"missing": [str]}, json={"cids": asked})
        try:
            return [cids.from_text(text) for text in answer["missing"]]
        except FormatError as error:
            raise WebError(self._web.who, f"answered nonsense: {error.message}") from error

    def put_blocks(self, blocks: Sequence[Block]) -> None:
        """See clientports.NodeApi."""
        parts = [car.header([]), *(bytes(part) for block in blocks for part in car.frame(block))]
        self._send(
            "PUT", "/v1/blocks", parts=parts, headers={"Content-Type": "application/vnd.ipld.car"}
        )

    def register(
        self, submissions: Sequence[dict[str, Any]], *, field: bool = False
    ) -> list[answers.Registered]:
        """See clientports.NodeApi. Where the answer is lost, or the node is busy, the same
        statements are sent again: the node takes each once.

        Args:
            field: they were signed without network.

        Raises:
            UnconfirmedError: it was lost again and again, and they may be in the log or not.
            BusyError: the node was busy each time.
        """
        sent = False
        for pause in _AGAIN:
            try:
                body = {"statements": list(submissions)} | ({"field": True} if field else {})
                return self._all("POST", "/v1/statements", "registered", answers.Registered, body)
            except (WebError, BusyError) as error:
                passing = True
                if isinstance(error, WebError):
                    sent, passing = sent or error.sent, error.passing
                if pause is None or not passing:
                    if not sent:
                        raise
                    raise UnconfirmedError(
                        f"{error.message}; whether it recorded what was signed is not known",
                        hint=_LOOK,
                    ) from error
                time.sleep(pause)
        raise AssertionError

    def item(self, evidence: str) -> answers.Item:
        """One item in clear."""
        found = self._one("GET", f"/v1/evidence/{evidence}", answers.Item)
        return signed_records.about(found, evidence, self._web.who)

    def events(self, evidence: str) -> Iterator[answers.LoggedEvent]:
        """An item's events, page by page."""
        yield from self._pages(f"/v1/evidence/{evidence}/events", "events", answers.LoggedEvent)

    def _one(self, method: str, path: str, kind: type[T], **options: Any) -> T:
        """One call, whose answer is of a kind."""
        answer: T = self._ask(method, path, kind, **options)
        return answer

    def _all(
        self, method: str, path: str, name: str, kind: type[T], body: dict[str, Any] | None = None
    ) -> list[T]:
        """One call, whose answer lists values of a kind under a name."""
        answer: list[T] = self._ask(method, path, {name: [kind]}, json=body)[name]
        return answer

    def readable(self, evidence: str, mode: str, *, pausing: bool = False) -> answers.Readable:
        """Whether something could follow an access of this mode, and to which keys content is
        sealed for the caller; ``pausing``: once the item's open offer is taken back.
        """
        path = f"/v1/evidence/{evidence}/readable"
        asked = {"mode": mode, **({"pausing": "true"} if pausing else {})}
        return self._one("GET", path, answers.Readable, params=asked)

    def rehearse(self, evidence: str, document: bytes, disclosures: Sequence[str]) -> None:
        """Ask whether an event that is not signed yet could follow; nothing is recorded."""
        path = f"/v1/evidence/{evidence}/rehearsals"
        body = {"document": b64url(document), "disclosures": list(disclosures)}
        self._send("POST", path, json=body)

    def details(self, evidence: str, access: str) -> list[answers.RecordedDocument]:
        """The item's documents."""
        return self.record(evidence, access)[0]

    def record(
        self, evidence: str, access: str
    ) -> tuple[list[answers.RecordedDocument], answers.Standing]:
        """The item's documents, held against what was signed as far as the access, which the caller
        signed, and what holds for it after them.

        Raises:
            VerificationError: the node shows something else than was signed, or less.
        """
        path = f"/v1/evidence/{evidence}/details"
        shape = {"events": [answers.RecordedDocument], "standing": answers.Standing}
        answer = self._ask("POST", path, shape, limit=LARGE, json={"access": access})
        events, who = answer["events"], self._web.who
        shown = signed_records.require_signed(events, evidence, who, through=access)
        return events, signed_records.standing_after(shown, answer["standing"])

    def person_key(self, reference: str) -> node_answers.PersonKey:
        """Who a person or guest is, and their HPKE key."""
        return self._one("GET", f"/v1/people/{reference}/key", node_answers.PersonKey)

    def grants(self, evidence: str, access: str) -> list[bytes]:
        """Content keys sealed to the caller."""
        path, body = f"/v1/evidence/{evidence}/grants", {"access": access}
        answer = self._ask("POST", path, {"grants": [BYTES]}, json=body)["grants"]
        return [bytes_of(text, self._web.who) for text in answer]

    def content(self, evidence: str, access: str, start: int, end: int) -> bytes:
        """Ciphertext bytes [start, end), at most 4 MiB."""
        return self._range(
            f"/v1/evidence/{evidence}/content", start, end, {"Custody-Access": access}
        )

    def bundle(self, evidence: str, access: str, *, withhold: Sequence[str] = ()) -> bytes:
        """The evidence bundle, without what is to be withheld."""
        path = f"/v1/evidence/{evidence}/bundle"
        body = {"access": access, "withhold": list(withhold)}
        return self._send("POST", path, json=body).content

    def status(self, *, chain: bool = True, ipfs: bool = True) -> node_answers.NodeStatus:
        """How far anchoring is; without ``chain`` and ``ipfs`` the node need not ask them."""
        asked = {"chain": chain, "ipfs": ipfs}
        return self._one("GET", "/v1/status", node_answers.NodeStatus, params=asked)

    def start_audit(self, *, sample: float | None, seed: int | None) -> node_answers.AuditJob:
        """Ask the node to audit itself; how far it is."""
        body = {"sample": sample, "seed": seed}
        return self._one("POST", "/v1/audits", node_answers.AuditJob, json=body)

    def audit(self, name: str) -> node_answers.AuditJob:
        """How far an audit is, and its report."""
        return self._one("GET", f"/v1/audits/{name}", node_answers.AuditJob)

    def invite(self, number: str, roles: Sequence[str]) -> node_answers.Invited:
        """An invitation: code and expiry."""
        body = {"number": number, "roles": list(roles)}
        return self._one("POST", "/v1/people/invitations", node_answers.Invited, json=body)

    def request_enrolment(self, code: str, request: bytes) -> str:
        """Send new public keys for an invitation; the fingerprint."""
        body = {"code": code, "request": b64url(request)}
        return self._text("/v1/enrolments", "fingerprint", body, authenticated=False)

    def _text(self, path: str, name: str, body: dict[str, Any], **options: Any) -> str:
        """One call, whose answer has a text under a name."""
        return str(self._ask("POST", path, {name: str}, json=body, **options)[name])

    def enrolment(self, code: str) -> node_answers.Enrolment:
        """How far an enrolment is."""
        path, body = "/v1/enrolments/outcome", {"code": code}
        return self._one("POST", path, node_answers.Enrolment, authenticated=False, json=body)

    def people(self) -> list[node_answers.Member]:
        """Everybody of the agency, and open invitations."""
        return self._all("GET", "/v1/people", "people", node_answers.Member)

    def role_holders(self, roles: Iterable[str]) -> list[node_answers.RoleHolder]:
        """A few colleagues who have one of these roles."""
        shape = {"holders": [node_answers.RoleHolder]}
        path, asked = "/v1/people/holders", {"role": sorted(roles)}
        held: list[node_answers.RoleHolder] = self._ask("GET", path, shape, params=asked)["holders"]
        return held

    def names(self, people: Sequence[str]) -> list[node_answers.Named]:
        """Whom references, service numbers or beginnings of pseudonyms name."""
        path, body = "/v1/people/names", {"people": list(people)}
        return self._all("POST", path, "people", node_answers.Named, body)

    def approve(self, reference: str) -> str:
        """Approve an enrolment; the reference of the new person."""
        return self._text("/v1/people/approvals", "reference", {"reference": reference})

    def suspend(self, reference: str, *, since: int | None = None) -> node_answers.Revoked:
        """Suspend a person; the date of revocation, and whether they keep the custody key."""
        body = {"person": reference, "since": since}
        return self._one("POST", "/v1/people/suspensions", node_answers.Revoked, json=body)

    def reinstate(self, reference: str) -> str:
        """Lift a suspension; how the person stands to the custody key."""
        return self._text("/v1/people/reinstatements", "custodyKey", {"person": reference})

    def revoke_invitation(self, reference: str) -> None:
        """Take an invitation back."""
        self._send("POST", "/v1/people/invitations/revocations", json={"reference": reference})

    def renew(self, reference: str, roles: Sequence[str]) -> node_answers.Revoked:
        """Issue somebody a new certificate; from when on it counts, and how they stand to the
        custody key.
        """
        body = {"person": reference, "roles": list(roles)}
        return self._one("POST", "/v1/people/renewals", node_answers.Revoked, json=body)

    def custodian_card(self, reference: str) -> tuple[bytes, bytes]:
        """Certificate of a custodian, and what they signed for their keys."""
        shape = {"certificate": BYTES, "request": BYTES}
        answer = self._ask("GET", f"/v1/people/{reference}/card", shape)
        who = self._web.who
        return bytes_of(answer["certificate"], who), bytes_of(answer["request"], who)

    def put_custody_key(self, sealed: bytes) -> None:
        """Leave the custody key for a custodian, sealed to them."""
        self._send("POST", "/v1/custody-key", json={"sealed": b64url(sealed)})

    def own_custody_key(self) -> bytes | None:
        """The custody key that waits for us, sealed to us; None where none does."""
        answer = self._ask("GET", "/v1/custody-key", {"sealed": Maybe(BYTES)})["sealed"]
        return None if answer is None else bytes_of(answer, self._web.who)

    def hold_custody_key(self, digest: bytes) -> None:
        """Tell that we hold the custody key now."""
        self._send("PUT", "/v1/custody-key", json={"custody": digest.hex()})

    def own_certificate(self, proof: bytes) -> bytes:
        """The certificate that belongs to a key now."""
        path, shape = "/v1/enrolments/certificate", {"certificate": BYTES}
        body = {"request": b64url(proof)}
        answer = self._ask("POST", path, shape, authenticated=False, json=body)
        return bytes_of(answer["certificate"], self._web.who)

    def link(self, reference: str, subject: str) -> None:
        """Say which account at the identity provider is somebody's."""
        self._send("POST", "/v1/people/links", json={"person": reference, "subject": subject})

    def admit(self, certificate: bytes, proof: bytes) -> str:
        """Let somebody of another agency in as a guest; their reference there."""
        body = {"certificate": b64url(certificate), "request": b64url(proof)}
        return self._text("/v1/people/guests", "reference", body)

    def sessions(self) -> list[node_answers.OpenSession]:
        """Sessions that go on."""
        return self._all("GET", "/v1/sessions", "sessions", node_answers.OpenSession)

    def end_session(self, session: str) -> None:
        """End a session."""
        self._send("DELETE", f"/v1/sessions/{session}")

    def alarms(self) -> list[node_answers.Alarm]:
        """Alarms, oldest first."""
        return self._all("GET", "/v1/alarms", "alarms", node_answers.Alarm)

    def handovers(self) -> list[answers.Handover]:
        """Handovers under way."""
        return list(self._pages("/v1/handovers", "handovers", answers.Handover))

    def sync_handovers(self) -> answers.ExchangeRound:
        """Let the node exchange with other agencies now."""
        return self._one("POST", "/v1/handovers/sync", answers.ExchangeRound)

    def incoming(
        self, evidence: str
    ) -> tuple[list[answers.RecordedDocument], list[bytes], answers.Standing]:
        """Documents and content keys of an item on offer to us, and what holds for it."""
        shape = {
            "events": [answers.RecordedDocument],
            "grants": [BYTES],
            "standing": answers.Standing,
        }
        answer = self._ask("GET", f"/v1/handovers/{evidence}/record", shape, limit=LARGE)
        given = [bytes_of(text, self._web.who) for text in answer["grants"]]
        events, who = answer["events"], self._web.who
        shown = signed_records.require_signed(events, evidence, who)
        return events, given, signed_records.standing_after(shown, answer["standing"])

    def open_offer(self, evidence: str) -> answers.RecordedDocument:
        """The open offer of an item as it was signed; what it says for its signer alone.

        Raises:
            NotFoundError: none for the caller. VerificationError: what is shown is no such offer.
        """
        shape, path = {"offer": answers.RecordedDocument}, f"/v1/handovers/{evidence}/offer"
        offer: answers.RecordedDocument = self._ask("GET", path, shape)["offer"]
        signed_records.require_offer(offer, evidence, self._web.who)
        return offer

    def incoming_content(self, evidence: str, start: int, end: int) -> bytes:
        """Ciphertext bytes [start, end) of an item on offer to us, at most 4 MiB."""
        return self._range(f"/v1/handovers/{evidence}/content", start, end)

    def copies(self) -> list[answers.Copy]:
        """Copies that other agencies gave us."""
        return self._all("GET", "/v1/copies", "copies", answers.Copy)

    def copy_record(self, copy: answers.Copy) -> answers.CopyRecord:
        """What came with a copy, as `copies` lists it."""
        row = self._one("GET", _copy_path(copy), answers.CopyRecord, limit=LARGE)
        signed_records.require_copy(
            row, copy.evidence, copy.statement, self._web.who, recipient=copy.recipient
        )
        return row

    def copy_range(self, copy: answers.Copy, start: int, end: int) -> bytes:
        """Ciphertext bytes [start, end) of a copy, at most 4 MiB."""
        return self._range(f"{_copy_path(copy)}/content", start, end)

    def copy_taken(self, copy: answers.Copy, evidence: str) -> None:
        """Tell which item of ours is the copy."""
        self._send("POST", _copy_path(copy), json={"copy": evidence})

    def disposal(self, evidence: str) -> answers.Disposal:
        """What became of an item that was disposed of."""
        found = self._one("GET", f"/v1/evidence/{evidence}/disposal", answers.Disposal)
        return signed_records.about(found, evidence, self._web.who)

    def lineage(self, evidence: str) -> answers.Lineage:
        """Where an item came from, what came from it, and who holds copies."""
        return self._one("GET", f"/v1/evidence/{evidence}/lineage", answers.Lineage)

    def sync_replicas(self, *, afresh: bool) -> node_answers.SyncedReplicas:
        """Some seconds of sending to IPFS nodes."""
        path, body = "/v1/replication/sync", {"afresh": afresh}
        return self._one("POST", path, node_answers.SyncedReplicas, json=body)

    def check_fixity(self, evidence: str) -> list[answers.Fixity]:
        """Some seconds of reading an item again at its IPFS nodes."""
        return self._all("POST", f"/v1/evidence/{evidence}/fixity", "nodes", answers.Fixity)

    def set_copies(self, evidence: str, copies: int) -> None:
        """At how many IPFS nodes an item shall lie."""
        self._send("PUT", f"/v1/evidence/{evidence}/copies", json={"copies": copies})

    def anchor(self) -> node_answers.NodeStatus:
        """Anchor now."""
        return self._one("POST", "/v1/anchor", node_answers.NodeStatus)

    def stamp(self) -> node_answers.Stamped:
        """Ask time authorities now."""
        return self._one("POST", "/v1/timestamps", node_answers.Stamped)

    def timestamps(self) -> Iterator[node_answers.TimeStamp]:
        """Tokens of time authorities, in the order of checkpoints."""
        shape = page_of("stamps", node_answers.TimeStamp)

        def ask(after: int) -> Any:
            return self._ask("GET", "/v1/timestamps", shape, params={"after": after})

        yield from self._turned("stamps", ask)

    def agency(self) -> node_answers.About:
        """Who the node is, as it said within the last seconds: this is asked with each item."""
        since, about = self._said or (0.0, None)
        if about is None or time.monotonic() - since > _KEPT:
            about = self._one("GET", "/v1/agency", node_answers.About, authenticated=False)
            self._said = time.monotonic(), about
        return about

    def trust_root(self, pin: int | None = None) -> bytes:
        """The node's own trust root, with a final block pinned where one is asked for."""
        query = "" if pin is None else f"?pin={pin}"
        return self._send("GET", f"/v1/trust{query}", authenticated=False).content


def _copy_path(copy: answers.Copy) -> str:
    return f"/v1/copies/{copy.giver}/{copy.evidence}/{copy.statement}"
