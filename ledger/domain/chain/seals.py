"""Seals of headers: who made one, and what follows where whoever made it is nobody of the trust
root.

- a range that has ended says for good who sealed in it: others contradict it
- in a range that is still in force signers may have changed since the trust root was written: its
  rule then has nothing to say about the header, and never makes it final
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.domain.chain.evm import Header, keccak256
from ledger.domain.errors import VerificationError

_STEP: Final = 7
#: What to do where signers may have changed since a trust root was written.
NEWER: Final = "get a newer trust root from an agency of the chain, and compare its fingerprint"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a rule makes a header final, and why, or what it lacks; ``hint``: how to get that."""

    is_final: bool
    told: str
    hint: str = ""


def signer_of(seal: bytes, digest: bytes, header: Header) -> bytes:
    """The address whose key made a seal of a header over a digest.

    Raises:
        VerificationError: a malformed one.
    """
    from coincurve import PublicKey  # loaded only where a seal is judged

    try:
        public = PublicKey.from_signature_and_message(seal, digest, hasher=None)
    except Exception as error:
        raise VerificationError(_STEP, f"a seal of header {header.number} is malformed") from error
    return keccak256(public.format(compressed=False)[1:])[12:]


def of_others(told: str, *, ended: bool) -> Judgement:
    """What a rule says of a header that others than its signers stand behind.

    Args:
        told: what was found.
        ended: the range of the rule has ended.

    Raises:
        VerificationError: the trust root is contradicted.
    """
    if ended:
        raise VerificationError(_STEP, told)
    return Judgement(
        False, f"{told}: it is forged, or signers were changed since the trust root", NEWER
    )
