"""The event types: for each its effect and the members of its body (DESIGN section 6)."""

from __future__ import annotations

from typing import Final, Literal, get_args

from ledger.domain.event.case_types import CASE_TYPES
from ledger.domain.event.event_type import EventType
from ledger.domain.event.schema import (
    Check,
    agency,
    algorithm,
    anything,
    choice,
    cid,
    code,
    digest,
    digests,
    evidence,
    flag,
    listof,
    media_type,
    members,
    merge,
    number,
    octets,
    text,
    time,
)

#: A handover for good, or for a time.
OfferMode = Literal["custody", "loan"]
#: How somebody got to know of an item's content.
AccessMode = Literal["view", "inspection", "copy", "export"]
#: What reading an item again gave.
FixityResult = Literal["match", "mismatch", "missing", "unreachable", "unreadable"]
_WORDS: Final = text()
_SHORT: Final = text(256)
_Group = tuple[dict[str, Check], dict[str, Check]]


PARTY: Final = members(
    {"name": _SHORT}, {"role": _SHORT, "organisation": _SHORT, "contact": _WORDS}
)
_PARTIES: Final = listof(PARTY, most=100)
_TOOL: Final = members(
    {"name": _SHORT}, {"version": _SHORT, "vendor": _SHORT, "settings": anything}
)
_SEAL: Final = members({"number": _SHORT}, {"position": _WORDS, "condition": _WORDS, "kind": code})
_SEALS: Final = listof(_SEAL, most=100)
_APPROVALS: Final = listof(digest, most=16)
_DEVICE: Final = members(
    {},
    {
        "description": _WORDS,
        "make": _SHORT,
        "model": _SHORT,
        "serial": _SHORT,
        "imei": listof(_SHORT, most=16),
        "other": listof(members({"scheme": code, "value": _SHORT}), most=50),
    },
)
CONTENT: Final = members(
    {
        "cid": cid,
        "suite": choice("A256GCM-STREAM-1MiB"),
        "pieces": members({"size": number, "count": number}),
        "paddedSize": number,
        "salt": octets(16),
        "commitment": octets(32),
    }
)
IDENTIFIER: Final = members({"scheme": code, "value": _SHORT}, {"issuer": _SHORT})

_FILE: _Group = (
    {
        "digests": digests,
        "size": number,
        "mediaType": media_type,
        "name": text(4096),
        "content": CONTENT,
    },
    {
        "path": text(65536),
        "source": _WORDS,
        "partOf": evidence,
        "place": _WORDS,
        "collector": PARTY,
        "authority": _WORDS,
        "method": code,
        "tool": _TOOL,
        "modified": time,
        "note": _WORDS,
    },
)
_ACQUISITION: _Group = (
    {},
    {
        "device": _DEVICE,
        "deviceClock": members({"shown": _SHORT, "reference": time}),
        "alterations": listof(_WORDS, most=100),
        "repeatable": flag,
        "image": members(
            {"format": code},
            {
                "segments": listof(
                    members({"name": _SHORT, "size": number}, {"digests": digests}), most=10000
                ),
                "sectors": number,
                "sectorSize": number,
                "readErrors": listof(members({"start": number, "count": number}), most=10000),
            },
        ),
        "stated": listof(
            members(
                {"algorithm": algorithm, "value": _SHORT},
                {"over": choice("media", "container", "file"), "by": _SHORT, "checked": flag},
            ),
            most=100,
        ),
        "web": members(
            {"url": _WORDS}, {"headers": anything, "addresses": listof(_SHORT, most=50)}
        ),
        "prior": listof(
            members({"holder": _SHORT}, {"from": time, "to": time, "how": _WORDS}), most=100
        ),
    },
)
_DERIVATION: _Group = (
    {
        "kind": choice(
            "working-copy",
            "redaction",
            "translation",
            "transcript",
            "extraction",
            "enhancement",
            "conversion",
            "report",
            "ai-output",
        ),
        "parents": listof(evidence, least=1, most=1000),
    },
    {
        "parameters": anything,
        "modelDigest": digest,
        "errorRate": _SHORT,
        "reviewer": PARTY,
        "decision": _WORDS,
        "approvals": _APPROVALS,
    },
)
_SOURCE: _Group = (
    {
        "source": members(
            {"evidence": evidence, "statement": digest}, {"conditions": listof(_WORDS, most=50)}
        )
    },
    {},
)
_SET: _Group = (
    {"count": number},
    {
        "omissions": listof(members({"path": text(65536), "reason": _SHORT}), most=1000),
        "omitted": number,
    },
)
_WHO: Final = members({"agency": agency}, {"person": _SHORT, "unit": _SHORT})
_HANDOVER: _Group = (
    {"counterparty": PARTY},
    {
        "identityChecked": _WORDS,
        "receipt": _WORDS,
        "condition": _WORDS,
        "seals": _SEALS,
        "purpose": _WORDS,
        "place": _WORDS,
        "due": time,
    },
)
_SEALING: _Group = (
    {"number": _SHORT},
    {
        "position": _WORDS,
        "condition": _WORDS,
        "purpose": _WORDS,
        "witness": PARTY,
        "replaces": _SHORT,
    },
)
_HOLD: Final = members({"hold": _SHORT}, {"authority": _WORDS, "reason": _WORDS, "expires": time})
_RESTRICTION: Final = members(
    {"handling": listof(code, least=1, most=20)}, {"reason": _WORDS, "until": time}
)
_DECISION: Final = members({"target": digest}, {"reason": _WORDS})
_REASON: Final = members({"reason": _WORDS}, {"offer": digest})


