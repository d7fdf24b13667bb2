"""What was taken back with a key that was stolen at another agency, before an item came here."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.identity import certificate as certificates
from ledger.services.partners import directory, revocations
from ledger.services.people import membership
from tests.integration.test_loans import CLOSING, approved, lent
from tests.support import consortium
from tests.support.actors import enrolled
from tests.support.consortium import NL, RO, Consortium, upload


def test_what_a_thief_took_back_at_another_agency_stands_here_once_its_list_says_so(
    both: Consortium, tmp_path: Path
) -> None:
    nl, ro = both[NL], both[RO]
    evidence, thief = upload(ro, tmp_path), enrolled(ro, "custodian")
    ro.record(evidence, "hold-placed", {"hold": "appeal"})
    ro.record(evidence, "restricted", {"handling": ["csam"]})
    thief.record(evidence, "hold-released", {"hold": "appeal"})
    thief.record(evidence, "unrestricted", {"handling": ["csam"], "reason": "none"})
    lent(both, evidence, RO, NL, "custody")
    nl.record(evidence, "disclosed", {"recipientKind": "media", "mode": "view"})
    disposed = {**CLOSING, "approvals": [approved(nl, evidence)]}
    by = ro.person.certificate.subject
    membership.suspend(ro.node, thief.id, by=by, since=int(time.time()) - 600)
    directory.add(nl.node, consortium.address(RO))  # as it does by itself, once a minute
    with pytest.raises(RuleError, match="so it takes no hold back"):
        nl.record(evidence, "disposed", disposed)
    with pytest.raises(DeniedError, match="marked csam is not given"):
        nl.record(evidence, "disclosed", {"recipientKind": "media", "mode": "view"})
    for event_type in ("hold-placed", "hold-released"):
        nl.record(evidence, event_type, {"hold": "appeal"})
    nl.record(evidence, "disposed", disposed)


def test_a_revocation_list_speaks_for_certificates_of_its_own_authority_alone(
    both: Consortium,
) -> None:
    nl, ro = both[NL], both[RO]
    who, now = enrolled(ro, "custodian").person.certificate, int(time.time())
    listed = [(certificates.load(who.der).serial_number, now - 60)]
    with nl.node.records.write() as unit:
        partner = directory.known(unit, RO)
        found = []
        for desk in (ro, nl):
            crl = desk.node.keys.authority.issue_crl(None, listed, number=999, now=now)
            unit.partners.put(replace(partner, crl=crl))
            found.append(revocations.revoked_since(nl.node, unit, who))
        unit.partners.put(partner)
    assert found == [now - 60, None]
