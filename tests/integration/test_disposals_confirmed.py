"""A confirmation of a disposal stands in the custodian's log once, and counts here by the proof of
that log alone: answers are lost, and partners say what is not so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.domain.codecs.text import b64url, from_b64url
from ledger.domain.errors import ConflictError, FormatError, NetworkError, VerificationError
from ledger.domain.log import receipt as receipts
from ledger.domain.ports.answers import Registered
from ledger.services.handovers import erasure, sync
from tests.integration.test_partners_disposals import disposed_by_another
from tests.support import consortium
from tests.support.consortium import NL, RO, Consortium
from tests.support.lying import lying


def test_a_confirmation_whose_answer_was_lost_is_recorded_once(
    trio: Consortium, tmp_path: Path
) -> None:
    nl, ro = trio[NL], trio[RO]
    evidence = disposed_by_another(trio, tmp_path, number="78")
    sync.settle(ro.node, timeout=30)
    honest = nl.node.reach(consortium.address(RO))
    erasure.learn(nl.node, RO, honest)
    erasure.settle(nl.node)

    def cut(*_: object) -> None:
        raise NetworkError("closed in the head")

    with lying(nl, RO, register=cut), pytest.raises(NetworkError, match="closed"):
        erasure.learn(nl.node, RO, nl.node.reach(consortium.address(RO)))
    nl.node.pages.clear()
    with pytest.raises(ConflictError, match="confirmed this disposal before"):
        erasure.learn(nl.node, RO, honest)  # their log has it, and it is not anchored yet
    sync.settle(ro.node, timeout=30)
    nl.node.pages.clear()
    erasure.learn(nl.node, RO, honest)
    confirmed = ro.client.disposal(evidence).confirmed
    assert sorted(one.agency for one in confirmed) == [NL, RO]
    with nl.node.records.read() as unit:
        row = unit.erasures.get(evidence)
    assert row is not None
    assert row.state == "done"


@pytest.mark.parametrize(
    ("number", "lie"),
    [
        ("79", lambda _: []),
        ("80", lambda answer: [replace(answer, receipt=b64url(bytes(64)))]),
        ("81", lambda answer: [replace(answer, receipt=_forged(answer.receipt))]),
    ],
)
def test_a_confirmation_that_the_custodians_log_never_took_is_not_confirmed_by_its_word(
    trio: Consortium, tmp_path: Path, number: str, lie: Callable[[Registered], list[Registered]]
) -> None:
    nl, ro = trio[NL], trio[RO]
    evidence = disposed_by_another(trio, tmp_path, number=number)
    sync.settle(ro.node, timeout=30)
    nl.node.pages.clear()
    honest = nl.node.reach(consortium.address(RO))
    erasure.learn(nl.node, RO, honest)
    erasure.settle(nl.node)
    nl.node.pages.clear()
    with (
        lying(nl, RO, register=lambda answer, *_: lie(answer[0])),
        pytest.raises((VerificationError, FormatError), match="receipt"),
    ):
        erasure.learn(nl.node, RO, nl.node.reach(consortium.address(RO)))
    with nl.node.records.read() as unit:
        row = unit.erasures.get(evidence)
    assert row is not None
    assert row.state == "dropped", "it is asked for again, and told"
    sync.settle(ro.node, timeout=30)
    nl.node.pages.clear()
    erasure.learn(nl.node, RO, honest)  # their log has it after all, and proves it
    assert erasure.unconfirmed(nl.node, RO)[1] == 0


def _forged(receipt: str) -> str:
    parsed = receipts.parse(from_b64url(receipt, what="receipt"))
    signature = bytes(len(parsed.message.signature))
    return b64url(replace(parsed.message, signature=signature).encode())
