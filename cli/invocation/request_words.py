"""What a node did not understand, in the words of whoever typed the command.

A node names members of its API ("path.person"), for programs. People are told what they named, what
was expected and where to look. What no person types can be wrong only where this program and the
node do not agree on their API: that is told instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.domain.errors import CustodyError, FormatError, UsageError

#: How a node begins what it says of a malformed request (api/errors.py, api/bodies.py).
_BEGIN: Final = "request not understood: "


@dataclass(frozen=True, slots=True)
class Words:
    """A member of a request: what it is to a person, what was expected, and what to do."""

    what: str
    expected: str
    hint: str


_ITEM: Final = Words(
    "the item", "case and exhibit (2026-117/A1), or its id", hint="see: custody list"
)
_PERSON: Final = Words(
    "the person",
    "a pseudonym of 26 letters and digits, or WHO@AGENCY for a guest",
    hint="among colleagues a service number does too",
)
_AGENCY: Final = Words(
    "the agency", "country and short name, such as NL-POL", hint="see: custody partner list"
)
_DIGEST: Final = Words(
    "the digest", "64 of the letters 0-9 and a-f", hint="see: custody show ID --basis WHY"
)
_ROLE: Final = Words(
    "the role",
    "1 to 12 of officer, custodian, examiner, reviewer, prosecutor, disclosure-officer, defence, "
    "court, court-expert, data-protection-officer, auditor, administrator",
    hint="each once, with --role; a country's own names: custody profile list",
)
_IDENTIFIER: Final = Words("the number", "1 to 100 characters", hint="shorten it")
_TIME: Final = Words("the time", "such as 2026-11-20T10:00:00Z, from 1970 on", hint="correct it")

#: Members that people type, in one form or another.
TYPED: Final[dict[str, Words]] = {
    "path.evidence": _ITEM,
    "path.person": _PERSON,
    "body.person": _PERSON,
    "path.agency": _AGENCY,
    "path.code": _AGENCY,
    "path.digest": _DIGEST,
    "path.statement": _DIGEST,
    "body.people": _PERSON,
    "body.sha256": _DIGEST,
    "query.role": _ROLE,
    "body.roles": _ROLE,
    "body.number": Words("the service number", "1 to 100 characters", hint="correct it"),
    "body.reference": Words(
        "the request to join", "16 of the letters 0-9 and a-f", hint="see: custody person list"
    ),
    "body.code": Words(
        "the code of the invitation",
        "as it was written",
        hint="ask the administrator for a new one",
    ),
    "body.subject": Words("the account", "1 to 255 characters", hint="correct --account"),
    "body.url": Words("the address", "such as https://custody.example", hint="correct it"),
    "body.copies": Words("the number of copies", "a whole number from 0 on", hint="correct it"),
    "body.since": _TIME,
    "body.time": _TIME,
    "body.until": _TIME,
    "body.opener": _PERSON,
    "body.holder": _PERSON,
    "body.shared": _PERSON,
    "body.custodian": _AGENCY,
    "body.kind": Words(
        "the kind of item", "file, thing, derived, copy or part", hint="correct --kind"
    ),
    "body.standing": Words(
        "where items stand", "open, offered, closed or destroyed", hint="correct --state"
    ),
    "body.scheme": _IDENTIFIER,
    "body.exhibit": _IDENTIFIER,
    "body.text": _IDENTIFIER,
    "body.value": _IDENTIFIER,
    "body.case": _IDENTIFIER,
    "body.exhibits": _IDENTIFIER,
    "body.withhold": Words(
        "what is to be left out", "pointers such as /body/place", hint="one --withhold each"
    ),
    "body.sample": Words(
        "the size of the sample", "a whole number from 1 on", hint="correct --sample"
    ),
    "path.session": Words(
        "the session", "32 of the letters 0-9 and a-f", hint="see: custody session list"
    ),
    "path.version": Words("the version", "a whole number from 1 on", hint="correct it"),
    "query.mode": Words(
        "the kind of access", "view, inspection, copy or export", hint="correct it"
    ),
}

#: Members that programs write, and no person.
WRITTEN: Final = frozenset({
    "body.access", "body.afresh", "body.after", "body.among", "body.answer", "body.beginning",
    "body.bundle", "body.limit", "body.newest",
    "body.certificate", "body.cids", "body.copy", "body.custody", "body.digests",
    "body.disclosures", "body.document", "body.evidence", "body.field", "body.idToken",
    "body.marks", "body.request", "body.rotated", "body.sealed", "body.seed", "body.size",
    "body.statements", "body.transaction",
    "header.Custody-Access", "header.range", "path.name", "path.path", "path.size",
    "query.after", "query.chain", "query.confirmed", "query.index", "query.ipfs", "query.limit",
    "query.old", "query.pausing", "query.pin", "query.since", "query.size",
})  # fmt: skip


def in_words(error: CustodyError) -> CustodyError:
    """An error in the words of a person, where it is a node's about a malformed request; else the
    error as it is.

    Of several members the first one that a person types is told; where there is none, that program
    and node do not agree.
    """
    if not isinstance(error, FormatError) or not error.message.startswith(_BEGIN):
        return error
    for place in error.message.removeprefix(_BEGIN).split(", "):
        words = TYPED.get(".".join(place.split(".")[:2]))
        if words is not None:
            return UsageError(
                f"{words.what} was not understood: expected {words.expected}", hint=words.hint
            )
    return FormatError(
        "the node did not understand this program: they seem to be of different versions",
        hint="compare them: the node's stands on its page at /, this one's is custody --version",
    )
