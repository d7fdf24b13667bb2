"""Custody: legal transitions, and handovers abroad as the contract recorded them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.domain.bundle.bundle import Bundle, BundledStatement, LogRef
from ledger.domain.chain import contract_layout
from ledger.domain.chain.contract_layout import Hop
from ledger.domain.errors import IncompleteError, RuleError, VerificationError
from ledger.domain.event.document import Event
from ledger.domain.event.signers import require_role
from ledger.domain.identity.names import agency_id
from ledger.domain.identity.person import PersonId
from ledger.domain.item.custody_transitions import advance
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Claims, Statement
from ledger.domain.verify import custody_chain, shown_branch
from ledger.domain.verify.report import VerificationReport

EVIDENCE = "urn:uuid:3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"
KEY = ec.derive_private_key(0xC0FFEE, ec.SECP256R1())
REF = b"r" * 32
NL, RO = agency_id("NL-POL"), agency_id("RO-DIICOT")
ITEM = contract_layout.custody_key(NL, REF)


class Life:
    """Statements of one item, each with the agency whose log sequences it."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.logs: list[str] = []

    def add(
        self, effect: str, log: str = "NL-POL", issuer: str | None = None, to: str | None = None
    ) -> Statement:
        seq = len(self.statements)
        prev = self.statements[-1].digest if seq else None
        claims = Claims(
            issuer or log,
            EVIDENCE,
            bytes(32),
            100 + seq,
            seq,
            prev,
            effect,
            None if seq else REF,
            to,
        )
        made = statements.sign(KEY, claims, bytes([seq]) * 32, bytes(32), b"certificate")
        self.statements.append(made)
        self.logs.append(log)
        return made

    def bundle(self, *hops: Hop) -> Bundle:
        rows = tuple(
            BundledStatement(
                ("NL-POL", "RO-DIICOT").index(log), index, statement.entry, None, (), None, None
            )
            for index, (statement, log) in enumerate(zip(self.statements, self.logs, strict=True))
        )
        return Bundle(
            EVIDENCE,
            "NL-POL",
            (LogRef("NL-POL", 0), LogRef("RO-DIICOT", 0)),
            rows,
            (),
            (),
            (),
            (),
            hops,
            None,
        )


class Chain:
    """What a bundle proves of the contract: the words given, and nothing else."""

    def __init__(self, custodian: bytes, hops: int, is_open: bool, words: dict[int, bytes]) -> None:
        packed = int.from_bytes(custodian[:24], "big") | hops << 192 | int(is_open) << 224
        self._words = {contract_layout.custody_slot(ITEM): packed.to_bytes(32, "big")}
        self._words |= {contract_layout.hop_slot(ITEM, hop): word for hop, word in words.items()}

    def read(self, contract: str, slot: bytes, *, step: int, what: str) -> bytes:
        return self._words[slot]


def hop(offer: Statement, outcome: Statement | None, kind: int) -> Hop:
    digest = outcome.digest if outcome is not None else bytes(32)
    return Hop(NL, RO, offer.digest, 1000, 2000, kind, digest, 1500 if outcome else 0)


def check(life: Life, chain: Chain, *hops: Hop) -> VerificationReport:
    report = VerificationReport()
    bundle = life.bundle(*hops)
    signer = SimpleNamespace(subject=PersonId("NL-POL", "a" * 26))
    unread: list[Event | None] = [None] * len(life.statements)
    branch = shown_branch.derive_branch(
        bundle, [bytes(32)] * 2, life.statements, unread, (), is_part=False
    )
    case: Any = SimpleNamespace(
        bundle=bundle,
        statements=life.statements,
        events=unread,
        beside=(),
        branch=branch,
        certificates={statement.certificate: signer for statement in life.statements},
        state=chain,
        is_part=False,
    )
    custody_chain.check(case, report)
    return report


def test_a_handover_abroad_needs_both_signatures_and_the_contracts_hop() -> None:
    life = Life()
    life.add("open")
    offer = life.add("offer", to="RO-DIICOT")
    accepted = life.add("accept", log="RO-DIICOT")
    good = hop(offer, accepted, contract_layout.ACCEPTED)
    chain = Chain(RO, 1, False, {0: good.commitment(bytes(32))})
    assert check(life, chain, good).facts["custodian"] == "RO-DIICOT"
    for wrong in (
        (),
        (good, good),
        (replace(good, offer=bytes(32)),),
        (replace(good, outcome=contract_layout.DECLINED),),
        (replace(good, time=1),),
    ):
        with pytest.raises(VerificationError):
            check(life, chain, *wrong)
    with pytest.raises(VerificationError):
        check(life, Chain(NL, 1, False, {0: good.commitment(bytes(32))}), good)
    with pytest.raises(VerificationError):
        check(life, Chain(bytes(32), 0, False, {}))


