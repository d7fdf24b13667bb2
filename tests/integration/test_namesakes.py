"""An agency chooses the pseudonyms of its own people: whoever has the pseudonym of one of ours
stays a stranger.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import output, tables
from ledger.adapters.keystore.file import FileKeyring
from ledger.adapters.node.client import NodeClient
from ledger.app import enrolling
from ledger.app.settings import KEYRING
from ledger.client.handovers import handover
from ledger.client.reading import retrieval
from ledger.domain.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    RuleError,
    UsageError,
)
from ledger.domain.event.signing import Person
from ledger.domain.identity.person import PersonId, read_reference
from ledger.services.people import admission, listing, membership
from ledger.services.people.admission import KnownKeys
from tests.support import consortium, proofs
from tests.support.actors import Actor, commands_of
from tests.support.chains import running
from tests.support.commands import within
from tests.support.consortium import NL, RO, Consortium, upload
from tests.support.desk import BASIS, PASSPHRASE, Desk
from tests.support.namesakes import Namesake
from tests.support.people import Colleague, joined


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    folder = tmp_path_factory.mktemp("namesakes")
    with running("anvil") as url:
        consortium.found(folder, url, NL, RO)
        with consortium.opened(folder, NL, RO) as agencies:
            yield agencies


@pytest.fixture(scope="module")
def victim(both: Consortium, tmp_path_factory: pytest.TempPathFactory) -> Colleague:
    """An officer and administrator of ours whose name the other agency takes."""
    return joined(
        both[NL],
        tmp_path_factory.mktemp("victim") / "mine",
        "officer",
        "administrator",
        number="31",
    )


@pytest.fixture(scope="module")
def namesake(both: Consortium, victim: Colleague) -> Namesake:
    found = Namesake(both[RO], both[NL], victim.pseudonym, "examiner", "administrator", "custodian")
    assert found.admit() == PersonId(RO, victim.pseudonym)
    return found


def test_a_guest_under_the_pseudonym_of_one_of_ours_replaces_nobody(
    both: Consortium, victim: Colleague, namesake: Namesake
) -> None:
    host = both[NL]
    secret = upload(host, Path(victim.home), b"secret" * 100)
    listed = {person.reference: person for person in host.client.people()}
    assert listed[victim.pseudonym].state == "active"
    assert listed[victim.pseudonym].roles == ("administrator", "officer")
    assert listed[namesake.reference].state == "guest", (
        "a guest never stands there without their agency"
    )
    assert admission.keys_of(host.node, victim.pseudonym) == KnownKeys(
        victim.id,
        victim.keyring.hpke_key("hpke-person").public,
        victim.keyring.get("person-certificate"),
    )
    assert admission.keys_of(host.node, namesake.reference) == KnownKeys(
        namesake.certificate.subject, namesake.hpke.public, namesake.der
    )
    with victim.client() as client:
        assert victim.pseudonym in {person.reference for person in client.people()}, (
            "ours stays an administrator"
        )
    with namesake.working() as (client, _):
        with pytest.raises(DeniedError):
            client.people()
        assert list(client.items()) == []
        with pytest.raises(NotFoundError):
            client.item(secret)


def test_what_was_recorded_by_one_of_ours_is_not_seen_by_a_namesake(
    both: Consortium, victim: Colleague, namesake: Namesake, tmp_path: Path
) -> None:
    (tmp_path / "theirs.jpg").write_bytes(b"recorded by the victim")
    item = victim.upload(tmp_path / "theirs.jpg").evidence
    with namesake.working() as (client, person):
        assert item not in {item.evidence for item in client.items()}
        with pytest.raises(NotFoundError):
            client.item(item)
        head = bytes.fromhex(both[NL].client.item(item).head)
        with pytest.raises(NotFoundError, match="none that you may see"):
            _record(client, person, both[NL], item, head, "note", {"text": "mine, by name"})
    assert both[NL].client.item(item).holder == victim.pseudonym


def test_a_key_for_one_of_ours_is_never_sealed_to_a_namesake(
    both: Consortium, victim: Colleague, namesake: Namesake, tmp_path: Path
) -> None:
    host = both[NL]
    first, second = upload(host, tmp_path, b"for ours"), upload(host, tmp_path, b"for the guest")
    handover.share(
        host.client, host.person, host.clock, first, with_person=victim.pseudonym, basis=BASIS
    )
    handover.share(
        host.client, host.person, host.clock, second, with_person=namesake.reference, basis=BASIS
    )
    assert victim.get(first) == b"for ours"
    with pytest.raises(DeniedError, match="never details or content"):
        victim.get(second)
    with namesake.working() as (client, person):
        assert {item.evidence for item in client.items()} == {second}
        access = retrieval.record_access(
            client, person, host.clock, second, mode="copy", basis=BASIS
        )
        out = BytesIO()
        retrieval.fetch(client, person, second, access, out)
        assert out.getvalue() == b"for the guest"


def test_a_key_sealed_to_the_namesake_under_the_name_of_ours_is_refused(
    both: Consortium, victim: Colleague, namesake: Namesake, tmp_path: Path
) -> None:
    host = both[NL]
    item = upload(host, tmp_path, b"mixed up")
    access = host.access(item, "copy")
    opening = host.client.record(item, access)[0][0].document
    made = handover.rewrap(
        host.client, host.person, item, access, opening["body"], namesake.hpke.public
    )
    body = {
        "recipientKind": "colleague",
        "mode": "grant",
        "to": {"agency": NL, "person": victim.pseudonym},
    }
    with pytest.raises(RuleError, match="whom the event does not name"):
        retrieval.record(
            host.client, host.person, host.clock, item, "disclosed", body, {"basis": BASIS}, made
        )


def test_alarms_and_releases_name_the_guest_and_not_the_namesake(
    both: Consortium,
    victim: Colleague,
    namesake: Namesake,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = both[NL]
    monkeypatch.setattr(host.node, "profile", replace(host.node.profile, bulk_access=1))
    items = [upload(host, tmp_path, bytes([65 + number]) * 100) for number in range(2)]
    for item in items:
        handover.share(
            host.client, host.person, host.clock, item, with_person=namesake.reference, basis=BASIS
        )
    with namesake.working() as (client, person):
        for item in items:
            client.details(
                item,
                retrieval.record_access(client, person, host.clock, item, mode="view", basis=BASIS),
            )
    raised = {(alarm.agency, alarm.pseudonym) for alarm in host.client.alarms()}
    assert (RO, victim.pseudonym) in raised
    assert (NL, victim.pseudonym) not in raised
    with host.node.records.read() as unit:
        released = {
            row.recipient
            for row in unit.releases.page(after=(b"", "", ""), limit=1000)
            if row.evidence == items[0]
        }
    assert namesake.reference in released
    assert victim.pseudonym not in released


def test_sessions_of_a_namesake_are_not_ours_and_suspending_them_ends_only_theirs(
    both: Consortium, victim: Colleague
) -> None:
    host = both[NL]
    other = Namesake(both[RO], host, victim.pseudonym[::-1], "examiner")
    ours = listing.list_people(host.node)
    other.admit()
    twin = Namesake(both[RO], host, host.person.certificate.pseudonym, "examiner")
    twin.admit()
    with twin.working() as (client, _), other.working() as (_, _):
        list(client.items())
        listed = client.sessions()
        assert {(one.agency, one.pseudonym) for one in listed} == {
            (RO, host.person.certificate.pseudonym)
        }
        theirs = next(
            session
            for session in host.client.sessions()
            if session.agency == NL and session.pseudonym == twin.certificate.pseudonym
        )
        with pytest.raises(NotFoundError):
            client.end_session(theirs.id)
        host.client.suspend(twin.reference)
        with pytest.raises(DeniedError, match="login refused"):
            list(client.items())
    host.client.status()
    states = {one.reference: one.state for one in listing.list_people(host.node)}
    assert states[twin.reference] == "suspended"
    assert {our.reference: states[our.reference] for our in ours} == {
        our.reference: our.state for our in ours
    }


def test_a_node_certified_under_the_name_of_one_of_ours_is_nobody(
    both: Consortium, victim: Colleague
) -> None:
    host = both[NL]
    node = Namesake(both[RO], host, victim.pseudonym, "service", service=True)
    with pytest.raises(RuleError, match="a person of another agency"):
        node.admit()
    with victim.client() as ours:
        ours.status()
        with NodeClient(
            "http://home", transport=host.transport, signer=lambda: (node.key, node.der)
        ) as client:
            client._send("GET", "/v1/exchange")
            with pytest.raises(DeniedError):
                client.people()
        assert {(session.agency, session.pseudonym) for session in host.client.sessions()} >= {
            (RO, None),
            (NL, victim.pseudonym),
        }
        host.client.suspend(
            f"{victim.pseudonym}@{RO}"
        )  # the guest of that name, not the node and not ours
        assert (RO, None) in {
            (session.agency, session.pseudonym) for session in host.client.sessions()
        }
        ours.status()


def test_other_keys_under_the_name_of_a_guest_replace_nobody_before_an_administrator_looked(
    both: Consortium,
) -> None:
    host = both[NL]
    guest = Namesake(both[RO], host, "b" * 26, "examiner")
    guest.admit()
    assert guest.admit() == guest.certificate.subject, "the same card again changes nothing"
    other = Namesake(both[RO], host, "b" * 26, "examiner")
    with pytest.raises(ConflictError, match="other keys"):
        other.admit()
    again = Namesake(both[RO], host, "b" * 26, "examiner")
    again.key, again.der, again.certificate = (
        guest.key,
        guest.der,
        guest.certificate,
    )  # the same name and card, another key to seal to
    with pytest.raises(ConflictError, match="other keys"):
        again.admit()
    assert admission.keys_of(host.node, guest.reference).hpke == guest.hpke.public
    host.client.suspend(guest.reference)
    assert other.admit() == guest.certificate.subject
    assert admission.keys_of(host.node, other.reference).hpke == other.hpke.public


def test_a_guest_who_is_administrator_at_home_is_none_here(
    both: Consortium, victim: Colleague
) -> None:
    host = both[NL]
    guest = Namesake(both[RO], host, "d" * 26, "administrator")
    guest.admit()
    for call in (
        lambda: membership.suspend(host.node, victim.id, by=guest.certificate.subject),
        lambda: membership.renew(
            host.node, victim.id, roles=["administrator"], by=guest.certificate.subject
        ),
        lambda: admission.invite(
            host.node, number="1", roles=["officer"], inviter=guest.certificate.subject
        ),
    ):
        with pytest.raises(DeniedError):
            call()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * 26 + "@",
        "@NL-POL",
        "a" * 26 + "@nl-pol",
        "a" * 26 + "@NL-POL@RO-DIICOT",
        "a" * 27,
        "a" * 26 + " ",
    ],
)
def test_what_is_no_reference_names_nobody(text: str) -> None:
    with pytest.raises(UsageError):
        read_reference(text, home=NL)


def test_a_reference_is_read_as_it_is_shown() -> None:
    for who in (PersonId(NL, "a" * 26), PersonId(RO, "a" * 26)):
        for home in (NL, RO):
            assert read_reference(who.shown_at(home), home=home) == who
    assert PersonId(NL, "a" * 26).shown_at(NL) != PersonId(RO, "a" * 26).shown_at(NL)


def test_a_narrow_terminal_never_cuts_the_agency_off_a_guests_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(output, "is_terminal", lambda stream: True)
    ours, guest = PersonId(NL, "a" * 26), PersonId(RO, "a" * 26)
    rows = [[who.shown_at(NL), "a long description"] for who in (ours, guest)]
    shown = tables.table(["WHO", "WHAT"], rows, whole=("WHO",))
    names = [line.split()[-1] for line in shown if line.startswith("WHO")]
    assert names == [str(ours.pseudonym), str(guest)], "a table that is too wide is a list"


def _record(
    client: NodeClient,
    person: Person,
    desk: Desk,
    item: str,
    head: bytes,
    kind: str,
    body: dict[str, Any],
) -> None:
    from ledger.domain.event.signing import sign_event

    signed = sign_event(person, kind, body, evidence=item, seq=1, prev=head, time=desk.clock.now())
    client.register([signed.submission])


def test_new_keys_for_one_of_ours_are_none_for_a_guest_under_the_same_pseudonym(
    both: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is suspended for the other, nor offered what the other held."""
    host, mine = both[NL], tmp_path / "mine"
    ours = joined(host, mine, "officer", number="7788")
    (mine / "photo").write_bytes(b"photo" * 100)
    item = ours.upload(mine / "photo").evidence
    guest = Namesake(both[RO], host, ours.pseudonym, "officer")
    guest.admit()
    commands_of(Actor(host, host.person, host.client, proofs.client(host.transport)), monkeypatch)
    invitation = tmp_path / "invitation.json"
    words = ("--yes", "--url", "https://custody.example", "-o", invitation)
    code, _, said = within("person", "replace", guest.reference, *words)
    assert (code, "is a guest: their own agency gives them new keys" in said) == (2, True), said
    code, _, said = within("person", "replace", ours.pseudonym, *words)
    assert code == 0, said
    states = {person.reference: person.state for person in host.client.people()}
    assert (states[ours.pseudonym], states[guest.reference]) == ("suspended", "guest")
    given = enrolling.read_invitation(invitation)
    enrolling.make_keys(tmp_path / "anew", given, PASSPHRASE)
    keyring = FileKeyring.open(tmp_path / "anew" / KEYRING, PASSPHRASE)
    anew = Colleague(host, tmp_path / "anew", keyring, given)
    fingerprint = anew.enrol().fingerprint
    code, out, said = within("person", "replace", "7788", "--yes", "--fingerprint", fingerprint)
    assert (code, "1 item offered to the new keys." in out) == (0, True), out + said
    anew.enrol()
    offer = host.client.item(item).offer
    assert offer is not None
    assert (offer.agency, offer.person) == (NL, anew.pseudonym)
    with guest.working() as (client, _):
        assert list(client.items()) == []
