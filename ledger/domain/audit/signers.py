"""Who may have signed an entry: certificate, authority and revocation at the proven time, and roles
(verification step 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.domain.codecs.text import told_time
from ledger.domain.errors import (
    CustodyError,
    DeniedError,
    IncompleteError,
    RuleError,
    VerificationError,
)
from ledger.domain.event import signers
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.descriptor import Descriptor


@dataclass(frozen=True, slots=True)
class Version:
    """A descriptor version and when it came into force, seconds since 1970."""

    active_from: int
    descriptor: Descriptor


def in_force(versions: Sequence[Version], time: int) -> Descriptor | None:
    """The newest version in force at ``time``; None where none is known."""
    active = [version for version in versions if version.active_from <= time]
    return max(active, key=lambda newest: newest.descriptor.version).descriptor if active else None


class Signers:
    """Judges signers of one log's entries.

    Args:
        agency: code of the log's agency.
        versions: descriptor versions by agency code.
        crls: revocation lists (DER) by agency code, every one that is at hand.
    """

    def __init__(
        self,
        agency: str,
        versions: Mapping[str, Sequence[Version]],
        crls: Mapping[str, Sequence[bytes]],
    ) -> None:
        self._agency = agency
        self._versions = versions
        self._crls = crls
        self._judged: dict[tuple[bytes, str, str, int], tuple[str, str]] = {}

    def judge(
        self, der: bytes, digest: bytes, issuer: str, effect: str, time: int
    ) -> tuple[str, str]:
        """A finding's code and what was found, or two empty strings; the same question is answered
        from memory.
        """
        key = (digest, issuer, effect, time)
        if key not in self._judged:
            if len(self._judged) > 4096:  # times move on: old answers are not asked for again
                self._judged.clear()
            self._judged[key] = self._judge(certificates.parse(der), issuer, effect, time)
        return self._judged[key]

    def _judge(
        self, certificate: Certificate, issuer: str, effect: str, time: int
    ) -> tuple[str, str]:
        if certificate.agency != issuer:
            return (
                "certificate-other",
                f"a certificate of {certificate.agency} for a statement of {issuer}",
            )
        try:
            signers.require_effect(effect, certificate.roles, guest=issuer != self._agency)
        except (RuleError, DeniedError) as error:
            return "role-refused", error.message
        descriptor = in_force(self._versions.get(issuer, ()), time)
        if descriptor is None:
            return "descriptor-missing", f"no descriptor of {issuer} in force at {told_time(time)}"
        return self.certified(certificate, descriptor, time)

    def certified(
        self, certificate: Certificate, descriptor: Descriptor, time: int
    ) -> tuple[str, str]:
        """As ``judge``, for authority and revocation alone."""
        try:
            authority = certificates.verify_issued(certificate, descriptor.authorities, time)
        except CustodyError as error:
            return "certificate-refused", error.message
        try:
            revocation_lists.verify_not_revoked(
                certificate, authority, self._crls.get(certificate.agency, ()), time
            )
        except IncompleteError:
            return "", ""  # the newest entries wait for the next list: see ``waiting``
        except VerificationError as error:
            return "signer-revoked", error.message
        return "", ""
