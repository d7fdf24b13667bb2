"""Random histories of one item among agencies: honest ones go by their node's rules, lying ones
sign, log, hide and send whatever the contract takes, thieves hold the anchoring keys of others.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ledger.domain.chain.contract_layout import ACCEPTED, OPEN, WITHDRAWN, Hop
from ledger.domain.identity.names import agency_id
from ledger.domain.item.custody_branch import derive
from ledger.domain.item.sequenced_statement import LogHolder, Retirement, SequencedStatement
from ledger.domain.item.statement_standings import CustodyBranch
from ledger.domain.log.statement import Claims, Effect

URN = "urn:uuid:3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"
DAY = 86400
NONE = bytes(32)


@dataclass
class Sim:
    """An agency. ``old``: digests that only an older log holds; ``hidden``: left out of its lists;
    ``known``: what it has seen of others.
    """

    code: str
    honest: bool
    logs: list[bytes]
    current: list[bytes] = field(default_factory=list)
    old: list[bytes] = field(default_factory=list)
    hidden: set[bytes] = field(default_factory=set)
    known: set[tuple[str, bytes]] = field(default_factory=set)
    retired: Retirement | None = None
    waiting: bytes | None = None  # its answer that the contract has not taken yet


@dataclass(frozen=True)
class Deed:
    """What an honest agency did: a statement, and whether the contract's word moved it."""

    agency: str
    digest: bytes
    answer: bool


