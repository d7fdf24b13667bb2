"""Headers of QBFT chains, good and bad, each with the rule of a trust root that judges it: what
tests/vectors/qbft.json holds, written by tools.make_vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import rlp
from coincurve import PrivateKey

from tests.support import qbft

KEYS = [qbft.key(number) for number in range(8)]
NAMES = [qbft.address(key) for key in KEYS]
STRANGER = qbft.key(99)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@dataclass(frozen=True)
class Case:
    """A header, the rule, and the verdict: final, not checked or refused; ``says`` is a part of
    what is told.
    """

    what: str
    verdict: str
    says: str
    header: bytes
    rule: dict[str, Any]


def rule(names: Sequence[bytes], start: int = 1, end: int | None = None, **more: str) -> Any:
    validators = sorted("0x" + name.hex() for name in names)
    return {"kind": "qbft", "from": start, "to": end, "validators": validators, **more}


def parts(raw: bytes) -> tuple[list[Any], list[Any]]:
    """Members of a header, and of its extraData."""
    header = rlp.decode(raw)
    return header, rlp.decode(header[qbft.EXTRA])


def joined(header: Sequence[Any], extra: Any) -> bytes:
    """A header with other members of its extraData, or other bytes in its place."""
    given = extra if isinstance(extra, bytes) else rlp.encode(extra)
    return bytes(rlp.encode([*header[: qbft.EXTRA], given, *header[qbft.EXTRA + 1 :]]))


def with_seals(raw: bytes, *seals: bytes) -> bytes:
    header, extra = parts(raw)
    return joined(header, [*extra[:4], list(seals)])


def twin(seal: bytes) -> bytes:
    """The same signature with the other s, as anybody can make it."""
    s = ORDER - int.from_bytes(seal[32:64], "big")
    return seal[:32] + s.to_bytes(32, "big") + bytes([1 - seal[64]])


def of_four(signers: Sequence[PrivateKey] = KEYS[:3], **more: Any) -> bytes:
    """A header of four validators, three of which seal it."""
    return qbft.sealed(qbft.fields(), signers, **{"validators": sorted(NAMES[:4]), **more})


def real(block: dict[str, Any]) -> Case:
    """A block of a network of four, as its node tells it."""
    raw = qbft.of_block(block)
    _, extra = parts(raw)
    return Case("a real block", "final", "sealed by 3 of 4 validators", raw, rule(extra[1]))


def cases(block: dict[str, Any]) -> list[Case]:
    """All of them, the real block first."""
    four = rule(NAMES[:4])
    good = of_four()
    header, extra = parts(good)
    seals = extra[4]
    contract = rule(NAMES[:4], **{"in": "contract"})
    unnamed = of_four(validators=[])

    def of(many: int, sealing: int) -> tuple[bytes, Any]:
        names = sorted(NAMES[:many])
        return qbft.sealed(qbft.fields(), KEYS[:sealing], validators=names), rule(names)

    final = [
        ("three of four", "sealed by 3 of 4 validators", good, four),
        ("all four", "sealed by 4 of 4 validators", of_four(KEYS[:4]), four),
        ("in round 3", "sealed by 3 of 4", of_four(turn=3), four),
        ("a vote to add", "sealed by 3", of_four(vote=[NAMES[5], b"\xff"]), four),
        ("a vote to drop", "sealed by 3", of_four(vote=[NAMES[0], b""]), four),
        ("one alone", "sealed by 1 of 1 validator; fewer than 4", *of(1, 1)),
        ("both of two", "fewer than 4 tolerate none that lies", *of(2, 2)),
        ("two of three", "2 of 3 validators; fewer than 4 tolerate none", *of(3, 2)),
        ("four of five", "sealed by 4 of 5 validators", *of(5, 4)),
        ("four of six", "sealed by 4 of 6 validators", *of(6, 4)),
        ("five of seven", "sealed by 5 of 7 validators", *of(7, 5)),
        ("six of eight", "sealed by 6 of 8 validators", *of(8, 6)),
        ("named by a contract", "sealed by 3 of 4 validators", unnamed, contract),
        ("first of its range", "sealed by 3", good, rule(NAMES[:4], 6)),
        ("last of its range", "validators replaced at block 7", good, rule(NAMES[:4], 1, 6)),
        ("a range that ended", "replaced at block 100", good, rule(NAMES[:4], 1, 99)),
        (
            "the twin of one of three seals",
            "sealed by 3 of 4",
            with_seals(good, *seals, twin(seals[0])),
            four,
        ),
    ]
    lacking = [
        ("two of four", "2 of 4 validators sealed header 6, expected 3", of_four(KEYS[:2]), four),
        ("no seal", "0 of 4 validators", of_four([]), four),
        ("none of one", "0 of 1 validator sealed", *of(1, 0)),
        ("one of two", "1 of 2", *of(2, 1)),
        ("one of three", "1 of 3", *of(3, 1)),
        ("three of five", "3 of 5", *of(5, 3)),
        ("five of eight", "5 of 8", *of(8, 5)),
        (
            "two seals and the twin of one",
            "2 of 4",
            with_seals(good, seals[0], seals[1], twin(seals[0])),
            four,
        ),
        ("three seals of which one has the other s", "2 of 4", with_seals(good, seals[0], seals[1], twin(seals[2])), four),
        ("a validator fewer", "and not those of the trust root", of_four(validators=sorted(NAMES[:3])), four),
        ("a validator more", "and not those of the trust root", of_four(validators=sorted(NAMES[:5])), four),
        ("no validators, and no contract that names them", "and not those of the trust root", unnamed, four),
        ("others, sealed by themselves", "names 4 validators, and not those of the trust root", of_four(KEYS[4:7], validators=sorted(NAMES[4:8])), four),
        ("a list beside a contract", "signers were changed since", good, contract),
        ("a stranger beside three whom a contract names", "by a stranger", qbft.sealed(qbft.fields(), [*KEYS[:3], STRANGER], validators=[]), contract),
        ("before its range", "can judge block 6", good, rule(NAMES[:4], 7)),
        ("behind its range", "can judge block 6", good, rule(NAMES[:4], 1, 5)),
    ]  # fmt: skip
    flipped = seals[2][:64] + bytes([1 - seals[2][64]])
    other_block = joined([*header[:3], b"\x07" * 32, *header[4:]], extra)
    longer = b"\xfa\x00" + header[qbft.EXTRA][1:]
    refused = [
        ("a seal twice", "sealed header 6 twice", with_seals(good, *seals, seals[0]), four),
        ("a seal twice in place of a third", "twice", with_seals(good, *seals[:2], seals[0]), four),
        ("a stranger beside three", "by a stranger", of_four([*KEYS[:3], STRANGER]), four),
        ("a stranger in place of a third", "by a stranger", of_four([*KEYS[:2], STRANGER]), four),
        ("seals of round 0 in round 1", "by a stranger", of_four(turn=1, signed_turn=0), four),
        ("seals of round 1 in round 0", "by a stranger", of_four(signed_turn=1), four),
        ("seals of another state", "by a stranger", other_block, four),
        ("seals of another vote", "by a stranger", joined(header, [*extra[:2], [NAMES[5], b"\xff"], *extra[3:]]), four),
        ("seals of another vanity", "by a stranger", joined(header, [bytes(32), *extra[1:]]), four),
        ("others, whom one seals that is none of them", "by a stranger", of_four(validators=sorted(NAMES[1:5])), four),
        ("others, in a range that has ended", "names 5 validators, and not those", of_four(validators=sorted(NAMES[:5])), rule(NAMES[:4], 1, 9)),
        ("a stranger whom a contract may have named, in a range that has ended", "by a stranger", qbft.sealed(qbft.fields(), [*KEYS[:3], STRANGER], validators=[]), rule(NAMES[:4], 1, 9, **{"in": "contract"})),
        ("a validator twice", "names a validator twice", of_four(validators=sorted([*NAMES[:4], NAMES[0]])), four),
        ("a validator twice in place of another", "a validator twice", of_four(validators=sorted([*NAMES[:3], NAMES[0]])), four),
        ("a vote beside a contract", "whom a contract names", of_four(validators=[], vote=[NAMES[5], b"\xff"]), contract),
        ("the other v", "by a stranger", with_seals(good, *seals[:2], flipped), four),
        ("v of 27", "a seal of header 6 is malformed", with_seals(good, seals[0][:64] + bytes([seals[0][64] + 27]), *seals[1:]), four),
        ("v of 4", "a seal of header 6 is malformed", with_seals(good, seals[0][:64] + b"\x04", *seals[1:]), four),
        ("a seal of zeros", "a seal of header 6 is malformed", with_seals(good, *seals, bytes(65)), four),
        ("a seal that is too short", "malformed member", with_seals(good, *seals[:2], seals[2][:64]), four),
        ("a seal that is too long", "malformed member", with_seals(good, *seals, seals[0] + b"\x00"), four),
        ("a member fewer", "not that of a QBFT header", joined(header, extra[:4]), four),
        ("a member more", "not that of a QBFT header", joined(header, [*extra, b""]), four),
        ("a vote of another kind", "malformed vote", joined(header, [*extra[:2], [NAMES[5], b"\x01"], *extra[3:]]), four),
        ("an address for a vote", "malformed vote", joined(header, [*extra[:2], [NAMES[5]], *extra[3:]]), four),
        ("a round with a zero before it", "not a number", joined(header, [*extra[:3], b"\x00\x01", extra[4]]), four),
        ("a vanity of 31 bytes", "malformed member", joined(header, [extra[0][1:], *extra[1:]]), four),
        ("a byte behind the list", "bytes after the end", joined(header, header[qbft.EXTRA] + b"\x00"), four),
        ("a byte behind the header", "bytes after the end", good + b"\x00", four),
        ("the length of the list in more bytes", "shortest form", joined(header, longer), four),
        ("a seal of Clique", "extraData", joined(header, qbft.VANITY + seals[0]), four),
        ("no extraData", "extraData", joined(header, b""), four),
    ]  # fmt: skip
    return [
        real(block),
        *(
            Case(what, verdict, says, raw, judged)
            for verdict, group in (("final", final), ("not checked", lacking), ("refused", refused))
            for what, says, raw, judged in group
        ),
    ]
