"""Who may call what: the one table of role x route. A route that is not here does not start; deny
by default.

PUBLIC routes show nothing about items: hashes, keys and checks that anyone may run.
"""

from __future__ import annotations

from typing import Final

from ledger.domain.identity.names import ROLES
from ledger.domain.identity.roles import ROLES_BY_TYPE

PUBLIC: Final = frozenset({"public"})
_PEOPLE: Final = ROLES - {"service"}
_RECORD: Final = _PEOPLE - {"administrator", "auditor"}
_COLLECT: Final = frozenset(
    {
        "officer",
        "custodian",
        "examiner",
        "prosecutor",
        "disclosure-officer",
        "court",
        "court-expert",
    }
)
_LOG_READERS: Final = frozenset(
    {"auditor", "administrator", "custodian", "data-protection-officer", "service"}
)
_KEEPERS: Final = frozenset({"administrator", "custodian", "officer", "examiner"})
_TAKERS: Final = ROLES_BY_TYPE["transfer-accepted"]
_AUDITORS: Final = frozenset({"auditor", "data-protection-officer", "administrator"})
_CUSTODIANS: Final = frozenset({"custodian"})
_NODES: Final = frozenset({"service"})

ROUTES: Final[dict[str, frozenset[str]]] = {
    # anyone
    "health": PUBLIC,
    "readiness": PUBLIC,
    "login_challenge": PUBLIC,
    "login": PUBLIC,
    "agency": PUBLIC,
    "request_enrolment": PUBLIC,  # with a secret code, good once
    "enrolment": PUBLIC,
    "own_certificate": PUBLIC,  # for whoever proves that they hold its key
    "descriptor": PUBLIC,
    "crl": PUBLIC,
    "checkpoint": PUBLIC,
    "tile": PUBLIC,
    "anchored_checkpoint": PUBLIC,
    "crl_of": PUBLIC,
    "descriptor_by_digest": PUBLIC,
    "public_document": PUBLIC,
    "versions": PUBLIC,
    "verify": PUBLIC,
    "trust_root": PUBLIC,
    # whoever is logged in
    "status": _PEOPLE,
    "list_timestamps": _PEOPLE,
    "list_evidence": _PEOPLE,
    "search_evidence": _PEOPLE,
    "find_evidence": _PEOPLE,
    "list_sealed_names": _PEOPLE,
    "find_numbers": _PEOPLE,
    "show_evidence": _PEOPLE,
    "list_events": _PEOPLE,
    "receipt": _PEOPLE,
    "inclusion_proof": _PEOPLE,
    "consistency_proof": _PEOPLE,
    # whoever records and reads evidence; reading also needs a recorded access
    "register": _RECORD | {"service"},
    "readable": _RECORD,
    "rehearse": _RECORD,
    "details": _RECORD,
    "grants": _RECORD,
    "content": _RECORD,
    "bundle": _RECORD,
    # whoever collects
    "missing_blocks": _COLLECT,
    "put_blocks": _COLLECT,
    "find_duplicates": _COLLECT,
    "find_recorded": _COLLECT,
    # pseudonyms and times profile people: entries and certificates are not public
    "entries": _LOG_READERS,
    "certificate": _LOG_READERS,
    "person_key": _PEOPLE,
    "role_holders": _PEOPLE,  # a few of one's own colleagues, by service number
    "name_people": _PEOPLE,  # by service number, to colleagues
    "link_person": frozenset({"administrator"}),
    "renew_person": frozenset({"administrator"}),
    "admit_guest": frozenset({"administrator"}),
    "list_sessions": _PEOPLE,
    "end_session": _PEOPLE,
    "list_alarms": _AUDITORS,
    "start_audit": _AUDITORS,
    "list_audits": _AUDITORS,
    "audit": _AUDITORS,
    # handovers
    "list_handovers": _PEOPLE,
    "inbox": _PEOPLE,  # each line as the view that tells it alone
    "sync_handovers": _KEEPERS,
    "open_offer": _RECORD,
    "incoming": _TAKERS,
    "incoming_content": _TAKERS,
    # a copy comes with its record in clear, and its content is sealed to the custodians: nobody
    # else can take it
    "list_copies": _CUSTODIANS,
    "copy_record": _CUSTODIANS,
    "copy_range": _CUSTODIANS,
    "copy_taken": _CUSTODIANS,
    "lineage": _PEOPLE,
    "disposal": _PEOPLE,
    "list_partners": _PEOPLE,
    "add_partner": frozenset({"administrator"}),
    # keys of the agency, which its governor publishes
    "draft_descriptor": frozenset({"administrator"}),
    "publish_descriptor": frozenset({"administrator"}),
    # other agencies' nodes
    "exchanged": _NODES,
    "parcel": _NODES,
    "offered_content": _NODES,
    "copies_for_agency": _NODES,
    "copy_parcel": _NODES,
    "copy_content": _NODES,
    "tell_copy": _NODES,
    "disposals_for_agency": _NODES,
    "closing": _NODES,
    "crl_for_agency": _NODES,
    # people
    "invite_person": frozenset({"administrator"}),
    "approve_person": frozenset({"administrator"}),
    "suspend_person": frozenset({"administrator"}),
    "reinstate_person": frozenset({"administrator"}),
    "revoke_invitation": frozenset({"administrator"}),
    # the custody key, sealed, on its way from one custodian to another
    "custodian_card": frozenset({"custodian", "administrator"}),
    "give_custody_key": frozenset({"custodian", "administrator"}),
    "own_custody_key": _CUSTODIANS,
    "hold_custody_key": _CUSTODIANS,
    "list_people": frozenset({"administrator", "data-protection-officer"}),
    # running the node
    "anchor": frozenset({"administrator", "custodian", "officer"}),
    "stamp": frozenset({"administrator", "custodian", "officer"}),
    "sync_replicas": frozenset({"administrator", "custodian", "officer"}),
    "check_fixity": frozenset({"administrator", "custodian", "officer", "examiner", "auditor"}),
    "set_copies": frozenset({"administrator", "custodian"}),
}

#: What a guest of another agency may call, where a role of theirs may: reading and recording on
#: items that were given to them, which every one of these asks, and their own sessions. What the
#: agency received, stores or runs is none of it.
GUEST_ROUTES: Final = frozenset({
    "list_evidence",
    "search_evidence",
    "find_evidence",
    "find_numbers",
    "show_evidence",
    "list_events",
    "lineage",
    "disposal",
    "receipt",
    "inclusion_proof",
    "consistency_proof",
    "register",
    "readable",
    "rehearse",
    "details",
    "grants",
    "content",
    "bundle",
    "list_sessions",
    "end_session",
})  # fmt: skip
