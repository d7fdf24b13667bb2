"""A custody node: everything that people's commands ask of one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ledger.adapters.node import shapes, told
from ledger.adapters.node.http import LARGE, HttpNode, KeptSession, Session, bytes_of
from ledger.adapters.web.client import WebError
from ledger.domain.codecs.text import b64url
from ledger.domain.errors import BusyError, FormatError, UnconfirmedError
from ledger.domain.ipld import car
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block

__all__ = ["KeptSession", "NodeClient", "Session"]
_PAGE: Final = 500
_AGAIN: Final = (0.2, 1.0, None)  # seconds before statements are sent once more
_LOOK: Final = "before you repeat it, look whether it is there: custody list, or custody show ITEM"


class NodeClient(HttpNode):
    """Calls of the API, for people; see HttpNode."""

    def missing(self, wanted: Sequence[bytes]) -> list[bytes]:
        """See clientports.NodeApi."""
        asked = [cids.to_text(cid) for cid in wanted]
        answer = self._ask("POST", "/v1/blocks/missing", shapes.MISSING, json={"cids": asked})
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

    def register(self, submissions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """See clientports.NodeApi. Where the answer is lost, or the node is busy, the same
        statements are sent again: the node takes each once.

        Raises:
            UnconfirmedError: it was lost again and again, and they may be in the log or not.
            BusyError: the node was busy each time.
        """
        sent = False
        for pause in _AGAIN:
            try:
                answer = self._ask(
                    "POST",
                    "/v1/statements",
                    shapes.REGISTERED,
                    json={"statements": list(submissions)},
                )
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
            else:
                found: list[dict[str, Any]] = answer["registered"]
                return found
        raise AssertionError

    def duplicates(self, digest: str) -> list[str]:
        """See clientports.NodeApi."""
        return list(
            self._ask("POST", "/v1/evidence/duplicates", shapes.FOUND, json={"sha256": digest})[
                "evidence"
            ]
        )

    def search(self, scheme: str, value: str) -> list[str]:
        """Items with an identifier."""
        wanted = {"scheme": scheme, "value": value}
        shape = shapes.page("evidence", shapes.EVIDENCE)

        def ask(after: int) -> Any:
            return self._ask("POST", "/v1/evidence/search", shape, json={**wanted, "after": after})

        return list(self._turned("evidence", ask))

    def items(self) -> Iterator[dict[str, Any]]:
        """All items that the caller may see, page by page."""
        yield from self._pages("/v1/evidence", "items", shapes.ITEM)

    def item(self, evidence: str) -> dict[str, Any]:
        """One item in clear."""
        found: dict[str, Any] = self._ask("GET", f"/v1/evidence/{evidence}", shapes.ITEM)
        return found

    def events(self, evidence: str) -> Iterator[dict[str, Any]]:
        """An item's events, page by page."""
        yield from self._pages(f"/v1/evidence/{evidence}/events", "events", shapes.EVENT)

    def _pages(self, path: str, name: str, one: object) -> Iterator[dict[str, Any]]:
        shape = shapes.page(name, one)

        def ask(after: int) -> Any:
            return self._ask("GET", path, shape, params={"after": after, "limit": _PAGE})

        yield from self._turned(name, ask)

    def readable(self, evidence: str, mode: str) -> dict[str, Any]:
        """Whether something could follow an access of this mode, and to which keys content is
        sealed for the caller.
        """
        return dict(
            self._ask(
                "GET", f"/v1/evidence/{evidence}/readable", shapes.READABLE, params={"mode": mode}
            )
        )

    def rehearse(self, evidence: str, document: bytes, disclosures: Sequence[str]) -> None:
        """Ask whether an event that is not signed yet could follow; nothing is recorded."""
        self._send(
            "POST",
            f"/v1/evidence/{evidence}/rehearsals",
            json={"document": b64url(document), "disclosures": list(disclosures)},
        )

    def details(self, evidence: str, access: str) -> list[dict[str, Any]]:
        """The item's documents."""
        return self.record(evidence, access)[0]

    def record(self, evidence: str, access: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The item's documents, and what holds for it after them."""
        found = self._ask(
            "POST",
            f"/v1/evidence/{evidence}/details",
            shapes.DETAILS,
            limit=LARGE,
            json={"access": access},
        )
        return told.events(found["events"], evidence, self._web.who), dict(found["standing"])

    def person_key(self, reference: str) -> dict[str, str]:
        """Who a person or guest is, and their HPKE key."""
        found: dict[str, str] = self._ask("GET", f"/v1/people/{reference}/key", shapes.PERSON_KEY)
        return found

    def grants(self, evidence: str, access: str) -> list[bytes]:
        """Content keys sealed to the caller."""
        found = self._ask(
            "POST", f"/v1/evidence/{evidence}/grants", shapes.GRANTS, json={"access": access}
        )["grants"]
        return [bytes_of(text, self._web.who) for text in found]

    def content(self, evidence: str, access: str, start: int, end: int) -> bytes:
        """Ciphertext bytes [start, end), at most 4 MiB."""
        return self._range(
            f"/v1/evidence/{evidence}/content", start, end, {"Custody-Access": access}
        )

    def bundle(self, evidence: str, access: str, *, withhold: Sequence[str] = ()) -> bytes:
        """The evidence bundle, without what is to be withheld."""
        return self._send(
            "POST",
            f"/v1/evidence/{evidence}/bundle",
            json={"access": access, "withhold": list(withhold)},
        ).content

    def status(self, *, chain: bool = True, ipfs: bool = True) -> dict[str, Any]:
        """How far anchoring is; without ``chain`` and ``ipfs`` the node need not ask them."""
        found: dict[str, Any] = self._ask(
            "GET", "/v1/status", shapes.STATUS, params={"chain": chain, "ipfs": ipfs}
        )
        return found

    def start_audit(self, *, sample: float | None, seed: int | None) -> dict[str, Any]:
        """Ask the node to audit itself; how far it is."""
        found: dict[str, Any] = self._ask(
            "POST", "/v1/audits", shapes.AUDIT, json={"sample": sample, "seed": seed}
        )
        return found

    def audit(self, name: str) -> dict[str, Any]:
        """How far an audit is, and its report."""
        found: dict[str, Any] = self._ask("GET", f"/v1/audits/{name}", shapes.AUDIT)
        return found

    def invite(self, number: str, roles: Sequence[str]) -> dict[str, Any]:
        """An invitation: code and expiry."""
        found: dict[str, Any] = self._ask(
            "POST",
            "/v1/people/invitations",
            shapes.INVITATION,
            json={"number": number, "roles": list(roles)},
        )
        return found

    def request_enrolment(self, code: str, request: bytes) -> str:
        """Send new public keys for an invitation; the fingerprint."""
        body = {"code": code, "request": b64url(request)}
        return str(
            self._ask("POST", "/v1/enrolments", shapes.FINGERPRINT, authenticated=False, json=body)[
                "fingerprint"
            ]
        )

    def enrolment(self, code: str) -> dict[str, Any]:
        """How far an enrolment is."""
        found: dict[str, Any] = self._ask(
            "POST",
            "/v1/enrolments/outcome",
            shapes.OUTCOME,
            authenticated=False,
            json={"code": code},
        )
        return found

    def people(self) -> list[dict[str, Any]]:
        """Everybody of the agency, and open invitations."""
        return list(self._ask("GET", "/v1/people", shapes.PEOPLE)["people"])

    def approve(self, reference: str) -> str:
        """Approve an enrolment; the reference of the new person."""
        return str(
            self._ask(
                "POST", "/v1/people/approvals", shapes.REFERENCE, json={"reference": reference}
            )["reference"]
        )

    def suspend(self, reference: str, *, since: int | None = None) -> dict[str, Any]:
        """Suspend a person; the date of revocation, and whether they keep the custody key."""
        return dict(
            self._ask(
                "POST",
                "/v1/people/suspensions",
                shapes.REVOKED,
                json={"person": reference, "since": since},
            )
        )

    def renew(self, reference: str, roles: Sequence[str]) -> dict[str, Any]:
        """Issue somebody a new certificate; from when on it counts, and how they stand to the
        custody key.
        """
        return dict(
            self._ask(
                "POST",
                "/v1/people/renewals",
                shapes.REVOKED,
                json={"person": reference, "roles": list(roles)},
            )
        )

    def custodian_card(self, reference: str) -> tuple[bytes, bytes]:
        """Certificate of a custodian, and what they signed for their keys."""
        found = self._ask("GET", f"/v1/people/{reference}/card", shapes.CARD)
        return bytes_of(found["certificate"], self._web.who), bytes_of(
            found["request"], self._web.who
        )

    def put_custody_key(self, sealed: bytes) -> None:
        """Leave the custody key for a custodian, sealed to them."""
        self._send("POST", "/v1/custody-key", json={"sealed": b64url(sealed)})

    def own_custody_key(self) -> bytes | None:
        """The custody key that waits for us, sealed to us; None where none does."""
        found = self._ask("GET", "/v1/custody-key", shapes.SEALED)["sealed"]
        return None if found is None else bytes_of(found, self._web.who)

    def hold_custody_key(self, digest: bytes) -> None:
        """Tell that we hold the custody key now."""
        self._send("PUT", "/v1/custody-key", json={"custody": digest.hex()})

    def own_certificate(self, proof: bytes) -> bytes:
        """The certificate that belongs to a key now."""
        body = {"request": b64url(proof)}
        found = self._ask(
            "POST", "/v1/enrolments/certificate", shapes.CERTIFICATE, authenticated=False, json=body
        )
        return bytes_of(found["certificate"], self._web.who)

    def link(self, reference: str, subject: str) -> None:
        """Say which account at the identity provider is somebody's."""
        self._send("POST", "/v1/people/links", json={"person": reference, "subject": subject})

    def admit(self, certificate: bytes, proof: bytes) -> str:
        """Let somebody of another agency in as a guest; their reference there."""
        body = {"certificate": b64url(certificate), "request": b64url(proof)}
        return str(self._ask("POST", "/v1/people/guests", shapes.REFERENCE, json=body)["reference"])

    def sessions(self) -> list[dict[str, Any]]:
        """Sessions that go on."""
        return list(self._ask("GET", "/v1/sessions", shapes.SESSIONS)["sessions"])

    def end_session(self, session: str) -> None:
        """End a session."""
        self._send("DELETE", f"/v1/sessions/{session}")

    def alarms(self) -> list[dict[str, Any]]:
        """Alarms, oldest first."""
        return list(self._ask("GET", "/v1/alarms", shapes.ALARMS)["alarms"])

    def partners(self) -> list[dict[str, Any]]:
        """Agencies known there."""
        return list(self._ask("GET", "/v1/partners", shapes.PARTNERS)["partners"])

    def add_partner(self, url: str) -> dict[str, Any]:
        """Let the node get to know the agency at an address."""
        found: dict[str, Any] = self._ask("POST", "/v1/partners", shapes.PARTNER, json={"url": url})
        return found

    def handovers(self) -> list[dict[str, Any]]:
        """Handovers under way."""
        return list(self._ask("GET", "/v1/handovers", shapes.HANDOVERS)["handovers"])

    def sync_handovers(self) -> dict[str, Any]:
        """Let the node exchange with other agencies now."""
        found: dict[str, Any] = self._ask("POST", "/v1/handovers/sync", shapes.ROUND)
        return found

    def incoming(self, evidence: str) -> tuple[list[dict[str, Any]], list[bytes], dict[str, Any]]:
        """Documents and content keys of an item on offer to us, and what holds for it."""
        found = self._ask("GET", f"/v1/handovers/{evidence}/record", shapes.INCOMING, limit=LARGE)
        given = [bytes_of(text, self._web.who) for text in found["grants"]]
        return told.events(found["events"], evidence, self._web.who), given, found["standing"]

    def incoming_content(self, evidence: str, start: int, end: int) -> bytes:
        """Ciphertext bytes [start, end) of an item on offer to us, at most 4 MiB."""
        return self._range(f"/v1/handovers/{evidence}/content", start, end)

    def copies(self) -> list[dict[str, Any]]:
        """Copies that other agencies gave us."""
        return list(self._ask("GET", "/v1/copies", shapes.COPIES)["copies"])

    def copy_record(self, copy: dict[str, Any]) -> dict[str, Any]:
        """What came with a copy, as `copies` lists it."""
        found: dict[str, Any] = self._ask("GET", _copy_path(copy), shapes.COPY_RECORD, limit=LARGE)
        return told.copy(found, copy["evidence"], self._web.who)

    def copy_range(self, copy: dict[str, Any], start: int, end: int) -> bytes:
        """Ciphertext bytes [start, end) of a copy, at most 4 MiB."""
        return self._range(f"{_copy_path(copy)}/content", start, end)

    def copy_taken(self, copy: dict[str, Any], evidence: str) -> None:
        """Tell which item of ours is the copy."""
        self._send("POST", _copy_path(copy), json={"copy": evidence})

    def disposal(self, evidence: str) -> dict[str, Any]:
        """What became of an item that was disposed of."""
        found: dict[str, Any] = self._ask(
            "GET", f"/v1/evidence/{evidence}/disposal", shapes.DISPOSAL
        )
        return found

    def lineage(self, evidence: str) -> dict[str, Any]:
        """Where an item came from, what came from it, and who holds copies."""
        found: dict[str, Any] = self._ask("GET", f"/v1/evidence/{evidence}/lineage", shapes.LINEAGE)
        return found

    def sync_replicas(self, *, afresh: bool) -> dict[str, Any]:
        """Some seconds of sending to IPFS nodes."""
        found: dict[str, Any] = self._ask(
            "POST", "/v1/replication/sync", shapes.SYNCED, json={"afresh": afresh}
        )
        return found

    def check_fixity(self, evidence: str) -> list[dict[str, Any]]:
        """Some seconds of reading an item again at its IPFS nodes."""
        return list(self._ask("POST", f"/v1/evidence/{evidence}/fixity", shapes.FIXITY)["nodes"])

    def set_copies(self, evidence: str, copies: int) -> None:
        """At how many IPFS nodes an item shall lie."""
        self._send("PUT", f"/v1/evidence/{evidence}/copies", json={"copies": copies})

    def anchor(self) -> dict[str, Any]:
        """Anchor now."""
        found: dict[str, Any] = self._ask("POST", "/v1/anchor", shapes.STATUS)
        return found

    def agency(self) -> dict[str, Any]:
        """Who the node is."""
        found: dict[str, Any] = self._ask("GET", "/v1/agency", shapes.ABOUT, authenticated=False)
        return found

    def trust_root(self, pin: int | None = None) -> bytes:
        """The node's own trust root, with a final block pinned where one is asked for."""
        query = "" if pin is None else f"?pin={pin}"
        return self._send("GET", f"/v1/trust{query}", authenticated=False).content


def _copy_path(copy: dict[str, Any]) -> str:
    return f"/v1/copies/{copy['giver']}/{copy['evidence']}/{copy['statement']}"
