"""A custody node: everything that people's commands ask of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ledger.adapters.node.http import HttpNode, KeptSession, Session
from ledger.domain import car
from ledger.domain import cid as cids
from ledger.domain.encoding import b64url, from_b64url
from ledger.domain.unixfs import Block

__all__ = ["KeptSession", "NodeClient", "Session"]
_PAGE: Final = 500


class NodeClient(HttpNode):
    """Calls of the API, for people; see HttpNode."""

    def missing(self, wanted: Sequence[bytes]) -> list[bytes]:
        """See ports.NodeApi."""
        answer = self._send("POST", "/v1/blocks/missing", json={"cids": [cids.to_text(cid) for cid in wanted]}).json()
        return [cids.from_text(text) for text in answer["missing"]]

    def put_blocks(self, blocks: Sequence[Block]) -> None:
        """See ports.NodeApi."""
        parts = [car.header([]), *(bytes(part) for block in blocks for part in car.frame(block))]
        self._send("PUT", "/v1/blocks", parts=parts, headers={"Content-Type": "application/vnd.ipld.car"})

    def register(self, submissions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """See ports.NodeApi."""
        found: list[dict[str, Any]] = self._send("POST", "/v1/statements", json={"statements": list(submissions)}).json()["registered"]
        return found

    def duplicates(self, digest: str) -> list[str]:
        """See ports.NodeApi."""
        return list(self._send("POST", "/v1/evidence/duplicates", json={"sha256": digest}).json()["evidence"])

    def search(self, scheme: str, value: str) -> list[str]:
        """Items with an identifier."""
        return list(self._send("POST", "/v1/evidence/search", json={"scheme": scheme, "value": value}).json()["evidence"])

    def items(self) -> Iterator[dict[str, Any]]:
        """All items that the caller may see, page by page."""
        yield from self._pages("/v1/evidence", "items")

    def item(self, evidence: str) -> dict[str, Any]:
        """One item in clear."""
        found: dict[str, Any] = self._send("GET", f"/v1/evidence/{evidence}").json()
        return found

    def events(self, evidence: str) -> Iterator[dict[str, Any]]:
        """An item's events, page by page."""
        yield from self._pages(f"/v1/evidence/{evidence}/events", "events")

    def _pages(self, path: str, name: str) -> Iterator[dict[str, Any]]:
        after: int | None = -1
        while after is not None:
            page = self._send("GET", path, params={"after": after, "limit": _PAGE}).json()
            yield from page[name]
            after = page["next"]

    def details(self, evidence: str, access: str) -> list[dict[str, Any]]:
        """The item's documents."""
        return self.record(evidence, access)[0]

    def record(self, evidence: str, access: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The item's documents, and what holds for it after them."""
        found = self._send("POST", f"/v1/evidence/{evidence}/details", json={"access": access}).json()
        return list(found["events"]), dict(found["standing"])

    def person_key(self, pseudonym: str) -> dict[str, str]:
        """The agency of a person or guest, and their HPKE key."""
        found: dict[str, str] = self._send("GET", f"/v1/people/{pseudonym}/key").json()
        return found

    def grants(self, evidence: str, access: str) -> list[bytes]:
        """Content keys sealed to the caller."""
        found = self._send("POST", f"/v1/evidence/{evidence}/grants", json={"access": access}).json()["grants"]
        return [from_b64url(text, what="grant") for text in found]

    def content(self, evidence: str, access: str, start: int, end: int) -> bytes:
        """Ciphertext bytes [start, end), at most 4 MiB."""
        headers = {"Custody-Access": access, "Range": f"bytes={start}-{end - 1}"}
        answer = self._send("GET", f"/v1/evidence/{evidence}/content", headers=headers)
        data = answer.content
        answer._content = b""  # noqa: SLF001  (httpx keeps answers in a reference cycle: megabytes must not wait for the collector)
        return data

    def bundle(self, evidence: str, access: str, *, withhold: Sequence[str] = ()) -> bytes:
        """The evidence bundle, without what is to be withheld."""
        return self._send("POST", f"/v1/evidence/{evidence}/bundle", json={"access": access, "withhold": list(withhold)}).content

    def status(self, *, chain: bool = True, ipfs: bool = True) -> dict[str, Any]:
        """How far anchoring is; without ``chain`` and ``ipfs`` the node need not ask them."""
        found: dict[str, Any] = self._send("GET", "/v1/status", params={"chain": chain, "ipfs": ipfs}).json()
        return found

    def start_audit(self, *, sample: float | None, seed: int | None) -> dict[str, Any]:
        """Ask the node to audit itself; how far it is."""
        found: dict[str, Any] = self._send("POST", "/v1/audits", json={"sample": sample, "seed": seed}).json()
        return found

    def audit(self, name: str) -> dict[str, Any]:
        """How far an audit is, and its report."""
        found: dict[str, Any] = self._send("GET", f"/v1/audits/{name}").json()
        return found

    def invite(self, number: str, roles: Sequence[str]) -> dict[str, Any]:
        """An invitation: code and expiry."""
        found: dict[str, Any] = self._send("POST", "/v1/people/invitations", json={"number": number, "roles": list(roles)}).json()
        return found

    def request_enrolment(self, code: str, request: bytes) -> str:
        """Send new public keys for an invitation; the fingerprint."""
        body = {"code": code, "request": b64url(request)}
        return str(self._send("POST", "/v1/enrolments", authenticated=False, json=body).json()["fingerprint"])

    def enrolment(self, code: str) -> dict[str, Any]:
        """How far an enrolment is."""
        found: dict[str, Any] = self._send("POST", "/v1/enrolments/outcome", authenticated=False, json={"code": code}).json()
        return found

    def people(self) -> list[dict[str, Any]]:
        """Everybody of the agency, and open invitations."""
        return list(self._send("GET", "/v1/people").json()["people"])

    def approve(self, reference: str) -> str:
        """Approve an enrolment; the new pseudonym."""
        return str(self._send("POST", "/v1/people/approvals", json={"reference": reference}).json()["pseudonym"])

    def suspend(self, pseudonym: str, *, since: int | None = None) -> str:
        """Suspend a person; the date of revocation."""
        body = {"pseudonym": pseudonym, "since": since}
        return str(self._send("POST", "/v1/people/suspensions", json=body).json()["revoked"])

    def renew(self, pseudonym: str, roles: Sequence[str]) -> str:
        """Issue somebody a new certificate; from when on it counts."""
        return str(self._send("POST", "/v1/people/renewals", json={"pseudonym": pseudonym, "roles": list(roles)}).json()["revoked"])

    def own_certificate(self, proof: bytes) -> bytes:
        """The certificate that belongs to a key now."""
        body = {"request": b64url(proof)}
        found = self._send("POST", "/v1/enrolments/certificate", authenticated=False, json=body).json()
        return from_b64url(found["certificate"], what="certificate")

    def link(self, pseudonym: str, subject: str) -> None:
        """Say which account at the identity provider is somebody's."""
        self._send("POST", "/v1/people/links", json={"pseudonym": pseudonym, "subject": subject})

    def admit(self, certificate: bytes, proof: bytes) -> str:
        """Let somebody of another agency in as a guest; their pseudonym."""
        body = {"certificate": b64url(certificate), "request": b64url(proof)}
        return str(self._send("POST", "/v1/people/guests", json=body).json()["pseudonym"])

    def sessions(self) -> list[dict[str, Any]]:
        """Sessions that go on."""
        return list(self._send("GET", "/v1/sessions").json()["sessions"])

    def end_session(self, session: str) -> None:
        """End a session."""
        self._send("DELETE", f"/v1/sessions/{session}")

    def alarms(self) -> list[dict[str, Any]]:
        """Alarms, oldest first."""
        return list(self._send("GET", "/v1/alarms").json()["alarms"])

    def partners(self) -> list[dict[str, Any]]:
        """Agencies known there."""
        return list(self._send("GET", "/v1/partners").json()["partners"])

    def add_partner(self, url: str) -> dict[str, Any]:
        """Let the node get to know the agency at an address."""
        found: dict[str, Any] = self._send("POST", "/v1/partners", json={"url": url}).json()
        return found

    def handovers(self) -> list[dict[str, Any]]:
        """Handovers under way."""
        return list(self._send("GET", "/v1/handovers").json()["handovers"])

    def sync_handovers(self) -> dict[str, Any]:
        """Let the node exchange with other agencies now."""
        found: dict[str, Any] = self._send("POST", "/v1/handovers/sync").json()
        return found

    def incoming(self, evidence: str) -> tuple[list[dict[str, Any]], list[bytes]]:
        """Documents and content keys of an item on offer to us."""
        found = self._send("GET", f"/v1/handovers/{evidence}/record").json()
        return list(found["events"]), [from_b64url(text, what="grant") for text in found["grants"]]

    def incoming_content(self, evidence: str, start: int, end: int) -> bytes:
        """Ciphertext bytes [start, end) of an item on offer to us, at most 4 MiB."""
        return self._send("GET", f"/v1/handovers/{evidence}/content", headers={"Range": f"bytes={start}-{end - 1}"}).content

    def copies(self) -> list[dict[str, Any]]:
        """Copies that other agencies gave us."""
        return list(self._send("GET", "/v1/copies").json()["copies"])

    def copy_record(self, copy: dict[str, Any]) -> dict[str, Any]:
        """What came with a copy, as `copies` lists it."""
        found: dict[str, Any] = self._send("GET", _copy_path(copy)).json()
        return found

    def copy_range(self, copy: dict[str, Any], start: int, end: int) -> bytes:
        """Ciphertext bytes [start, end) of a copy, at most 4 MiB."""
        return self._send("GET", f"{_copy_path(copy)}/content", headers={"Range": f"bytes={start}-{end - 1}"}).content

    def copy_taken(self, copy: dict[str, Any], evidence: str) -> None:
        """Tell which item of ours is the copy."""
        self._send("POST", _copy_path(copy), json={"copy": evidence})

    def disposal(self, evidence: str) -> dict[str, Any]:
        """What became of an item that was disposed of."""
        found: dict[str, Any] = self._send("GET", f"/v1/evidence/{evidence}/disposal").json()
        return found

    def lineage(self, evidence: str) -> dict[str, Any]:
        """Where an item came from, what came from it, and who holds copies."""
        found: dict[str, Any] = self._send("GET", f"/v1/evidence/{evidence}/lineage").json()
        return found

    def sync_replicas(self, *, afresh: bool) -> dict[str, Any]:
        """Some seconds of sending to IPFS nodes."""
        found: dict[str, Any] = self._send("POST", "/v1/replication/sync", json={"afresh": afresh}).json()
        return found

    def check_fixity(self, evidence: str) -> list[dict[str, Any]]:
        """Some seconds of reading an item again at its IPFS nodes."""
        return list(self._send("POST", f"/v1/evidence/{evidence}/fixity").json()["nodes"])

    def set_copies(self, evidence: str, copies: int) -> None:
        """At how many IPFS nodes an item shall lie."""
        self._send("PUT", f"/v1/evidence/{evidence}/copies", json={"copies": copies})

    def anchor(self) -> dict[str, Any]:
        """Anchor now."""
        found: dict[str, Any] = self._send("POST", "/v1/anchor").json()
        return found

    def agency(self) -> dict[str, Any]:
        """Who the node is."""
        found: dict[str, Any] = self._send("GET", "/v1/agency", authenticated=False).json()
        return found

    def trust_root(self) -> bytes:
        """The node's own trust root."""
        return self._send("GET", "/v1/trust", authenticated=False).content


def _copy_path(copy: dict[str, Any]) -> str:
    return f"/v1/copies/{copy['giver']}/{copy['evidence']}/{copy['statement']}"
