// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAgencyRegistry} from "./IAgencyRegistry.sol";

/// @title Checkpoints of the agencies' logs, and custody across agencies
/// @notice Refuses by itself any checkpoint that does not extend the one before it. A log id is
/// keccak256(abi.encode(chainId, this contract, agencyId, logNumber)).
interface IEvidenceLedger {
    enum Outcome {
        None,
        Accepted,
        Declined,
        Withdrawn
    }

    struct Latest {
        bytes32 root;
        uint256 size;
        uint256 time;
        uint256 blockNumber;
        bytes32 mapRoot;
    }

    /// @notice An open offer as the event TransferOffered tells it; the contract keeps only its hash.
    struct Offer {
        bytes32 from;
        bytes32 to;
        bytes32 digest;
        uint256 time;
        uint256 expires;
    }

    event CheckpointAnchored(
        bytes32 indexed logId,
        uint256 prevSize,
        uint256 size,
        bytes32 root,
        bytes32 mapRoot,
        uint256 descriptorVersion
    );
    event TransferOffered(bytes32 indexed key, bytes32 from, bytes32 indexed to, bytes32 digest, uint256 expires);
    event TransferConcluded(bytes32 indexed key, uint256 indexed hop, Outcome outcome, bytes32 digest);

    error EvidenceLedgerWrongRegistry(address registry);
    error EvidenceLedgerStaleSize(uint256 expected, uint256 found);
    error EvidenceLedgerNotLarger(uint256 oldSize, uint256 newSize);
    error EvidenceLedgerTooLarge(uint256 newSize, uint256 limit);
    error EvidenceLedgerUnexpectedProof(uint256 nodes);
    error EvidenceLedgerMapRootDiffers(bytes32 expected, bytes32 found);
    error EvidenceLedgerNothingAnchored(bytes32 logId);
    error EvidenceLedgerNotCustodian(bytes32 expected, bytes32 found);
    error EvidenceLedgerNotAddressee(bytes32 expected, bytes32 found);
    error EvidenceLedgerBadAddressee(bytes32 to);
    error EvidenceLedgerOfferOpen(bytes32 key);
    error EvidenceLedgerNoSuchOffer(bytes32 key);
    error EvidenceLedgerOfferExpired(uint256 expires, uint256 time);
    error EvidenceLedgerOfferTimes(uint256 expires, uint256 time);
    error EvidenceLedgerGiverNotActive(bytes32 agencyId);

    /// @notice Anchor the next checkpoint of the caller's log. Repeating the latest one changes nothing; with another
    /// map root it is refused.
    /// @param oldSize Size of the stored checkpoint (compare and swap); 0 for the first
    /// @param newSize Number of leaves, at most 2^48
    /// @param newRoot RFC 9162 root over `newSize` leaves
    /// @param newMapRoot Root of the log's item map over these leaves, which nobody computes here: whoever holds the
    /// entries derives it and compares
    /// @param proof RFC 9162 consistency proof, at most 63 nodes; empty when `oldSize` is 0
    function anchor(uint256 oldSize, uint256 newSize, bytes32 newRoot, bytes32 newMapRoot, bytes32[] calldata proof)
        external;

    /// @notice Offer an item to another agency. The caller anchors for the custodian; `digest`, the statement digest of
    /// the offer, must be leaf `index` of the caller's latest root.
    function offerTransfer(
        bytes32 origin,
        bytes32 ref,
        bytes32 to,
        bytes32 digest,
        uint256 expires,
        uint256 index,
        bytes32[] calldata proof
    ) external;

    /// @notice The addressee takes custody, not later than the offer's expiry.
    function acceptTransfer(
        bytes32 origin,
        bytes32 ref,
        Offer calldata offer,
        bytes32 digest,
        uint256 index,
        bytes32[] calldata proof
    ) external;

    /// @notice The addressee refuses. Of a suspended one, which cannot anchor, no leaf is checked.
    function declineTransfer(
        bytes32 origin,
        bytes32 ref,
        Offer calldata offer,
        bytes32 digest,
        uint256 index,
        bytes32[] calldata proof
    ) external;

    /// @notice The custodian takes the offer back, also after its expiry. Of a suspended one no leaf is checked.
    function withdrawTransfer(
        bytes32 origin,
        bytes32 ref,
        Offer calldata offer,
        bytes32 digest,
        uint256 index,
        bytes32[] calldata proof
    ) external;

    /// @notice Reverts unless `leafHash` is leaf `index` of the latest checkpoint of `logId`.
    function verifyInclusion(bytes32 logId, bytes32 leafHash, uint256 index, bytes32[] calldata proof) external view;

    /// @notice The agency that holds an item, successors followed; the origin if it never moved.
    function custodianOf(bytes32 origin, bytes32 ref) external view returns (bytes32);

    function latest(bytes32 logId) external view returns (Latest memory);

    /// @notice keccak256(abi.encode(prevSize, size, root, mapRoot, descriptorVersion, time, block)), or zero.
    function checkpointCommitment(bytes32 logId, uint256 size) external view returns (bytes32);

    /// @notice Short id of the custodian as stored (zero before the first offer), number of hops, whether an offer is open.
    /// @dev The short id is the first 24 bytes of the agency id; the registry keeps them unique.
    function custody(bytes32 key) external view returns (bytes24 custodian, uint256 hops, bool open);

    /// @notice For a concluded hop keccak256(abi.encode(hash of hop n-1 or 0, from, to, offer digest, offer time, expires, outcome, outcome
    /// digest, time)); at the number of hops, while an offer is open, keccak256(abi.encode(Offer)); else zero.
    function hopCommitment(bytes32 key, uint256 hop) external view returns (bytes32);

    function logIdOf(bytes32 agencyId, uint256 logNumber) external view returns (bytes32);
    function registry() external view returns (IAgencyRegistry);
}
