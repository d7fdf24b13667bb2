"""The record that came with an item from other agencies: whatever stands in it is signed, or in a
contract.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from ledger.domain.audit.ports import ChainStory
from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle.bundle import Bundle
from ledger.domain.chain import contract_layout
from ledger.domain.codecs.text import require
from ledger.domain.errors import FormatError, VerificationError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.identity.names import agency_id
from ledger.domain.log import receipt as receipts
from ledger.domain.log import statement as statements
from ledger.services.node.context import Node

_WHAT = "the record that came with the item"


class InheritedRecords:
    """Checks records; what the contracts hold is asked once for all of them.

    Args:
        authorities: CAs of the agencies that the home knows.
    """

    def __init__(self, node: Node, state: ChainStory, authorities: list[bytes]) -> None:
        self._node = node
        self._state = state
        self._authorities = authorities
        self._descriptor = cache(node.contracts.descriptor_commitment)
        self._checkpoint = cache(node.contracts.checkpoint_commitment)

    def check(self, evidence: str, data: bytes) -> Bundle:
        """The record of an item.

        Raises:
            FormatError, VerificationError: it is malformed, or something in it is neither signed
                nor in a contract.
        """
        found = bundles.parse(data)
        require(found.encode() == data and found.chain is None, f"{_WHAT}: not as it is written")
        require(found.evidence == evidence, f"{_WHAT}: it is another item's")
        require(
            all(one.document is None and not one.disclosures for one in found.statements),
            f"{_WHAT}: documents in clear",
        )
        require(
            found.origin == found.logs[found.statements[0].log].agency, f"{_WHAT}: another origin"
        )
        versions = self._versions(found)
        self._check_checkpoints(found, versions)
        self._check_statements(found, versions)
        for crl in found.crls:
            certificates.require_signed_list(
                crl,
                [
                    *self._authorities,
                    *(one for known in versions.values() for one in known.authorities),
                ],
            )
        for hop in found.hops:
            told = self._state.offered(hop.offer)
            same = told is not None and (
                told.hop.giver,
                told.hop.taker,
                told.hop.offer_time,
                told.hop.expires,
            )
            require(
                same == (hop.giver, hop.taker, hop.offer_time, hop.expires),
                f"{_WHAT}: a handover that the chain does not tell",
            )
            ended = told is not None and (told.hop.outcome, told.hop.outcome_digest, told.hop.time)
            open_ = (contract_layout.OPEN, bytes(32), 0)
            require(
                (hop.outcome, hop.outcome_digest, hop.time) in (ended, open_),
                f"{_WHAT}: an outcome that the chain does not tell",
            )
        return found

    def _versions(self, found: Bundle) -> dict[tuple[str, int], Descriptor]:
        """Descriptors by agency and version, as the registry committed to them."""
        versions = {}
        for one in found.descriptors:
            parsed = descriptors.parse(one.document)
            expected = contract_layout.descriptor_commitment(
                sha256(one.document).digest(), one.active_from, one.block
            )
            if self._descriptor(agency_id(parsed.agency), parsed.version) != expected:
                raise VerificationError(4, f"a descriptor of {parsed.agency} is not the registry's")
            versions[parsed.agency, parsed.version] = parsed
        return versions

    def _check_checkpoints(
        self, found: Bundle, versions: dict[tuple[str, int], Descriptor]
    ) -> None:
        for one in found.checkpoints:
            log = self._log(found, one.log)
            expected = contract_layout.checkpoint_commitment(
                one.prev, one.size, one.root, one.version, one.time, one.block
            )
            if self._checkpoint(log, one.size) != expected:
                raise VerificationError(
                    6, f"a checkpoint of {one.size} entries is not the contract's"
                )
            note = receipts.parse_checkpoint(one.note)
            require(
                (note.log_id, note.size, note.root) == (log, one.size, one.root),
                f"{_WHAT}: a note of another checkpoint",
            )
            receipts.verify_checkpoint(
                note, _known(versions, found.logs[one.log].agency, one.version).log_key
            )

    def _check_statements(self, found: Bundle, versions: dict[tuple[str, int], Descriptor]) -> None:
        known = {one.digest: one for one in map(certificates.parse, found.certificates)}
        used = set()
        for one in found.statements:
            parsed, log = statements.parse_entry(one.entry), self._log(found, one.log)
            certificate = known.get(parsed.certificate)
            if certificate is None:
                raise VerificationError(3, "the certificate of whoever signed is not there")
            used.add(certificate.digest)
            statements.verify_signature(parsed, certificate.key)
            require(
                parsed.claims.log_id == log and parsed.claims.subject == found.evidence,
                f"{_WHAT}: a statement for another log",
            )
            require(
                (one.receipt is None) == (one.first is None),
                f"{_WHAT}: a receipt without its checkpoint",
            )
            if one.receipt is None or one.first is None:
                continue
            receipt, first = receipts.parse(one.receipt), found.checkpoints[one.first]
            proven = next(
                (
                    each
                    for each in found.checkpoints
                    if (each.log, each.size) == (one.log, receipt.size)
                ),
                None,
            )
            if (
                proven is None
                or receipt.index != one.index
                or first.log != one.log
                or not first.prev <= one.index < first.size
            ):
                raise FormatError(f"{_WHAT}: a receipt of another place")
            key = _known(versions, found.logs[one.log].agency, proven.version).log_key
            root = receipts.verify(
                receipt, leaf=parsed.digest, log_id=log, subject=found.evidence, key=key
            )
            require(root == proven.root, f"{_WHAT}: a receipt of another tree")
        require(used == set(known), f"{_WHAT}: a certificate that signed nothing in it")

    def _log(self, found: Bundle, number: int) -> bytes:
        ref = found.logs[number]
        return self._node.contracts.log_id(agency_id(ref.agency), ref.number)


def _known(versions: dict[tuple[str, int], Descriptor], agency: str, version: int) -> Descriptor:
    if (agency, version) not in versions:
        raise VerificationError(4, f"version {version} of the descriptor of {agency} is not there")
    return versions[agency, version]
