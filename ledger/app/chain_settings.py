"""Which chain a home works on, as its settings say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self, get_args

from ledger.domain.chain.finality import HeaderHash


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """Which chain: ``kind`` "local" or "rpc"; ``url`` for rpc; confirmations that make a block
    final; ``headers``: how block hashes are computed.

    ``sealers``: 0x addresses that seal its blocks (Clique), where seals are to be judged.
    """

    kind: str
    id: int
    url: str = ""
    confirmations: int = 0
    headers: HeaderHash = "plain"
    sealers: tuple[str, ...] = ()

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Self:
        """As they stand in a home's settings.

        Raises:
            ValueError, TypeError: they are malformed.
        """
        found = cls(**{**value, "sealers": tuple(value.get("sealers", ()))})
        if found.headers not in get_args(HeaderHash):
            raise ValueError("block hashes computed in an unknown way")
        return found
