// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAgencyRegistry} from "./IAgencyRegistry.sol";

/// @title What an agency does by itself, and what the registry keeps of it: accounts, descriptors, recovery
/// @dev Storage, relied on by offline storage proofs (docs/format.md):
/// slot 0: mapping agency id -> Hot, one word: anchorer (bits 0-159), status (160-167), log number (168-183),
///         version (184-199), pending version (200-215), pending active-from (216-255)
/// slot 1: mapping agency id -> version -> descriptor commitment
/// slot 2: mapping log id -> Fork {parent; root; size; map root}
/// slot 3: mapping agency id -> Retirement {successor; retiredAt (0-39), size (40-87)}
/// slot 4: mapping agency id -> Suspension[], one word each: begin (0-39), end (40-79)
/// slot 5: mapping agency id -> Recovery {account; announced governor; announced replacement}
abstract contract AgencyAccounts is IAgencyRegistry {
    struct Hot {
        address anchorer;
        Status status;
        uint16 logNumber;
        uint16 version;
        uint16 pendingVersion;
        uint40 pendingActiveFrom;
    }

    /// @dev Votes are one word, a bit for each agency ever admitted.
    uint256 internal constant MAX_AGENCIES = 256;
    bytes32 private constant CANCELLED = keccak256(abi.encode(bytes32(0), 0, 0));

    mapping(bytes32 agencyId => Hot) internal _hot;
    mapping(bytes32 agencyId => mapping(uint256 version => bytes32)) private _descriptors;
    mapping(bytes32 logId => Fork) internal _forks;
    mapping(bytes32 agencyId => Retirement) internal _retirements;
    mapping(bytes32 agencyId => Suspension[]) internal _suspensions;
    mapping(bytes32 agencyId => Recovery) internal _recoveries;
    mapping(address anchorer => bytes32) private _anchorerAgency;
    mapping(bytes32 agencyId => address) internal _governors;
    mapping(bytes32 agencyId => address) private _pendingGovernors;
    mapping(address governor => bytes32) private _governorAgency;
    /// @dev The number that the last cancelled descriptor spent, and when it would have come into force.
    mapping(bytes32 agencyId => Hot) private _cancelled;
    mapping(address account => mapping(bytes32 agencyId => mapping(bytes32 digest => bool))) private _accepted;
    mapping(bytes24 shortId => bytes32 agencyId) private _fullIds;
    bytes32[] internal _agencies;
    mapping(bytes32 agencyId => uint256) internal _numbers;
    /// @dev The newest proposal of an agency's governor in office, counted from 1.
    mapping(bytes32 agencyId => uint256) internal _places;

    address internal immutable _ledger;
    uint40 private immutable _descriptorDelay;
    uint40 internal immutable _proposalLife;
    uint40 private immutable _recoveryDelay;
    uint40 private immutable _recoveryBlocks;

    modifier onlyGovernor(bytes32 agencyId) {
        if (_governors[agencyId] != msg.sender) revert AgencyRegistryNotGovernor(agencyId, msg.sender);
        _requireAlive(agencyId);
        _;
    }

    modifier onlyRecovery(bytes32 agencyId) {
        if (_recoveries[agencyId].account != msg.sender) revert AgencyRegistryNotRecovery(agencyId, msg.sender);
        _requireAlive(agencyId);
        _;
    }

    constructor(address ledger_, Delays memory delays_) {
        if (ledger_ == address(0) || delays_.proposalLife == 0) revert AgencyRegistryZeroValue();
        (_ledger, _descriptorDelay, _proposalLife) = (ledger_, delays_.descriptor, delays_.proposalLife);
        (_recoveryDelay, _recoveryBlocks) = (delays_.recovery, delays_.recoveryBlocks);
    }

    function publishDescriptor(bytes32 agencyId, bytes32 digest) external onlyGovernor(agencyId) {
        if (digest == 0) revert AgencyRegistryZeroValue();
        Hot storage hot = _hot[agencyId];
        if (hot.pendingVersion != 0) {
            _requirePast(agencyId, hot.pendingActiveFrom);
            hot.version = hot.pendingVersion;
        }
        Hot storage cancelled = _cancelled[agencyId];
        _requirePast(agencyId, cancelled.pendingActiveFrom);
        uint16 version = (cancelled.pendingVersion > hot.version ? cancelled.pendingVersion : hot.version) + 1;
        uint40 activeFrom = uint40(block.timestamp) + _descriptorDelay;
        (hot.pendingVersion, hot.pendingActiveFrom) = (version, activeFrom);
        _storeDescriptor(agencyId, version, digest, activeFrom);
    }

    function cancelDescriptor(bytes32 agencyId) external {
        _requireEither(agencyId, true);
        if (!_cancelPending(agencyId)) revert AgencyRegistryNoPendingDescriptor(agencyId);
    }

    function acceptRole(bytes32 agencyId, bytes32 digest) external {
        _accepted[msg.sender][agencyId][digest] = true;
        emit RoleAccepted(msg.sender, agencyId, digest, true);
    }

    function revokeRole(bytes32 agencyId, bytes32 digest) external {
        _accepted[msg.sender][agencyId][digest] = false;
        emit RoleAccepted(msg.sender, agencyId, digest, false);
    }

    function rotateAnchorer(bytes32 agencyId, address anchorer) external onlyGovernor(agencyId) {
        _requireAccepted(anchorer, agencyId, keccak256(abi.encode(Role.Anchorer, anchorer)));
        _setAnchorer(agencyId, anchorer);
    }

    function proposeGovernor(bytes32 agencyId, address governor) external {
        _requireEither(agencyId, governor == address(0));
        _pendingGovernors[agencyId] = governor;
        emit GovernorProposed(agencyId, governor);
    }

    function acceptGovernor(bytes32 agencyId) external {
        if (_pendingGovernors[agencyId] != msg.sender) revert AgencyRegistryNotPendingGovernor(agencyId, msg.sender);
        _requireAlive(agencyId);
        _setGovernor(agencyId, msg.sender);
    }

    function announceGovernor(bytes32 agencyId, address governor) external onlyRecovery(agencyId) {
        Announced memory made = _announced(governor, 1);
        _recoveries[agencyId].governor = made;
        emit GovernorAnnounced(agencyId, governor, made.readyAt, made.readyBlock);
    }

    function takeOffice(bytes32 agencyId) external {
        Recovery storage recovery = _recoveries[agencyId];
        _requireTurn(agencyId, recovery.governor);
        delete recovery.governor;
        delete recovery.replacement;
        _cancelPending(agencyId);
        _setGovernor(agencyId, msg.sender);
    }

    function announceRecovery(bytes32 agencyId, address account) external onlyGovernor(agencyId) {
        Announced memory made = _announced(account, 2);
        _recoveries[agencyId].replacement = made;
        emit RecoveryAnnounced(agencyId, account, made.readyAt, made.readyBlock);
    }

    function refuseRecovery(bytes32 agencyId) external onlyRecovery(agencyId) {
        emit RecoveryRefused(agencyId, _recoveries[agencyId].replacement.account);
        delete _recoveries[agencyId].replacement;
    }

    /// @dev What the account before it announced stays: else a governor would stop a recovery by a replacement.
    function takeRecovery(bytes32 agencyId) external {
        _requireTurn(agencyId, _recoveries[agencyId].replacement);
        delete _recoveries[agencyId].replacement;
        _setRecovery(agencyId, msg.sender);
    }

    function activeAnchor(address anchorer) external view returns (bytes32, uint256, uint256) {
        (bytes32 agencyId, Hot storage hot) = _anchor(anchorer, false);
        bool replaced = hot.pendingVersion != 0 && block.timestamp >= hot.pendingActiveFrom;
        return (agencyId, hot.logNumber, replaced ? hot.pendingVersion : hot.version);
    }

    function activePair(address anchorer, bytes32 other) external view returns (bytes32, uint256, Status) {
        (bytes32 agencyId, Hot storage hot) = _anchor(anchorer, false);
        return (agencyId, hot.logNumber, _hot[other].status);
    }

    function anchorOf(address anchorer) external view returns (bytes32, uint256, Status) {
        (bytes32 agencyId, Hot storage hot) = _anchor(anchorer, true);
        return (agencyId, hot.logNumber, hot.status);
    }

    function resolve(bytes24 shortId) external view returns (bytes32 agencyId) {
        agencyId = _fullIds[shortId];
        // Bounded by the number of agencies: a successor is active when it is named, so there is no cycle.
        while (_hot[agencyId].status == Status.Retired) agencyId = _retirements[agencyId].successor;
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
            _retirements[agencyId],
            _recoveries[agencyId]
        );
    }

    function descriptorCommitment(bytes32 agencyId, uint256 version) external view returns (bytes32) {
        return _descriptors[agencyId][version];
    }

    function forkOf(bytes32 logId) external view returns (Fork memory) {
        return _forks[logId];
    }

    function suspensionCount(bytes32 agencyId) external view returns (uint256) {
        return _suspensions[agencyId].length;
    }

    function suspensionAt(bytes32 agencyId, uint256 number) external view returns (Suspension memory) {
        return _suspensions[agencyId][number];
    }

    function hasAccepted(address account, bytes32 agencyId, bytes32 digest) external view returns (bool) {
        return _accepted[account][agencyId][digest];
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

    function delays() external view returns (Delays memory) {
        return Delays(_descriptorDelay, _proposalLife, _recoveryDelay, _recoveryBlocks);
    }

    function logIdOf(bytes32 agencyId, uint256 logNumber) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, _ledger, agencyId, logNumber));
    }

    function _admit(Founder memory candidate) internal {
        bytes32 agencyId = sha256(bytes(candidate.code));
        if (!_isCode(bytes(candidate.code))) revert AgencyRegistryBadCode(candidate.code);
        if (_hot[agencyId].status != Status.None) revert AgencyRegistryKnownAgency(agencyId);
        if (candidate.descriptorDigest == 0) revert AgencyRegistryZeroValue();
        if (_agencies.length >= MAX_AGENCIES) revert AgencyRegistryTooManyAgencies(MAX_AGENCIES);
        bytes24 shortId = bytes24(agencyId);
        if (_fullIds[shortId] != 0) revert AgencyRegistryShortIdTaken(shortId);
        _fullIds[shortId] = agencyId;
        _numbers[agencyId] = _agencies.length;
        _agencies.push(agencyId);
        (_hot[agencyId].status, _hot[agencyId].version) = (Status.Active, 1);
        emit AgencyAdmitted(agencyId, candidate.code, candidate.governor, candidate.anchorer, candidate.recovery);
        _setGovernor(agencyId, candidate.governor);
        _setAnchorer(agencyId, candidate.anchorer);
        _setRecovery(agencyId, candidate.recovery);
        _storeDescriptor(agencyId, 1, candidate.descriptorDigest, uint40(block.timestamp));
        emit LogOpened(agencyId, logIdOf(agencyId, 0), 0, 0, 0, 0);
    }

    function _setAnchorer(bytes32 agencyId, address anchorer) internal {
        if (anchorer == address(0)) revert AgencyRegistryZeroValue();
        bytes32 owner = _anchorerAgency[anchorer];
        if (owner != 0 && owner != agencyId) revert AgencyRegistryAnchorerInUse(anchorer, owner);
        _requireApart(agencyId, anchorer, _recoveries[agencyId].account);
        _anchorerAgency[anchorer] = agencyId;
        _hot[agencyId].anchorer = anchorer;
        emit AnchorerRotated(agencyId, anchorer);
    }

    function _announced(address account, uint40 times) internal view returns (Announced memory) {
        uint40 readyAt = uint40(block.timestamp) + times * _recoveryDelay;
        return Announced(account, readyAt, uint56(block.number) + times * _recoveryBlocks);
    }

    /// @dev What is scheduled is carried out from its ready time on, for as long as a proposal lives.
    function _requireReady(uint40 readyAt, uint56 readyBlock) internal view {
        if (block.timestamp < readyAt || block.number < readyBlock) revert AgencyRegistryNotReady(readyAt, readyBlock);
        if (block.timestamp > readyAt + _proposalLife) revert AgencyRegistryExpired(readyAt + _proposalLife);
    }

    function _requireAccepted(address account, bytes32 agencyId, bytes32 digest) internal view {
        if (!_accepted[account][agencyId][digest]) revert AgencyRegistryRoleNotAccepted(account, agencyId, digest);
    }

    function _requireStatus(bytes32 agencyId, Status expected) internal view {
        Status found = _hot[agencyId].status;
        if (found != expected) revert AgencyRegistryWrongStatus(agencyId, found);
    }

    function _requireAlive(bytes32 agencyId) internal view {
        Status status = _hot[agencyId].status;
        if (status != Status.Active && status != Status.Suspended) revert AgencyRegistryWrongStatus(agencyId, status);
    }

    /// @dev The pattern of the package (ledger/domain/identity/names.py): two letters, a hyphen, then 1 to 32 capitals,
    /// digits and hyphens that neither begin nor end with a hyphen.
    function _isCode(bytes memory code) private pure returns (bool) {
        uint256 length = code.length;
        if (length < 4 || length > 35 || code[3] == "-" || code[length - 1] == "-") return false;
        for (uint256 i = 0; i < length; ++i) {
            bytes1 c = code[i];
            bool letter = c >= "A" && c <= "Z";
            if (i < 2 ? !letter : i == 2 ? c != "-" : !(letter || (c >= "0" && c <= "9") || c == "-")) return false;
        }
        return true;
    }

    function _setGovernor(bytes32 agencyId, address governor) private {
        if (governor == address(0)) revert AgencyRegistryZeroValue();
        // One account must not vote for two agencies.
        bytes32 owner = _governorAgency[governor];
        if (owner != 0 && owner != agencyId) revert AgencyRegistryGovernorInUse(governor, owner);
        _requireApart(agencyId, governor, _recoveries[agencyId].account);
        delete _governorAgency[_governors[agencyId]];
        delete _pendingGovernors[agencyId];
        delete _places[agencyId];
        _governorAgency[governor] = agencyId;
        _governors[agencyId] = governor;
        emit GovernorRotated(agencyId, governor);
    }

    function _setRecovery(bytes32 agencyId, address account) private {
        if (account == address(0)) revert AgencyRegistryZeroValue();
        _requireApart(agencyId, account, _governors[agencyId]);
        _requireApart(agencyId, account, _hot[agencyId].anchorer);
        _recoveries[agencyId].account = account;
        emit RecoveryRotated(agencyId, account);
    }

    function _storeDescriptor(bytes32 agencyId, uint256 version, bytes32 digest, uint256 activeFrom) private {
        _descriptors[agencyId][version] = keccak256(abi.encode(digest, activeFrom, block.number));
        emit DescriptorPublished(agencyId, version, digest, activeFrom);
    }

    /// @dev A slot that was emptied would make an older descriptor, whose keys may be stolen, the last one for ever.
    function _cancelPending(bytes32 agencyId) private returns (bool) {
        Hot storage hot = _hot[agencyId];
        (uint16 version, uint40 activeFrom) = (hot.pendingVersion, hot.pendingActiveFrom);
        if (version == 0 || block.timestamp >= activeFrom) return false;
        (_cancelled[agencyId].pendingVersion, _cancelled[agencyId].pendingActiveFrom) = (version, activeFrom);
        (hot.pendingVersion, hot.pendingActiveFrom) = (0, 0);
        _descriptors[agencyId][version] = CANCELLED;
        emit DescriptorCancelled(agencyId, version);
        return true;
    }

    function _anchor(address anchorer, bool orSuspended) private view returns (bytes32 agencyId, Hot storage hot) {
        agencyId = _anchorerAgency[anchorer];
        hot = _hot[agencyId];
        if (hot.anchorer != anchorer || anchorer == address(0)) revert AgencyRegistryNotAnchorer(anchorer);
        if (hot.status != Status.Active && !(orSuspended && hot.status == Status.Suspended)) {
            revert AgencyRegistryWrongStatus(agencyId, hot.status);
        }
    }

    function _requireTurn(bytes32 agencyId, Announced memory announced) private view {
        if (announced.account != msg.sender) revert AgencyRegistryNotAnnounced(agencyId, msg.sender);
        _requireReady(announced.readyAt, announced.readyBlock);
        _requireStatus(agencyId, Status.Active);
    }

    /// @dev What is pending is cancelled by the recovery account as well.
    function _requireEither(bytes32 agencyId, bool cancels) private view {
        if (_governors[agencyId] != msg.sender && !(cancels && _recoveries[agencyId].account == msg.sender)) {
            revert AgencyRegistryNotGovernor(agencyId, msg.sender);
        }
        _requireAlive(agencyId);
    }

    function _requirePast(bytes32 agencyId, uint40 activeFrom) private view {
        if (block.timestamp < activeFrom) revert AgencyRegistryDescriptorPending(agencyId, activeFrom);
    }

    /// @dev The recovery account lies apart from the two that it recovers from.
    function _requireApart(bytes32 agencyId, address one, address other) private pure {
        if (one == other) revert AgencyRegistryRecoveryNotApart(agencyId, one);
    }
}
