"""People as their colleagues know them: by service number and roles.

Whoever asks names each person, by what they saw in a record or know themselves: nobody is given the
list of everybody, which is for administrators (see listing).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.domain.errors import AlteredError, FormatError, KeyringError
from ledger.domain.event.normalization import number_form
from ledger.domain.identity import enrolment
from ledger.domain.identity.person import REFERENCE, PersonId, read_reference
from ledger.domain.identity.roles import OUTSIDE
from ledger.rows.people import PersonRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access.authorization import Caller
from ledger.services.access.service_numbers import open_number
from ledger.services.node.context import Node
from ledger.services.people.signing_keys import certificate_of, signing_key
from ledger.services.records.documents import hpke_key

_BEGINNING: Final = re.compile(r"[a-z2-7]{6,25}")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who was asked for as ``asked``. ``number``: empty for guests, and where it was
    altered.
    """

    asked: str
    person: PersonId
    number: str
    roles: tuple[str, ...]
    active: bool


def may_be_told(node: Node, caller: Caller) -> bool:
    """Whether somebody is told who stands behind a pseudonym, or has a role: a person of this
    agency, who does not stand for the defence. Guests, other agencies' nodes and the defence know
    its people by pseudonym alone.
    """
    return caller.agency == node.agency and not caller.roles & (OUTSIDE | {"service"})


def named(node: Node, caller: Caller, asked: Sequence[str]) -> list[Colleague]:
    """Whom each of some texts names: a whole reference, a service number, the fingerprint of keys,
    or the beginning of the pseudonym of one of ours. Whoever may not be told is told of nobody.

    Returns:
        all whom a text may mean, several where a number has several enrolments; nothing for a text
        that names nobody.
    """
    if not may_be_told(node, caller):
        return []
    with node.records.read() as unit:
        everybody = [] if all(map(_is_reference, asked)) else _with_numbers(node, unit.people.all())
        found = [
            (text, row)
            for text in dict.fromkeys(asked)
            for row in _meant(node, unit, text, everybody)
        ]
        return [
            Colleague(text, row.person, _number(node, row), _roles(unit, row), row.active)
            for text, row in found
        ]


def _is_reference(text: str) -> bool:
    return re.fullmatch(REFERENCE, text) is not None


def _meant(
    node: Node, unit: UnitOfWork, text: str, everybody: list[tuple[str, PersonRow]]
) -> list[PersonRow]:
    if _is_reference(text):
        row = unit.people.get(read_reference(text, home=node.agency))
        return [] if row is None else [row]
    wanted = number_form(text)
    numbered = [row for number, row in everybody if number and number == wanted]
    digits = re.sub(r"[\s-]", "", text).lower()
    if not numbered and _FINGERPRINT.fullmatch(digits):
        return [row for _, row in everybody if _fingerprint(unit, row) == digits]
    if numbered or not _BEGINNING.fullmatch(text):
        return numbered
    return [
        row
        for _, row in everybody
        if row.person.agency == node.agency and row.person.pseudonym.startswith(text)
    ]


def _fingerprint(unit: UnitOfWork, row: PersonRow) -> str:
    """Of somebody's keys, as they read it to others; empty where these were altered."""
    try:
        return enrolment.fingerprint(signing_key(unit, row), hpke_key(row)).replace(" ", "")
    except (AlteredError, FormatError):
        return ""


def _with_numbers(node: Node, rows: Sequence[PersonRow]) -> list[tuple[str, PersonRow]]:
    return [(number_form(_number(node, row)), row) for row in rows]


def _number(node: Node, row: PersonRow) -> str:
    if row.person.agency != node.agency:
        return ""
    try:
        return open_number(node, row.number, row.person.pseudonym.encode())
    except KeyringError:  # altered: the others are named all the same, and audits find it
        return ""


def _roles(unit: UnitOfWork, row: PersonRow) -> tuple[str, ...]:
    try:
        return tuple(sorted(certificate_of(unit, row).roles))
    except (AlteredError, FormatError):
        return ()
