"""Asking time authorities for tokens over checkpoints that are final, and fetching what shows that
an authority was not revoked.

- one checkpoint at a time, the newest: it covers all before it, so that what an authority missed
  while it was silent is not asked for one by one
- a token is kept only if it counts by the authority's own entry in the trust root
- nothing here holds up anchoring, and nothing waits for it
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Final

from ledger.domain.errors import FormatError, VerificationError
from ledger.domain.identity.revocation_list import crl_issued
from ledger.domain.ports.time_authority import TimeAuthorityApi
from ledger.domain.timestamps import authorities, judging, tokens
from ledger.domain.timestamps.authorities import WINDOW, TimeAuthority
from ledger.domain.timestamps.judging import GivenToken, JudgedToken, Stamped
from ledger.domain.timestamps.tokens import Token
from ledger.rows.logs import CheckpointRow
from ledger.rows.timestamps import TimeAuthorityListRow, TimeStampRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node

_STEP: Final = 10
_LAST: Final = 100  # entries that are looked at: what was signed without network comes later


def asked(node: Node) -> list[TimeAuthorityApi]:
    """The authorities that are asked: what one signs that is distrusted would count for nothing."""
    return [api for api in node.time_authorities if api.authority.distrusted_from is None]


def unstamped(node: Node, unit: UnitOfWork, authority: TimeAuthority) -> CheckpointRow | None:
    """The newest final checkpoint, where no token over it is kept that counts by an authority's
    roots: one that is kept under its name may be of roots that it had before.
    """
    newest = unit.checkpoints.newest(node.log_id, ("final",))
    if newest is None:
        return None
    kept = unit.timestamps.over([sha256(newest.note).digest()])
    # As what is new is judged, without lists: where one was revoked, asking again helps nobody.
    good = (judged(unit, row, authority, with_lists=False).counts for row in kept)
    return None if any(good) else newest


def judged(
    unit: UnitOfWork, row: TimeStampRow, authority: TimeAuthority, *, with_lists: bool = True
) -> JudgedToken:
    """What becomes of a token that is kept, as a verifier judges it who trusts this authority."""
    lists = unit.timestamps.lists(row.time, row.time + WINDOW) if with_lists else ()
    [found] = judging.judge(
        [GivenToken(row.token, of=0)],
        [Stamped(row.imprint, newest_time(unit, row.log, row.size))],
        [authority],
        [one.crl for one in lists],
    )
    return found


def stamp(node: Node, api: TimeAuthorityApi) -> TimeStampRow | None:
    """Ask an authority for a token over the newest final checkpoint.

    Returns:
        what was kept; None where it has one already, or nothing is final yet.

    Raises:
        NetworkError: it gives none in time. FormatError, VerificationError: what it gives would
            count for nothing, and is not kept.
    """
    name = api.authority.name
    with node.records.read() as unit:
        checkpoint = unstamped(node, unit, api.authority)
        if checkpoint is None:
            return None
        signed = newest_time(unit, node.log_id, checkpoint.size)
    imprint = sha256(checkpoint.note).digest()
    token = api.stamp(imprint)
    require_good(api, token, Stamped(imprint, signed))
    row = TimeStampRow(imprint, name, node.log_id, checkpoint.size, token.time, token.der)
    with node.records.write() as unit:
        unit.timestamps.keep(row)
    return row


def newest_time(unit: UnitOfWork, log: bytes, size: int) -> int:
    """The newest time that whoever signed the last entries of a checkpoint says: a token over it
    that says an earlier one comes from a wrong clock, and counts for nothing.
    """
    last = unit.logs.entries(log, max(size - _LAST, 0), size)
    return max((row.time for row in last), default=0)


def require_good(api: TimeAuthorityApi, token: Token, stamped: Stamped) -> None:
    """Check a new token against the authority's own entry, before anybody relies on it.

    Raises:
        VerificationError: step 10, it would count for nothing.
    """
    name = api.authority.name
    [found] = judging.judge([GivenToken(token.der, of=0)], [stamped], [api.authority], [])
    if found.problem:
        raise VerificationError(
            _STEP,
            f"the time authority {name} gave a token that counts for nothing: {found.problem}",
            hint="compare its clock with that of this machine, and tell it"
            if token.latest < stamped.signed - judging.CLOCKS
            else "compare its roots and policies with what it publishes; where those are others: "
            "custody stamp remove NAME; then: custody stamp add NAME URL --roots FILE",
        )


def fetch_lists(node: Node, api: TimeAuthorityApi) -> int:
    """Fetch revocation lists for what an authority stamped in the last week and no list covers.

    Returns:
        how many new ones are kept.

    Raises:
        NetworkError, FormatError: one could not be had; those before it are kept.
    """
    with node.records.read() as unit:
        rows = unit.timestamps.said_since(node.clock.now() - WINDOW)
        mine = [row for row in rows if row.authority == api.authority.name]
        lacking = lacking_lists(unit, mine, api)
    kept, fetched = 0, set[str]()
    for token, issuer, urls in lacking:
        for url in urls:
            if url in fetched:
                continue
            fetched.add(url)
            crl = api.revocation_list(url)
            if not authorities.is_list_of(crl, issuer):
                raise FormatError("the revocation list of a time authority is not its own")
            if not authorities.is_in_window(token.time, crl):
                continue  # none was issued since: later
            with node.records.write() as unit:
                row = TimeAuthorityListRow(sha256(crl).digest(), crl_issued(crl), crl)
                unit.timestamps.keep_list(row)
            kept += 1
    return kept


def lacking_lists(
    unit: UnitOfWork, rows: Sequence[TimeStampRow], api: TimeAuthorityApi
) -> list[tuple[Token, bytes, tuple[str, ...]]]:
    """For each certificate on the way of each token that no list covers: the token, who issued the
    certificate, and where their list is to be had.
    """
    found = []
    for row in rows:
        token = tokens.parse(row.token)
        way = authorities.path(token, api.authority.roots)
        known = [one.crl for one in unit.timestamps.lists(token.time, token.time + WINDOW)]
        for der, issuer in pairwise(way):
            if not any(authorities.is_list_of(crl, issuer) for crl in known):
                found.append((token, issuer, authorities.list_addresses(der)))
    return found


def tokens_over(unit: UnitOfWork, imprints: Iterable[bytes]) -> list[TimeStampRow]:
    """Tokens over any of these, and over those tokens in turn, each behind what it is over."""
    found: dict[bytes, TimeStampRow] = {}
    asked = list(imprints)
    while asked:
        rows = [row for row in unit.timestamps.over(asked) if row.token not in found]
        found |= {row.token: row for row in rows}
        asked = [sha256(row.token).digest() for row in rows]
    return list(found.values())


def lists_for(unit: UnitOfWork, ders: Sequence[bytes]) -> tuple[bytes, ...]:
    """The revocation lists that show what became of the certificates of tokens: of each issuer the
    first one of the week behind each token.
    """
    found: dict[bytes, None] = {}
    for der in ders:
        token = tokens.parse(der)
        issuers = {authorities.issuer_of(one) for one in (token.signer, *token.others)}
        for row in reversed(unit.timestamps.lists(token.time, token.time + WINDOW)):
            if (issuer := authorities.list_issuer(row.crl)) in issuers:
                found[row.crl] = None
                issuers.discard(issuer)
    return tuple(found)
