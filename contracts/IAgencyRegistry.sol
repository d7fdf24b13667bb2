// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Registry of the agencies that share a ledger
/// @notice No owner and no proxy: founders are set at deployment, everything that touches another agency needs the
/// votes of more than half of the active agencies, the target excluded. An agency id is SHA-256 of its code.
interface IAgencyRegistry {
    enum Status {
        None,
        Active,
        Suspended,
        Retired
    }

    enum ProposalKind {
        None,
        Admit,
        Suspend,
        Reinstate,
        Retire,
        Recover,
        OpenLog
    }

    enum ProposalState {
        None,
        Open,
        Waiting,
        Executed,
        Vetoed
    }

    struct Founder {
        string code;
        address governor;
        address anchorer;
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

    struct Agency {
        address governor;
        address pendingGovernor;
        address anchorer;
        Status status;
        uint16 logNumber;
        uint16 version;
        uint16 pendingVersion;
        uint40 pendingActiveFrom;
        bytes32 successor;
    }

    struct Proposal {
        ProposalKind kind;
        ProposalState state;
        uint40 expires;
        uint40 readyAt;
        bytes32 target;
        bytes payload;
        bytes32[] electors;
    }

    event AgencyAdmitted(bytes32 indexed agencyId, string code, address governor, address anchorer);
    event AgencySuspended(bytes32 indexed agencyId);
    event AgencyReinstated(bytes32 indexed agencyId);
    event AgencyRetired(bytes32 indexed agencyId, bytes32 indexed successor);
    event AnchorerRotated(bytes32 indexed agencyId, address indexed anchorer);
    event GovernorProposed(bytes32 indexed agencyId, address indexed governor);
    event GovernorRotated(bytes32 indexed agencyId, address indexed governor);
    event DescriptorPublished(bytes32 indexed agencyId, uint256 indexed version, bytes32 digest, uint256 activeFrom);
    event DescriptorCancelled(bytes32 indexed agencyId, uint256 indexed version);
    event LogOpened(
        bytes32 indexed agencyId, bytes32 indexed logId, bytes32 parent, uint256 size, bytes32 root, bytes32 mapRoot
    );
    event ProposalMade(uint256 indexed id, ProposalKind kind, bytes32 indexed target, bytes payload, uint256 expires);
    event ProposalVoted(uint256 indexed id, bytes32 indexed agencyId, address governor);
    event RecoveryScheduled(uint256 indexed id, bytes32 indexed agencyId, uint256 readyAt);
    event ProposalVetoed(uint256 indexed id);
    event ProposalExecuted(uint256 indexed id);

    error AgencyRegistryNoFounders();
    error AgencyRegistryTooManyAgencies(uint256 limit);
    error AgencyRegistryKnownAgency(bytes32 agencyId);
    error AgencyRegistryShortIdTaken(bytes24 shortId);
    error AgencyRegistryBadCode(string code);
    error AgencyRegistryZeroValue();
    error AgencyRegistryNotGovernor(bytes32 agencyId, address caller);
    error AgencyRegistryNotPendingGovernor(bytes32 agencyId, address caller);
    error AgencyRegistryGovernorInUse(address governor, bytes32 agencyId);
    error AgencyRegistryAnchorerInUse(address anchorer, bytes32 agencyId);
    error AgencyRegistryNotAnchorer(address caller);
    error AgencyRegistryWrongStatus(bytes32 agencyId, Status found);
    error AgencyRegistryDescriptorPending(bytes32 agencyId, uint256 version);
    error AgencyRegistryNoPendingDescriptor(bytes32 agencyId);
    error AgencyRegistryBadProposal(ProposalKind kind);
    error AgencyRegistryProposalState(uint256 id, ProposalState found);
    error AgencyRegistryProposalExpired(uint256 id, uint256 expires);
    error AgencyRegistryNotElector(uint256 id, bytes32 agencyId);
    error AgencyRegistryNotEnoughVotes(uint256 id, uint256 votes, uint256 electors);
    error AgencyRegistryRecoveryNotReady(uint256 id, uint256 readyAt);
    error AgencyRegistryUnknownCheckpoint(bytes32 logId, uint256 size);

    /// @notice Publish the next descriptor version; in force after the deployment's delay. Governor only.
    function publishDescriptor(bytes32 agencyId, bytes32 digest) external;

    /// @notice Delete a descriptor that is not yet in force; its number is used again. Governor only.
    function cancelDescriptor(bytes32 agencyId) external;

    /// @notice Replace the anchoring account. An address serves one agency for ever. Governor only.
    function rotateAnchorer(bytes32 agencyId, address anchorer) external;

    /// @notice First step of handing governance over; zero cancels. Governor only.
    function proposeGovernor(bytes32 agencyId, address governor) external;

    /// @notice Second step, called by the account that was named.
    function acceptGovernor(bytes32 agencyId) external;

    /// @notice Make a numbered proposal on behalf of the active agency `proposer`, which votes for it at once if it is
    /// an elector. The electorate is fixed here: all active agencies but the target.
    /// @param payload Admit: abi.encode(Founder); Suspend and Reinstate: empty; Retire: abi.encode(bytes32 successor);
    /// Recover: abi.encode(address governor); OpenLog: abi.encode(address anchorer, Checkpoint)
    function propose(bytes32 proposer, ProposalKind kind, bytes32 target, bytes calldata payload)
        external
        returns (uint256 id);

    /// @notice Vote for a proposal. A vote counts only while the governor who cast it is in office.
    function vote(uint256 id, bytes32 agencyId) external;

    /// @notice Carry out a proposal that has more than half of its electorate; a recovery first waits its delay.
    function execute(uint256 id) external;

    /// @notice The governor in office refuses a recovery, at any time before it is carried out.
    function veto(uint256 id) external;

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

    /// @notice The agency with this short id (the first 24 bytes of its id), or the one that continues it after retirement.
    function resolve(bytes24 shortId) external view returns (bytes32);

    function agency(bytes32 agencyId) external view returns (Agency memory);

    /// @notice keccak256(abi.encode(digest, activeFrom, block number of publication)), or zero.
    function descriptorCommitment(bytes32 agencyId, uint256 version) external view returns (bytes32);

    function forkOf(bytes32 logId) external view returns (Fork memory);
    function logIdOf(bytes32 agencyId, uint256 logNumber) external view returns (bytes32);
    function proposal(uint256 id) external view returns (Proposal memory);
    function proposalCount() external view returns (uint256);
    function agencyCount() external view returns (uint256);
    function agencyAt(uint256 index) external view returns (bytes32);
    function ledger() external view returns (address);
    function delays() external view returns (uint256 descriptorDelay, uint256 proposalLife, uint256 recoveryDelay);
}
