"""Event documents: built, parsed and checked against the claims of their statement (DESIGN section
6).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Final, get_args

from ledger.domain.codecs import strict_json
from ledger.domain.codecs.text import (
    from_b64url,
    from_hex,
    is_version,
    parse_time,
    quoted,
    require,
    subject_bytes,
)
from ledger.domain.crypto.content_encryption import Content, parse_content
from ledger.domain.errors import FormatError, VerificationError
from ledger.domain.event import disclosure as sd
from ledger.domain.event.case_types import subject_of, subjects
from ledger.domain.event.schema import (
    Check,
    Report,
    agency,
    anything,
    choice,
    code,
    country,
    listof,
    members,
    number,
    octets,
    text,
    time,
    unknown,
)
from ledger.domain.event.types import IDENTIFIER, TYPES
from ledger.domain.identity.certificate import CertificateKind
from ledger.domain.identity.names import agency_urn, check_pseudonym, parse_agency_urn
from ledger.domain.log.statement import Claims

VERSION: Final = 2
LIMIT: Final = 1 << 20  # bytes; documents are read whole
#: Hidden unless the caller says otherwise: what names people, places, devices and the case (DESIGN
#: section 6).
DEFAULT_HIDDEN: Final = (
    "/body/name",
    "/body/path",
    "/body/place",
    "/body/collector",
    "/body/device",
    "/body/digests",
    "/body/stated",
    "/body/image",  # names of its segments
    "/body/source",
    "/basis/purpose",
    "/basis/reference",
    "/body/ext",  # the bytes of names and paths, where text alone would not tell them
    "/body/omissions",  # paths as well
)
_STEP: Final = 2


def _pseudonym(value: Any, path: str, report: Report) -> None:
    check_pseudonym(value)


def _subject(value: Any, path: str, report: Report) -> None:
    if isinstance(value, str) and subject_of(value) == "agency":
        parse_agency_urn(value)
    else:
        subject_bytes(value)


def _prev(value: Any, path: str, report: Report) -> None:
    if value is not None:
        from_hex(value, what="event prev", size=32)


_BASIS: Final = members(
    {"purpose": text()},
    {
        "kind": code,
        "instrument": text(),
        "article": text(256),
        "reference": text(1024),
        "authority": text(),
        "country": country,
        "issued": time,
        "expires": time,
    },
)
_DOCUMENT: Final[Check] = members(
    {
        "v": number,
        "type": code,
        "evidence": _subject,
        "seq": number,
        "prev": _prev,
        "actor": members(
            {
                "id": _pseudonym,
                "agency": agency,
                "kind": choice(*get_args(CertificateKind)),
                "role": code,
            }
        ),
        "time": time,
        "salt": octets(32),
        "body": anything,
    },
    {
        "refSalt": octets(32),
        "occurred": members({"from": time}, {"to": time, "zone": text(64), "clock": code}),
        "late": text(),
        "basis": _BASIS,
        "lang": text(35),
        "handling": listof(code, most=20),
        "identifiers": listof(IDENTIFIER, most=50),
    },
)


@dataclass(frozen=True)
class Event:
    """A parsed document. ``raw`` are its bytes as written; ``value`` is completed with the
    disclosures given; ``withheld`` names what is missing. ``known`` is False for a type that this
    version does not know.
    """

    raw: bytes
    value: dict[str, Any]
    disclosures: tuple[sd.Disclosure, ...]
    withheld: tuple[str, ...]
    known: bool

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the document, the payload of its statement."""
        return sha256(self.raw).digest()

    @property
    def type(self) -> str:
        """The event type, such as ``acquired``; see types.TYPES."""
        return str(self.value["type"])

    @property
    def body(self) -> dict[str, Any]:
        """The body with the members that the disclosures given put back."""
        body: dict[str, Any] = self.value["body"]
        return body

    @property
    def content(self) -> Content | None:
        """How the content that this event records is encrypted; None where it records none."""
        body = self.body
        return parse_content(body["content"], body["size"]) if "content" in body else None


def compute_ref(evidence: str, salt: bytes) -> bytes:
    """What the chain knows of an item: SHA-256("custody-ref-v1" || evidence bytes || refSalt)."""
    return sha256(b"custody-ref-v1" + subject_bytes(evidence) + salt).digest()


def build(value: dict[str, Any], salts: dict[str, bytes]) -> Event:
    """Write a complete document, hiding the members at the pointers in ``salts`` that are present.

    Returns:
        the document as it is signed, with the disclosures of what it hides.

    Raises:
        FormatError: the document would not be accepted.
    """
    present = {pointer: salt for pointer, salt in salts.items() if _has(value, pointer)}
    hidden, disclosures = sd.hide(value, present)
    raw = strict_json.dump(hidden)
    require(len(raw) <= LIMIT, f"event document: {len(raw)} bytes, at most {LIMIT} allowed")
    event = _checked(raw, hidden, tuple(disclosures))
    require_complete(event)
    return event


