"""An agency that the registry has suspended does nothing here and is given nothing more, whatever
began before; what is still owed is said, and once it is active again all of it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.client.handovers import copying, handover
from ledger.client.handovers.copying import Disclosure, Recipient
from ledger.domain.errors import ChainError, CustodyError, DeniedError, NetworkError
from ledger.services.handovers import sync
from ledger.services.onchain import agency_standing, transfer_steps
from ledger.services.partners import directory
from tests.integration.test_guests import abroad, admit
from tests.support import consortium
from tests.support.consortium import NL, RO, Consortium, offer, upload
from tests.support.desk import BASIS, Desk
from tests.support.governing import a_minute_later, decide
from tests.support.lying import lying
from tests.support.people import Colleague, joined
from tests.support.proposals import REINSTATE, SUSPEND

INACTIVE = "the registry does not have RO-DIICOT as an active agency"


@pytest.fixture(scope="module")
def guest(trio: Consortium, tmp_path_factory: pytest.TempPathFactory) -> Colleague:
    folder = tmp_path_factory.mktemp("guest")
    person = joined(trio[RO], folder / "mine", "examiner", number="77")
    admit(trio[NL], person, folder / "card.json")
    return person


@contextmanager
def suspended(trio: Consortium) -> Iterator[None]:
    """A minute after the registry suspended the Romanian agency; it is back afterwards."""
    decide(trio, SUSPEND, RO)
    a_minute_later(trio[NL])
    try:
        yield
    finally:
        decide(trio, REINSTATE, RO)
        a_minute_later(trio[NL], exchange=True)


def share(desk: Desk, item: str, guest: Colleague) -> Any:
    return handover.share(
        desk.client, desk.person, desk.clock, item, with_person=str(guest.id), basis=BASIS
    )


def disclose(desk: Desk, item: str) -> Any:
    recipient, what = Recipient("agency", agency=RO), Disclosure("copy", members={"basis": BASIS})
    return copying.disclose(desk.client, desk.person, desk.clock, item, recipient, what)


def _steps(desk: Desk) -> None:
    for _ in range(4):
        transfer_steps.step(desk.node)


def events(desk: Desk, item: str) -> int:
    return int(desk.client.item(item).events)


def test_sessions_that_began_before_end_with_the_standing_of_their_agency(
    trio: Consortium, guest: Colleague
) -> None:
    nl, ro = trio[NL], trio[RO]
    api = ro.node.reach(consortium.address(NL))
    with abroad(nl, guest) as (client, _):
        assert list(client.items()) == []
        assert api.exchanged() == []
        with suspended(trio):
            with pytest.raises(CustodyError):
                list(client.items())
            with pytest.raises(CustodyError):
                api.exchanged()
    with abroad(nl, guest) as (client, _):
        assert list(client.items()) == []
    assert ro.node.reach(consortium.address(NL)).exchanged() == []


def test_nothing_is_offered_shared_or_disclosed_to_a_suspended_agency_nor_signed_for_it(
    trio: Consortium, guest: Colleague, tmp_path: Path
) -> None:
    nl = trio[NL]
    item = upload(nl, tmp_path)
    gives: list[Callable[[], Any]] = [
        lambda: offer(nl, item, RO),
        lambda: share(nl, item, guest),
        lambda: disclose(nl, item),
    ]
    with suspended(trio):
        before = events(nl, item)
        for give in gives:
            with pytest.raises(DeniedError, match=INACTIVE):
                give()
        assert events(nl, item) == before, "no access was signed for what is refused"
    share(nl, item, guest)
    disclose(nl, item)


@pytest.mark.parametrize("give", ["offer", "share", "disclose"])
def test_what_was_signed_before_the_registry_spoke_is_refused_when_it_comes_in(
    trio: Consortium, guest: Colleague, tmp_path: Path, give: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed without network, or by a client of its own: the node asks the registry itself, though
    its loop has not yet.
    """
    nl = trio[NL]
    item = upload(nl, tmp_path)
    node = nl.node
    partners, keys = nl.client.partners(), nl.client.person_key(str(guest.id))
    monkeypatch.setattr(nl.client, "partners", lambda: partners)
    monkeypatch.setattr(nl.client, "person_key", lambda _: keys)
    decide(trio, SUSPEND, RO)
    try:
        node.standings.clear()
        with pytest.raises(DeniedError, match=INACTIVE):
            {
                "offer": lambda: offer(nl, item, RO),
                "share": lambda: share(nl, item, guest),
                "disclose": lambda: disclose(nl, item),
            }[give]()
    finally:
        decide(trio, REINSTATE, RO)
        a_minute_later(nl, exchange=True)


def test_an_offer_made_before_is_not_brought_to_the_chain_and_can_be_taken_back(
    trio: Consortium, tmp_path: Path
) -> None:
    """The contract would take it: it asks for the taker's standing when that accepts."""
    nl = trio[NL]
    item = upload(nl, tmp_path)
    offer(nl, item, RO)
    with suspended(trio):
        nl.anchor()
        with pytest.raises(ChainError, match=INACTIVE):
            _steps(nl)
        [row] = transfer_steps.every(nl.node, transfer_steps.UNSETTLED)
        assert (row.state, row.offer_time) == ("offered", 0)
        assert INACTIVE in sync.own(nl.node).problems[NL]
        handover.withdraw(nl.client, nl.person, nl.clock, item, reason="they are suspended")
        sync.settle(nl.node, timeout=30)
        assert nl.client.item(item).offer is None
    assert trio.settle() == {}


