"""What an audit can find: for every code its severity, the check and the promise that it breaks,
and what to do.

The promises are those of DESIGN section 2. Codes are stable: scripts, the printable report and
docs/threat-model.md name them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ledger.domain.audit.checklist import PROMISES, Severity


@dataclass(frozen=True, slots=True)
class Kind:
    """What a code means. ``promise`` is a number of PROMISES, ``todo`` what to do about it."""

    check: str
    severity: Severity
    promise: int
    title: str
    todo: str


_KEEP: Final = (
    "keep this report and the log's files as they are, and lay both before the "
    "agencies of the registry"
)
_ASK: Final = "ask the agency why; its answer belongs to this report"
_AGAIN: Final = "try again later; if it stays so, treat it as withheld"
_ANCHOR: Final = (
    "wait until the agency has anchored them (whoever keeps the log: custody "
    "anchor), then audit again"
)
_HOME: Final = (
    "stop the node, keep the home as it is, and compare it with a backup: the log "
    "says what is right"
)
_F, _I, _W = Severity.FAILED, Severity.INCOMPLETE, Severity.WARNING
_N, _U = Severity.NOTE, Severity.UNREADABLE

KINDS: Final[dict[str, Kind]] = {
    # The chain and the log as a whole
    "chain-other": Kind("chain", _I, 3, "another chain", "ask a chain that the trust root names"),
    "contract-code": Kind("chain", _F, 3, "other contracts", _KEEP),
    "chain-silent": Kind(
        "chain",
        _I,
        3,
        "the chain did not tell",
        "name a chain of your choice with --rpc, or try again",
    ),
    "checkpoint-unlinked": Kind(
        "log", _F, 3, "a checkpoint in the contract does not follow the one before", _KEEP
    ),
    "root-differs": Kind("log", _F, 3, "the log was rewritten", _KEEP),
    "map-differs": Kind("log", _F, 3, "the anchored item map is not that of the entries", _KEEP),
    "log-truncated": Kind("log", _F, 3, "the log is shorter than the contract knows", _KEEP),
    "log-older": Kind(
        "log",
        _I,
        3,
        "this copy of the log is older than its newest anchored checkpoint: it was not judged",
        "get a newer copy (whoever keeps the log: `custody log export DIR --entries`); if the "
        "agency has none: " + _KEEP,
    ),
    "log-unknown": Kind(
        "log",
        _I,
        3,
        "the registry does not know this log: nothing of it was judged",
        "check address and trust root; a log that was just opened is known when that is final",
    ),
    "note-differs": Kind(
        "log", _F, 3, "the log's own signed checkpoint says something else", _KEEP
    ),
    "note-unsigned": Kind("log", _F, 3, "a checkpoint is not signed with the log key", _KEEP),
    # What was not judged
    "waiting": Kind("anchored", _I, 3, "entries wait to be anchored, and were not judged", _ANCHOR),
    "nothing-anchored": Kind(
        "anchored",
        _I,
        3,
        "nothing of the log is anchored: none of it was judged against the chain",
        _ANCHOR,
    ),
    "beyond-limit": Kind(
        "entries",
        _I,
        3,
        "a log goes on beyond what one run reads: the rest was not judged",
        "go on with the same --state, or raise --most; where nobody signs so much: " + _ASK,
    ),
    "frozen": Kind("log", _F, 3, "the log is frozen", _HOME),
    # Files
    "withheld": Kind("files", _F, 4, "a file that must be there is withheld", _KEEP),
    "copy-lacks": Kind(
        "files",
        _I,
        4,
        "this copy of the log lacks a file",
        "get a whole copy (at the log's node: `custody log export DIR --entries`), or ask the node",
    ),
    "tile-differs": Kind("files", _F, 3, "a tile does not hold the hashes of the entries", _KEEP),
    "bundle-malformed": Kind("files", _F, 3, "an entry bundle is malformed", _KEEP),
    "unreachable": Kind(
        "files",
        _U,
        4,
        "a file could not be fetched",
        "where access was denied, log in as an auditor of that agency: its folder is named with "
        "--home; else " + _AGAIN,
    ),
    # Entries
    "entry-malformed": Kind("entries", _F, 1, "an entry is not in its strict form", _KEEP),
    "wrong-log": Kind("entries", _F, 3, "a statement made for another log", _KEEP),
    "signature-bad": Kind("entries", _F, 1, "a signature does not verify", _KEEP),
    # People
    "certificate-missing": Kind(
        "people", _F, 4, "a certificate is withheld, or is no certificate", _KEEP
    ),
    "certificate-refused": Kind(
        "people", _F, 1, "a signer was not certified at the proven time", _KEEP
    ),
    "certificate-other": Kind(
        "people", _F, 1, "the certificate is another agency's or another actor's", _KEEP
    ),
    "signer-revoked": Kind("people", _F, 1, "a signer was revoked before the proven time", _KEEP),
    "role-refused": Kind("people", _F, 2, "a signer had no role that may do this", _KEEP),
    "descriptor-missing": Kind(
        "people",
        _I,
        4,
        "a descriptor is not at hand",
        "audit that agency's log too, or get its descriptor",
    ),
    "descriptor-unlogged": Kind(
        "people", _F, 3, "a descriptor came into force that the log never announced", _ASK
    ),
    "descriptor-differs": Kind(
        "people", _F, 3, "a descriptor is another one than the registry's", _KEEP
    ),
    "crl-unlogged": Kind(
        "people", _F, 3, "the revocation list was never announced in the log", _ASK
    ),
    "crl-unseen": Kind(
        "people",
        _I,
        3,
        "a revocation list that this copy of the log does not announce yet",
        "get a newer copy (whoever keeps the log: `custody log export DIR --entries`), or ask it",
    ),
    "crl-stale": Kind(
        "people",
        _I,
        1,
        "no revocation list is recent enough",
        "ask the agency for a new list, then audit again",
    ),
    "crl-dropped": Kind(
        "people", _F, 1, "a revocation list names fewer certificates than an earlier one", _KEEP
    ),
    # Custody
    "item-branch": Kind("custody", _F, 2, "an item with two branches", _KEEP),
    "item-gap": Kind("custody", _F, 2, "an event of an item is missing", _KEEP),
    "item-inherited": Kind(
        "custody",
        _I,
        2,
        "an item of an agency that was retired goes on here, which is not followed yet",
        "compare its last event in the log of that agency, by hand",
    ),
    "item-rule": Kind("custody", _F, 2, "an event that the rules refuse", _KEEP),
    "item-clock": Kind("custody", _F, 1, "an event signed before the one that it follows", _ASK),
    "replayed": Kind("custody", _F, 2, "a statement was registered twice", _KEEP),
    "agency-statements": Kind(
        "custody", _F, 3, "the agency's statements about itself do not follow one another", _KEEP
    ),
    # Handovers
    "handover-differs": Kind(
        "handovers", _F, 2, "chain and log tell a handover differently", _KEEP
    ),
    "handover-unknown": Kind("handovers", _F, 2, "a handover that the chain does not know", _KEEP),
    "handover-unread": Kind(
        "handovers",
        _I,
        2,
        "a handover that may stand in a log that the agency gave up, or in its successor's",
        "audit that log as well; what a successor took back is compared by hand",
    ),
    "handover-void": Kind(
        "handovers",
        _N,
        2,
        "an answer that lost the race on chain",
        "nothing: the other answer counts",
    ),
    "item-twice": Kind("handovers", _F, 2, "two logs tell different stories about one item", _KEEP),
    # Time
    "late": Kind("time", _W, 1, "anchored later than the agency's declared delay", _ASK),
    "overdue": Kind(
        "time",
        _I,
        1,
        "entries wait to be anchored for longer than the declared delay",
        "audit again; if it stays so: " + _ASK,
    ),
    "clock-ahead": Kind("time", _W, 1, "signed at a time that had not come yet", _ASK),
    "clock-was-ahead": Kind(
        "rows",
        _W,
        1,
        "a row has a time of a clock that was wrong",
        "nothing is open by it; find out which clock was wrong, and keep it set (NTP)",
    ),
    # Others' views
    "view-differs": Kind("seen", _F, 3, "this log shows different people different things", _KEEP),
    "statement-dropped": Kind(
        "seen", _F, 3, "a statement that was receipted is not in the log", _KEEP
    ),
    "view-unsigned": Kind(
        "seen", _I, 3, "what was seen is not signed by this log", "check which log the file is from"
    ),
    "view-replaced": Kind(
        "seen",
        _I,
        3,
        "what was seen contradicts this log, under a log key that was replaced since",
        "ask who got it, and when: before the key was replaced it is a split view (" + _KEEP + "); "
        "later, whoever stole the key made it",
    ),
    "view-longer": Kind(
        "seen",
        _I,
        3,
        "what was seen goes beyond the log as it is shown now",
        "get the log's newest files; if it stays shorter: " + _KEEP,
    ),
    "view-other": Kind(
        "seen",
        _I,
        3,
        "what was seen speaks of none of these logs",
        "audit the log that it is from as well",
    ),
    # Inside: rows
    "row-edited": Kind("rows", _F, 2, "a row says something else than the log", _HOME),
    "row-missing": Kind("rows", _F, 2, "a row is missing", _HOME),
    "row-inserted": Kind("rows", _F, 2, "a row that nothing in the log accounts for", _HOME),
    "schema-differs": Kind(
        "rows",
        _F,
        2,
        "the database has a table, view or trigger that custody did not make, or lacks one",
        _HOME,
    ),
    "home-unread": Kind(
        "rows",
        _U,
        2,
        "the home could not be read to its end",
        "check disk and database, then audit again",
    ),
    # Inside: documents
    "document-missing": Kind("documents", _F, 1, "a document is missing", _HOME),
    "document-differs": Kind(
        "documents", _F, 1, "a document is another one than was signed", _HOME
    ),
    "document-left": Kind(
        "documents",
        _F,
        6,
        "a document is still readable though its keys were destroyed",
        "run custody collect, then audit again",
    ),
    # Inside: keys
    "grant-missing": Kind("keys", _F, 1, "a key that must be here is missing", _HOME),
    "grant-differs": Kind("keys", _F, 5, "a sealed key is not what its row says", _HOME),
    "grant-stranger": Kind(
        "keys",
        _F,
        5,
        "a key is sealed to somebody whom no event names",
        "find out who put it there, before anybody fetches it",
    ),
    "release-unlogged": Kind(
        "keys",
        _F,
        5,
        "a key was released without an access in the log",
        "find out who fetched it and how",
    ),
    # Inside: duties
    "disposal-overdue": Kind(
        "duties",
        _F,
        6,
        "a disposal that was not carried out",
        "carry it out: custody dispose carry-out ID --method HOW; then: custody collect",
    ),
    "disposal-waits": Kind(
        "duties",
        _I,
        6,
        "a disposal that was not carried out, as the clock of this machine says",
        "carry it out: custody collect; if the disposal is of today, set the clock",
    ),
    "retention-over": Kind(
        "duties",
        _W,
        6,
        "an item is kept beyond its retention",
        "review it: dispose of it, or set a new retention",
    ),
    "thing-elsewhere": Kind(
        "duties",
        _W,
        2,
        "something was done with a thing that was handed out, by the record",
        "record its return, with the time of it: "
        "custody record receive ID --from WHO --occurred TIME; or correct the times",
    ),
    "record-rule": Kind("duties", _F, 2, "an event that the item's record forbids", _KEEP),
    "hold-expired": Kind(
        "duties", _W, 6, "a hold has expired and was not released", "release it, or place it anew"
    ),
    # Inside: copies and content
    "pin-missing": Kind(
        "copies",
        _F,
        1,
        "a copy that the records call pinned is not there",
        "custody fixity --all brings it back",
    ),
    "copies-few": Kind(
        "copies",
        _I,
        1,
        "an item lies at fewer IPFS nodes than it shall",
        "a node that serves goes on by itself; by hand: custody ipfs sync",
    ),
    "copy-unknown": Kind("copies", _U, 1, "an IPFS node could not be asked", _AGAIN),
    "content-missing": Kind(
        "content", _F, 1, "content is missing", "fetch it from a replica: custody fixity --all"
    ),
    "content-differs": Kind("content", _F, 1, "content is not what was recorded", _HOME),
    "content-unread": Kind(
        "content",
        _U,
        1,
        "content could not be read",
        "check the disk and the IPFS nodes, then audit again",
    ),
    # Inside: cases
    "case-lost": Kind("cases", _F, 2, "an item is not found by the case that it names", _HOME),
    "case-stray": Kind("cases", _F, 2, "an item is found by a case that it does not name", _HOME),
    # Monitor
    "signers-changed": Kind(
        "chain",
        _W,
        3,
        "others seal the chain than the trust root names",
        "get a newer trust root and compare its fingerprint; whoever keeps a home of the chain: "
        "custody chain signers",
    ),
    "silence": Kind("time", _I, 3, "the log has been silent for too long", _ASK),
    "volume": Kind("people", _W, 5, "somebody signed unusually many events", _ASK),
}


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """Something found. ``place`` says where (entry, item by its URN, row); never case data."""

    code: str
    place: str
    expected: str
    found: str

    @property
    def kind(self) -> Kind:
        """What the code means."""
        return KINDS[self.code]

    def as_json(self) -> dict[str, Any]:
        """Stable keys (docs/format.md, "Audit report")."""
        kind = self.kind
        return {
            "code": self.code,
            "severity": kind.severity.value,
            "title": kind.title,
            "place": self.place,
            "expected": self.expected,
            "found": self.found,
            "promise": kind.promise,
            "promiseText": PROMISES[kind.promise],
            "todo": kind.todo,
        }
