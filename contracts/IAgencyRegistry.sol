// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Registry of the agencies that share a ledger
/// @notice No owner and no proxy: founders are set at deployment. No vote ever changes the governor or a descriptor of
/// an agency, nor its anchorer, but where it opens a new log by its own vote. An agency id is SHA-256 of its code.
interface IAgencyRegistry {
    enum Status {
        None,
        Active,
        Suspended,
        Retired
    }

    enum Role {
        None,
        Governor,
        Anchorer,
        Recovery
    }

    enum ProposalKind {
        None,
        Admit,
        Suspend,
        Reinstate,
        Retire,
        OpenLog
    }

    enum ProposalState {
        None,
        Open,
        Waiting,
        Executed,
        Cancelled
    }

    /// @notice Seconds, and blocks that must be mined in the time of a recovery, replacement or retirement besides:
    /// whoever halts the chain cannot let a window of objection pass unused. 0 blocks are for development chains.
    struct Delays {
        uint40 descriptor;
        uint40 proposalLife;
        uint40 recovery;
        uint40 recoveryBlocks;
    }

    struct Founder {
        string code;
        address governor;
        address anchorer;
        address recovery;
        bytes32 descriptorDigest;
    }

    /// @notice Preimage of a checkpoint commitment of the ledger, used to name the fork point of a new log.
    struct Checkpoint {
        uint256 prevSize;
        uint256 size;
        bytes32 root;
        bytes32 mapRoot;
        uint256 descriptorVersion;
        uint256 time;
        uint256 blockNumber;
    }

    /// @notice Where a log continues: the parent is closed and its leaves from `size` on do not count. The map root is
    /// the parent's: the child has other keys for the same subjects.
    struct Fork {
        bytes32 parent;
        bytes32 root;
        uint256 size;
        bytes32 mapRoot;
    }

    /// @notice An account that was announced, and from when on it takes office.
    struct Announced {
        address account;
        uint40 readyAt;
        uint56 readyBlock;
    }

    struct Recovery {
        address account;
        Announced governor;
        Announced replacement;
    }

    /// @notice Seconds; `end` is 0 while it lasts.
    struct Suspension {
        uint40 begin;
        uint40 end;
    }

    /// @notice `size` is that of the last checkpoint whose entries the successor holds.
    struct Retirement {
        bytes32 successor;
        uint40 retiredAt;
        uint48 size;
    }

    struct Agency {
        address governor;
        address pendingGovernor;
        address anchorer;
        Status status;
        uint16 logNumber;
        uint16 version;
        uint16 pendingVersion;
        uint40 pendingActiveFrom;
        Retirement retirement;
        Recovery recovery;
    }

    /// @notice `votes` has bit n set where the agency admitted as number n voted; `digest` is
    /// keccak256(abi.encode(proposer, kind, target, payload)).
    struct Proposal {
        ProposalKind kind;
        ProposalState state;
        uint40 expires;
        uint40 readyAt;
        uint56 readyBlock;
        bytes32 proposer;
        bytes32 target;
        bytes32 digest;
        uint256 votes;
        bytes payload;
    }

    /// @notice Agencies not retired; votes that stand, the target's own among them, and without it; whether the target
    /// and the successor named voted.
    struct Tally {
        uint256 agencies;
        uint256 votes;
        uint256 others;
        bool own;
        bool successor;
    }

    event AgencyAdmitted(
        bytes32 indexed agencyId, string code, address governor, address anchorer, address recovery
    );
    event AgencySuspended(bytes32 indexed agencyId, uint256 number);
    event AgencyReinstated(bytes32 indexed agencyId, uint256 number);
    event AgencyRetired(bytes32 indexed agencyId, bytes32 indexed successor, uint256 size);
    event RoleAccepted(address indexed account, bytes32 indexed agencyId, bytes32 digest, bool accepted);
    event AnchorerRotated(bytes32 indexed agencyId, address indexed anchorer);
    event GovernorProposed(bytes32 indexed agencyId, address indexed governor);
    event GovernorRotated(bytes32 indexed agencyId, address indexed governor);
    event GovernorAnnounced(bytes32 indexed agencyId, address indexed governor, uint256 readyAt, uint256 readyBlock);
    event RecoveryAnnounced(bytes32 indexed agencyId, address indexed account, uint256 readyAt, uint256 readyBlock);
    event RecoveryRefused(bytes32 indexed agencyId, address indexed account);
    event RecoveryRotated(bytes32 indexed agencyId, address indexed account);
    event DescriptorPublished(bytes32 indexed agencyId, uint256 indexed version, bytes32 digest, uint256 activeFrom);
    event DescriptorCancelled(bytes32 indexed agencyId, uint256 indexed version);
    event LogOpened(
        bytes32 indexed agencyId, bytes32 indexed logId, bytes32 parent, uint256 size, bytes32 root, bytes32 mapRoot
    );
    event ProposalMade(
        uint256 indexed id,
        bytes32 indexed proposer,
        bytes32 indexed target,
        ProposalKind kind,
        bytes payload,
        uint256 expires
    );
    event ProposalVoted(uint256 indexed id, bytes32 indexed agencyId, address governor, bool inFavour);
    event RetirementScheduled(uint256 indexed id, bytes32 indexed agencyId, uint256 readyAt, uint256 readyBlock);
    event ProposalCancelled(uint256 indexed id);
    event ProposalExecuted(uint256 indexed id);

