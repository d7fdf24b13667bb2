"""Several digests over one pass of a stream."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from ledger.domain.codecs.text import quoted
from ledger.domain.errors import FormatError, UsageError


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


#: Names as in the IANA Named Information registry, with digest sizes in bytes. MD5 and SHA-1 are
#: accepted in `stated` (what others wrote down) but never computed as proof.
ALGORITHMS: Final[Mapping[str, int]] = {
    "sha-256": 32,
    "sha-384": 48,
    "sha-512": 64,
    "sha3-256": 32,
    "sha3-512": 64,
}
_BROKEN: Final = ("md5", "sha-1")
DEFAULT: Final = ("sha-256",)


def _new(name: str) -> _Hash:
    called = name.replace("sha-", "sha").replace("sha3-", "sha3_")
    return hashlib.new(called, usedforsecurity=name not in _BROKEN)


class MultiDigest:
    """Feeds each chunk to every chosen hash.

    Args:
        names: algorithm names; SHA-256 is always among them.
        beside: algorithms of digests that others stated, MD5 and SHA-1 too, which are computed to
            be compared and prove nothing; unknown ones are not computed.

    Raises:
        UsageError: an algorithm that is not in ALGORITHMS.
    """

    def __init__(self, names: Iterable[str] = DEFAULT, beside: Iterable[str] = ()) -> None:
        chosen = dict.fromkeys((*DEFAULT, *names))
        for name in chosen:
            if name not in ALGORITHMS:
                raise UsageError(
                    f"unknown digest {name!r}", hint="choose among " + ", ".join(ALGORITHMS)
                )
        self._hashes = {name: _new(name) for name in chosen}
        self._beside = {
            name: _new(name)
            for name in beside
            if name not in chosen and name in (*ALGORITHMS, *_BROKEN)
        }
        self.size = 0

    def update(self, data: bytes | memoryview) -> None:
        """Add ``data``; the size counts bytes."""
        self.size += len(data)
        for running in (*self._hashes.values(), *self._beside.values()):
            running.update(data)  # type: ignore[arg-type]

    def hexdigests(self) -> dict[str, str]:
        """Digests so far, algorithm name to lower-case hex."""
        return {name: running.hexdigest() for name, running in self._hashes.items()}

    def found(self) -> dict[str, str]:
        """The same with those that were computed to be compared alone."""
        beside = {name: running.hexdigest() for name, running in self._beside.items()}
        return self.hexdigests() | beside


def check_digests(value: object, *, what: str) -> dict[str, str]:
    """Validate a mapping of algorithm name to lower-case hex digest.

    Returns:
        the same mapping.

    Raises:
        FormatError: unknown algorithm, wrong length, or no SHA-256.
    """
    if not isinstance(value, dict) or "sha-256" not in value:
        raise FormatError(f"{what}: expected an object with a sha-256 member")
    for name, text in value.items():
        size = ALGORITHMS.get(name)
        if (
            size is None
            or not isinstance(text, str)
            or len(text) != 2 * size
            or not set(text) <= set("0123456789abcdef")
        ):
            raise FormatError(f"{what}: {quoted(name)} is not a known digest in lower-case hex")
    return value


def same(digest: bytes, other: bytes) -> bool:
    """Compare two digests in constant time."""
    return hmac.compare_digest(digest, other)