def _none(check: Check) -> EventType:
    return EventType("none", check)


TYPES: Final[dict[str, EventType]] = {
    **CASE_TYPES,
    "collected": EventType(
        "open",
        members(
            {"description": _WORDS},
            {
                "name": _SHORT,
                "device": _DEVICE,
                "place": _WORDS,
                "collector": PARTY,
                "authority": _WORDS,
                "method": code,
                "stateFound": _WORDS,
                "packaging": _WORDS,
                "seals": _SEALS,
                "witnesses": _PARTIES,
                "photos": listof(evidence, most=1000),
                "partOf": evidence,
                "quantity": _SHORT,
            },
        ),
    ),
    "acquired": EventType("open", merge(_FILE, _ACQUISITION)),
    "derived": EventType("open", merge(_FILE, _ACQUISITION, _DERIVATION)),
    "copied": EventType("open", merge(_FILE, _ACQUISITION, _SOURCE)),
    "gathered": EventType("open", merge(_FILE, _SET)),
    "accessed": _none(
        members(
            {"mode": choice(*get_args(AccessMode))},
            {"extent": _WORDS, "present": _PARTIES, "recipient": PARTY, "place": _WORDS},
        )
    ),
    "verified": _none(
        members(
            {"result": choice(*get_args(FixityResult))},
            {
                "expected": digests,
                "found": digests,
                "cid": cid,
                "size": number,
                "reason": _WORDS,
                "tool": _TOOL,
                "scope": choice("content", "ciphertext", "seals"),
            },
        )
    ),
    "analysed": _none(
        members(
            {"description": _WORDS},
            {
                "tool": _TOOL,
                "method": code,
                "results": _WORDS,
                "outputs": listof(evidence, most=1000),
                "errorRate": _SHORT,
                "laboratory": _SHORT,
                "present": _PARTIES,
            },
        )
    ),
    "identified": _none(
        members({"identifiers": listof(IDENTIFIER, least=1, most=50)}, {"reason": _WORDS})
    ),
    "moved": _none(
        members(
            {"place": _WORDS},
            {"from": _WORDS, "reason": _WORDS, "storage": _SHORT, "condition": _WORDS},
        )
    ),
    "dispatched": _none(
        members(
            {"carrier": _SHORT},
            {"waybill": _SHORT, "seals": _SEALS, "destination": _WORDS, "condition": _WORDS},
        )
    ),
    "released": _none(merge(_HANDOVER)),
    "received": _none(merge(_HANDOVER)),
    "sealed": _none(merge(_SEALING)),
    "unsealed": _none(merge(_SEALING)),
    "hold-placed": _none(_HOLD),
    "hold-released": _none(_HOLD),
    "restricted": _none(_RESTRICTION),
    "unrestricted": _none(_RESTRICTION),
    "retention-set": _none(
        members({"rule": _SHORT}, {"until": time, "review": time, "reason": _WORDS})
    ),
    "disclosed": _none(
        members(
            {"recipientKind": code, "mode": code},
            {
                "recipient": PARTY,
                "scope": _WORDS,
                "medium": _SHORT,
                "conditions": listof(_WORDS, most=50),
                "withheld": listof(_SHORT, most=100),
                "to": members({}, {"agency": agency, "person": _SHORT}),
            },
        )
    ),
    "presented": _none(
        members({"court": _SHORT}, {"docket": _SHORT, "hearing": time, "mark": _SHORT, "by": PARTY})
    ),
    "ruled": _none(
        members(
            {"ruling": choice("admitted", "excluded", "sealed")},
            {"court": _SHORT, "order": _SHORT, "reason": _WORDS},
        )
    ),
    "corrected": _none(
        members(
            {"target": digest, "pointer": text(1024), "new": anything, "reason": _WORDS},
            {"old": anything},
        )
    ),
    "incident": _none(
        members(
            {"kind": code, "discovered": time},
            {"description": _WORDS, "effect": _WORDS, "action": _WORDS, "reported": _WORDS},
        )
    ),
    "approved": _none(_DECISION),
    "refused": _none(_DECISION),
    "disposal-requested": _none(members({"reason": _WORDS}, {"scope": _WORDS, "rule": _SHORT})),
    "keys-destroyed": _none(
        members({"scope": listof(code, least=1, most=10)}, {"count": number, "disposal": digest})
    ),
    "note": _none(members({"text": text(65536)})),
    "transfer-offered": EventType(
        "offer",
        members(
            {"mode": choice(*get_args(OfferMode)), "to": _WHO, "expires": time},
            {
                "condition": _WORDS,
                "conditions": listof(_WORDS, most=50),
                "returnBy": time,
                "purpose": _WORDS,
                "seals": _SEALS,
                "grants": listof(digest, most=100),
            },
        ),
    ),
    "transfer-accepted": EventType(
        "accept",
        members(
            {"offer": digest},
            {
                "condition": _WORDS,
                "digests": digests,
                "seals": _SEALS,
                "pinned": cid,
                "place": _WORDS,
            },
        ),
    ),
    "transfer-declined": EventType(
        "decline",
        members({"offer": digest, "reason": _WORDS}, {"found": digests, "condition": _WORDS}),
    ),
    "transfer-withdrawn": EventType("withdraw", members({"offer": digest, "reason": _WORDS})),
    "transfer-expired": EventType("withdraw", members({"offer": digest}, {"reason": _WORDS})),
    "disposed": EventType(
        "close",
        members(
            {"scope": code, "method": _WORDS, "approvals": _APPROVALS},
            {"backupsExpire": time, "reason": _WORDS, "rule": _SHORT},
        ),
    ),
    "returned": EventType(
        "close",
        members(
            {"owner": PARTY}, {"identityChecked": _WORDS, "receipt": _WORDS, "condition": _WORDS}
        ),
    ),
    "voided": EventType("close", members({"reason": _WORDS}, {"replacement": evidence})),
    "log-opened": EventType(
        "agency",
        members(
            {"policy": _WORDS, "trustAnchors": listof(_WORDS, least=1, most=50)},
            {"parent": digest, "forkSize": number},
        ),
    ),
    "descriptor-published": EventType("agency", members({"version": number, "digest": digest})),
    "crl-published": EventType(
        "agency", members({"number": number, "digest": digest, "issued": time, "revoked": number})
    ),
}