    error AgencyRegistryBadFounders(uint256 found, uint256 limit);
    error AgencyRegistryTooManyAgencies(uint256 limit);
    error AgencyRegistryKnownAgency(bytes32 agencyId);
    error AgencyRegistryShortIdTaken(bytes24 shortId);
    error AgencyRegistryBadCode(string code);
    error AgencyRegistryZeroValue();
    error AgencyRegistryNotGovernor(bytes32 agencyId, address caller);
    error AgencyRegistryNotRecovery(bytes32 agencyId, address caller);
    error AgencyRegistryNotAnnounced(bytes32 agencyId, address caller);
    error AgencyRegistryNotPendingGovernor(bytes32 agencyId, address caller);
    error AgencyRegistryGovernorInUse(address governor, bytes32 agencyId);
    error AgencyRegistryAnchorerInUse(address anchorer, bytes32 agencyId);
    error AgencyRegistryRecoveryNotApart(bytes32 agencyId, address account);
    error AgencyRegistryRoleNotAccepted(address account, bytes32 agencyId, bytes32 digest);
    error AgencyRegistryNotAnchorer(address caller);
    error AgencyRegistryWrongStatus(bytes32 agencyId, Status found);
    error AgencyRegistryDescriptorPending(bytes32 agencyId, uint256 activeFrom);
    error AgencyRegistryNoPendingDescriptor(bytes32 agencyId);
    error AgencyRegistryBadProposal(ProposalKind kind);
    error AgencyRegistryProposalPending(uint256 id);
    error AgencyRegistryProposalState(uint256 id, ProposalState found);
    error AgencyRegistryOtherProposal(uint256 id, bytes32 digest);
    error AgencyRegistryNotElector(bytes32 agencyId);
    error AgencyRegistryNotEnoughVotes(uint256 id, uint256 votes, uint256 agencies);
    error AgencyRegistryTooManyVotes(uint256 id, uint256 votes, uint256 agencies);
    error AgencyRegistryNotReady(uint256 readyAt, uint256 readyBlock);
    error AgencyRegistryExpired(uint256 expires);
    error AgencyRegistryOtherLog(bytes32 agencyId, uint256 logNumber);
    error AgencyRegistryUnknownCheckpoint(bytes32 logId, uint256 size);
    error AgencyRegistryTooLongAgo(uint256 elapsed, uint256 limit);

    /// @notice Publish the next descriptor version; in force after the deployment's delay. Governor only.
    function publishDescriptor(bytes32 agencyId, bytes32 digest) external;

    /// @notice Void a descriptor that is not yet in force. Its number is spent, and nothing is published before it
    /// would have come into force. Governor or recovery account.
    function cancelDescriptor(bytes32 agencyId) external;

    /// @notice The caller says that it serves an agency as that payload tells, or takes it back. The payload is that of
    /// the proposal (Admit, OpenLog), or of a rotation abi.encode(Role.Anchorer, account).
    function acceptRole(bytes32 agencyId, bytes32 digest) external;
    function revokeRole(bytes32 agencyId, bytes32 digest) external;

    /// @notice Replace the anchoring account, which has accepted. An address serves one agency for ever. Governor only.
    function rotateAnchorer(bytes32 agencyId, address anchorer) external;

    /// @notice First step of handing governance over; zero cancels. Governor; the recovery account may cancel.
    function proposeGovernor(bytes32 agencyId, address governor) external;

