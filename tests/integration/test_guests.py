"""People of another agency at the custodian's log: they work on what was given to them, and on
nothing else.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from api.access import GUEST_ROUTES, PUBLIC, ROUTES
from cli.items import disposal_certificates
from ledger.adapters.node.client import NodeClient
from ledger.app import enrolling
from ledger.app.person_keys import person_at
from ledger.app.settings import CLIENT
from ledger.client.handovers import handover
from ledger.client.reading import retrieval
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.errors import (
    CustodyError,
    DeniedError,
    NotFoundError,
    RuleError,
    VerificationError,
)
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.event.signing import Person, sign_event
from ledger.domain.verify import verify
from ledger.rows.storage import ReplicaStateRow
from ledger.services.handovers import sync
from ledger.services.partners import directory
from tests.integration.test_api import operations
from tests.support import consortium
from tests.support.chains import running
from tests.support.commands import done
from tests.support.consortium import Consortium
from tests.support.desk import BASIS, Desk
from tests.support.disposals import dispose
from tests.support.people import Colleague, joined
from tests.support.serving import served

NL, RO = "NL-POL", "RO-DIICOT"
HERE = {"examiner"}  # of the guest's roles, what counts abroad


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TrustRoot, Path]]:
    folder = tmp_path_factory.mktemp("guests")
    with running("anvil") as url:
        yield consortium.found(folder, url, NL, RO), folder


@pytest.fixture(scope="module")
def both(root: tuple[TrustRoot, Path]) -> Iterator[Consortium]:
    with consortium.opened(root[1], NL, RO) as agencies:
        yield agencies


@pytest.fixture(scope="module")
def guest(both: Consortium, tmp_path_factory: pytest.TempPathFactory) -> Colleague:
    """An examiner of the Romanian agency whom the Dutch one has let in."""
    folder = tmp_path_factory.mktemp("guest")
    person = joined(
        both[RO], folder / "mine", "examiner", "administrator", "custodian", number="77"
    )
    admit(both[NL], person, folder / "card.json")
    return person


def admit(host: Desk, person: Colleague, path: Path) -> str:
    with NodeClient("http://home", transport=host.transport) as node:
        path.write_bytes(enrolling.card(person.keyring, node))
    return host.client.admit(*enrolling.read_card(path))


@contextmanager
def abroad(host: Desk, person: Colleague) -> Iterator[tuple[NodeClient, Person]]:
    signer = lambda: (  # noqa: E731
        person.keyring.signing_key("person"),
        person.keyring.get("person-certificate"),
    )
    with NodeClient("http://home", transport=host.transport, signer=signer) as client:
        yield client, person_at(person.keyring, client.agency(), guest=True)


def upload(desk: Desk, tmp_path: Path) -> str:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"evidence" * 1000)
    [done] = desk.upload(file)
    return done.evidence


def shared(host: Desk, guest: Colleague, tmp_path: Path) -> str:
    """A photo of a host that a guest may read."""
    photo = upload(host, tmp_path)
    handover.share(
        host.client, host.person, host.clock, photo, with_person=str(guest.id), basis=BASIS
    )
    return photo


def test_a_guest_reads_and_analyses_what_was_given_to_them_in_the_custodians_log(
    both: Consortium, root: tuple[TrustRoot, Path], guest: Colleague, tmp_path: Path
) -> None:
    host = both[NL]
    photo = upload(host, tmp_path)
    with abroad(host, guest) as (client, person):
        with pytest.raises(NotFoundError):
            client.item(photo)
        handover.share(
            host.client, host.person, host.clock, photo, with_person=str(guest.id), basis=BASIS
        )
        access = retrieval.record_access(
            client, person, host.clock, photo, mode="copy", basis=BASIS
        )
        with (tmp_path / "out").open("wb") as out:
            retrieval.fetch(client, person, photo, access, out)
        assert (tmp_path / "out").read_bytes() == b"evidence" * 1000
        retrieval.record(client, person, host.clock, photo, "analysed", {"description": "faces"})
    sync.settle(host.node, timeout=30)
    chain = host.node.contracts.chain
    report = verify(
        host.bundle(photo), root[0], confirm=lambda number, _: {chain.block(number).hash}
    )
    assert report.verdict.value == "verified", report.as_json()
    assert {event["agency"] for event in report.events} == {NL, RO}


def test_a_guest_is_no_administrator_custodian_or_uploader_here_whatever_they_are_at_home(
    both: Consortium, guest: Colleague, tmp_path: Path
) -> None:
    host = both[NL]
    photo, hidden = upload(host, tmp_path), upload(host, tmp_path)
    handover.share(
        host.client, host.person, host.clock, photo, with_person=str(guest.id), basis=BASIS
    )
    with abroad(host, guest) as (client, person):
        for call in (
            lambda: client.invite("1", ["officer"]),
            client.people,
            lambda: client.add_partner("https://x.example"),
            client.alarms,
        ):
            with pytest.raises(DeniedError):
                call()
        assert [item.evidence for item in client.items()].count(photo) == 1
        assert hidden not in {item.evidence for item in client.items()}
        with pytest.raises(DeniedError, match="guest of another agency may not record"):
            retrieval.record(
                client, person, host.clock, photo, "disposal-requested", {"reason": "gone"}
            )
        with pytest.raises(DeniedError, match="guest"):
            retrieval.record(client, person, host.clock, photo, "moved", {"place": "elsewhere"})


def test_a_guest_is_no_second_person_of_the_agency_and_acts_in_no_role_of_home(
    both: Consortium, guest: Colleague, tmp_path: Path
) -> None:
    host = both[NL]
    photo = shared(host, guest, tmp_path)
    asked = host.record(photo, "disposal-requested", {"reason": "over"}).statement
    with abroad(host, guest) as (client, person):
        item = client.item(photo)
        for role, error in (("custodian", DeniedError), ("administrator", RuleError)):
            with pytest.raises(error):
                client.register(
                    [
                        sign_event(
                            person,
                            "approved",
                            {"target": asked},
                            evidence=photo,
                            seq=item.events,
                            prev=bytes.fromhex(item.head),
                            time=host.clock.now(),
                            role=role,
                        ).submission
                    ]
                )
        for decision in ("approved", "refused"):
            with pytest.raises(DeniedError, match="agency that has custody"):
                retrieval.record(client, person, host.clock, photo, decision, {"target": asked})
        analysed = retrieval.record(
            client, person, host.clock, photo, "analysed", {"description": "faces"}
        ).statement
    host.record(photo, "approved", {"target": analysed})
    closing = {"scope": "all", "method": "keys destroyed", "approvals": [analysed]}
    with pytest.raises(RuleError, match="second person of the agency"):
        host.record(photo, "disposed", closing)


def test_a_guest_corrects_what_their_own_agency_recorded_and_nothing_of_the_host(
    both: Consortium, guest: Colleague, tmp_path: Path
) -> None:
    host = both[NL]
    photo = shared(host, guest, tmp_path)
    body = {"pointer": "/body/name", "new": "x", "reason": "typing"}
    with abroad(host, guest) as (client, person):
        parts = (client, person, host.clock, photo)
        opened = next(iter(client.events(photo))).statement
        with pytest.raises(DeniedError, match="their own agency"):
            retrieval.record(*parts, "corrected", {"target": opened, **body})
        own = retrieval.record(*parts, "analysed", {"description": "faces"}).statement
        body["pointer"] = "/body/description"
        retrieval.record(*parts, "corrected", {"target": own, **body})
    host.record(photo, "corrected", {"target": own, **body})


def test_an_offer_to_the_agency_of_a_guest_gives_them_no_part_here_by_the_key_that_came_with_it(
    both: Consortium, guest: Colleague, tmp_path: Path
) -> None:
    host = both[NL]
    photo = upload(host, tmp_path)
    soon = int(host.clock.now()) + 3600
    terms = OfferTerms(RO, soon, person=guest.id.pseudonym)
    handover.offer(host.client, host.person, host.clock, photo, terms)
    with host.node.records.read() as unit:
        assert unit.grants.sealed_to(
            photo, "content", guest.keyring.hpke_key("hpke-person").public.digest
        )
    with abroad(host, guest) as (client, _):

        def knows_nothing() -> None:
            assert photo not in {item.evidence for item in client.items()}
            with pytest.raises(NotFoundError):
                client.item(photo)

        knows_nothing()
        handover.withdraw(host.client, host.person, host.clock, photo, reason="another takes it")
        both.settle(NL, RO, rounds=3)
        assert host.client.item(photo).offer is None
        knows_nothing()


def test_a_guest_calls_nothing_but_what_concerns_items_given_to_them(
    both: Consortium, guest: Colleague
) -> None:
    """Copies given to the host, its store, its chain, its partners: a role at home opens none of
    them here.
    """
    with abroad(both[NL], guest) as (client, _):
        for name, method, path in operations(both[NL]):
            if ROUTES[name] == PUBLIC or name in ("login", "end_session"):
                continue
            headers = {"Range": "bytes=0-1", "Custody-Access": "0" * 64}
            try:
                client._send(method, path, json={}, headers=headers)
                told = ""
            except CustodyError as error:
                told = error.message
            assert (told == "your role may not do this") == (
                name not in GUEST_ROUTES or not ROUTES[name] & HERE
            ), (name, told)


def test_a_guest_does_not_learn_at_which_nodes_the_agency_keeps_an_item(
    both: Consortium, guest: Colleague, tmp_path: Path
) -> None:
    host = both[NL]
    photo = shared(host, guest, tmp_path)
    with host.node.records.write() as unit:
        unit.replicas.put(ReplicaStateRow(photo, "basement", b"cid", "wanted", 0))
    assert [one.node for one in host.client.item(photo).replicas] == ["basement"]
    with abroad(host, guest) as (client, _):
        assert client.item(photo).replicas == ()
        assert [one.replicas for one in client.items() if one.evidence == photo] == [()]


def test_a_card_for_another_node_or_with_anothers_certificate_lets_nobody_in(
    both: Consortium, guest: Colleague, tmp_path: Path
) -> None:
    host, home = both[NL], both[RO]
    with NodeClient("http://home", transport=home.transport) as node:
        card = json.loads(enrolling.card(guest.keyring, node))
    (tmp_path / "card").write_text(json.dumps(card))
    with pytest.raises(VerificationError, match="another node"):
        host.client.admit(*enrolling.read_card(tmp_path / "card"))
    with NodeClient("http://home", transport=host.transport) as node:
        own = json.loads(enrolling.card(home.home.keyring, node))
    (tmp_path / "card").write_text(json.dumps({**own, "certificate": card["certificate"]}))
    with pytest.raises(VerificationError):
        host.client.admit(*enrolling.read_card(tmp_path / "card"))
    with NodeClient("http://home", transport=home.transport) as node:
        (tmp_path / "card").write_bytes(enrolling.card(guest.keyring, node))
    with pytest.raises(RuleError, match="another agency"):
        home.client.admit(*enrolling.read_card(tmp_path / "card"))


def test_whoever_is_suspended_at_home_or_here_gets_in_no_more(
    both: Consortium, tmp_path: Path
) -> None:
    host, home = both[NL], both[RO]
    refusals = (
        (home, VerificationError, "certificate was revoked"),
        (host, DeniedError, "login refused"),
    )
    for number, (suspending, error, match) in enumerate(refusals):
        person = joined(home, tmp_path / f"mine-{number}", "examiner", number=f"8{number}")
        admit(host, person, tmp_path / f"card-{number}")
        with abroad(host, person) as (client, _):
            assert list(client.items()) == []
        suspending.client.suspend(str(person.id))
        with host.node.records.write() as unit:  # a minute later
            row = unit.partners.get(RO)
            unit.partners.put(replace(row, checked=1))
        with abroad(host, person) as (client, _), pytest.raises(error, match=match):
            list(client.items())


def test_a_guest_whose_agency_took_the_certificate_back_reads_nothing_more_in_an_old_session(
    both: Consortium, tmp_path: Path
) -> None:
    host, home = both[NL], both[RO]
    person = joined(home, tmp_path / "guest", "examiner", number="99")
    admit(host, person, tmp_path / "card")
    photo = upload(host, tmp_path)
    handover.share(
        host.client, host.person, host.clock, photo, with_person=str(person.id), basis=BASIS
    )
    with abroad(host, person) as (client, who):
        access = retrieval.record_access(client, who, host.clock, photo, mode="copy", basis=BASIS)
        assert client.details(photo, access)
        home.client.suspend(str(person.id))
        with host.node.records.write() as unit:
            row = unit.partners.get(RO)
            assert row is not None
            unit.partners.put(replace(row, checked=1))
        directory.follow(host.node, RO)
        for ask in (
            lambda: list(client.items()),
            lambda: client.details(photo, access),
            lambda: client.grants(photo, access),
        ):
            with pytest.raises(VerificationError, match="certificate was revoked"):
                ask()


def test_a_guest_does_not_learn_at_which_nodes_ciphertext_of_what_was_disposed_of_lies(
    both: Consortium, guest: Colleague, tmp_path: Path
) -> None:
    host = both[NL]
    photo = shared(host, guest, tmp_path)
    dispose(host, photo)
    with host.node.records.write() as unit:
        unit.replicas.put(ReplicaStateRow(photo, "cellar", b"cid", "released", 0))
    assert host.client.disposal(photo).mayKeep == ("cellar",)
    with abroad(host, guest) as (client, _):
        found = client.disposal(photo)
    assert found.mayKeep == ("(not named to guests)",)
    assert "cellar" not in str(found)
    assert not any(
        "--destroyed" in line for line in disposal_certificates.certificate(found, "item")
    )


def test_a_guests_folder_for_the_court_believes_their_own_agencys_chain_and_not_the_hosts(
    both: Consortium, guest: Colleague, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They read the fingerprint out to the court: the host, who made the record, named the chain
    too, and where the program is to be had.
    """
    host = both[NL]
    photo, mine = shared(host, guest, tmp_path), tmp_path / "mine"
    shutil.copytree(guest.home, mine)
    sync.settle(host.node, timeout=30)
    told, about = NodeClient.trust_root, NodeClient.agency
    with served(both[RO]) as own, served(host) as node:

        def untrue(self: NodeClient, pin: int | None = None) -> bytes:
            root = told(self, pin)
            is_hosts = about(self).agency == NL
            return root.replace(b'"label":"', b'"label":"made up: ') if is_hosts else root

        monkeypatch.setattr(NodeClient, "trust_root", untrue)
        known = mine / CLIENT
        known.write_text(re.sub(r"http://[\w.:]+", own.url, known.read_text()))
        done(mine, "person", "card", "--for", node.url, "-o", tmp_path / "card.json")
        words = ("court", photo, "-o", tmp_path / "court", "--basis", "hearing")
        done(mine, "--server", node.url, *words)
    left = (tmp_path / "court" / "trust.json").read_text()
    assert "made up" not in left


def test_a_guest_is_told_that_guests_may_not_and_of_no_role_that_they_have(
    both: Consortium, guest: Colleague
) -> None:
    """They were told that it takes the role of an administrator or examiner, and are both."""
    with abroad(both[NL], guest) as (client, _), pytest.raises(DeniedError) as refused:
        client.status()
    assert "a guest of another agency" in str(refused.value.hint)
