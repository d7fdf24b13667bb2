"""A key to seal to proves nothing by itself: whoever names somebody else's as their own gets no
part in what was sealed to it.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.app import open_audit
from ledger.client.handovers import copying, handover
from ledger.client.handovers.copying import Disclosure, Recipient
from ledger.domain.codecs.text import evidence_bytes
from ledger.domain.crypto import grants
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.errors import ChainError, NotFoundError, RuleError
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity import enrolment
from ledger.domain.identity.descriptor import Descriptor, HpkeKey
from ledger.domain.identity.names import log_urn
from ledger.services.access import authorization, key_release
from ledger.services.audit import internal
from ledger.services.partners import directory
from ledger.services.people import admission, listing
from ledger.services.records import documents
from tests.integration.test_namesakes import Namesake
from tests.support.actors import enrolled
from tests.support.consortium import NL, RO, Consortium, address, upload
from tests.support.desk import BASIS, Desk


def asked(desk: Desk, hpke: HpkeKey) -> str:
    """Somebody's request with a signing key of their own and this key to seal to; the reference by
    which it is approved.
    """
    by = desk.person.certificate.subject
    code, _ = admission.invite(
        desk.node, number=secrets.token_hex(4), roles=["officer"], inviter=by
    )
    request = enrolment.sign(
        ec.generate_private_key(ec.SECP256R1()), server=log_urn(desk.node.log_id), hpke=hpke
    )
    fingerprint = admission.request(desk.node, code, request)
    return next(
        one.reference
        for one in listing.list_people(desk.node)
        if one.fingerprint == fingerprint and one.state == "requested"
    )


def audited(desk: Desk) -> set[tuple[str, str]]:
    """What an audit finds in a home, each by code and place, but for what waits."""
    root = desk.trust()
    with open_audit.temporary(root) as state:
        found = internal.audit(desk.node, root, state, internal.InternalOptions()).findings
    return {
        (one.code, one.place) for one in found if one.code not in {"waiting", "nothing-anchored"}
    }


def test_nobody_joins_with_the_key_of_the_node_the_custodians_or_a_colleague(
    trio: Consortium, tmp_path: Path
) -> None:
    """The node's key opens every record: who could name it as theirs would have a part in every
    item.
    """
    desk = trio[NL]
    upload(desk, tmp_path, b"secret" * 100)
    with desk.node.records.read() as unit:
        ours = desk.node.descriptor(unit)
    theirs = trio[RO].person.descriptor.custody
    for key in (
        ours.node,
        ours.custody,
        trio[RO].person.descriptor.node,
        desk.person.hpke.public,
        enrolled(desk, "officer").person.hpke.public,
        theirs,
    ):
        with pytest.raises(RuleError, match="somebody else"):
            asked(desk, key)
        guest = Namesake(trio[RO], desk, "d" * 26, "examiner")
        guest.hpke = type("Named", (), {"public": key})()  # type: ignore[assignment]
        with pytest.raises(RuleError, match="somebody else"):
            guest.admit()


def test_of_two_who_asked_with_one_key_the_first_one_is_approved(trio: Consortium) -> None:
    desk, key, by = (
        trio[NL],
        HpkePrivateKey.generate().public,
        enrolled(trio[NL], "administrator").id,
    )
    first, second = asked(desk, key), asked(desk, key)
    admission.approve(desk.node, first, approver=by)
    with pytest.raises(RuleError, match="somebody else"):
        admission.approve(desk.node, second, approver=by)


def test_what_was_sealed_to_keys_that_a_guest_had_before_goes_with_them(
    trio: Consortium, tmp_path: Path
) -> None:
    desk = trio[NL]
    item = upload(desk, tmp_path, b"shared" * 100)
    guest = Namesake(trio[RO], desk, "e" * 26, "examiner")
    guest.admit()
    handover.share(
        desk.client, desk.person, desk.clock, item, with_person=guest.reference, basis=BASIS
    )
    with desk.node.records.read() as unit:
        assert unit.grants.sealed_to(item, "content", guest.hpke.public.digest)
    other = Namesake(trio[RO], desk, "e" * 26, "examiner")
    desk.client.suspend(guest.reference)
    other.admit()
    with desk.node.records.read() as unit:
        assert not unit.grants.sealed_to(item, "content", guest.hpke.public.digest)
    assert audited(desk) == set()


@pytest.mark.parametrize("scope", ["content", "record"])
def test_a_key_made_up_in_the_database_for_a_colleague_is_found(
    trio: Consortium, tmp_path: Path, scope: str
) -> None:
    """Whoever has a sealed key has a part, and sealing takes no secret: also to a guest, and to the
    custodians of a partner.
    """
    desk = trio[NL]
    item, shared = upload(desk, tmp_path, b"hidden" * 100), upload(desk, tmp_path, b"shared" * 100)
    colleague, guest = (
        enrolled(desk, "examiner"),
        Namesake(trio[RO], desk, scope[0] * 26, "examiner"),
    )
    guest.admit()
    for with_person in (
        colleague.pseudonym,
        guest.reference,
    ):  # named for one item is not named for another
        handover.share(
            desk.client, desk.person, desk.clock, shared, with_person=with_person, basis=BASIS
        )
    assert audited(desk) == set()
    with desk.node.records.write() as unit:
        [bound] = {
            row["binding"]
            for row in unit.tables.rows("grant", evidence=item)
            if row["scope"] == "content"
        }
        binding = bound if scope == "content" else None
        keys = (colleague.person.hpke.public, guest.hpke.public, trio[RO].person.descriptor.custody)
        for key in keys:
            made = grants.seal(
                bytes(32), key, evidence=evidence_bytes(item), scope=scope, binding=binding
            )
            unit.grants.put(item, scope, key.digest, binding or b"", made.encode())
    try:
        assert audited(desk) == {
            ("row-inserted", f"grant {scope} {key.digest.hex()[:16]} of {item}") for key in keys
        }
    finally:
        with desk.node.records.write() as unit:
            for key in keys:
                unit.grants.drop(item, scope, key.digest)


def test_whoever_joined_with_an_agencys_key_before_it_was_known_here_gets_no_part(
    trio: Consortium, tmp_path: Path
) -> None:
    """The key is public at every node: what is given to that agency later is sealed to it, and is
    no part of whoever named it first.
    """
    desk, theirs = trio[NL], trio[RO].person.descriptor.custody
    insider = enrolled(desk, "examiner")
    with (
        desk.node.records.write() as unit
    ):  # as an approval left it when nobody had added the agency yet
        row = unit.people.get(insider.id)
        assert row is not None
        unit.people.put(replace(row, hpke=documents.encode_hpke(theirs)))
    item = upload(desk, tmp_path, b"for them" * 100)
    what = Disclosure("copy", members={"basis": BASIS})
    copying.disclose(
        desk.client, desk.person, desk.clock, item, Recipient("agency", agency=RO), what
    )
    with desk.node.records.read() as unit:
        assert unit.grants.sealed_to(item, "content", theirs.digest)
        caller = authorization.signer(desk.node, unit, insider.person.certificate)
        assert key_release.content_grants(desk.node, unit, caller, item) == []
    with pytest.raises(NotFoundError, match="none that you may see"):
        insider.client.item(item)
    assert list(insider.client.items()) == []
    # Whoever adds the agency, or looks at its keys again, is told of it, until somebody was
    # suspended.
    with pytest.raises(ChainError, match=f"names the key of {insider.pseudonym}"):
        directory.add(desk.node, address(RO))
    desk.client.suspend(insider.pseudonym)
    directory.add(desk.node, address(RO))


@pytest.mark.parametrize("member", ["node", "custody"])
@pytest.mark.parametrize("named", ["node", "custody", "colleague"])
def test_a_partner_that_names_a_key_of_ours_is_not_believed(
    trio: Consortium, monkeypatch: pytest.MonkeyPatch, member: str, named: str
) -> None:
    """What is offered to it would be sealed to our own node, and a colleague would lose what is
    sealed to them.
    """
    desk = trio[NL]
    key = (
        enrolled(desk, "officer").person.hpke.public
        if named == "colleague"
        else getattr(desk.person.descriptor, named)
    )
    parse = descriptors.parse

    def parsed(document: bytes) -> Descriptor:
        found = parse(document)
        return replace(found, **{member: key}) if found.agency == RO else found

    with desk.node.records.read() as unit:
        before = unit.partners.get(RO), unit.partners.descriptors(RO)
    monkeypatch.setattr(directory.descriptors, "parse", parsed)
    with pytest.raises(ChainError, match=r"names (a|the) key of"):
        directory.add(desk.node, address(RO))
    with desk.node.records.read() as unit:
        assert (unit.partners.get(RO), unit.partners.descriptors(RO)) == before
