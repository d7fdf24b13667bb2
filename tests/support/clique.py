"""A signer of Clique headers, good and bad, which shares no code with what judges them: pyrlp and
the signatures of coincurve; and chains of such headers, each with the rule of a trust root that
judges the first one: what tests/vectors/clique.json holds, written by tools.make_vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import rlp
from coincurve import PrivateKey
from eth_utils import keccak

from tests.support import qbft

KEYS = [qbft.key(number) for number in range(8)]
NAMES = [qbft.address(key) for key in KEYS]
STRANGER = qbft.key(99)
VANITY = b"custody test signer".ljust(32, b"\x00")
FIRST = 6  # number of the header that is judged


def sealed(header: Sequence[Any], signer: PrivateKey, named: Sequence[bytes] = ()) -> bytes:
    """A header with the seal of a signer.

    Args:
        named: signers that it lists, as headers at the begin of an epoch do.
    """
    extra = VANITY + b"".join(named)
    rest = header[qbft.EXTRA + 1 :]
    digest = keccak(rlp.encode([*header[: qbft.EXTRA], extra, *rest]))
    seal = signer.sign_recoverable(digest, hasher=None)
    return bytes(rlp.encode([*header[: qbft.EXTRA], extra + seal, *rest]))


def following(raw: bytes, signers: Sequence[PrivateKey]) -> list[bytes]:
    """Headers behind one, each the parent of the next."""
    number, made = int.from_bytes(rlp.decode(raw)[8], "big"), [raw]
    for signer in signers:
        number += 1
        made.append(sealed(qbft.fields(number, keccak(made[-1])), signer))
    return made[1:]


def chain(*signers: PrivateKey, first: int = FIRST) -> list[bytes]:
    """Headers in order, from one number on, each sealed by one."""
    begin = sealed(qbft.fields(first), signers[0])
    return [begin, *following(begin, signers[1:])]


def rule(
    names: Sequence[bytes], start: int = 1, end: int | None = None, seals: int | None = None
) -> dict[str, Any]:
    """As a trust root writes it."""
    return {
        "kind": "clique",
        "from": start,
        "to": end,
        "signers": sorted("0x" + name.hex() for name in names),
        "seals": len(names) // 2 + 1 if seals is None else seals,
    }


@dataclass(frozen=True)
class Case:
    """Headers, the rule, and the verdict on the first: final, not checked or refused; ``says`` is a
    part of what is told.
    """

    what: str
    verdict: str
    says: str
    headers: list[bytes]
    rule: dict[str, Any]


def _changed(raw: bytes, place: int, value: bytes) -> bytes:
    header = rlp.decode(raw)
    return bytes(rlp.encode([*header[:place], value, *header[place + 1 :]]))


def cases() -> list[Case]:
    """All of them."""
    a, b, c, d, e = KEYS[:5]
    three, five = rule(NAMES[:3]), rule(NAMES[:5])
    ended = rule(NAMES[:3], 1, 9)
    good = chain(a, b, c)
    late = sealed(qbft.fields(FIRST + 1, keccak(good[0])), b)
    skipping = sealed(qbft.fields(FIRST + 2, keccak(good[0])), b)
    backwards = sealed(qbft.fields(FIRST, keccak(good[0])), b)
    listing = sealed(qbft.fields(FIRST), a, NAMES[:3])
    unsealed = _changed(good[0], qbft.EXTRA, VANITY)
    return [
        Case(what, verdict, says, headers, judged)
        for what, verdict, says, headers, judged in (
            ("one alone", "final", "sealed by 1 of 1 signer", chain(a), rule(NAMES[:1])),
            ("a descendant by another", "final", "sealed by 2 of 3 signers", good[:2], three),
            ("more descendants than are needed", "final", "sealed by 2 of 3", good, three),
            ("all three, as the rule wants", "final", "sealed by 3 of 3", good, rule(NAMES[:3], seals=3)),
            ("three of five", "final", "sealed by 3 of 5", chain(a, b, c), five),
            ("five of five, one twice when its turn is there again", "final", "sealed by 5 of 5", chain(a, b, c, a, d, e), rule(NAMES[:5], seals=5)),
            ("one that lists signers", "final", "sealed by 2 of 3", [listing, *following(listing, [b])], three),
            ("last two of its range", "final", "sealed by 2 of 3", good[:2], rule(NAMES[:3], 1, FIRST + 1)),
            ("a stranger behind enough", "final", "sealed by 2 of 3", chain(a, b, STRANGER), three),
            ("no descendant", "not checked", "sealed by 1 of 3 signers, expected 2", good[:1], three),
            ("two of five", "not checked", "sealed by 2 of 5 signers, expected 3", chain(a, b), five),
            ("before its range", "not checked", "can judge block 6", good, rule(NAMES[:3], FIRST + 1 + 2)),
            ("a range that ends too early", "not checked", "sealed by 1 of 3", good, rule(NAMES[:3], 1, FIRST)),
            ("one signer twice in a row", "not checked", "expected one of 2 in a row", chain(a, a), three),
            ("one signer of five, and again too soon", "not checked", "expected one of 3 in a row", chain(a, b, a), five),
            ("a stranger", "not checked", "by a stranger", chain(STRANGER, a, b), three),
            ("a stranger behind it", "not checked", "or signers were changed since", chain(a, STRANGER, b), three),
            ("one signer twice in a row, in a range that has ended", "refused", "expected one of 2 in a row", chain(a, a), ended),
            ("a stranger in a range that has ended", "refused", "by a stranger", chain(a, STRANGER), ended),
            ("a stranger on a chain of one", "refused", "by a stranger", chain(STRANGER), rule(NAMES[:1])),
            ("a seal of another state", "refused", "by a stranger", [_changed(chain(a)[0], 3, b"\x07" * 32)], rule(NAMES[:1])),
            ("no seal", "refused", "carries no seal", [unsealed], three),
            ("a descendant without a seal", "refused", "carries no seal", [good[0], _changed(late, qbft.EXTRA, VANITY)], three),
            ("a malformed seal", "refused", "malformed", [_changed(good[0], qbft.EXTRA, VANITY + b"\xff" * 65)], three),
            ("a descendant of another block", "refused", "does not follow", [good[0], chain(c, b)[1]], three),
            ("a number left out", "refused", "does not follow", [good[0], skipping], three),
            ("a number twice", "refused", "does not follow", [good[0], backwards], three),
            ("descendants in another order", "refused", "does not follow", [good[0], good[2], good[1]], three),
            ("a descendant twice", "refused", "does not follow", [good[0], good[1], good[1]], three),
        )
    ]  # fmt: skip
