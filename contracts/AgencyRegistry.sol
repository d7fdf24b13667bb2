// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAgencyRegistry} from "./IAgencyRegistry.sol";
import {IEvidenceLedger} from "./IEvidenceLedger.sol";

/// @title Implementation of IAgencyRegistry, whose documentation it inherits
/// @dev Storage, relied on by offline storage proofs (docs/format.md):
/// slot 0: mapping agency id -> Hot, one word: anchorer (bits 0-159), status (160-167), log number (168-183),
///         version (184-199), pending version (200-215), pending active-from (216-255)
/// slot 1: mapping agency id -> version -> descriptor commitment
/// slot 2: mapping log id -> Fork {parent; root; size; map root}
/// slot 3: mapping agency id -> successor
contract AgencyRegistry is IAgencyRegistry {
    struct Hot {
        address anchorer;
        Status status;
        uint16 logNumber;
        uint16 version;
        uint16 pendingVersion;
        uint40 pendingActiveFrom;
    }

    /// @dev A proposal walks over all agencies twice; this many fit a block with room to spare.
    uint256 private constant MAX_AGENCIES = 255;

    mapping(bytes32 agencyId => Hot) private _hot;
    mapping(bytes32 agencyId => mapping(uint256 version => bytes32)) private _descriptors;
    mapping(bytes32 logId => Fork) private _forks;
    mapping(bytes32 agencyId => bytes32) private _successors;
    mapping(address anchorer => bytes32) private _anchorerAgency;
    mapping(bytes32 agencyId => address) private _governors;
    mapping(bytes32 agencyId => address) private _pendingGovernors;
    mapping(address governor => bytes32) private _governorAgency;
    bytes32[] private _agencies;
    Proposal[] private _proposals;
    mapping(uint256 id => mapping(bytes32 agencyId => address)) private _votes;
    mapping(bytes24 shortId => bytes32 agencyId) private _fullIds;

    address private immutable _ledger;
    uint40 private immutable _descriptorDelay;
    uint40 private immutable _proposalLife;
    uint40 private immutable _recoveryDelay;

    modifier onlyGovernor(bytes32 agencyId) {
        if (_governors[agencyId] != msg.sender) revert AgencyRegistryNotGovernor(agencyId, msg.sender);
        if (_hot[agencyId].status == Status.Retired) revert AgencyRegistryWrongStatus(agencyId, Status.Retired);
        _;
    }

    /// @param ledger_ Address at which the EvidenceLedger will be deployed; it refuses any other registry
    constructor(address ledger_, Founder[] memory founders, uint40 descriptorDelay, uint40 proposalLife, uint40 recoveryDelay) {
        if (founders.length == 0) revert AgencyRegistryNoFounders();
        if (ledger_ == address(0) || proposalLife == 0) revert AgencyRegistryZeroValue();
        (_ledger, _descriptorDelay, _proposalLife, _recoveryDelay) =
            (ledger_, descriptorDelay, proposalLife, recoveryDelay);
        for (uint256 i = 0; i < founders.length; ++i) {
            _admit(founders[i]);
        }
    }

    function publishDescriptor(bytes32 agencyId, bytes32 digest) external onlyGovernor(agencyId) {
        if (digest == 0) revert AgencyRegistryZeroValue();
        Hot storage hot = _hot[agencyId];
        if (hot.pendingVersion != 0) {
            if (block.timestamp < hot.pendingActiveFrom) {
                revert AgencyRegistryDescriptorPending(agencyId, hot.pendingVersion);
            }
            hot.version = hot.pendingVersion;
        }
        uint16 version = hot.version + 1;
        uint40 activeFrom = uint40(block.timestamp) + _descriptorDelay;
        (hot.pendingVersion, hot.pendingActiveFrom) = (version, activeFrom);
        _storeDescriptor(agencyId, version, digest, activeFrom);
    }

    function cancelDescriptor(bytes32 agencyId) external onlyGovernor(agencyId) {
        Hot storage hot = _hot[agencyId];
        uint16 version = hot.pendingVersion;
        if (version == 0 || block.timestamp >= hot.pendingActiveFrom) {
            revert AgencyRegistryNoPendingDescriptor(agencyId);
        }
        (hot.pendingVersion, hot.pendingActiveFrom) = (0, 0);
        delete _descriptors[agencyId][version];
        emit DescriptorCancelled(agencyId, version);
    }

    function rotateAnchorer(bytes32 agencyId, address anchorer) external onlyGovernor(agencyId) {
        _setAnchorer(agencyId, anchorer);
    }

    function proposeGovernor(bytes32 agencyId, address governor) external onlyGovernor(agencyId) {
        _pendingGovernors[agencyId] = governor;
        emit GovernorProposed(agencyId, governor);
    }

    function acceptGovernor(bytes32 agencyId) external {
        if (_pendingGovernors[agencyId] != msg.sender) revert AgencyRegistryNotPendingGovernor(agencyId, msg.sender);
        _setGovernor(agencyId, msg.sender);
    }

    function propose(bytes32 proposer, ProposalKind kind, bytes32 target, bytes calldata payload)
        external
        onlyGovernor(proposer)
        returns (uint256 id)
    {
        _requireStatus(proposer, Status.Active);
        _checkProposal(kind, target, payload);
        id = _proposals.length;
        Proposal storage made = _proposals.push();
        made.kind = kind;
        made.state = ProposalState.Open;
        made.expires = uint40(block.timestamp) + _proposalLife;
        made.target = target;
        made.payload = payload;
        uint256 count = _agencies.length;
        for (uint256 i = 0; i < count; ++i) {
            bytes32 elector = _agencies[i];
            if (elector != target && _hot[elector].status == Status.Active) made.electors.push(elector);
        }
        emit ProposalMade(id, kind, target, payload, made.expires);
        if (proposer != target) _vote(id, proposer);
    }

    function vote(uint256 id, bytes32 agencyId) external onlyGovernor(agencyId) {
        Proposal storage found = _open(id, ProposalState.Open);
        bool elector = false;
        for (uint256 i = 0; i < found.electors.length && !elector; ++i) {
            elector = found.electors[i] == agencyId;
        }
        if (!elector) revert AgencyRegistryNotElector(id, agencyId);
        _vote(id, agencyId);
    }

    function execute(uint256 id) external {
        Proposal storage found = _proposals[id];
        if (found.state == ProposalState.Waiting) {
            if (block.timestamp < found.readyAt) revert AgencyRegistryRecoveryNotReady(id, found.readyAt);
            _execute(id, found);
            return;
        }
        _open(id, ProposalState.Open);
        _requireMajority(id, found);
        if (found.kind == ProposalKind.Recover) {
            found.state = ProposalState.Waiting;
            found.readyAt = uint40(block.timestamp) + _recoveryDelay;
            emit RecoveryScheduled(id, found.target, found.readyAt);
        } else {
            _execute(id, found);
        }
    }

    function veto(uint256 id) external {
        Proposal storage found = _proposals[id];
        bool pending = found.state == ProposalState.Open || found.state == ProposalState.Waiting;
        if (found.kind != ProposalKind.Recover || !pending) revert AgencyRegistryProposalState(id, found.state);
        if (_governors[found.target] != msg.sender) revert AgencyRegistryNotGovernor(found.target, msg.sender);
        found.state = ProposalState.Vetoed;
        emit ProposalVetoed(id);
    }

    function activeAnchor(address anchorer) external view returns (bytes32, uint256, uint256) {
        (bytes32 agencyId, Hot memory hot) = _activeAnchor(anchorer);
        bool replaced = hot.pendingVersion != 0 && block.timestamp >= hot.pendingActiveFrom;
        return (agencyId, hot.logNumber, replaced ? hot.pendingVersion : hot.version);
    }

    function activePair(address anchorer, bytes32 other) external view returns (bytes32, uint256, Status) {
        (bytes32 agencyId, Hot memory hot) = _activeAnchor(anchorer);
        return (agencyId, hot.logNumber, _hot[other].status);
    }

    function resolve(bytes24 shortId) external view returns (bytes32 agencyId) {
        agencyId = _fullIds[shortId];
        // Bounded: a successor is active when it is named, so the chain of retirements has no cycle.
        while (_hot[agencyId].status == Status.Retired) agencyId = _successors[agencyId];
    }

    function agency(bytes32 agencyId) external view returns (Agency memory) {
        Hot memory hot = _hot[agencyId];
        return Agency(
            _governors[agencyId],
            _pendingGovernors[agencyId],
            hot.anchorer,
            hot.status,
            hot.logNumber,
            hot.version,
            hot.pendingVersion,
            hot.pendingActiveFrom,
            _successors[agencyId]
        );
    }

    function descriptorCommitment(bytes32 agencyId, uint256 version) external view returns (bytes32) {
        return _descriptors[agencyId][version];
    }

    function forkOf(bytes32 logId) external view returns (Fork memory) {
        return _forks[logId];
    }

    function proposal(uint256 id) external view returns (Proposal memory) {
        return _proposals[id];
    }

    function proposalCount() external view returns (uint256) {
        return _proposals.length;
    }

    function agencyCount() external view returns (uint256) {
        return _agencies.length;
    }

    function agencyAt(uint256 index) external view returns (bytes32) {
        return _agencies[index];
    }

    function ledger() external view returns (address) {
        return _ledger;
    }

    function delays() external view returns (uint256, uint256, uint256) {
        return (_descriptorDelay, _proposalLife, _recoveryDelay);
    }

    function logIdOf(bytes32 agencyId, uint256 logNumber) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, _ledger, agencyId, logNumber));
    }

    function _activeAnchor(address anchorer) private view returns (bytes32 agencyId, Hot memory hot) {
        agencyId = _anchorerAgency[anchorer];
        hot = _hot[agencyId];
        if (hot.anchorer != anchorer || anchorer == address(0)) revert AgencyRegistryNotAnchorer(anchorer);
        if (hot.status != Status.Active) revert AgencyRegistryWrongStatus(agencyId, hot.status);
    }

    function _vote(uint256 id, bytes32 agencyId) private {
        _votes[id][agencyId] = msg.sender;
        emit ProposalVoted(id, agencyId, msg.sender);
    }

    function _open(uint256 id, ProposalState expected) private view returns (Proposal storage found) {
        found = _proposals[id];
        if (found.state != expected) revert AgencyRegistryProposalState(id, found.state);
        if (block.timestamp > found.expires) revert AgencyRegistryProposalExpired(id, found.expires);
    }

    /// @dev A vote of a governor who has left, or of an agency no longer active, stays in the electorate but is void.
    function _requireMajority(uint256 id, Proposal storage found) private view {
        uint256 votes = 0;
        uint256 count = found.electors.length;
        for (uint256 i = 0; i < count; ++i) {
            bytes32 elector = found.electors[i];
            address voter = _votes[id][elector];
            bool counts = voter != address(0) && voter == _governors[elector];
            if (counts && _hot[elector].status == Status.Active) ++votes;
        }
        if (votes * 2 <= count) revert AgencyRegistryNotEnoughVotes(id, votes, count);
    }

    /// @dev Rejects at proposal what can never be carried out, so that nobody votes on it in vain.
    function _checkProposal(ProposalKind kind, bytes32 target, bytes calldata payload) private view {
        if (kind == ProposalKind.Admit) {
            Founder memory candidate = abi.decode(payload, (Founder));
            if (sha256(bytes(candidate.code)) != target) revert AgencyRegistryBadCode(candidate.code);
            _requireStatus(target, Status.None);
            return;
        }
        if (kind == ProposalKind.Reinstate) {
            _requireStatus(target, Status.Suspended);
            return;
        }
        Status status = _hot[target].status;
        if (status != Status.Active && status != Status.Suspended) revert AgencyRegistryWrongStatus(target, status);
        if (kind == ProposalKind.Suspend) {
            _requireStatus(target, Status.Active);
        } else if (kind == ProposalKind.Retire) {
            bytes32 successor = abi.decode(payload, (bytes32));
            if (successor == target) revert AgencyRegistryBadProposal(kind);
            _requireStatus(successor, Status.Active);
        } else if (kind == ProposalKind.Recover) {
            if (abi.decode(payload, (address)) == address(0)) revert AgencyRegistryZeroValue();
        } else if (kind == ProposalKind.OpenLog) {
            abi.decode(payload, (address, Checkpoint));
        } else {
            revert AgencyRegistryBadProposal(kind);
        }
    }

    function _execute(uint256 id, Proposal storage found) private {
        found.state = ProposalState.Executed;
        (ProposalKind kind, bytes32 target, bytes memory payload) = (found.kind, found.target, found.payload);
        if (kind == ProposalKind.Admit) {
            _admit(abi.decode(payload, (Founder)));
        } else if (kind == ProposalKind.Suspend) {
            _requireStatus(target, Status.Active);
            _hot[target].status = Status.Suspended;
            emit AgencySuspended(target);
        } else if (kind == ProposalKind.Reinstate) {
            _requireStatus(target, Status.Suspended);
            _hot[target].status = Status.Active;
            emit AgencyReinstated(target);
        } else if (kind == ProposalKind.Retire) {
            _retire(target, abi.decode(payload, (bytes32)));
        } else if (kind == ProposalKind.Recover) {
            _setGovernor(target, abi.decode(payload, (address)));
        } else {
            (address anchorer, Checkpoint memory fork) = abi.decode(payload, (address, Checkpoint));
            _openLog(target, anchorer, fork);
        }
        emit ProposalExecuted(id);
    }

    function _admit(Founder memory candidate) private {
        bytes32 agencyId = sha256(bytes(candidate.code));
        uint256 length = bytes(candidate.code).length;
        if (length < 4 || length > 64) revert AgencyRegistryBadCode(candidate.code);
        if (_hot[agencyId].status != Status.None) revert AgencyRegistryKnownAgency(agencyId);
        if (candidate.descriptorDigest == 0) revert AgencyRegistryZeroValue();
        if (_agencies.length >= MAX_AGENCIES) revert AgencyRegistryTooManyAgencies(MAX_AGENCIES);
        bytes24 shortId = bytes24(agencyId);
        if (_fullIds[shortId] != 0) revert AgencyRegistryShortIdTaken(shortId);
        _fullIds[shortId] = agencyId;
        _agencies.push(agencyId);
        Hot storage hot = _hot[agencyId];
        (hot.status, hot.version) = (Status.Active, 1);
        emit AgencyAdmitted(agencyId, candidate.code, candidate.governor, candidate.anchorer);
        _setGovernor(agencyId, candidate.governor);
        _setAnchorer(agencyId, candidate.anchorer);
        _storeDescriptor(agencyId, 1, candidate.descriptorDigest, uint40(block.timestamp));
        emit LogOpened(agencyId, logIdOf(agencyId, 0), 0, 0, 0, 0);
    }

    function _retire(bytes32 agencyId, bytes32 successor) private {
        Status status = _hot[agencyId].status;
        if (status != Status.Active && status != Status.Suspended) revert AgencyRegistryWrongStatus(agencyId, status);
        _requireStatus(successor, Status.Active);
        _hot[agencyId].status = Status.Retired;
        _successors[agencyId] = successor;
        emit AgencyRetired(agencyId, successor);
    }

    function _openLog(bytes32 agencyId, address anchorer, Checkpoint memory fork) private {
        Hot storage hot = _hot[agencyId];
        if (hot.status != Status.Active && hot.status != Status.Suspended) {
            revert AgencyRegistryWrongStatus(agencyId, hot.status);
        }
        bytes32 parent = logIdOf(agencyId, hot.logNumber);
        // Size 0 says that nothing in the parent can be trusted; any other point must have been anchored.
        if (!_isForkable(parent, fork)) revert AgencyRegistryUnknownCheckpoint(parent, fork.size);
        hot.logNumber += 1;
        bytes32 logId = logIdOf(agencyId, hot.logNumber);
        _forks[logId] = Fork(parent, fork.root, fork.size, fork.mapRoot);
        emit LogOpened(agencyId, logId, parent, fork.size, fork.root, fork.mapRoot);
        _setAnchorer(agencyId, anchorer);
    }

    /// @dev A log opened by a fork has no checkpoint of its own before its first anchor, only its fork point.
    function _isForkable(bytes32 logId, Checkpoint memory at) private view returns (bool) {
        if (at.size == 0) return at.root == 0 && at.mapRoot == 0;
        Fork storage origin = _forks[logId];
        if (origin.size == at.size && origin.root == at.root && origin.mapRoot == at.mapRoot) return true;
        bytes32 expected = keccak256(
            abi.encode(at.prevSize, at.size, at.root, at.mapRoot, at.descriptorVersion, at.time, at.blockNumber)
        );
        return IEvidenceLedger(_ledger).checkpointCommitment(logId, at.size) == expected;
    }

    function _setAnchorer(bytes32 agencyId, address anchorer) private {
        if (anchorer == address(0)) revert AgencyRegistryZeroValue();
        bytes32 owner = _anchorerAgency[anchorer];
        if (owner != 0 && owner != agencyId) revert AgencyRegistryAnchorerInUse(anchorer, owner);
        _anchorerAgency[anchorer] = agencyId;
        _hot[agencyId].anchorer = anchorer;
        emit AnchorerRotated(agencyId, anchorer);
    }

    function _setGovernor(bytes32 agencyId, address governor) private {
        if (governor == address(0)) revert AgencyRegistryZeroValue();
        // One account must not vote for two agencies.
        bytes32 owner = _governorAgency[governor];
        if (owner != 0 && owner != agencyId) revert AgencyRegistryGovernorInUse(governor, owner);
        delete _governorAgency[_governors[agencyId]];
        delete _pendingGovernors[agencyId];
        _governorAgency[governor] = agencyId;
        _governors[agencyId] = governor;
        emit GovernorRotated(agencyId, governor);
    }

    function _storeDescriptor(bytes32 agencyId, uint256 version, bytes32 digest, uint256 activeFrom) private {
        _descriptors[agencyId][version] = keccak256(abi.encode(digest, activeFrom, block.number));
        emit DescriptorPublished(agencyId, version, digest, activeFrom);
    }

    function _requireStatus(bytes32 agencyId, Status expected) private view {
        Status found = _hot[agencyId].status;
        if (found != expected) revert AgencyRegistryWrongStatus(agencyId, found);
    }
}