def test_nothing_is_exchanged_with_a_suspended_agency_and_what_is_owed_is_said(
    trio: Consortium, tmp_path: Path
) -> None:
    nl, ro = trio[NL], trio[RO]
    ours = upload(nl, tmp_path)
    offer(nl, ours, RO)
    trio.settle(NL, RO)
    with suspended(trio):
        asked: list[str] = []
        real = nl.node.reach
        nl.node.reach = lambda url: asked.append(url) or real(url)
        try:
            told = sync.sync(nl.node).problems[RO]
        finally:
            nl.node.reach = real
        assert told.startswith(f"{INACTIVE}: nothing is exchanged with it")
        assert told.endswith("; 1 handovers with it are not settled")
        assert consortium.address(RO) not in asked
        assert nl.client.item(ours).offer, "what was given before stays as it is recorded"
    handover.decline(ro.client, ro.person, ro.clock, ours, reason="no")
    assert trio.settle() == {}


def test_an_item_of_a_suspended_agency_is_refused_but_not_taken(
    trio: Consortium, tmp_path: Path
) -> None:
    nl, ro = trio[NL], trio[RO]
    kept, refused = upload(ro, tmp_path, b"kept"), upload(ro, tmp_path, b"refused")
    for item in (kept, refused):
        offer(ro, item, NL)
    trio.settle(NL, RO)
    with suspended(trio):
        with pytest.raises(DeniedError, match=INACTIVE):
            handover.accept(nl.client, nl.person, nl.clock, kept)
        handover.decline(nl.client, nl.person, nl.clock, refused, reason="you are suspended")
    handover.accept(nl.client, nl.person, nl.clock, kept)
    assert trio.settle() == {}
    assert nl.client.item(kept).custodian == NL
    assert ro.client.item(refused).custodian == RO


def test_a_silent_chain_changes_no_standing_and_holds_up_nobody(
    trio: Consortium, guest: Colleague, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl = trio[NL]
    item = upload(nl, tmp_path)

    def silent(_: bytes) -> Any:
        raise NetworkError("the chain does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(nl.node.contracts, "standing", silent)
        nl.node.standings.clear()
        share(nl, item, guest)
        with pytest.raises(NetworkError):
            agency_standing.follow(nl.node)
    decide(trio, SUSPEND, RO)
    a_minute_later(nl)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(nl.node.contracts, "standing", silent)
            nl.node.standings.clear()  # as after a restart
            with nl.node.records.read() as unit, pytest.raises(DeniedError, match=INACTIVE):
                agency_standing.require_active(unit, RO)
            assert [partner.active for partner in nl.client.partners() if partner.agency == RO] == [
                False
            ]
            with pytest.raises(DeniedError, match=INACTIVE):
                share(nl, item, guest)
    finally:
        decide(trio, REINSTATE, RO)
        a_minute_later(nl, exchange=True)


def test_an_agency_is_active_again_once_its_keys_were_compared_with_the_registry(
    trio: Consortium,
) -> None:
    nl = trio[NL]
    with suspended(trio):
        pass
    with nl.node.records.read() as unit:
        agency_standing.require_active(unit, RO)
    decide(trio, SUSPEND, RO)
    a_minute_later(nl)
    decide(trio, REINSTATE, RO)

    def dead(data: bytes, *_: Any) -> bytes:
        raise NetworkError("no answer")

    with lying(nl, RO, versions=dead), pytest.raises(NetworkError):
        directory.follow(nl.node, RO)
    with nl.node.records.read() as unit, pytest.raises(DeniedError):
        agency_standing.require_active(unit, RO)
    a_minute_later(nl, exchange=True)
    with nl.node.records.read() as unit:
        agency_standing.require_active(unit, RO)


def test_a_node_that_holds_its_answer_back_regains_no_standing_for_its_agency(
    trio: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its keys were compared before the registry suspended it; its answer came afterwards."""
    nl, contracts = trio[NL], type(trio[NL].node.contracts)
    says, reach = contracts.standing, nl.node.reach

    class Slow:
        def __init__(self, api: Any) -> None:
            self._api = api

        def __getattr__(self, name: str) -> Any:
            return getattr(self._api, name)

        def crl(self) -> bytes:
            suspended_now = lambda contract, code: replace(says(contract, code), active=False)  # noqa: E731
            monkeypatch.setattr(contracts, "standing", suspended_now)
            agency_standing.read(nl.node, RO)
            return bytes(self._api.crl())

    with nl.node.records.read() as unit:
        row = unit.partners.get(RO)
    assert row is not None
    monkeypatch.setattr(nl.node, "reach", lambda url: Slow(reach(url)))
    with pytest.raises(DeniedError, match=INACTIVE):
        directory._look(nl.node, row)
    with nl.node.records.read() as unit, pytest.raises(DeniedError, match=INACTIVE):
        agency_standing.require_active(unit, RO)
    monkeypatch.undo()
    a_minute_later(nl, exchange=True)
    with nl.node.records.read() as unit:
        agency_standing.require_active(unit, RO)