def _has(value: Any, pointer: str) -> bool:
    for name in pointer.lstrip("/").split("/"):
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True


def parse(raw: bytes, disclosures: Iterable[str] = ()) -> Event:
    """Parse a document with the disclosures that the reader may see.

    Returns:
        the event, completed, with the paths of what is withheld.

    Raises:
        FormatError: malformed, unknown version, unknown member, or a value of the wrong form.
    """
    value = strict_json.parse(raw, what="event document", limit=LIMIT)
    require(isinstance(value, dict), "event document: not an object")
    return _checked(raw, value, tuple(sd.parse(encoded) for encoded in disclosures))


def require_completed(value: dict[str, Any]) -> None:
    """Check a document that somebody else completed with its disclosures, such as a node that is
    asked for an item's record.

    Raises:
        FormatError: it is not what a document with these members would be.
    """
    _checked(b"", value, ())


def withheld(value: dict[str, Any]) -> tuple[str, ...]:
    """Paths of what is withheld in a document that somebody else completed."""
    return _checked(b"", value, ()).withheld


def _checked(raw: bytes, value: dict[str, Any], parsed: tuple[sd.Disclosure, ...]) -> Event:
    """What the bytes and the disclosures say, completed and checked against the schema of the
    type.
    """
    version = value.get("v")
    require(
        is_version(version, VERSION),
        f"event document: version {quoted(version)}, expected {VERSION}",
    )
    require(len({item.digest for item in parsed}) == len(parsed), "disclosure given twice")
    whole = sd.reveal(value, parsed)
    report = Report()
    _DOCUMENT(whole, "", report)
    kind = TYPES.get(whole["type"])
    body = kind.body if kind is not None else unknown
    require(isinstance(whole["body"], dict), "event body: expected an object")
    body(whole["body"], "/body", report)
    subject = subject_of(whole["evidence"])
    is_agency = subject == "agency"
    fitting = subjects(whole["type"], kind.effect) if kind is not None else {"item", "case"}
    if subject not in fitting:
        about = " or ".join(f"an {one}" if one != "case" else "a case" for one in sorted(fitting))
        raise FormatError(
            f"event evidence: does not fit the type, which is about {about}, not about a {subject}",
            hint="name the items of the case, such as 2026-117/A1, or all of them: 2026-117/"
            if subject == "case"
            else None,
        )
    require(
        (whole["seq"] == 0) == (whole["prev"] is None), "event prev: null at seq 0 and only there"
    )
    require(
        ("refSalt" in whole) == (whole["seq"] == 0 and not is_agency),
        "event refSalt: stands at seq 0 of an item only",
    )
    if is_agency:
        require("_sd_alg" not in value, "agency statements are public: nothing in them is hidden")
    return Event(raw, whole, parsed, tuple(report.withheld), kind is not None)


def require_complete(event: Event) -> None:
    """For registration: every disclosure is given and the type is known.

    Raises:
        FormatError: otherwise.
    """
    if event.withheld:
        raise FormatError(
            f"event document: withheld members cannot be registered: {', '.join(event.withheld)}"
        )
    if not event.known:
        raise FormatError(f"event document: unknown type {quoted(event.type)}")


def check_claims(event: Event, claims: Claims) -> None:
    """Check that document and claims say the same (verification step 2).

    Raises:
        VerificationError: naming the member that differs.
    """
    value = event.value
    expected: dict[str, tuple[Any, Any]] = {
        "evidence": (value["evidence"], claims.subject),
        "seq": (value["seq"], claims.seq),
        "prev": (value["prev"], None if claims.prev is None else claims.prev.hex()),
        "actor agency": (value["actor"]["agency"], claims.issuer),
        "time": (parse_time(value["time"], what="event time"), claims.time),
    }
    for name, (written, claimed) in expected.items():
        if written != claimed:
            raise VerificationError(_STEP, f"document and statement differ in {name}")
    kind = TYPES.get(event.type)
    effect = kind.effect if kind is not None else "none"
    if effect != claims.effect:
        raise VerificationError(
            _STEP,
            f"type {event.type!r} has effect {effect!r}, the statement claims {claims.effect!r}",
        )
    if effect == "agency" and value["evidence"] != agency_urn(claims.issuer):
        raise VerificationError(_STEP, "an agency statement is about another agency")
    if claims.ref is not None:
        salt = from_b64url(value["refSalt"], what="event refSalt", size=32)
        if compute_ref(claims.subject, salt) != claims.ref:
            raise VerificationError(_STEP, "ref does not follow from evidence and refSalt")
    if claims.to is not None and event.body["to"]["agency"] != claims.to:
        raise VerificationError(_STEP, "the offer names another agency than its statement")
