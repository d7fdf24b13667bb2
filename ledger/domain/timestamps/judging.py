"""What tokens prove of what they are said to stamp. A token that is not good, or says a time that
cannot be, counts for nothing and is told; nothing here ever fails a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ledger.domain.codecs.digests import same
from ledger.domain.codecs.text import told_time
from ledger.domain.errors import FormatError, VerificationError
from ledger.domain.identity.revocation_list import load_crl
from ledger.domain.timestamps import authorities, tokens
from ledger.domain.timestamps.authorities import TimeAuthority
from ledger.domain.timestamps.tokens import Token

#: Seconds by which a clock may be behind that of an authority.
CLOCKS: Final = 300
_STEP: Final = 10


@dataclass(frozen=True, slots=True)
class Stamped:
    """What a token may be about: the SHA-256 that it must stamp, and the newest time that whoever
    signed what is in it says; it cannot have been there before.
    """

    digest: bytes
    signed: int = 0


@dataclass(frozen=True, slots=True)
class GivenToken:
    """A token as it is given: ``of`` what, or over which earlier ``token`` of the same list."""

    der: bytes
    of: int | None = None
    token: int | None = None


@dataclass(frozen=True, slots=True)
class JudgedToken:
    """What became of a token.

    Attributes:
        problem: why it counts for nothing; empty where it counts.
        authority: whose it is; empty where that is not known.
        token: what it says; None where it cannot be read.
        revocation_checked: whether a list shows that its certificate was good.
    """

    given: GivenToken
    problem: str = ""
    authority: str = ""
    token: Token | None = None
    revocation_checked: bool = False

    @property
    def counts(self) -> bool:
        """Whether it proves a time."""
        return not self.problem


def judge(
    given: Sequence[GivenToken],
    stamped: Sequence[Stamped],
    known: Sequence[TimeAuthority],
    lists: Sequence[bytes],
) -> list[JudgedToken]:
    """Judge tokens, each by itself and then against what others say of it.

    Args:
        known: authorities that the trust root names.
        lists: revocation lists of authorities.

    Returns:
        a judgement for each, in the order given.
    """
    judged: list[JudgedToken] = []
    readable = [crl for crl in lists if _is_readable(crl)]
    for each in given:
        try:
            judged.append(_judge_one(each, judged, stamped, known, readable))
        except (VerificationError, FormatError) as error:
            judged.append(JudgedToken(each, error.message))
    # Whoever stamps a token stands behind it: what counts is known from the last one on.
    for index in reversed(range(len(judged))):
        for authority in known:
            until = authority.distrusted_from
            # By its roots: a stolen key is no better under another name.
            if until is None or not judged[index].counts or not _is_of(judged[index], authority):
                continue
            if not _is_covered(index, judged, authority, until):
                problem = (
                    f"{authority.name} is not trusted from {told_time(until)} on, and no "
                    "other authority stamped this token before"
                )
                judged[index] = replace(judged[index], problem=problem)
    return judged


def _is_readable(crl: bytes) -> bool:
    """Whether a revocation list can be read: one that cannot takes nothing from a token."""
    try:
        load_crl(crl)
    except FormatError:
        return False
    return True


def _is_of(judged: JudgedToken, authority: TimeAuthority) -> bool:
    """Whether a token leads to a root of an authority."""
    return judged.token is not None and bool(authorities.path(judged.token, authority.roots))


def _is_covered(
    index: int, judged: Sequence[JudgedToken], authority: TimeAuthority, until: int
) -> bool:
    """Whether a token that counts, and not of this authority, covers one before a time."""
    return any(
        other.counts
        and other.given.token == index
        and not _is_of(other, authority)
        and other.token is not None
        and other.token.latest < until
        for other in judged[index + 1 :]
    )


def _judge_one(
    given: GivenToken,
    before: Sequence[JudgedToken],
    stamped: Sequence[Stamped],
    known: Sequence[TimeAuthority],
    lists: Sequence[bytes],
) -> JudgedToken:
    token = tokens.parse(given.der)
    target = _target(given, before, stamped)
    if not same(token.imprint, target.digest):
        raise VerificationError(_STEP, "it stamps something else")
    if token.latest < target.signed - CLOCKS:
        raise VerificationError(
            _STEP,
            f"it says {told_time(token.time)}, and is over something that was signed at "
            f"{told_time(target.signed)}",
        )
    authority, way = authorities.find(token, known)
    checked = authorities.is_revocation_checked(token, way, lists)
    return JudgedToken(given, "", authority.name, token, checked)


def _target(
    given: GivenToken, before: Sequence[JudgedToken], stamped: Sequence[Stamped]
) -> Stamped:
    if given.of is not None:
        return stamped[given.of]
    assert given.token is not None
    other = before[given.token].token
    if other is None:
        raise VerificationError(_STEP, "it is over another token, which is not good")
    return Stamped(other.digest, other.time)
