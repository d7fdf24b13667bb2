"""Service numbers: sealed in the database, and what tells that two enrolments are one person."""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.domain.errors import KeyringError
from ledger.domain.event.normalization import number_form
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.names import is_pseudonym
from ledger.domain.identity.person import PersonId
from ledger.rows.people import PersonRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node

#: In the place of a pseudonym: the person behind every enrolment under a service number.
NUMBER: Final = "number:"
_NONCE: Final = 12
_DOCTOR: Final = "the database was altered: custody doctor says where; restore a backup"


def seal_number(key: bytes, number: str, bound: bytes) -> bytes:
    """A service number under the key of the agency's own records, bound to whom it belongs."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, number.encode(), bound)


def open_number(node: Node, sealed: bytes, bound: bytes) -> str:
    """A service number.

    Raises:
        KeyringError: it was sealed for somebody else, altered or deleted.
    """
    try:
        return AESGCM(node.keys.people).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound).decode()
    except (InvalidTag, ValueError) as error:  # ValueError: too short to be anything sealed
        raise KeyringError(
            "a service number does not open, so whose it is cannot be told", hint=_DOCTOR
        ) from error


class Persons:
    """Who stands behind pseudonyms, each looked up once.

    Whoever is enrolled twice under one service number, however it was typed, does not become a
    second person by it.
    """

    def __init__(self, node: Node, unit: UnitOfWork) -> None:
        self._node, self._unit = node, unit
        self._known: dict[PersonId, PersonId] = {}

    def behind(self, person: PersonId) -> PersonId:
        """What is the same for all enrolments of one person: their service number in the place of
        the pseudonym, where they are one of ours.

        Raises:
            KeyringError: the number of one of ours was altered or deleted. Whoever can do that in
                the database would be two people by it, so nothing goes on that asks.
        """
        if person not in self._known:
            self._known[person] = self._look_up(person)
        return self._known[person]

    def roles(self, person: PersonId, *, but: PersonId | None = None) -> frozenset[str]:
        """The roles of a person under all enrolments of theirs that are active.

        Args:
            person: by one of their enrolments, or by `numbered`. but: an enrolment left out.
        """
        behind = self.behind(person)
        found = frozenset[str]()
        for row in self._unit.people.all():
            if not row.active or row.person == but:
                continue
            if row.person not in self._known:  # not asked for one by one: each reading waits for it
                self._known[row.person] = self._look_up(row.person, row)
            if self._known[row.person] == behind:
                der = self._unit.people.certificate(row.certificate)
                found |= certificates.parse(der).roles if der is not None else frozenset()
        return found

    def _look_up(self, person: PersonId, row: PersonRow | None = None) -> PersonId:
        node = self._node
        if person.agency != node.agency or person == node.keys.service_certificate.subject:
            return person
        if not is_pseudonym(person.pseudonym):
            return person  # somebody named in words, whom no row could be about
        row = row or self._unit.people.get(person)
        sealed = row.number if row is not None else b""
        return numbered(node, open_number(node, sealed, person.pseudonym.encode()))


def numbered(node: Node, number: str) -> PersonId:
    """Whoever of this agency has a service number, however it was typed."""
    return PersonId(node.agency, NUMBER + number_form(number))
