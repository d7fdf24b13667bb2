// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AgencyAccounts} from "./AgencyAccounts.sol";
import {IEvidenceLedger} from "./IEvidenceLedger.sol";

/// @title Implementation of IAgencyRegistry, whose documentation it inherits: what agencies decide together
/// @dev Votes are counted when a proposal is executed, over everybody who is there then: who counts is never settled
/// by whoever proposes.
contract AgencyRegistry is AgencyAccounts {
    uint256 private constant MAX_FOUNDERS = 64;
    /// @dev Four times the longest payload that means something.
    uint256 private constant MAX_PAYLOAD = 2048;
    /// @dev As much of a log as may be given up by opening another one.
    uint256 private constant MAX_GIVEN_UP = 30 days;
    /// @dev Suspensions that are reckoned for it, the newest ones.
    uint256 private constant MAX_RECKONED = 64;

    Proposal[] private _proposals;
    mapping(uint256 id => mapping(bytes32 agencyId => address)) private _casters;

    /// @param ledger_ Address at which the EvidenceLedger will be deployed; it refuses any other registry
    constructor(address ledger_, Founder[] memory founders, Delays memory delays_) AgencyAccounts(ledger_, delays_) {
        if (founders.length == 0 || founders.length > MAX_FOUNDERS) {
            revert AgencyRegistryBadFounders(founders.length, MAX_FOUNDERS);
        }
        for (uint256 i = 0; i < founders.length; ++i) {
            _admit(founders[i]);
        }
    }

    function propose(bytes32 proposer, ProposalKind kind, bytes32 target, bytes calldata payload)
        external
        onlyGovernor(proposer)
        returns (uint256 id)
    {
        if (!_stands(kind, target, proposer, _hot[proposer].status)) revert AgencyRegistryNotElector(proposer);
        uint256 place = _places[proposer];
        if (place != 0 && _pendingUntil(_proposals[place - 1]) >= block.timestamp) {
            revert AgencyRegistryProposalPending(place - 1);
        }
        if (payload.length > MAX_PAYLOAD) revert AgencyRegistryBadProposal(kind);
        _checkProposal(kind, target, payload);
        id = _proposals.length;
        _places[proposer] = id + 1;
        Proposal storage made = _proposals.push();
        (made.kind, made.state) = (kind, ProposalState.Open);
        made.expires = uint40(block.timestamp) + _proposalLife;
        (made.proposer, made.target, made.payload) = (proposer, target, payload);
        made.digest = keccak256(abi.encode(proposer, kind, target, payload));
        emit ProposalMade(id, proposer, target, kind, payload, made.expires);
        _setVote(id, made, proposer, true);
    }

    function vote(uint256 id, bytes32 agencyId, bytes32 digest) external onlyGovernor(agencyId) {
        Proposal storage found = _pending(id);
        if (found.digest != digest) revert AgencyRegistryOtherProposal(id, found.digest);
        if (found.kind == ProposalKind.Suspend && found.target == agencyId) revert AgencyRegistryNotElector(agencyId);
        _setVote(id, found, agencyId, true);
    }

    function takeBack(uint256 id, bytes32 agencyId) external onlyGovernor(agencyId) {
        _setVote(id, _pending(id), agencyId, false);
    }

    function cancel(uint256 id) external {
        Proposal storage found = _pending(id);
        bytes32 proposer = found.proposer;
        if (_governors[proposer] != msg.sender) revert AgencyRegistryNotGovernor(proposer, msg.sender);
        _cancel(id, found);
    }

    function execute(uint256 id) external {
        Proposal storage found = _pending(id);
        if (found.state != ProposalState.Open) revert AgencyRegistryProposalState(id, found.state);
        _requireEnough(id, found);
        (ProposalKind kind, bytes32 target, bytes memory payload) = (found.kind, found.target, found.payload);
        if (kind == ProposalKind.Retire) {
            Announced memory ready = _announced(address(0), 1);
            (found.state, found.readyAt, found.readyBlock) = (ProposalState.Waiting, ready.readyAt, ready.readyBlock);
            emit RetirementScheduled(id, target, ready.readyAt, ready.readyBlock);
            return;
        }
        found.state = ProposalState.Executed;
        _checkProposal(kind, target, payload);
        if (kind == ProposalKind.Admit) {
            _admit(abi.decode(payload, (Founder)));
        } else if (kind == ProposalKind.Suspend) {
            _hot[target].status = Status.Suspended;
            _suspensions[target].push(Suspension(uint40(block.timestamp), 0));
            emit AgencySuspended(target, _suspensions[target].length - 1);
        } else if (kind == ProposalKind.Reinstate) {
            _hot[target].status = Status.Active;
            emit AgencyReinstated(target, _endSuspension(target));
        } else {
            _openLog(target, payload, found.expires - _proposalLife);
        }
        emit ProposalExecuted(id);
    }

    function executeRetirement(uint256 id, uint256 size) external {
        Proposal storage found = _proposals[id];
        if (found.state != ProposalState.Waiting) revert AgencyRegistryProposalState(id, found.state);
        _requireReady(found.readyAt, found.readyBlock);
        Tally memory counted = _requireEnough(id, found);
        (bytes32 target, bytes memory payload) = (found.target, found.payload);
        _checkProposal(ProposalKind.Retire, target, payload);
        bytes32 successor = abi.decode(payload, (bytes32));
        if (_governors[successor] != msg.sender) revert AgencyRegistryNotGovernor(successor, msg.sender);
        _requireHeld(target, size, !_twoThirds(counted.others, counted.agencies));
        found.state = ProposalState.Executed;
        if (_hot[target].status == Status.Suspended) _endSuspension(target);
        _hot[target].status = Status.Retired;
        _retirements[target] = Retirement(successor, uint40(block.timestamp), uint48(size));
        emit AgencyRetired(target, successor, size);
        emit ProposalExecuted(id);
    }

    function stopRetirement(uint256 id) external {
        Proposal storage found = _pending(id);
        if (found.state != ProposalState.Waiting) revert AgencyRegistryProposalState(id, found.state);
        bytes32 target = found.target;
        if (_recoveries[target].account != msg.sender) revert AgencyRegistryNotRecovery(target, msg.sender);
        Tally memory counted = _count(id, found);
        if (_twoThirds(counted.others, counted.agencies)) {
            revert AgencyRegistryTooManyVotes(id, counted.others, counted.agencies);
        }
        _cancel(id, found);
    }

    function proposal(uint256 id) external view returns (Proposal memory) {
        return _proposals[id];
    }

    function proposalCount() external view returns (uint256) {
        return _proposals.length;
    }

    function tally(uint256 id) external view returns (Tally memory counted, bool enough) {
        Proposal storage found = _proposals[id];
        counted = _count(id, found);
        enough = _isEnough(found.kind, counted);
    }

    function _setVote(uint256 id, Proposal storage found, bytes32 agencyId, bool inFavour) private {
        uint256 bit = 1 << _numbers[agencyId];
        found.votes = inFavour ? found.votes | bit : found.votes & ~bit;
        _casters[id][agencyId] = msg.sender;
        emit ProposalVoted(id, agencyId, msg.sender, inFavour);
    }

    function _cancel(uint256 id, Proposal storage found) private {
        found.state = ProposalState.Cancelled;
        emit ProposalCancelled(id);
    }

    function _endSuspension(bytes32 agencyId) private returns (uint256 number) {
        number = _suspensions[agencyId].length - 1;
        _suspensions[agencyId][number].end = uint40(block.timestamp);
    }

    function _openLog(bytes32 agencyId, bytes memory payload, uint256 proposedAt) private {
        (address anchorer,, Checkpoint memory at, Checkpoint memory behind) =
            abi.decode(payload, (address, uint256, Checkpoint, Checkpoint));
        Hot storage hot = _hot[agencyId];
        bytes32 parent = logIdOf(agencyId, hot.logNumber);
        uint256 newest = IEvidenceLedger(_ledger).latest(parent).size;
        Fork storage origin = _forks[parent];
        // A log without a checkpoint of its own goes on from its fork point: of an agency's first log all zeros.
        bool known = newest == 0
            ? origin.size == at.size && origin.root == at.root && origin.mapRoot == at.mapRoot
            : _isCheckpoint(parent, at);
        if (!known) revert AgencyRegistryUnknownCheckpoint(parent, at.size);
        if (newest == 0 || newest == at.size) {
            if (behind.size != 0) revert AgencyRegistryUnknownCheckpoint(parent, behind.size);
        } else {
            bool next = behind.prevSize == at.size && _isCheckpoint(parent, behind);
            if (!next) revert AgencyRegistryUnknownCheckpoint(parent, behind.size);
            uint256 elapsed = _activeTime(agencyId, behind.time, proposedAt);
            if (elapsed > MAX_GIVEN_UP) revert AgencyRegistryTooLongAgo(elapsed, MAX_GIVEN_UP);
        }
        hot.logNumber += 1;
        bytes32 logId = logIdOf(agencyId, hot.logNumber);
        _forks[logId] = Fork(parent, at.root, at.size, at.mapRoot);
        emit LogOpened(agencyId, logId, parent, at.size, at.root, at.mapRoot);
        _setAnchorer(agencyId, anchorer);
    }

    /// @dev Rejects what can never be carried out, so that nobody votes on it in vain, and what meanwhile cannot.
    function _checkProposal(ProposalKind kind, bytes32 target, bytes memory payload) private view {
        if (kind == ProposalKind.Admit) {
            Founder memory candidate = abi.decode(payload, (Founder));
            if (sha256(bytes(candidate.code)) != target) revert AgencyRegistryBadCode(candidate.code);
            _requireStatus(target, Status.None);
            bytes32 digest = keccak256(payload);
            _requireAccepted(candidate.governor, target, digest);
            _requireAccepted(candidate.anchorer, target, digest);
            _requireAccepted(candidate.recovery, target, digest);
        } else if (kind == ProposalKind.Suspend || kind == ProposalKind.Reinstate) {
            if (payload.length != 0) revert AgencyRegistryBadProposal(kind);
            _requireStatus(target, kind == ProposalKind.Suspend ? Status.Active : Status.Suspended);
        } else if (kind == ProposalKind.Retire) {
            bytes32 successor = abi.decode(payload, (bytes32));
            if (successor == target) revert AgencyRegistryBadProposal(kind);
            _requireAlive(target);
            _requireStatus(successor, Status.Active);
        } else if (kind == ProposalKind.OpenLog) {
            (address anchorer, uint256 logNumber,,) =
                abi.decode(payload, (address, uint256, Checkpoint, Checkpoint));
            _requireAlive(target);
            if (logNumber != _hot[target].logNumber) revert AgencyRegistryOtherLog(target, _hot[target].logNumber);
            _requireAccepted(anchorer, target, keccak256(payload));
        } else {
            revert AgencyRegistryBadProposal(kind);
        }
    }

    function _requireEnough(uint256 id, Proposal storage found) private view returns (Tally memory counted) {
        counted = _count(id, found);
        if (!_isEnough(found.kind, counted)) {
            revert AgencyRegistryNotEnoughVotes(id, counted.votes, counted.agencies);
        }
    }

    /// @dev Over all agencies that are not retired, suspended ones and the target included.
    function _count(uint256 id, Proposal storage found) private view returns (Tally memory counted) {
        (ProposalKind kind, bytes32 target, uint256 votes) = (found.kind, found.target, found.votes);
        bytes32 successor = kind == ProposalKind.Retire ? abi.decode(found.payload, (bytes32)) : bytes32(0);
        uint256 length = _agencies.length;
        for (uint256 i = 0; i < length; ++i) {
            bytes32 agencyId = _agencies[i];
            Status status = _hot[agencyId].status;
            if (status == Status.Retired) continue;
            ++counted.agencies;
            if ((votes >> i) & 1 == 0 || !_stands(kind, target, agencyId, status)) continue;
            if (_casters[id][agencyId] != _governors[agencyId]) continue;
            ++counted.votes;
            if (agencyId == target) counted.own = true;
            else ++counted.others;
            if (agencyId == successor) counted.successor = true;
        }
    }

    /// @dev The registry's proposals that are under way, with those that wait for their time.
    function _pending(uint256 id) private view returns (Proposal storage found) {
        found = _proposals[id];
        uint256 until = _pendingUntil(found);
        if (until == 0) revert AgencyRegistryProposalState(id, found.state);
        if (block.timestamp > until) revert AgencyRegistryExpired(until);
    }

    /// @dev 0 for one that is over.
    function _pendingUntil(Proposal storage found) private view returns (uint256) {
        if (found.state == ProposalState.Open) return found.expires;
        return found.state == ProposalState.Waiting ? found.readyAt + _proposalLife : 0;
    }

    /// @dev Where the retirement rests on the agency's own vote nothing of its log may be left behind.
    function _requireHeld(bytes32 agencyId, uint256 size, bool needsNewest) private view {
        bytes32 logId = logIdOf(agencyId, _hot[agencyId].logNumber);
        uint256 newest = IEvidenceLedger(_ledger).latest(logId).size;
        uint256 origin = _forks[logId].size;
        bool held = needsNewest
            ? size == (newest == 0 ? origin : newest)
            : size == 0 || size == origin || IEvidenceLedger(_ledger).checkpointCommitment(logId, size) != 0;
        if (!held) revert AgencyRegistryUnknownCheckpoint(logId, size);
    }

    function _isCheckpoint(bytes32 logId, Checkpoint memory at) private view returns (bool) {
        return IEvidenceLedger(_ledger).checkpointCommitment(logId, at.size)
            == keccak256(
                abi.encode(at.prevSize, at.size, at.root, at.mapRoot, at.descriptorVersion, at.time, at.blockNumber)
            );
    }

    /// @dev Seconds from one time to another in which the agency was not suspended.
    function _activeTime(bytes32 agencyId, uint256 from, uint256 to) private view returns (uint256 elapsed) {
        if (from >= to) return 0;
        elapsed = to - from;
        Suspension[] storage all = _suspensions[agencyId];
        uint256 i = all.length;
        uint256 last = i > MAX_RECKONED ? i - MAX_RECKONED : 0;
        while (i > last) {
            --i;
            (uint256 begin, uint256 end) = (all[i].begin, all[i].end);
            if (end == 0 || end > to) end = to;
            if (begin < from) begin = from;
            if (end > begin) elapsed -= end - begin;
        }
    }

    function _isEnough(ProposalKind kind, Tally memory counted) private pure returns (bool) {
        bool half = counted.votes * 2 > counted.agencies;
        if (kind == ProposalKind.Admit) return _twoThirds(counted.votes, counted.agencies);
        if (kind == ProposalKind.OpenLog) return half && counted.own;
        if (kind == ProposalKind.Retire) {
            return counted.successor && (_twoThirds(counted.others, counted.agencies) || (half && counted.own));
        }
        return half;
    }

    function _twoThirds(uint256 votes, uint256 agencies) private pure returns (bool) {
        return votes * 3 >= agencies * 2;
    }

    /// @dev Whether a vote stands. About itself an agency has one where it is let back in, or wants it itself.
    function _stands(ProposalKind kind, bytes32 target, bytes32 agencyId, Status status) private pure returns (bool) {
        bool alive = status == Status.Active || status == Status.Suspended;
        if (kind == ProposalKind.Reinstate) return alive;
        if (agencyId == target) return alive && (kind == ProposalKind.OpenLog || kind == ProposalKind.Retire);
        return status == Status.Active;
    }
}
