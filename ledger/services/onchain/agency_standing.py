"""Whether an agency may act, and be given anything: what the registry on chain says of it.

- the registry is read at most once a minute for an agency: by the loop of our own duties, before
  something is given to it, and before an offer to it is brought to the chain
- the partner's row keeps what it said last: that counts wherever the agency or its people turn up,
  and while the chain is silent, also after a restart
- what was given before stays as it is recorded, and what is still owed is said
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Final

from ledger.domain.chain.standing import Standing
from ledger.domain.errors import BusyError, ChainError, DeniedError, NetworkError
from ledger.domain.identity.names import agency_id
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node

_FRESH: Final = 60  # seconds for which the registry's answer is not asked for again
_PATIENCE: Final = 5.0  # seconds that somebody waits for the chain
_REGISTRY: Final = "the registry"


def read(node: Node, code: str) -> Standing:
    """What the registry says of an agency now; one that is not active loses its standing here.

    It has it back when its keys have been compared with the registry again (partners.directory).

    Raises:
        NetworkError, ChainError: the chain does not answer: what it said last goes on counting.
    """
    found = node.contracts.standing(agency_id(code))
    node.standings[code] = node.clock.now()
    if not found.active:
        with node.records.write() as unit:
            row = unit.partners.get(code)
            if row is not None and row.active:
                unit.partners.put(replace(row, checked=0))
    return found


def follow(node: Node) -> None:
    """Read the standing of every partner that is due.

    Raises:
        NetworkError, ChainError: of the first one that could not be read.
    """
    with node.records.read() as unit:
        codes = [row.agency for row in unit.partners.all()]
    for code in codes:
        if not _is_fresh(node, code):
            read(node, code)


def ask(node: Node, code: str) -> None:
    """Read the standing of an agency if it is due, while somebody waits, and not for long: where
    the chain is silent what it said last counts.
    """
    if not _is_fresh(node, code):
        with suppress(NetworkError, ChainError, BusyError):
            node.callouts.run(_REGISTRY, lambda: read(node, code), seconds=_PATIENCE)


def is_active(node: Node, code: str) -> bool:
    """Whether the registry has an agency as an active one, read if it is due.

    Raises:
        NetworkError, ChainError: the chain does not answer.
    """
    with node.records.read() as unit:
        row = unit.partners.get(code)
    return row.active if row is not None and _is_fresh(node, code) else read(node, code).active


def require_active(unit: UnitOfWork, code: str) -> None:
    """Check by what the registry said last that a partner is active. One that nobody added is not
    judged here: nothing can be sealed to it, and none of its people gets in.

    Raises:
        DeniedError: it is suspended or retired.
    """
    row = unit.partners.get(code)
    if row is not None and not row.active:
        raise inactive(code)


def inactive(code: str) -> DeniedError:
    """What is said of an agency that is suspended or retired."""
    return DeniedError(
        f"the registry does not have {code} as an active agency",
        hint="ask the governors of the consortium",
    )


def _is_fresh(node: Node, code: str) -> bool:
    return 0 <= node.clock.now() - node.standings.get(code, -_FRESH) < _FRESH
