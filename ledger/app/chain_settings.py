"""Which chain a home works on, as its settings say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, get_args

from ledger.domain.chain import finality
from ledger.domain.chain.finality import Finality, HeaderHash


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """Which chain: ``kind`` "local" or "rpc"; ``url`` for rpc; confirmations that make a block
    final.

    ``headers`` and ``rules`` are those of the trust root that the home joined with: how the chain
    computes block hashes, and how its seals are judged (as a trust root writes that).
    """

    kind: str
    id: int
    url: str = ""
    confirmations: int = 0
    headers: HeaderHash = "plain"
    rules: tuple[dict[str, Any], ...] = ()

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Self:
        """As they stand in a home's settings.

        Raises:
            FormatError, ValueError, TypeError: they are malformed.
        """
        found = cls(**{**value, "rules": tuple(value.get("rules", ()))})
        if found.headers not in get_args(HeaderHash):
            raise ValueError("block hashes computed in an unknown way")
        found.seal_rules()
        return found

    def seal_rules(self) -> Sequence[Finality]:
        """How the seals of the chain are judged; nothing where they are not."""
        return finality.parse_rules(self.rules, self.headers, "chain")
