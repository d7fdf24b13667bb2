"""Descriptors and revocation lists of all agencies, compared with the registry, for judging who
signed.
"""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256

from cryptography import x509

from ledger.domain.audit.contract_events import DescriptorPublished
from ledger.domain.audit.ports import AuditState, LogFiles
from ledger.domain.audit.report import AuditReport
from ledger.domain.audit.signers import Signers, Version, in_force
from ledger.domain.chain import contract_layout
from ledger.domain.codecs.text import counted
from ledger.domain.errors import CustodyError, FormatError, NotFoundError
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.identity.names import check_code
from ledger.domain.ports.node_and_chain import Contracts
from ledger.services.audit.agency_statements import announced


class Authorities:
    """What is known of agencies' keys.

    Attributes:
        versions: descriptor versions by agency code, each compared with the registry's commitment.
        committed: versions that the registry has, whether their documents are at hand or not.
        crls: every revocation list ever seen, by agency code.
    """

    def __init__(self, contracts: Contracts, state: AuditState, report: AuditReport) -> None:
        self._contracts = contracts
        self._state = state
        self._report = report
        self.versions: dict[str, list[Version]] = defaultdict(list)
        self.committed: dict[str, list[DescriptorPublished]] = defaultdict(list)
        self.crls: dict[str, list[bytes]] = defaultdict(list)
        for agency, der in state.crls():
            self.crls[agency].append(der)

    def load(self, files: LogFiles, own: str) -> None:
        """Take over, once, what the files of one log show, that of the agency ``own``; what they
        lack may be in another's.
        """
        codes = self._state.agencies()
        for published in self._state.published():
            code = codes.get(published.agency, "?")
            expected = contract_layout.descriptor_commitment(
                published.digest, published.active_from, published.block
            )
            if (
                self._contracts.descriptor_commitment(published.agency, published.version)
                != expected
            ):
                continue  # cancelled before it was in force
            self.committed[code].append(published)
            raw = self._document(files, published.digest)
            if raw is None:
                continue  # said where somebody's certificate depends on it
            try:
                parsed = descriptors.parse(raw)
            except CustodyError as error:
                self._report.find(
                    "descriptor-differs",
                    f"descriptor {published.version} of {code}",
                    "a descriptor",
                    error.message,
                )
                continue
            if (parsed.agency, parsed.version) != (code, published.version):
                found = f"version {parsed.version} of {parsed.agency}"
                self._report.find(
                    "descriptor-differs",
                    f"descriptor {published.version} of {code}",
                    f"version {published.version} of {code}",
                    found,
                )
                continue
            self.versions[code].append(Version(published.active_from, parsed))
        self._load_crl(files, "crl", own)
        for code in codes.values():
            self._load_crl(files, f"crls/{code}", code)
        self._compare_lists()

    def _document(self, files: LogFiles, digest: bytes) -> bytes | None:
        raw = self._state.blob("descriptor", digest)
        if raw is not None:
            return raw
        try:
            raw = files.get(f"descriptors/{digest.hex()}")
        except NotFoundError:
            return None
        if sha256(raw).digest() != digest:
            self._report.find(
                "descriptor-differs",
                f"descriptors/{digest.hex()}",
                digest.hex(),
                sha256(raw).hexdigest(),
            )
            return None
        self._state.put_blob("descriptor", digest, raw)
        return raw

    def _load_crl(self, files: LogFiles, path: str, code: str) -> None:
        try:
            check_code(code)
            der = files.get(path)
        except (NotFoundError, FormatError):
            # A name on the chain that no agency can have leads to no file.
            return
        authorities = [
            authority
            for version in self.versions.get(code, ())
            for authority in version.descriptor.authorities
        ]
        try:
            revocation_lists.require_signed_list(der, authorities)
            revocation_lists.crl_number(der)
        except CustodyError as error:
            if len(self.versions[code]) < len(self.committed[code]):
                return  # a CA of theirs may stand in a descriptor that is not at hand
            self._report.find(
                "certificate-refused",
                path,
                f"a revocation list of {code}",
                error.message,
            )
            return
        if der not in self.crls[code]:
            self.crls[code].append(der)
            self._state.put_crl(code, der)

    def _compare_lists(self) -> None:
        """Entries are never dropped: a list that names fewer than an earlier one unmakes a
        revocation. Lists that earlier runs were shown are compared again, as the verdict does not
        depend on when somebody looked.
        """
        for code, ders in self.crls.items():
            newest: dict[bytes, x509.CertificateRevocationList] = {}
            for der in sorted(ders, key=_place):
                crl = revocation_lists.load_crl(der)
                # Each CA of an agency speaks for its own certificates.
                before = newest.get(_issuer(crl))
                newest[_issuer(crl)] = crl
                if before is not None:
                    self._compare(code, before, crl)

    def _compare(
        self,
        code: str,
        before: x509.CertificateRevocationList,
        after: x509.CertificateRevocationList,
    ) -> None:
        known = _entries(after)
        # An earlier date unmakes nothing: it may turn out later since when a key was stolen.
        gone = [
            serial
            for serial, time in _entries(before).items()
            if known.get(serial, time + 1) > time
        ]
        if gone:
            found = f"{counted(len(gone), 'entry')} fewer, or of a later date, in the later one"
            self._report.find(
                "crl-dropped", f"crls/{code}", "every entry of the earlier list", found
            )

    def fingerprint(self) -> bytes:
        """Tells one set of descriptors at hand from another."""
        known = sorted(
            version.descriptor.digest for known in self.versions.values() for version in known
        )
        return sha256(b"".join(known)).digest()

    def known_until(self, agency: str, now: int) -> int:
        """Until when the revocation lists at hand speak for an agency's people; 0 where there is
        none. None speaks for a time after it was announced, nor for the future.
        """
        return max((self._speaks_until(agency, der, now) for der in self.crls[agency]), default=0)

    def _speaks_until(self, agency: str, der: bytes, now: int) -> int:
        proven = announced(self._state, agency, "crl-published", sha256(der).digest())
        return min(revocation_lists.crl_issued(der), now + AHEAD if proven is None else proven)

    def log_keys(self, agency: str) -> frozenset[bytes]:
        """Keys that may have signed the checkpoints of an agency's log, of all versions at hand."""
        return frozenset(version.descriptor.log_key for version in self.versions[agency])

    def replaced_log_keys(self, agency: str, now: int) -> frozenset[bytes]:
        """Those of them that no version in force or to come names any more: whoever stole one can
        go on signing with it.
        """
        versions = self.versions[agency]
        newest = in_force(versions, now)
        if newest is None:
            return frozenset()
        current = {
            version.descriptor.log_key
            for version in versions
            if version.descriptor.version >= newest.version
        }
        return self.log_keys(agency) - current

    def signers(self, agency: str) -> Signers:
        """Who may sign in an agency's log."""
        return Signers(agency, self.versions, self.crls)


def _place(der: bytes) -> tuple[int, int]:
    """Where a list stands among those of its agency: its number tells, whatever clocks said."""
    return revocation_lists.crl_number(der), revocation_lists.crl_issued(der)


def _entries(crl: x509.CertificateRevocationList) -> dict[int, float]:
    return {revoked.serial_number: revoked.revocation_date_utc.timestamp() for revoked in crl}


def _issuer(crl: x509.CertificateRevocationList) -> bytes:
    try:
        key = crl.extensions.get_extension_for_class(
            x509.AuthorityKeyIdentifier
        ).value.key_identifier
    except x509.ExtensionNotFound:
        key = None
    return crl.issuer.public_bytes() + (key or b"")
