"""Every column of the database: what follows from log, documents, chain and signatures is rebuilt
and compared; the rest stands here.

- a column that is in neither table here is rebuilt for every row, whatever the home says
- FREE: nothing signed or anchored speaks of it; it is not compared, and docs/audit.md says why
- PARTLY: it is rebuilt, but for the rows that are named it is taken over from the home
- ROWS: tables whose rows nothing makes necessary: one that is gone is not missed, one that is there
  must say what follows
"""

from __future__ import annotations

from typing import Final

FREE: Final[dict[str, dict[str, str]]] = {
    "log": {"frozen": "says why nothing more is signed: told as a finding of its own"},
    "grant": {
        "data": (
            "a key sealed to somebody else is opened by them alone; its form, item, scope "
            "and recipient are compared"
        )
    },
    "replication_target": {"copies": "what somebody asked for"},
    "holding": {
        "state": "what the node did at a replica, compared with the replica's pins",
        "due": "when the node tries again",
        "tries": "how often it failed",
        "proof": "when the node last read it",
        "reads": "how often the node read it",
        "place": "how far the node has read",
        "seen": "what the node has read so far",
        "problem": "why it failed",
    },
    "given": {"taken": "what the other agency's node told"},
    "erasure": {
        "count": "the statement that says how many keys were destroyed went with the record",
        "time": "the node's clock when the keys went",
        "backups": "until when a backup of that time can be opened",
    },
    "partner": {"checked": "when the node last asked"},
    "custody_key": {
        "sealed": (
            "sealed to somebody else, who opens it alone; its form, person, key and "
            "recipient are compared"
        ),
        "by": "who sealed it is signed by nobody",
    },
    "enrolment": {
        "inviter": "who invited is signed by nobody",
        "expires": "the node's clock when somebody was invited",
    },
    "reading": {"time": "the node's clock"},
    "release": {
        "time": "the node's clock",
        "kind": (
            "one access may cover keys, details and a bundle; it must be one that the "
            "statement covers"
        ),
        "recipient": "it must be whom the statement names or is signed by",
    },
    "alarm": {
        "id": "random",
        "count": "what the node counted",
        "time": "the node's clock",
    },
    "identity": {"token": "a keyed hash of an account that only the identity provider knows"},
    "challenge": {
        "nonce": "random",
        "expires": "the node's clock; one too far ahead is told, and opens nothing",
    },
    "session": {
        "token": "hash of a secret",
        "expires": "the node's clock; one too far ahead is told, and opens nothing",
    },
    "time_stamp": {"authority": "what the agency calls whoever signed the token"},
}

PARTLY: Final[dict[str, dict[str, str]]] = {
    "item": {
        "cid": "of an item whose keys were destroyed: the document that named it went with them",
        "opened": "of an item that came from another agency: its place in lists is when it arrived",
    },
    "link": {
        "parent": "of an item whose keys were destroyed: its opening document named it",
        "kind": "of an item whose keys were destroyed",
    },
    "share": {
        "person": (
            "of an item whose keys were destroyed: the document that named them went with them"
        ),
        "statement": "of an item whose keys were destroyed",
    },
    "opening": {"until": "of an item whose keys were destroyed"},
    "given": {
        "agency": "of an item whose keys were destroyed",
        "until": "of an item whose keys were destroyed",
    },
    "erasure": {
        "statement": "of an item that another agency disposed of: their log has it",
        "state": (
            "of an item that another agency disposed of: whether they were told is in their log"
        ),
    },
    "person": {
        "active": "of a guest: nobody signs who of them is let in",
        "number": (
            "sealed with fresh randomness; it must open under the key of the agency's "
            "people, for this person"
        ),
        "hpke": "of the founder, and of whoever joined before what they signed for was kept",
        "proof": (
            "any request signed with this person's key for this node proves the same; none "
            "where hpke is taken over"
        ),
        "custody": "of a custodian: their own word that they hold a custody key of this agency's",
    },
    "release": {"statement": "it may be another one that covers the same"},
    "enrolment": {
        "roles": "of an invitation that is not approved yet",
        "number": (
            "sealed with fresh randomness; it must open under the key of the agency's "
            "people, for this invitation"
        ),
    },
    "partner": {"url": "where their descriptor names none"},
    "crossing": {
        "state": "of a handover that the chain has decided and the node has not looked at yet",
        "offer_time": "of an offer that the chain has taken and the node has not looked at yet",
        "sent": "of a transaction on its way",
    },
    "checkpoint": {"state": "of the newest one, until the node has looked at the chain"},
}

#: Rows of these tables are not missed where they are gone.
ROWS: Final[dict[str, str]] = {
    "replication_target": "somebody's wish",
    "holding": "which replica shall keep what is planned anew where nothing is written down",
    "partner": "an agency is known once somebody added it",
    "partner_descriptor": "likewise",
    "certificate": "one that signed nothing may be gone",
    "enrolment": "invitations are forgotten after a week where nobody used them",
    "reading": "kept for a day",
    "release": "written down before something is handed out; nothing else speaks of it",
    "alarm": "what the node noticed",
    "identity": "an administrator's word",
    "challenge": "good once, for minutes",
    "session": "good for a quarter of an hour",
    "custody_key": "on its way until it is fetched; somebody seals it anew",
    "grant": "who must have which key is a check of its own",
    "time_stamp": "an authority's word, which may not have come",
    "time_authority_list": "an authority's word, which may not have come",
}
