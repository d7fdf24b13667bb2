"""The fingerprint of a trust root: forty digits that two people compare by voice (ADR 0021).

It covers whom a verdict rests on: chain, contracts with their code, and the signers of blocks; and
how the chain computes the hashes that pins and parents name.
Every agency on a chain has the same one, and it stays the same while blocks are added. A block that
a trust root pins is one agency's word of one day, and the time authorities are those that one
agency chose: only the other fingerprint, the one with the pins, covers them. Neither covers what
decides no verdict: the label, the agencies that are known, and the confirmations that are waited
for where somebody names a chain of their own.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import pbkdf2_hmac
from typing import Any, Final

from ledger.domain.bundle.trust import (
    KIND,
    VERSION,
    TrustRoot,
    encode_authorities,
    encode_contracts,
)
from ledger.domain.chain import finality
from ledger.domain.chain.finality import Finality, Pinned, Rpc
from ledger.domain.codecs import strict_json
from ledger.domain.errors import IncompleteError, UsageError

DIGITS: Final = 40
_GROUP: Final = 5
_SALT: Final = b"custody-trust-root-v2"
#: Whoever makes two trust roots, or one of which some groups alone agree, pays this for each try.
_ROUNDS: Final = 131_072
_STEP: Final = 7


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """What is read aloud of a trust root.

    Attributes:
        chain: covers chain, contracts and signers; the same from every agency of the chain.
        with_pins: covers pinned blocks and time authorities as well; empty where there is neither.
        pinned: numbers of these blocks.
        authorities: names of the time authorities.
    """

    chain: str
    with_pins: str
    pinned: tuple[int, ...]
    authorities: tuple[str, ...]


def of(root: TrustRoot) -> Fingerprints:
    """The fingerprints of a trust root."""
    lasting = [rule for rule in root.finality if not isinstance(rule, Pinned | Rpc)]
    pins = [rule for rule in root.finality if isinstance(rule, Pinned)]
    numbers = sorted({number for rule in pins for number in rule.blocks})
    added = bool(pins or root.time_authorities)
    return Fingerprints(
        _digits(root, lasting),
        _digits(root, [*lasting, *pins], encode_authorities(root)) if added else "",
        tuple(numbers),
        tuple(authority.name for authority in root.time_authorities),
    )


def typed(text: str) -> str:
    """A fingerprint as somebody types what they were told: with or without blanks and hyphens.

    Raises:
        UsageError: it has another number of digits, or something else in it.
    """
    marks = ("Zs", "Cc", "Pd")  # blanks, tabs and line ends, and hyphens of every length
    told = "".join(one for one in text if unicodedata.category(one) not in marks)
    if len(told) != DIGITS or not (told.isascii() and told.isdigit()):
        raise UsageError(
            f"a fingerprint of a trust root has {DIGITS} digits, in groups of {_GROUP}; this has "
            f"{sum(one.isdigit() for one in told)} digits in {len(told)} characters",
            hint="ask for it again, and type all of its groups",
        )
    return _grouped(told)


def covered(root: TrustRoot, told: str) -> TrustRoot:
    """As much of a trust root as a fingerprint covers that somebody was told by another way than
    the trust root: pins and time authorities are believed where it is the one with the pins, else
    not.

    Raises:
        UsageError: that is no fingerprint. IncompleteError: it is that of another trust root.
    """
    given, own = typed(told), of(root)
    is_chain = hmac.compare_digest(given, own.chain)
    if own.with_pins and hmac.compare_digest(given, own.with_pins):
        return root
    if not is_chain:
        other = f", with what it adds {own.with_pins}" if own.with_pins else ""
        raise IncompleteError(
            _STEP,
            "this is another trust root than the one that you were told of, and nothing was "
            f"judged: its fingerprint is {own.chain}{other}; you gave {given}",
            hint="compare both with whoever told you; if they differ, rely on neither file",
        )
    lasting = tuple(rule for rule in root.finality if not isinstance(rule, Pinned))
    return replace(root, finality=lasting, time_authorities=())


def _digits(
    root: TrustRoot, rules: Sequence[Finality], added: Sequence[dict[str, Any]] = ()
) -> str:
    """Forty digits over a trust root with these rules, and the time authorities where it has any;
    docs/format.md spells it out.
    """
    value = {
        "v": VERSION,
        "kind": KIND,
        "chainId": root.chain_id,
        "genesis": "0x" + root.genesis.hex(),
        "headers": root.headers,
        "contracts": encode_contracts(root),
        "finality": [finality.encode(rule) for rule in rules],
    }
    if added:
        value["timeAuthorities"] = list(added)
    digest = pbkdf2_hmac("sha256", strict_json.dump(value), _SALT, _ROUNDS)
    return _grouped(f"{int.from_bytes(digest, 'big') % 10**DIGITS:0{DIGITS}d}")


def _grouped(digits: str) -> str:
    return " ".join(digits[at : at + _GROUP] for at in range(0, DIGITS, _GROUP))