    /// @notice Second step, called by the account that was named.
    function acceptGovernor(bytes32 agencyId) external;

    /// @notice The recovery account names another governor, whom the one in office cannot stop; zero takes it back.
    function announceGovernor(bytes32 agencyId, address governor) external;

    /// @notice The governor announced takes office after the recovery delay, not while the agency is suspended. What
    /// else is pending for the agency is cancelled.
    function takeOffice(bytes32 agencyId) external;

    /// @notice The governor names another recovery account; zero takes it back.
    function announceRecovery(bytes32 agencyId, address account) external;

    /// @notice The recovery account in office refuses its replacement.
    function refuseRecovery(bytes32 agencyId) external;

    /// @notice The recovery account announced takes office after twice the delay, not while the agency is suspended.
    function takeRecovery(bytes32 agencyId) external;

    /// @notice Make a numbered proposal on behalf of the agency `proposer`, which votes for it at once. It must be
    /// one whose vote would stand, and have no other proposal under way.
    /// @param payload Admit: abi.encode(Founder); Suspend and Reinstate: empty; Retire: abi.encode(bytes32 successor);
    /// OpenLog: abi.encode(address anchorer, uint256 log number that it ends, Checkpoint, Checkpoint directly behind)
    function propose(bytes32 proposer, ProposalKind kind, bytes32 target, bytes calldata payload)
        external
        returns (uint256 id);

    /// @notice Vote for a proposal; `digest` says which one, since a reorganisation swaps numbers. A vote counts only
    /// while the governor who cast it is in office, and the agency active.
    function vote(uint256 id, bytes32 agencyId, bytes32 digest) external;

    /// @notice Take a vote back, until the proposal is executed.
    function takeBack(uint256 id, bytes32 agencyId) external;

    /// @notice The proposer's governor ends a proposal.
    function cancel(uint256 id) external;

    /// @notice Carry out a proposal that has its votes now, counted over all agencies that are not retired; of a
    /// retirement this begins the delay.
    function execute(uint256 id) external;

    /// @notice The successor's governor carries out a retirement after its delay, if it still has its votes.
    /// @param size of the last checkpoint of the agency's log whose entries the successor holds; the newest one where
    /// the retirement rests on the agency's own vote
    function executeRetirement(uint256 id, uint256 size) external;

    /// @notice The agency's recovery account stops a retirement that two thirds without the agency do not want.
    function stopRetirement(uint256 id) external;

    /// @notice The agency that `anchorer` may anchor for now; reverts unless it is active and the key current.
    function activeAnchor(address anchorer)
        external
        view
        returns (bytes32 agencyId, uint256 logNumber, uint256 version);

    /// @notice As activeAnchor, with the status of another agency in the same call.
    function activePair(address anchorer, bytes32 other)
        external
        view
        returns (bytes32 agencyId, uint256 logNumber, Status status);

    /// @notice The agency that `anchorer` speaks for, which is active or suspended.
    function anchorOf(address anchorer) external view returns (bytes32 agencyId, uint256 logNumber, Status status);

    /// @notice The agency with this short id (the first 24 bytes of its id), or the one that continues it after retirement.
    function resolve(bytes24 shortId) external view returns (bytes32);

    function agency(bytes32 agencyId) external view returns (Agency memory);

    /// @notice keccak256(abi.encode(digest, activeFrom, block number of publication)), of a cancelled version
    /// keccak256(abi.encode(bytes32(0), 0, 0)), or zero.
    function descriptorCommitment(bytes32 agencyId, uint256 version) external view returns (bytes32);

    function forkOf(bytes32 logId) external view returns (Fork memory);
    function logIdOf(bytes32 agencyId, uint256 logNumber) external view returns (bytes32);
    function suspensionCount(bytes32 agencyId) external view returns (uint256);
    function suspensionAt(bytes32 agencyId, uint256 number) external view returns (Suspension memory);
    function hasAccepted(address account, bytes32 agencyId, bytes32 digest) external view returns (bool);
    function proposal(uint256 id) external view returns (Proposal memory);
    function proposalCount() external view returns (uint256);

    /// @notice What a proposal has now, and whether that is enough.
    function tally(uint256 id) external view returns (Tally memory counted, bool enough);

    function agencyCount() external view returns (uint256);
    function agencyAt(uint256 index) external view returns (bytes32);
    function ledger() external view returns (address);
    function delays() external view returns (Delays memory);
}
