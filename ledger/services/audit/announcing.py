"""Who signed a log by its agency's word: certificates once more by every revocation list, and
lists and descriptors that the log itself must announce.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from ledger.domain.audit.ports import AuditState, LogFiles
from ledger.domain.audit.report import AuditReport
from ledger.domain.audit.signers import in_force
from ledger.domain.codecs.text import told_time
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.services.audit.agency_keys import Authorities
from ledger.services.audit.agency_statements import announced, newest_list
from ledger.services.audit.chain_events import LogOfAgency

_DAY: Final = 86400  # how often an agency issues revocation lists


class SignersOfLog:
    """Judges, when a log was read, by what its agency announced and by every list at hand.

    Args:
        now: the auditor's clock.
    """

    def __init__(
        self,
        log: LogOfAgency,
        files: LogFiles,
        state: AuditState,
        authorities: Authorities,
        report: AuditReport,
        now: int,
    ) -> None:
        self._log = log
        self._files = files
        self._state = state
        self._authorities = authorities
        self._report = report
        self._now = now

    def check_uses(self) -> None:
        """Every signer once more at their latest use: a list that came later may revoke them as of
        an earlier time.
        """
        log, authorities = self._log, self._authorities
        signers, waiting = authorities.signers(log.agency), 0
        for use in self._state.usages(log.log):
            der = self._state.blob("certificate", use.certificate)
            descriptor = in_force(authorities.versions.get(use.issuer, ()), use.time)
            if der is None or descriptor is None:
                continue
            code, found = signers.certified(certificates.parse(der), descriptor, use.time)
            if code:
                place = (
                    f"entry {use.index} of {log.agency}, the newest of certificate "
                    f"{use.certificate.hex()[:16]}"
                )
                self._report.find(
                    code, place, f"somebody certified at {told_time(use.time)}", found
                )
            known = authorities.known_until(use.issuer, self._now)
            if use.time > known:
                waiting += 1
                if use.time - known > _DAY + descriptor.max_anchoring_delay:
                    expected = f"a list of {use.issuer} issued at {told_time(use.time)} or later"
                    self._report.find(
                        "crl-stale",
                        f"revocation list of {use.issuer}",
                        expected,
                        f"the newest is of {told_time(known)}",
                    )
        self._report.facts[f"signers waiting for a revocation list {log.agency}"] = waiting

    def check_announcements(self) -> None:
        """Revocation lists and the descriptor in force were announced in the log itself, so that
        nobody is shown another one.
        """
        log, authorities = self._log, self._authorities
        lists = {sha256(der).digest(): der for der in authorities.crls[log.agency]}
        announced_number = newest_list(self._state, log.agency)
        if announced_number > max(map(revocation_lists.crl_number, lists.values()), default=0):
            code = "withheld" if self._files.is_node else "copy-lacks"
            expected = f"number {announced_number}, which the log announces"
            self._report.find(code, f"crls/{log.agency}", expected, "only older lists")
        if self._report.facts.get(f"waiting {log.agency}"):
            return  # it may be announced by what waits to be anchored
        for digest, der in lists.items():
            if announced(self._state, log.agency, "crl-published", digest) is None:
                # A copy may have been made while a list was new; which came first is told by
                # numbers, never by clocks.
                passed = revocation_lists.crl_number(der) <= announced_number
                self._report.find(
                    "crl-unlogged" if self._files.is_node or passed else "crl-unseen",
                    f"revocation list of {log.agency}",
                    "its digest in the log",
                    digest.hex(),
                )
        last = self._state.last_checkpoint(log.log)
        for version in authorities.committed[log.agency]:
            # The first one comes with the registry itself.
            in_use = last is not None and version.version > 1 and version.active_from <= last.time
            kind = "descriptor-published"
            if in_use and announced(self._state, log.agency, kind, version.digest) is None:
                place = f"descriptor {version.version} of {log.agency}"
                self._report.find(
                    "descriptor-unlogged", place, "its digest in the log", version.digest.hex()
                )