def test_an_open_offer_is_the_one_that_the_contract_holds() -> None:
    life = Life()
    life.add("open")
    offer = life.add("offer", to="RO-DIICOT")
    pending = hop(offer, None, contract_layout.OPEN)
    chain = Chain(NL, 0, True, {0: pending.offer_hash()})
    assert check(life, chain, pending).facts["custodian"] == "NL-POL"
    with pytest.raises(IncompleteError):
        check(life, Chain(bytes(32), 0, False, {}))
    for wrong in ((), (replace(pending, offer=bytes(32)),), (replace(pending, expires=1),)):
        with pytest.raises(VerificationError):
            check(life, chain, *wrong)
    with pytest.raises(VerificationError, match="before a concluded"):
        check(life, chain, pending, hop(offer, offer, contract_layout.ACCEPTED))
    hidden = Life()
    hidden.add("open")
    with pytest.raises(IncompleteError, match="nothing shown here explains"):
        check(hidden, chain, pending)


def test_an_offer_taken_back_before_the_contract_took_it_needs_no_hop_but_an_accepted_one_does() -> (
    None
):
    life = Life()
    life.add("open")
    life.add("offer", to="RO-DIICOT")
    life.add("withdraw")
    nothing = Chain(bytes(32), 0, False, {})
    assert check(life, nothing).facts["custodian"] == "NL-POL"
    offer = life.add("offer", to="RO-DIICOT")
    accepted = life.add("accept", log="RO-DIICOT")
    with pytest.raises(VerificationError, match="never took"):
        check(life, nothing)
    good = hop(offer, accepted, contract_layout.ACCEPTED)
    taken = Chain(RO, 1, False, {0: good.commitment(bytes(32))})
    assert check(life, taken, good).facts["custodian"] == "RO-DIICOT"
    hidden = Life()
    hidden.add("open")
    with pytest.raises(IncompleteError, match="nothing shown here explains"):
        check(hidden, taken, good)


def test_a_handover_inside_an_agency_needs_no_hop() -> None:
    life = Life()
    life.add("open")
    life.add("offer", to="NL-POL")
    life.add("accept")
    assert check(life, Chain(bytes(32), 0, False, {})).facts["custodian"] == "NL-POL"


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([("none", "NL-POL", None)], "begins with an opening event"),
        ([("open", "NL-POL", None), ("accept", "NL-POL", None)], "without an open offer"),
        ([("open", "NL-POL", None), ("none", "RO-DIICOT", None)], "sequenced by NL-POL"),
        (
            [("open", "NL-POL", None), ("offer", "NL-POL", "RO-DIICOT"), ("none", "NL-POL", None)],
            "an offer is open",
        ),
        (
            [
                ("open", "NL-POL", None),
                ("offer", "NL-POL", "RO-DIICOT"),
                ("offer", "NL-POL", "RO-DIICOT"),
            ],
            "an offer is open",
        ),
        (
            [
                ("open", "NL-POL", None),
                ("offer", "NL-POL", "RO-DIICOT"),
                ("accept", "NL-POL", None),
            ],
            "made to RO-DIICOT",
        ),
        (
            [
                ("open", "NL-POL", None),
                ("offer", "NL-POL", "RO-DIICOT"),
                ("withdraw", "RO-DIICOT", None),
            ],
            "sequenced by NL-POL",
        ),
        (
            [("open", "NL-POL", None), ("close", "NL-POL", None), ("offer", "NL-POL", "RO-DIICOT")],
            "closed",
        ),
        (
            [("open", "NL-POL", None), ("close", "NL-POL", None), ("close", "NL-POL", None)],
            "closed",
        ),
    ],
)
def test_illegal_transitions_are_refused(
    steps: list[tuple[str, str, str | None]], words: str
) -> None:
    with pytest.raises(RuleError, match=words):
        replay(steps)


def replay(steps: list[tuple[str, str, str | None]]) -> None:
    state, prev = None, None
    for seq, (effect, log, to) in enumerate(steps):
        claims = Claims(
            log, EVIDENCE, bytes(32), 100, seq, prev, effect, REF if seq == 0 else None, to
        )
        prev = bytes([seq]) * 32
        state = advance(state, claims, prev, log_agency=log)


def of_type(event_type: str) -> Event:
    """A document of which only the type is asked."""
    return Event(b"", {"type": event_type}, (), (), known=True)


def test_after_the_end_only_notes_readings_and_the_destruction_of_keys_follow() -> None:
    state = advance(
        None,
        Claims("NL-POL", EVIDENCE, bytes(32), 1, 0, None, "open", REF),
        b"0" * 32,
        log_agency="NL-POL",
    )
    state = advance(
        state,
        Claims("NL-POL", EVIDENCE, bytes(32), 1, 1, b"0" * 32, "close"),
        b"1" * 32,
        log_agency="NL-POL",
    )
    after = Claims("NL-POL", EVIDENCE, bytes(32), 1, 2, b"1" * 32, "none")
    for allowed in ("note", "keys-destroyed", "accessed"):
        assert advance(state, after, b"2" * 32, log_agency="NL-POL", event=of_type(allowed)).closed
    with pytest.raises(RuleError):
        advance(state, after, b"2" * 32, log_agency="NL-POL", event=of_type("moved"))


def test_a_role_signs_only_what_the_table_gives_it_and_only_if_held() -> None:
    require_role("acquired", "officer", frozenset({"officer"}), guest=False)
    for event_type, role, held in (
        ("acquired", "auditor", {"auditor"}),
        ("acquired", "officer", {"custodian"}),
        ("weighed", "officer", {"officer"}),
    ):
        with pytest.raises(RuleError):
            require_role(event_type, role, frozenset(held), guest=False)
