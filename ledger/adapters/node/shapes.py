"""What the answers of a node look like (see domain.shapes); the node's own words for it are in
api/schemas*.py.
"""

from __future__ import annotations

import re
from typing import Final

from ledger.domain.audit.findings import Status
from ledger.domain.untrusted.shapes import COUNT, MOMENT, Each, Maybe
from ledger.domain.verify.report import Verdict

DIGEST: Final = re.compile(r"[0-9a-f]{64}")
EVIDENCE: Final = re.compile(r"urn:uuid:[0-9a-f-]{36}")
BYTES: Final = re.compile(r"[A-Za-z0-9_-]*")
AGENCY: Final = re.compile(r"[A-Z]{2}-[A-Z0-9](?:[A-Z0-9-]{0,30}[A-Z0-9])?")
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)

MISSING: Final = {"missing": [str]}
REGISTERED: Final = {
    "registered": [
        {
            "evidence": EVIDENCE,
            "statement": DIGEST,
            "index": COUNT,
            "receipt": BYTES,
            "repeated": bool,
            "state": str,
            "duplicates": [EVIDENCE],
        }
    ]
}
FOUND: Final = {"evidence": [EVIDENCE]}
_REPLICA: Final = {"node": str, "state": str, "proof": Maybe(TIME), "reads": COUNT, "problem": str}
_OFFER: Final = {"agency": AGENCY, "person": Maybe(str), "expires": Maybe(TIME)}
ITEM: Final = {
    "evidence": EVIDENCE, "origin": AGENCY, "custodian": AGENCY, "events": COUNT, "head": DIGEST,
    "time": TIME, "closed": bool,
    "erased": bool, "holder": str, "offer": Maybe(_OFFER), "cid": Maybe(str), "index": COUNT,
    "state": str, "replicas": [_REPLICA], "parts": Maybe([str]),
}  # fmt: skip
_LOOK: Final = {"person": str, "what": str, "time": TIME}
EVENT: Final = {
    "seq": COUNT, "effect": str, "time": TIME, "agency": AGENCY, "statement": DIGEST,
    "index": COUNT, "state": str,
    "provenTime": Maybe(TIME), "void": bool, "looked": [_LOOK],
}  # fmt: skip
_STANDING: Final = {
    "holds": [str], "seals": [str], "handling": [str], "conditions": [str],
    "keepUntil": Maybe(str), "handedOutTo": str,
}  # fmt: skip
READABLE: Final = {"content": bool, "keys": [DIGEST]}
_TOLD: Final = {"seq": COUNT, "statement": DIGEST, "document": Maybe(dict)}
DETAILS: Final = {"events": [_TOLD], "standing": _STANDING}
PERSON_KEY: Final = {"agency": AGENCY, "pseudonym": str, "kem": str, "key": BYTES}
GRANTS: Final = {"grants": [BYTES]}
_CHAIN: Final = {
    "label": str, "id": COUNT, "head": Maybe(COUNT), "problem": str, "hint": str,
    "registry": str, "ledger": str,
}  # fmt: skip
_NEWEST: Final = {
    "size": COUNT, "root": DIGEST, "state": str, "transaction": str, "block": Maybe(COUNT),
    "time": Maybe(MOMENT), "gas": Maybe(COUNT),
}  # fmt: skip
_DAEMON: Final = {
    "version": str,
    "peer": str,
    "addresses": [str],
    "peers": COUNT,
    "size": COUNT,
    "limit": COUNT,
}
_IPFS_NODE: Final = {
    "name": str, "outside": bool, "problem": str, "hint": str, "status": Maybe(_DAEMON),
    "pinned": COUNT, "waiting": COUNT,
    "damaged": COUNT,
}  # fmt: skip
_IPFS: Final = {
    "copies": COUNT, "wanting": COUNT, "oldest_proof": Maybe(MOMENT), "problem": str, "hint": str,
    "nodes": [_IPFS_NODE], "forgotten": [{"name": str, "items": COUNT}],
}  # fmt: skip
WORKER: Final = {
    "worker": str, "failures": COUNT, "since": Maybe(TIME), "problem": str, "hint": str,
    "succeeded": Maybe(TIME), "next": Maybe(TIME),
}  # fmt: skip
_ENDING: Final = {
    "owner": str, "pseudonym": Maybe(str), "until": TIME, "message": str, "hint": str,
}  # fmt: skip
STATUS: Final = {
    "agency": AGENCY, "log": str, "descriptorVersion": COUNT, "chain": Maybe(_CHAIN),
    "integrated": COUNT, "submitted": COUNT,
    "anchored": COUNT, "final": COUNT, "newest": Maybe(_NEWEST), "storedBytes": COUNT,
    "backupsUntil": Maybe(MOMENT), "frozen": str,
    "ipfs": Maybe(_IPFS), "workers": Maybe([WORKER]), "certificates": Maybe([_ENDING]),
}  # fmt: skip
INVITATION: Final = {"code": str, "expires": TIME}
FINGERPRINT: Final = {"fingerprint": str}
OUTCOME: Final = {"state": str, "certificate": Maybe(BYTES)}
_PERSON: Final = {
    "reference": str, "agency": str, "number": str, "roles": [str], "state": str,
    "fingerprint": str, "since": str, "custodyKey": str,
}  # fmt: skip
PEOPLE: Final = {"people": [_PERSON]}
REFERENCE: Final = {"reference": str}
REVOKED: Final = {
    "revoked": str, "keepsCustodyKey": bool, "custodyKey": str, "alsoActive": Maybe([str]),
}  # fmt: skip
CARD: Final = {"certificate": BYTES, "request": BYTES}
SEALED: Final = {"sealed": Maybe(BYTES)}
CERTIFICATE: Final = {"certificate": BYTES}
SESSIONS: Final = {
    "sessions": [
        {"id": str, "agency": AGENCY, "pseudonym": Maybe(str), "since": TIME, "until": TIME}
    ]
}
ALARMS: Final = {
    "alarms": [
        {
            "id": str,
            "kind": str,
            "agency": AGENCY,
            "pseudonym": str,
            "count": COUNT,
            "time": TIME,
            "seconds": COUNT,
        }
    ]
}
PARTNER: Final = {
    "agency": AGENCY,
    "url": str,
    "active": bool,
    "checked": TIME,
    "descriptor": BYTES,
}
PARTNERS: Final = {"partners": [PARTNER]}
_HANDOVER: Final = {
    "evidence": EVIDENCE, "giver": AGENCY, "taker": AGENCY, "person": Maybe(str), "offer": DIGEST,
    "expires": Maybe(TIME), "state": str,
    "looked": [_LOOK],
}  # fmt: skip
HANDOVERS: Final = {"handovers": [_HANDOVER]}
_COMING: Final = {"done": COUNT, "size": COUNT}
ROUND: Final = {
    "received": [str],
    "settled": [str],
    "problems": Each(str),
    "coming": _COMING,
    "handovers": [_HANDOVER],
}
INCOMING: Final = {"events": [_TOLD], "grants": [BYTES], "standing": _STANDING}
COPY: Final = {
    "giver": AGENCY,
    "recipient": AGENCY,
    "evidence": EVIDENCE,
    "statement": DIGEST,
    "until": TIME,
    "taken": str,
}
COPIES: Final = {"copies": [COPY]}
COPY_RECORD: Final = {"opening": dict, "disclosed": dict, "grants": [BYTES]}
DISPOSAL: Final = {
    "evidence": EVIDENCE, "agency": AGENCY, "statement": DIGEST, "disposed": TIME,
    "destroyed": COUNT, "backupsExpire": Maybe(TIME),
    "confirmed": [{"agency": AGENCY, "statement": DIGEST, "time": TIME}], "expected": [str],
    "pins": COUNT, "pinnedAt": [str], "mayKeep": [str], "stored": bool, "title": str, "text": str,
}  # fmt: skip
LINEAGE: Final = {"links": [{"parent": str, "child": str, "kind": str}], "copies": [COPY]}
SYNCED: Final = {
    "pinned": COUNT, "removed": COUNT, "failed": COUNT, "problems": Each(str), "wanting": COUNT,
    "goesOn": bool,
}  # fmt: skip
FIXITY: Final = {
    "nodes": [{"node": str, "result": str, "blocks": COUNT, "bad": Each(COUNT), "repaired": COUNT,
    "unread": COUNT, "complete": bool}]
}  # fmt: skip
_DEMANDS: Final = {"required": Each([str]), "basisKinds": [str], "lateAfter": COUNT}
ABOUT: Final = {
    "agency": AGENCY, "log": str, "logNumber": COUNT, "descriptor": BYTES, "profile": str,
    "demands": _DEMANDS,
    "withhold": Each([str]), "names": Each(str),
}  # fmt: skip
VERSIONS: Final = {
    "descriptors": [
        {"version": range(1, 65536), "document": BYTES, "activeFrom": MOMENT, "block": COUNT}
    ]
}
EXCHANGED: Final = {
    "handovers": [{"evidence": EVIDENCE, "giver": AGENCY, "taker": AGENCY, "offer": DIGEST,
    "expires": MOMENT, "state": str}]
}  # fmt: skip
DISPOSALS: Final = {
    "disposals": [
        {
            "evidence": EVIDENCE,
            "disposal": DIGEST,
            "log": DIGEST,
            "events": COUNT,
            "head": DIGEST,
            "time": MOMENT,
        }
    ]
}
_WORD: Final = re.compile(r".+", re.DOTALL)
_CHECK: Final = {
    "check": str, "title": _WORD, "status": re.compile("|".join(one.value for one in Status)),
    "detail": str,
}  # fmt: skip
_FINDING: Final = {
    "code": str, "severity": _WORD, "title": str, "place": str, "expected": str, "found": str,
    "promise": COUNT, "promiseText": str,
    "todo": str,
}  # fmt: skip
REPORT: Final = {
    "verdict": re.compile("|".join(one.value for one in Verdict)), "checks": [_CHECK],
    "findings": [_FINDING], "counts": Each(COUNT),
    "facts": dict,
}  # fmt: skip
AUDIT: Final = {
    "id": re.compile(r"[0-9a-f]{16}"), "asked": str, "begun": MOMENT,
    "state": re.compile("running|done|failed"), "part": str,
    "total": COUNT, "done": COUNT, "ended": MOMENT, "problem": str, "report": Maybe(REPORT),
}  # fmt: skip


def page(name: str, shape: object) -> dict[str, object]:
    """A page of a list, and the cursor of the next."""
    return {name: [shape], "next": Maybe(COUNT)}
