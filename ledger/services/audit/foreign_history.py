"""The record that came with an item from other agencies: whatever stands in it is signed, or in a
contract.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from ledger.domain.audit.contract_events import handover_given
from ledger.domain.audit.ports import ChainStory
from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle.bundle import Bundle
from ledger.domain.chain import contract_layout
from ledger.domain.codecs.text import counted, require
from ledger.domain.errors import FormatError, VerificationError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.identity.names import agency_id
from ledger.domain.log import receipt as receipts
from ledger.domain.log import statement as statements
from ledger.domain.verify import shown_branch
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
        bundle = bundles.parse(data)
        require(bundle.encode() == data and bundle.chain is None, f"{_WHAT}: not as it is written")
        require(bundle.evidence == evidence, f"{_WHAT}: it is another item's")
        require(
            all(
                statement.document is None and not statement.disclosures
                for statement in bundle.statements
            ),
            f"{_WHAT}: documents in clear",
        )
        require(
            bundle.origin == bundle.logs[bundle.statements[0].log].agency,
            f"{_WHAT}: another origin",
        )
        versions = self._versions(bundle)
        self._check_checkpoints(bundle, versions)
        self._check_statements(bundle, versions)
        for crl in bundle.crls:
            revocation_lists.require_signed_list(
                crl,
                [
                    *self._authorities,
                    *(authority for known in versions.values() for authority in known.authorities),
                ],
            )
        for hop in bundle.hops:
            on_chain = handover_given(self._state, hop.offer, hop.giver)
            same = on_chain is not None and (
                on_chain.hop.giver,
                on_chain.hop.taker,
                on_chain.hop.offer_time,
                on_chain.hop.expires,
            )
            require(
                same == (hop.giver, hop.taker, hop.offer_time, hop.expires),
                f"{_WHAT}: a handover that the chain does not tell",
            )
            ended = on_chain is not None and (
                on_chain.hop.outcome,
                on_chain.hop.outcome_digest,
                on_chain.hop.time,
            )
            open_ = (contract_layout.OPEN, bytes(32), 0)
            require(
                (hop.outcome, hop.outcome_digest, hop.time) in (ended, open_),
                f"{_WHAT}: an outcome that the chain does not tell",
            )
        return bundle

    def _versions(self, bundle: Bundle) -> dict[tuple[str, int], Descriptor]:
        """Descriptors by agency and version, as the registry committed to them."""
        versions = {}
        for descriptor in bundle.descriptors:
            parsed = descriptors.parse(descriptor.document)
            expected = contract_layout.descriptor_commitment(
                sha256(descriptor.document).digest(), descriptor.active_from, descriptor.block
            )
            if self._descriptor(agency_id(parsed.agency), parsed.version) != expected:
                raise VerificationError(4, f"a descriptor of {parsed.agency} is not the registry's")
            versions[parsed.agency, parsed.version] = parsed
        return versions

    def _check_checkpoints(
        self, bundle: Bundle, versions: dict[tuple[str, int], Descriptor]
    ) -> None:
        for checkpoint in bundle.checkpoints:
            log = self._log(bundle, checkpoint.log)
            expected = contract_layout.checkpoint_commitment(
                checkpoint.prev,
                checkpoint.size,
                checkpoint.root,
                checkpoint.map_root,
                checkpoint.version,
                checkpoint.time,
                checkpoint.block,
            )
            if self._checkpoint(log, checkpoint.size) != expected:
                raise VerificationError(
                    6, f"a checkpoint of {counted(checkpoint.size, 'entry')} is not the contract's"
                )
            note = receipts.parse_checkpoint(checkpoint.note)
            require(
                (note.log_id, note.size, note.root) == (log, checkpoint.size, checkpoint.root),
                f"{_WHAT}: a note of another checkpoint",
            )
            receipts.verify_checkpoint(
                note,
                _known(versions, bundle.logs[checkpoint.log].agency, checkpoint.version).log_key,
            )

    def _check_statements(
        self, bundle: Bundle, versions: dict[tuple[str, int], Descriptor]
    ) -> None:
        known = {signer.digest: signer for signer in map(certificates.parse, bundle.certificates)}
        used = set()
        whole = [statements.parse_entry(row.entry) for row in bundle.statements]
        count = shown_branch.length(whole)
        for number, (statement, parsed) in enumerate(zip(bundle.statements, whole, strict=True)):
            log, certificate = self._log(bundle, statement.log), known.get(parsed.certificate)
            if number < count:  # who signed what stands beside the branch is nowhere asked
                if certificate is None:
                    raise VerificationError(3, "the certificate of whoever signed is not there")
                used.add(certificate.digest)
                statements.verify_signature(parsed, certificate.key)
            require(
                parsed.claims.log_id == log and parsed.claims.subject == bundle.evidence,
                f"{_WHAT}: a statement for another log",
            )
            require(
                (statement.receipt is None) == (statement.first is None),
                f"{_WHAT}: a receipt without its checkpoint",
            )
            if statement.receipt is None or statement.first is None:
                continue
            receipt, first = receipts.parse(statement.receipt), bundle.checkpoints[statement.first]
            proven = next(
                (
                    each
                    for each in bundle.checkpoints
                    if (each.log, each.size) == (statement.log, receipt.size)
                ),
                None,
            )
            if (
                proven is None
                or receipt.index != statement.index
                or first.log != statement.log
                or not first.prev <= statement.index < first.size
            ):
                raise FormatError(f"{_WHAT}: a receipt of another place")
            key = _known(versions, bundle.logs[statement.log].agency, proven.version).log_key
            root = receipts.verify(
                receipt, leaf=parsed.digest, log_id=log, subject=bundle.evidence, key=key
            )
            require(root == proven.root, f"{_WHAT}: a receipt of another tree")
        require(used == set(known), f"{_WHAT}: a certificate that signed nothing in it")

    def _log(self, bundle: Bundle, number: int) -> bytes:
        ref = bundle.logs[number]
        return self._node.contracts.log_id(agency_id(ref.agency), ref.number)


def _known(versions: dict[tuple[str, int], Descriptor], agency: str, version: int) -> Descriptor:
    if (agency, version) not in versions:
        raise VerificationError(4, f"version {version} of the descriptor of {agency} is not there")
    return versions[agency, version]
