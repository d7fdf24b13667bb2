"""Agencies that know one another from the card that each gave, before a node of theirs answers: by
what the registry says, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ledger.app import create_home, deploy_contracts
from ledger.app.deploy_contracts import FounderDescriptor
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.errors import ChainError, DeniedError, UsageError
from ledger.services.partners import directory
from tests.support.consortium import (
    DEPLOYER,
    ETHER,
    NL,
    RO,
    ROLES,
    Consortium,
    address,
    offer,
    upload,
)
from tests.support.desk import PASSPHRASE, Desk


def prepared(folder: Path, code: str, url: str = "") -> FounderDescriptor:
    return create_home.prepare(
        folder,
        agency=code,
        person="1",
        roles=ROLES,
        passphrase=PASSPHRASE,
        url=url or address(code),
        profile="neutral",
    )


@dataclass
class Founders:
    """Two prepared homes, their cards, and the trust root of the contracts for both."""

    folder: Path
    chain: str
    cards: dict[str, FounderDescriptor]
    root: TrustRoot

    def join(self, code: str, *partners: FounderDescriptor) -> None:
        create_home.join(
            self.folder / code,
            self.root,
            url=self.chain,
            confirmations=0,
            passphrase=PASSPHRASE,
            partners=partners,
        )


@pytest.fixture
def founders(chain: str, tmp_path: Path) -> Founders:
    cards = {code: prepared(tmp_path / code, code) for code in (NL, RO)}
    root, _ = deploy_contracts.consort(
        chain, DEPLOYER, list(cards.values()), wei=10 * ETHER, confirmations=0
    )
    return Founders(tmp_path, chain, cards, root)


def test_who_was_given_a_card_offers_at_once_and_the_other_node_takes_it(
    founders: Founders, tmp_path: Path
) -> None:
    for code in (NL, RO):
        founders.join(code, *(card for of, card in founders.cards.items() if of != code))
    with Desk(founders.folder / NL) as nl, Desk(founders.folder / RO) as ro:
        [partner] = nl.client.partners()
        assert (partner.agency, partner.url, partner.active) == (RO, address(RO), True)
        agencies = wired(nl, ro)
        evidence = upload(nl, tmp_path)
        offer(nl, evidence, RO)
        assert agencies.settle() == {}
        assert [one.evidence for one in ro.client.handovers()] == [evidence]
        with nl.node.records.read() as unit:
            assert directory.known(unit, RO).crl, "fetched by the node itself"


def test_a_card_of_ones_own_agency_is_no_partner_and_is_not_passed_over(
    founders: Founders,
) -> None:
    """It was dropped in silence, whatever keys it named."""
    with pytest.raises(UsageError, match=f"of {NL}, which this home is itself"):
        founders.join(NL, *founders.cards.values())
    founders.join(NL, founders.cards[RO])


def wired(*desks: Desk) -> Consortium:
    """Desks whose nodes reach one another, and that nobody introduces."""
    agencies = Consortium({})
    agencies.desks = {desk.node.agency: desk for desk in desks}
    for code, desk in agencies.desks.items():
        desk.logs_at = desk.node.reach._logs
        desk.node.reach = lambda url, code=code: agencies._reach(code, url)
    return agencies


def test_nobody_of_a_founder_is_believed_before_its_revocation_list_is_here(
    founders: Founders,
) -> None:
    """They may be revoked, and who would know?"""
    founders.join(NL, founders.cards[RO])
    founders.join(RO)
    with Desk(founders.folder / NL) as nl, Desk(founders.folder / RO) as ro:
        with nl.node.records.read() as unit, pytest.raises(DeniedError, match="no revocation list"):
            directory.authorities(nl.node, unit, ro.person.certificate)
        wired(nl, ro)
        directory.refresh(nl.node, RO)
        with nl.node.records.read() as unit:
            directory.authorities(nl.node, unit, ro.person.certificate)


LIES: dict[str, Callable[[Founders], FounderDescriptor]] = {
    "keys of somebody else": lambda it: prepared(it.folder / "thief", RO),
    "another address": lambda it: prepared(it.folder / "thief", RO, "https://thief.example"),
    "another account": lambda it: replace(it.cards[RO], governor=bytes(20)),
    "an agency that is no founder": lambda it: prepared(it.folder / "thief", "US-HSI"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_card_that_is_not_what_the_registry_has_is_refused_and_nothing_is_begun(
    founders: Founders, lie: str
) -> None:
    with pytest.raises(ChainError, match="is not what the registry has of it now"):
        founders.join(NL, LIES[lie](founders))
    founders.join(NL, founders.cards[RO])
    with Desk(founders.folder / NL) as nl:
        assert [one.agency for one in nl.client.partners()] == [RO]


def test_a_founder_that_names_a_key_of_ours_is_no_partner(founders: Founders) -> None:
    """What is sealed to it would be sealed to us, or to somebody else again."""
    founders.join(NL)
    with Desk(founders.folder / NL) as nl:
        twin = replace(founders.cards[RO].descriptor, custody=nl.node.keys.hpkes[0].public)
        block = nl.node.contracts.chain.head()
        with nl.node.records.write() as unit, pytest.raises(ChainError, match="names a key of"):
            directory.introduce(nl.node, unit, twin, block)


def test_a_founder_without_an_address_is_no_partner(founders: Founders) -> None:
    founders.join(NL)
    with Desk(founders.folder / NL) as nl:
        nowhere = replace(founders.cards[RO].descriptor, service="")
        block = nl.node.contracts.chain.head()
        with nl.node.records.write() as unit, pytest.raises(UsageError):
            directory.introduce(nl.node, unit, nowhere, block)