class BranchWorld:
    def __init__(self, rng: random.Random, honest: Sequence[bool], *, thieves: bool = True) -> None:
        self.rng, self.thieves, self.time = rng, thieves, 1_790_000_000
        codes = ["NL-POL", "RO-POL", "DE-BKA", "FR-PN"][: len(honest)]
        self.agencies = {
            code: Sim(code, good, [self.log_id(code, 0)])
            for code, good in zip(codes, honest, strict=True)
        }
        self.origin = codes[0]
        self.signed: dict[bytes, tuple[Claims, int | None]] = {}
        self.proven: dict[tuple[str, bytes], int] = {}
        self.hops: list[Hop] = []
        self.held = self.origin  # as the contract has it
        self.deeds: list[Deed] = []
        self.sign(self.agencies[self.origin], "open", None, -1)

    @staticmethod
    def log_id(code: str, number: int) -> bytes:
        return f"{code}/{number}".encode().ljust(32, b"\x00")

    # What somebody sees.

    def holders(self) -> dict[str, LogHolder]:
        return {
            code: LogHolder(frozenset(one.logs), True, one.retired)
            for code, one in self.agencies.items()
        }

    def at(self, code: str, digest: bytes) -> SequencedStatement:
        agency, (claims, expires) = self.agencies[code], self.signed[digest]
        index = agency.current.index(digest) if digest in agency.current else None
        return SequencedStatement(code, index, self.proven[code, digest], digest, claims, expires)

    def everything(self) -> list[SequencedStatement]:
        return [
            self.at(code, digest)
            for code, one in self.agencies.items()
            for digest in dict.fromkeys([*one.current, *one.old])
        ]

    def public(self, *, hide: bool = True) -> list[SequencedStatement]:
        """Current logs, without what is left out of their lists."""
        return [
            self.at(code, digest)
            for code, one in self.agencies.items()
            for digest in one.current
            if not (hide and digest in one.hidden)
        ]

    def view(self, agency: Sim) -> list[SequencedStatement]:
        """What a node knows: what it saw before, lists of others, its own log, and the logs of an
        offer's giver and of those that its giver and itself followed, replayed whole. A liar goes
        by what it shows, and wants to see no more of other liars.
        """
        whole = {code for code, one in self.agencies.items() if one.honest}
        if agency.honest:
            if self.open and self.taker(self.open) == agency.code:
                giver = self.agencies[self.giver(self.open)]
                whole.add(giver.code)
                agency.known |= giver.known if giver.honest else set()  # it shows all it has
            for code, one in self.agencies.items():
                if one.retired and self.heir(code) in whole:
                    whole.add(code)
        seen = {(one.agency, one.digest) for one in self.public()}
        for code in whole:
            seen |= {(code, digest) for digest in self.agencies[code].current}
        agency.known |= seen | {(agency.code, digest) for digest in agency.old}
        return [self.at(code, digest) for code, digest in sorted(agency.known)]

    def derive(self, shown: Sequence[SequencedStatement]) -> CustodyBranch:
        return derive(self.origin, shown, self.hops, self.holders())

    def giver(self, hop: Hop) -> str:
        return next(code for code in self.agencies if agency_id(code) == hop.giver)

    def taker(self, hop: Hop) -> str:
        return next((code for code in self.agencies if agency_id(code) == hop.taker), "")

    def heir(self, code: str) -> str:
        while (retired := self.agencies[code].retired) is not None:
            code = retired.successor
        return code

    @property
    def open(self) -> Hop | None:
        return self.hops[-1] if self.hops and self.hops[-1].outcome == OPEN else None

    # What logs and contract do.

    def sign(
        self,
        agency: Sim,
        effect: Effect,
        prev: bytes | None,
        seq: int,
        *,
        issuer: str = "",
        to: str | None = None,
        expires: int | None = None,
        time: int | None = None,
        log: bytes | None = None,
    ) -> bytes:
        """Log a statement behind another one and anchor it."""
        digest = self.rng.randbytes(32)
        claims = Claims(
            issuer or agency.code, URN, log or agency.logs[-1], self.time if time is None else time,
            seq + 1, prev, effect, NONE if effect == "open" else None, to,
        )  # fmt: skip
        self.signed[digest] = claims, expires
        self.put(agency, digest)
        return digest

    def put(self, agency: Sim, digest: bytes) -> None:
        if digest not in agency.current:
            agency.current.append(digest)
            self.proven[agency.code, digest] = self.time
            if agency.honest:
                effect = self.signed[digest][0].effect
                answer = effect in ("accept", "decline", "withdraw")
                self.deeds.append(Deed(agency.code, digest, answer))

    def offer(self, caller: str, to: str, digest: bytes, expires: int) -> None:
        if self.open or self.heir(self.held) != caller or self.agencies[caller].retired:
            return
        if expires > self.time and to != caller:
            ids = agency_id(caller), agency_id(to)
            self.hops.append(Hop(*ids, digest, self.time, expires, OPEN, NONE, 0))
            self.held = caller

    def conclude(self, caller: str, outcome: int, digest: bytes) -> bool:
        hop = self.open
        if hop is None or self.agencies[caller].retired:
            return False
        giver, taker = self.giver(hop), self.taker(hop)
        good = self.heir(giver) == caller if outcome == WITHDRAWN else taker == caller
        if outcome == ACCEPTED:
            good = good and self.time <= hop.expires and not self.agencies[giver].retired
        if good:
            self.hops[-1] = replace(hop, outcome=outcome, outcome_digest=digest, time=self.time)
            self.held = taker if outcome == ACCEPTED else self.held
        return good

    def open_log(self, agency: Sim, size: int, again: Sequence[bytes]) -> None:
        """Another log, with the first leaves of the one before, and some sequenced again."""
        dropped = agency.current[size:]
        agency.current = agency.current[:size]
        agency.logs.append(self.log_id(agency.code, len(agency.logs)))
        for digest in again:
            if digest not in agency.current:
                agency.current.append(digest)
                self.proven[agency.code, digest] = self.time
        agency.old += [digest for digest in dropped if digest not in agency.current]
        agency.old = [digest for digest in agency.old if digest not in agency.current]

    def retire(self, agency: Sim, successor: str, size: int) -> None:
        agency.retired = Retirement(successor, size, self.time)
