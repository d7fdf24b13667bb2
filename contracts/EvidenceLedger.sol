// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAgencyRegistry} from "./IAgencyRegistry.sol";
import {IEvidenceLedger} from "./IEvidenceLedger.sol";
import {RFC9162} from "./RFC9162.sol";

/// @title Implementation of IEvidenceLedger, whose documentation it inherits
/// @dev Storage, relied on by offline storage proofs (docs/format.md):
/// slot 0: mapping log id -> Log {root; size (bits 0-47), time (48-87), block (88-151); map root}
/// slot 1: mapping log id -> size -> checkpoint commitment
/// slot 2: mapping key -> Custody, one word: short id of the custodian (bits 0-191), hops (192-223), open (224-231)
/// slot 3: mapping key -> hop number -> hop commitment; at the number of hops, while an offer is open, its hash
contract EvidenceLedger is IEvidenceLedger {
    struct Log {
        bytes32 root;
        uint48 size;
        uint40 time;
        uint64 blockNumber;
        bytes32 mapRoot;
    }

    /// @dev One word, and an open offer's hash lies where its hop will be: a slot written at the offer and rewritten at
    /// the outcome spares every handover 20,000 gas. The registry refuses agencies whose short ids collide.
    struct Custody {
        bytes24 custodian;
        uint32 hops;
        bool open;
    }

    uint256 private constant MAX_SIZE = 2 ** 48;

    mapping(bytes32 logId => Log) private _logs;
    mapping(bytes32 logId => mapping(uint256 size => bytes32)) private _checkpoints;
    mapping(bytes32 key => Custody) private _custody;
    mapping(bytes32 key => mapping(uint256 hop => bytes32)) private _hops;

    IAgencyRegistry private immutable _registry;

    constructor(IAgencyRegistry registry_) {
        if (registry_.ledger() != address(this)) revert EvidenceLedgerWrongRegistry(address(registry_));
        _registry = registry_;
    }

    function anchor(uint256 oldSize, uint256 newSize, bytes32 newRoot, bytes32 newMapRoot, bytes32[] calldata proof)
        external
    {
        (bytes32 agencyId, uint256 logNumber, uint256 version) = _registry.activeAnchor(msg.sender);
        bytes32 logId = logIdOf(agencyId, logNumber);
        Log storage log = _logs[logId];
        uint256 size = log.size;
        bytes32 root = log.root;
        bool own = size != 0;
        if (!own) (size, root) = _forkPoint(logId, logNumber);
        // Before compare-and-swap, so that sending the same bytes twice is harmless.
        if (size != 0 && newSize == size && newRoot == root) {
            bytes32 mapRoot = own ? log.mapRoot : _registry.forkOf(logId).mapRoot;
            if (newMapRoot != mapRoot) revert EvidenceLedgerMapRootDiffers(mapRoot, newMapRoot);
            return;
        }
        if (oldSize != size) revert EvidenceLedgerStaleSize(size, oldSize);
        if (newSize <= size) revert EvidenceLedgerNotLarger(size, newSize);
        if (newSize > MAX_SIZE - 1) revert EvidenceLedgerTooLarge(newSize, MAX_SIZE - 1);
        if (size == 0) {
            if (proof.length != 0) revert EvidenceLedgerUnexpectedProof(proof.length);
        } else {
            RFC9162.requireConsistency(size, newSize, root, newRoot, proof);
        }
        (log.root, log.mapRoot) = (newRoot, newMapRoot);
        (log.size, log.time, log.blockNumber) = (uint48(newSize), uint40(block.timestamp), uint64(block.number));
        _checkpoints[logId][newSize] =
            keccak256(abi.encode(size, newSize, newRoot, newMapRoot, version, block.timestamp, block.number));
        emit CheckpointAnchored(logId, size, newSize, newRoot, newMapRoot, version);
    }

    function offerTransfer(
        bytes32 origin,
        bytes32 ref,
        bytes32 to,
        bytes32 digest,
        uint256 expires,
        uint256 index,
        bytes32[] calldata proof
    ) external {
        bytes32 from = _requireAnchored(digest, index, proof);
        bytes32 key = _keyOf(origin, ref);
        Custody memory item = _custody[key];
        bytes24 holder = item.custodian == 0 ? bytes24(origin) : item.custodian;
        if (holder != bytes24(from)) {
            bytes32 resolved = _registry.resolve(holder);
            if (resolved != from) revert EvidenceLedgerNotCustodian(resolved, from);
        }
        if (item.open) revert EvidenceLedgerOfferOpen(key);
        if (expires <= block.timestamp) revert EvidenceLedgerOfferTimes(expires, block.timestamp);
        // Whether `to` is active is asked when it accepts: nobody else can, and an offer in vain can be withdrawn.
        if (to == from || to == 0) revert EvidenceLedgerBadAddressee(to);
        _custody[key] = Custody(bytes24(from), item.hops, true);
        _hops[key][item.hops] = _offerHash(from, to, digest, block.timestamp, expires);
        emit TransferOffered(key, from, to, digest, expires);
    }

    function acceptTransfer(
        bytes32 origin,
        bytes32 ref,
        Offer calldata offer,
        bytes32 digest,
        uint256 index,
        bytes32[] calldata proof
    ) external {
        if (block.timestamp > offer.expires) revert EvidenceLedgerOfferExpired(offer.expires, block.timestamp);
        (bytes32 caller, uint256 logNumber, IAgencyRegistry.Status giver) = _registry.activePair(msg.sender, offer.from);
        if (giver != IAgencyRegistry.Status.Active) revert EvidenceLedgerGiverNotActive(offer.from);
        _requireLeaf(logIdOf(caller, logNumber), logNumber, digest, index, proof);
        if (caller != offer.to) revert EvidenceLedgerNotAddressee(offer.to, caller);
        _conclude(origin, ref, offer, Outcome.Accepted, digest);
    }

    function declineTransfer(
        bytes32 origin,
        bytes32 ref,
        Offer calldata offer,
        bytes32 digest,
        uint256 index,
        bytes32[] calldata proof
    ) external {
        bytes32 caller = _requireSaid(digest, index, proof);
        if (caller != offer.to) revert EvidenceLedgerNotAddressee(offer.to, caller);
        _conclude(origin, ref, offer, Outcome.Declined, digest);
    }

    function withdrawTransfer(
        bytes32 origin,
        bytes32 ref,
        Offer calldata offer,
        bytes32 digest,
        uint256 index,
        bytes32[] calldata proof
    ) external {
        bytes32 caller = _requireSaid(digest, index, proof);
        if (caller != offer.from) {
            // The giver may have been retired meanwhile: its successor takes the offer back.
            bytes32 resolved = _registry.resolve(bytes24(offer.from));
            if (resolved != caller) revert EvidenceLedgerNotCustodian(resolved, caller);
        }
        _conclude(origin, ref, offer, Outcome.Withdrawn, digest);
    }

    function verifyInclusion(bytes32 logId, bytes32 leafHash, uint256 index, bytes32[] calldata proof) external view {
        Log storage log = _logs[logId];
        if (log.size == 0) revert EvidenceLedgerNothingAnchored(logId);
        RFC9162.requireInclusion(log.root, log.size, index, leafHash, proof);
    }

    function custodianOf(bytes32 origin, bytes32 ref) external view returns (bytes32) {
        bytes24 holder = _custody[_keyOf(origin, ref)].custodian;
        return _registry.resolve(holder == 0 ? bytes24(origin) : holder);
    }

    function latest(bytes32 logId) external view returns (Latest memory) {
        Log storage log = _logs[logId];
        return Latest(log.root, log.size, log.time, log.blockNumber, log.mapRoot);
    }

    function checkpointCommitment(bytes32 logId, uint256 size) external view returns (bytes32) {
        return _checkpoints[logId][size];
    }

    function custody(bytes32 key) external view returns (bytes24 custodian, uint256 hops, bool open) {
        Custody storage item = _custody[key];
        return (item.custodian, item.hops, item.open);
    }

    function hopCommitment(bytes32 key, uint256 hop) external view returns (bytes32) {
        return _hops[key][hop];
    }

    function registry() external view returns (IAgencyRegistry) {
        return _registry;
    }

    function logIdOf(bytes32 agencyId, uint256 logNumber) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), agencyId, logNumber));
    }

    /// @dev Records the outcome of the open offer as the next hop and closes it.
    function _conclude(bytes32 origin, bytes32 ref, Offer calldata offer, Outcome outcome, bytes32 digest) private {
        bytes32 key = _keyOf(origin, ref);
        Custody memory item = _custody[key];
        mapping(uint256 => bytes32) storage hops = _hops[key];
        uint256 hop = item.hops;
        bytes32 expected = _offerHash(offer.from, offer.to, offer.digest, offer.time, offer.expires);
        if (!item.open || hops[hop] != expected) revert EvidenceLedgerNoSuchOffer(key);
        hops[hop] = keccak256(
            abi.encode(hop == 0 ? bytes32(0) : hops[hop - 1], offer, outcome, digest, block.timestamp)
        );
        bytes24 holder = outcome == Outcome.Accepted ? bytes24(offer.to) : item.custodian;
        _custody[key] = Custody(holder, uint32(hop + 1), false);
        emit TransferConcluded(key, hop, outcome, digest);
    }

    /// @dev The caller's agency, after checking that `digest` is in its latest root.
    function _requireAnchored(bytes32 digest, uint256 index, bytes32[] calldata proof) private view returns (bytes32) {
        (bytes32 agencyId, uint256 logNumber,) = _registry.activeAnchor(msg.sender);
        _requireLeaf(logIdOf(agencyId, logNumber), logNumber, digest, index, proof);
        return agencyId;
    }

    /// @dev As _requireAnchored, for what sets an item free: a suspended agency cannot anchor, and says it all the same.
    function _requireSaid(bytes32 digest, uint256 index, bytes32[] calldata proof) private view returns (bytes32) {
        (bytes32 agencyId, uint256 logNumber, IAgencyRegistry.Status status) = _registry.anchorOf(msg.sender);
        if (status == IAgencyRegistry.Status.Active) {
            _requireLeaf(logIdOf(agencyId, logNumber), logNumber, digest, index, proof);
        }
        return agencyId;
    }

    function _requireLeaf(bytes32 logId, uint256 logNumber, bytes32 digest, uint256 index, bytes32[] calldata proof)
        private
        view
    {
        Log storage log = _logs[logId];
        (uint256 size, bytes32 root) = (log.size, log.root);
        if (size == 0) (size, root) = _forkPoint(logId, logNumber);
        if (size == 0) revert EvidenceLedgerNothingAnchored(logId);
        RFC9162.requireInclusion(root, size, index, digest, proof);
    }

    /// @dev A log opened after a theft starts at its fork point.
    function _forkPoint(bytes32 logId, uint256 logNumber) private view returns (uint256 size, bytes32 root) {
        if (logNumber == 0) return (0, 0);
        IAgencyRegistry.Fork memory fork = _registry.forkOf(logId);
        return (fork.size, fork.root);
    }

    function _keyOf(bytes32 origin, bytes32 ref) private pure returns (bytes32) {
        return keccak256(abi.encode(origin, ref));
    }

    function _offerHash(bytes32 from, bytes32 to, bytes32 digest, uint256 time, uint256 expires)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(from, to, digest, time, expires));
    }
}
