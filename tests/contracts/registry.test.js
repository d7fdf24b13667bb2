// Governance of the registry: who may do what, and that nobody may do it alone.
const { expect } = require("chai");
const { ethers } = require("hardhat");
const { time } = require("@nomicfoundation/hardhat-network-helpers");
const { anyValue } = require("@nomicfoundation/hardhat-chai-matchers/withArgs");
const { deploy, idOf, digestOf, DELAYS } = require("./support/deploy");

const KIND = { Admit: 1, Suspend: 2, Reinstate: 3, Retire: 4, Recover: 5, OpenLog: 6 };
const CHECKPOINT = "tuple(uint256,uint256,bytes32,bytes32,uint256,uint256,uint256)";
const coder = ethers.AbiCoder.defaultAbiCoder();
const ZERO = ethers.ZeroHash;

describe("AgencyRegistry", function () {
  let registry, ledger, agencies, spare, Registry, Ledger, a, b, c;

  beforeEach(async function () {
    ({ registry, ledger, agencies, spare, Registry, Ledger } = await deploy());
    [a, b, c] = agencies;
  });

  const as = (who) => registry.connect(who);
  async function pass(kind, target, payload, voters) {
    const id = await registry.proposalCount();
    await as(voters[0].governor).propose(voters[0].id, kind, target, payload);
    for (const voter of voters.slice(1)) await as(voter.governor).vote(id, voter.id);
    return id;
  }
  const admission = (code, governor, anchorer) =>
    coder.encode(["tuple(string,address,address,bytes32)"], [[code, governor.address, anchorer.address, digestOf(code)]]);

  describe("deployment", function () {
    it("takes founders, and keeps their descriptors' commitments with time and block", async function () {
      expect(await registry.agencyCount()).to.equal(3);
      const found = await registry.agency(a.id);
      expect([found.governor, found.anchorer, found.status, found.version]).to.deep.equal([a.governor.address, a.anchorer.address, 1n, 1n]);
      const [event] = await registry.queryFilter(registry.filters.DescriptorPublished(a.id));
      const expected = ethers.keccak256(coder.encode(["bytes32", "uint256", "uint256"], [a.descriptorDigest, event.args.activeFrom, event.blockNumber]));
      expect(await registry.descriptorCommitment(a.id, 1)).to.equal(expected);
      expect(await registry.agencyAt(0)).to.equal(a.id);
      expect(await registry.delays()).to.deep.equal([3600n, 86400n, 7200n]);
    });

    it("refuses none, twice the same code, account or anchorer, and bad codes", async function () {
      const at = await ledger.getAddress();
      const [g1, k1, g2, k2] = spare;
      const founder = (code, g, k, d = digestOf("x")) => [code, g.address, k.address, d];
      const make = (...founders) => Registry.deploy(at, founders, 1, 1, 1);
      await expect(make()).to.be.revertedWithCustomError(Registry, "AgencyRegistryNoFounders");
      await expect(make(founder("NL-A", g1, k1), founder("NL-A", g2, k2))).to.be.revertedWithCustomError(Registry, "AgencyRegistryKnownAgency");
      await expect(make(founder("NL-A", g1, k1), founder("NL-B", g1, k2))).to.be.revertedWithCustomError(Registry, "AgencyRegistryGovernorInUse");
      await expect(make(founder("NL-A", g1, k1), founder("NL-B", g2, k1))).to.be.revertedWithCustomError(Registry, "AgencyRegistryAnchorerInUse");
      await expect(make(founder("N", g1, k1))).to.be.revertedWithCustomError(Registry, "AgencyRegistryBadCode");
      await expect(make(founder("NL-A", g1, k1, ZERO))).to.be.revertedWithCustomError(Registry, "AgencyRegistryZeroValue");
      await expect(Registry.deploy(ethers.ZeroAddress, [founder("NL-A", g1, k1)], 1, 1, 1)).to.be.revertedWithCustomError(Registry, "AgencyRegistryZeroValue");
    });

    it("a ledger refuses a registry that names another ledger", async function () {
      await expect(Ledger.deploy(await registry.getAddress())).to.be.revertedWithCustomError(Ledger, "EvidenceLedgerWrongRegistry");
    });
  });

  describe("descriptors", function () {
    it("a stranger cannot publish, the governor can, and it is in force after the delay only", async function () {
      await expect(as(b.governor).publishDescriptor(a.id, digestOf("2"))).to.be.revertedWithCustomError(registry, "AgencyRegistryNotGovernor");
      await as(a.governor).publishDescriptor(a.id, digestOf("2"));
      expect((await registry.activeAnchor(a.anchorer.address))[2]).to.equal(1);
      await time.increase(DELAYS.descriptor);
      expect((await registry.activeAnchor(a.anchorer.address))[2]).to.equal(2);
    });

    it("a pending one blocks the next, can be cancelled, and its number is used again", async function () {
      await as(a.governor).publishDescriptor(a.id, digestOf("2"));
      await expect(as(a.governor).publishDescriptor(a.id, digestOf("3"))).to.be.revertedWithCustomError(registry, "AgencyRegistryDescriptorPending");
      await as(a.governor).cancelDescriptor(a.id);
      expect(await registry.descriptorCommitment(a.id, 2)).to.equal(ZERO);
      await as(a.governor).publishDescriptor(a.id, digestOf("3"));
      expect(await registry.descriptorCommitment(a.id, 2)).to.not.equal(ZERO);
    });

    it("one in force cannot be cancelled, and its predecessor's commitment stays for ever", async function () {
      const first = await registry.descriptorCommitment(a.id, 1);
      await as(a.governor).publishDescriptor(a.id, digestOf("2"));
      await time.increase(DELAYS.descriptor);
      await expect(as(a.governor).cancelDescriptor(a.id)).to.be.revertedWithCustomError(registry, "AgencyRegistryNoPendingDescriptor");
      await as(a.governor).publishDescriptor(a.id, digestOf("3"));
      expect(await registry.descriptorCommitment(a.id, 1)).to.equal(first);
      expect((await registry.agency(a.id)).version).to.equal(2);
    });

    it("refuses an empty digest", async function () {
      await expect(as(a.governor).publishDescriptor(a.id, ZERO)).to.be.revertedWithCustomError(registry, "AgencyRegistryZeroValue");
    });
  });

  describe("accounts", function () {
    it("an anchorer serves one agency for ever, even after it was rotated out", async function () {
      await as(a.governor).rotateAnchorer(a.id, spare[0].address);
      await expect(registry.activeAnchor(a.anchorer.address)).to.be.revertedWithCustomError(registry, "AgencyRegistryNotAnchorer");
      await expect(as(b.governor).rotateAnchorer(b.id, a.anchorer.address)).to.be.revertedWithCustomError(registry, "AgencyRegistryAnchorerInUse");
      await expect(as(a.governor).rotateAnchorer(a.id, ethers.ZeroAddress)).to.be.revertedWithCustomError(registry, "AgencyRegistryZeroValue");
      await as(a.governor).rotateAnchorer(a.id, a.anchorer.address);
      expect((await registry.activeAnchor(a.anchorer.address))[0]).to.equal(a.id);
    });

    it("governance is handed over in two steps", async function () {
      const next = spare[0];
      await as(a.governor).proposeGovernor(a.id, next.address);
      await expect(as(spare[1]).acceptGovernor(a.id)).to.be.revertedWithCustomError(registry, "AgencyRegistryNotPendingGovernor");
      await as(next).acceptGovernor(a.id);
      await expect(as(a.governor).proposeGovernor(a.id, next.address)).to.be.revertedWithCustomError(registry, "AgencyRegistryNotGovernor");
      await expect(as(next).acceptGovernor(a.id)).to.be.revertedWithCustomError(registry, "AgencyRegistryNotPendingGovernor");
    });

    it("one account cannot govern two agencies", async function () {
      await as(a.governor).proposeGovernor(a.id, b.governor.address);
      await expect(as(b.governor).acceptGovernor(a.id)).to.be.revertedWithCustomError(registry, "AgencyRegistryGovernorInUse");
    });
  });

  describe("proposals", function () {
    it("admission needs more than half, and one vote of three is not", async function () {
      const id = idOf("DE-BKA");
      const payload = admission("DE-BKA", spare[0], spare[1]);
      const proposal = await pass(KIND.Admit, id, payload, [a]);
      await expect(registry.execute(proposal)).to.be.revertedWithCustomError(registry, "AgencyRegistryNotEnoughVotes").withArgs(proposal, 1, 3);
      await as(b.governor).vote(proposal, b.id);
      await expect(registry.execute(proposal)).to.emit(registry, "AgencyAdmitted").withArgs(id, "DE-BKA", spare[0].address, spare[1].address);
      await expect(registry.execute(proposal)).to.be.revertedWithCustomError(registry, "AgencyRegistryProposalState");
      expect(await registry.resolve(id.slice(0, 50))).to.equal(id);
    });

    it("the id of a candidate is the hash of its code, and no known agency is admitted again", async function () {
      const payload = admission("DE-BKA", spare[0], spare[1]);
      await expect(as(a.governor).propose(a.id, KIND.Admit, idOf("DE-XXX"), payload)).to.be.revertedWithCustomError(registry, "AgencyRegistryBadCode");
      await expect(as(a.governor).propose(a.id, KIND.Admit, b.id, admission("RO-DIICOT", spare[0], spare[1]))).to.be.revertedWithCustomError(registry, "AgencyRegistryWrongStatus");
    });

    it("the target has no vote, but may propose against itself without one", async function () {
      const proposal = await pass(KIND.Suspend, b.id, "0x", [a]);
      await expect(as(b.governor).vote(proposal, b.id)).to.be.revertedWithCustomError(registry, "AgencyRegistryNotElector");
      await expect(registry.execute(proposal)).to.be.revertedWithCustomError(registry, "AgencyRegistryNotEnoughVotes").withArgs(proposal, 1, 2);
      const own = await pass(KIND.Suspend, b.id, "0x", [b]);
      await expect(registry.execute(own)).to.be.revertedWithCustomError(registry, "AgencyRegistryNotEnoughVotes").withArgs(own, 0, 2);
    });

    it("a vote is void when its governor changes before execution, and the new one may vote", async function () {
      const proposal = await pass(KIND.Suspend, c.id, "0x", [a, b]);
      await as(b.governor).proposeGovernor(b.id, spare[0].address);
      await as(spare[0]).acceptGovernor(b.id);
      await expect(registry.execute(proposal)).to.be.revertedWithCustomError(registry, "AgencyRegistryNotEnoughVotes").withArgs(proposal, 1, 2);
      await as(spare[0]).vote(proposal, b.id);
      await expect(registry.execute(proposal)).to.emit(registry, "AgencySuspended").withArgs(c.id);
    });

    it("the electorate is fixed at proposal: a newcomer cannot vote on it", async function () {
      const suspension = await pass(KIND.Suspend, c.id, "0x", [a]);
      await registry.execute(await pass(KIND.Admit, idOf("DE-BKA"), admission("DE-BKA", spare[0], spare[1]), [a, b]));
      await expect(as(spare[0]).vote(suspension, idOf("DE-BKA"))).to.be.revertedWithCustomError(registry, "AgencyRegistryNotElector");
    });

    it("expires", async function () {
      const proposal = await pass(KIND.Suspend, c.id, "0x", [a]);
      await time.increase(DELAYS.proposal + 1);
      await expect(as(b.governor).vote(proposal, b.id)).to.be.revertedWithCustomError(registry, "AgencyRegistryProposalExpired");
      await expect(registry.execute(proposal)).to.be.revertedWithCustomError(registry, "AgencyRegistryProposalExpired");
    });

    it("a suspended agency neither anchors, proposes nor counts; reinstated, it does again", async function () {
      const other = await pass(KIND.Suspend, b.id, "0x", [a, c]);
      await registry.execute(await pass(KIND.Suspend, c.id, "0x", [a, b]));
      await expect(registry.activeAnchor(c.anchorer.address)).to.be.revertedWithCustomError(registry, "AgencyRegistryWrongStatus").withArgs(c.id, 2);
      await expect(as(c.governor).propose(c.id, KIND.Suspend, a.id, "0x")).to.be.revertedWithCustomError(registry, "AgencyRegistryWrongStatus");
      await expect(registry.execute(other)).to.be.revertedWithCustomError(registry, "AgencyRegistryNotEnoughVotes").withArgs(other, 1, 2);
      await registry.execute(await pass(KIND.Reinstate, c.id, "0x", [a, b]));
      expect((await registry.activeAnchor(c.anchorer.address))[0]).to.equal(c.id);
      await expect(as(a.governor).propose(a.id, KIND.Reinstate, c.id, "0x")).to.be.revertedWithCustomError(registry, "AgencyRegistryWrongStatus");
    });

    it("two votes on the same suspension: the second execution is refused", async function () {
      const one = await pass(KIND.Suspend, c.id, "0x", [a, b]);
      const two = await pass(KIND.Suspend, c.id, "0x", [a, b]);
      await registry.execute(one);
      await expect(registry.execute(two)).to.be.revertedWithCustomError(registry, "AgencyRegistryWrongStatus");
    });

    it("retirement names an active successor, which resolve follows", async function () {
      const to = (successor) => coder.encode(["bytes32"], [successor]);
      await expect(as(a.governor).propose(a.id, KIND.Retire, c.id, to(c.id))).to.be.revertedWithCustomError(registry, "AgencyRegistryBadProposal");
      await expect(as(a.governor).propose(a.id, KIND.Retire, c.id, to(idOf("XX-NO")))).to.be.revertedWithCustomError(registry, "AgencyRegistryWrongStatus");
      const proposal = await pass(KIND.Retire, c.id, to(b.id), [a, b]);
      await expect(registry.execute(proposal)).to.emit(registry, "AgencyRetired").withArgs(c.id, b.id);
      expect(await registry.resolve(c.id.slice(0, 50))).to.equal(b.id);
      await expect(as(c.governor).rotateAnchorer(c.id, spare[0].address)).to.be.revertedWithCustomError(registry, "AgencyRegistryWrongStatus");
      await expect(as(a.governor).propose(a.id, KIND.Suspend, c.id, "0x")).to.be.revertedWithCustomError(registry, "AgencyRegistryWrongStatus");
    });

    it("unknown kinds and unknown targets are refused", async function () {
      await expect(as(a.governor).propose(a.id, 0, b.id, "0x")).to.be.revertedWithCustomError(registry, "AgencyRegistryBadProposal");
      await expect(as(a.governor).propose(a.id, KIND.Suspend, idOf("XX-NO"), "0x")).to.be.revertedWithCustomError(registry, "AgencyRegistryWrongStatus");
      await expect(as(spare[5]).propose(a.id, KIND.Suspend, b.id, "0x")).to.be.revertedWithCustomError(registry, "AgencyRegistryNotGovernor");
    });
  });

  describe("recovery", function () {
    const to = (governor) => coder.encode(["address"], [governor.address]);

    it("waits its delay after the vote, then replaces the governor", async function () {
      const proposal = await pass(KIND.Recover, c.id, to(spare[0]), [a, b]);
      await expect(registry.execute(proposal)).to.emit(registry, "RecoveryScheduled").withArgs(proposal, c.id, anyValue);
      await expect(registry.execute(proposal)).to.be.revertedWithCustomError(registry, "AgencyRegistryRecoveryNotReady");
      await time.increase(DELAYS.recovery);
      await registry.execute(proposal);
      expect((await registry.agency(c.id)).governor).to.equal(spare[0].address);
    });

    it("a takeover is vetoed by the governor in office, and by nobody else", async function () {
      const proposal = await pass(KIND.Recover, c.id, to(spare[0]), [a, b]);
      await registry.execute(proposal);
      await expect(as(a.governor).veto(proposal)).to.be.revertedWithCustomError(registry, "AgencyRegistryNotGovernor");
      await as(c.governor).veto(proposal);
      await time.increase(DELAYS.recovery);
      await expect(registry.execute(proposal)).to.be.revertedWithCustomError(registry, "AgencyRegistryProposalState");
      await expect(as(c.governor).veto(proposal)).to.be.revertedWithCustomError(registry, "AgencyRegistryProposalState");
      await expect(as(a.governor).propose(a.id, KIND.Recover, c.id, coder.encode(["address"], [ethers.ZeroAddress]))).to.be.revertedWithCustomError(registry, "AgencyRegistryZeroValue");
    });

    it("nothing but a recovery can be vetoed", async function () {
      const proposal = await pass(KIND.Suspend, c.id, "0x", [a]);
      await expect(as(c.governor).veto(proposal)).to.be.revertedWithCustomError(registry, "AgencyRegistryProposalState");
    });
  });

  describe("a new log after theft of an anchoring key", function () {
    async function checkpointOf(agency, size) {
      const logId = await ledger.logIdOf(agency.id, 0);
      const events = await ledger.queryFilter(ledger.filters.CheckpointAnchored(logId));
      const event = events.find((one) => one.args.size === BigInt(size));
      const { timestamp } = await ethers.provider.getBlock(event.blockNumber);
      return [event.args.prevSize, event.args.size, event.args.root, event.args.mapRoot, event.args.descriptorVersion, timestamp, event.blockNumber];
    }
    const open = (anchorer, fork) => coder.encode(["address", CHECKPOINT], [anchorer.address, fork]);

    it("starts at a checkpoint that was anchored, closes the parent, and shuts the thief out", async function () {
      const root = digestOf("root");
      await ledger.connect(c.anchorer).anchor(0, 1, root, digestOf("map"), []);
      const parent = await ledger.logIdOf(c.id, 0);
      const fork = await checkpointOf(c, 1);
      await registry.execute(await pass(KIND.OpenLog, c.id, open(spare[0], fork), [a, b]));
      const child = await ledger.logIdOf(c.id, 1);
      expect(await registry.forkOf(child)).to.deep.equal([parent, root, 1n, digestOf("map")]);
      await expect(ledger.connect(c.anchorer).anchor(1, 2, digestOf("forged"), digestOf("map"), [digestOf("x")])).to.be.revertedWithCustomError(registry, "AgencyRegistryNotAnchorer");
      await expect(ledger.connect(spare[0]).anchor(0, 1, digestOf("other"), digestOf("map"), [])).to.be.revertedWithCustomError(ledger, "EvidenceLedgerStaleSize").withArgs(1, 0);
      // Repeating the fork point changes nothing; its map root is the parent's, and no other one is taken for it.
      await expect(ledger.connect(spare[0]).anchor(0, 1, root, digestOf("map"), [])).to.not.emit(ledger, "CheckpointAnchored");
      const junk = ledger.connect(spare[0]).anchor(0, 1, root, digestOf("junk"), []);
      await expect(junk).to.be.revertedWithCustomError(ledger, "EvidenceLedgerMapRootDiffers").withArgs(digestOf("map"), digestOf("junk"));
      // A log forked again before its first own checkpoint starts at the same point.
      await registry.execute(await pass(KIND.OpenLog, c.id, open(spare[1], fork), [a, b]));
      expect((await registry.forkOf(await ledger.logIdOf(c.id, 2))).parent).to.equal(child);
    });

    it("refuses a fork point that was never anchored, and takes none at all", async function () {
      await ledger.connect(c.anchorer).anchor(0, 1, digestOf("root"), digestOf("map"), []);
      const fork = await checkpointOf(c, 1);
      for (const [size, i, value] of [[1, 2, digestOf("forged")], [1, 3, digestOf("junk")], [0, 3, digestOf("junk")]]) {
        const other = size ? fork.map((one, j) => (i === j ? value : one)) : [0, 0, ZERO, value, 0, 0, 0];
        const forged = await pass(KIND.OpenLog, c.id, open(spare[0], other), [a, b]);
        await expect(registry.execute(forged)).to.be.revertedWithCustomError(registry, "AgencyRegistryUnknownCheckpoint");
      }
      const nothing = await pass(KIND.OpenLog, c.id, open(spare[0], [0, 0, ZERO, ZERO, 0, 0, 0]), [a, b]);
      await registry.execute(nothing);
      await ledger.connect(spare[0]).anchor(0, 1, digestOf("fresh"), digestOf("map"), []);
      expect((await ledger.latest(await ledger.logIdOf(c.id, 1))).size).to.equal(1);
    });
  });
});
