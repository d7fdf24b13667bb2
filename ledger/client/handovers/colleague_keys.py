"""The keys of a colleague or guest, as a node shows them to whoever seals something to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ledger.domain.codecs.text import from_b64url
from ledger.domain.errors import FormatError, VerificationError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import enrolment
from ledger.domain.identity.descriptor import Descriptor, HpkeKey, parse_hpke_key
from ledger.domain.identity.person import PersonId
from ledger.domain.ports.node_answers import PersonKey

_HINT = "do not hand anything over through it"


class KeysApi(Protocol):
    """What is asked of a node; see NodeClient."""

    def person_key(self, reference: str) -> PersonKey: ...


@dataclass(frozen=True, slots=True)
class ColleagueKeys:
    """The key that is sealed to, the roles, and the fingerprint of both keys of somebody."""

    hpke: HpkeKey
    roles: frozenset[str]
    fingerprint: str


def key_of(node: KeysApi, person: PersonId) -> HpkeKey:
    """The key that is sealed to.

    Raises:
        VerificationError: the node answers with somebody else's.
    """
    return _hpke(_answer(node, person))


def certified(
    node: KeysApi, descriptor: Descriptor, person: PersonId, *, now: int
) -> ColleagueKeys:
    """The keys of somebody with the fingerprint that they have by their certificate: computed here,
    so that what is compared by voice is what is sealed to, whatever the node says.

    Raises:
        VerificationError: the node shows no certificate of theirs that the agency issued.
    """
    answer = _answer(node, person)
    try:
        certificate = certificates.parse(from_b64url(answer.certificate or "", what="certificate"))
    except FormatError as error:
        raise VerificationError(
            3, "the node shows no certificate of the person whose key it shows", hint=_HINT
        ) from error
    certificates.verify_issued(certificate, descriptor.authorities, now)
    if certificate.subject != person:
        raise VerificationError(3, "the node shows the certificate of somebody else", hint=_HINT)
    hpke = _hpke(answer)
    spki = enrolment.encode_key(certificate.key)
    return ColleagueKeys(hpke, certificate.roles, enrolment.fingerprint(spki, hpke))


def _answer(node: KeysApi, person: PersonId) -> PersonKey:
    keys = node.person_key(str(person))
    if (keys.agency, keys.pseudonym) != (person.agency, person.pseudonym):
        raise VerificationError(3, "the node answered with the key of somebody else", hint=_HINT)
    return keys


def _hpke(keys: PersonKey) -> HpkeKey:
    return parse_hpke_key({"kem": keys.kem, "key": keys.key}, what="key of a person")
