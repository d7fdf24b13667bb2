// What agencies decide together: every rule of voting, and that nobody rules alone.
const { expect } = require("chai");
const { ethers } = require("hardhat");
const { time } = require("@nomicfoundation/hardhat-network-helpers");
const { deploy, idOf, digestOf, DELAYS } = require("./support/deploy");
const { KIND, STATUS, STATE, keccak, admission, succession, opening, NOTHING, governing } = require("./support/governance");

const CODES = ["NL-POL", "RO-DIICOT", "US-HSI", "DE-BKA", "FR-DGSI"];
const DE = "AT-BK"; // a candidate

describe("AgencyRegistry: what agencies decide together", function () {
  let registry, ledger, agencies, spare, a, b, c, d, e, call;

  beforeEach(async function () {
    ({ registry, ledger, agencies, spare } = await deploy(CODES));
    [a, b, c, d, e] = agencies;
    call = governing(registry, ledger);
  });

  const as = (who) => registry.connect(who);
  const refused = (pending, error) => expect(pending).to.be.revertedWithCustomError(registry, `AgencyRegistry${error}`);
  const short = (id, votes, of) => refused(registry.execute(id), "NotEnoughVotes").withArgs(id, votes, of);
  const statusOf = async (agency) => (await registry.agency(agency.id)).status;
  const stateOf = async (id) => (await registry.proposal(id)).state;
  const suspend = (target, ...voters) => call.carryOut(KIND.Suspend, target, "0x", voters);
  const replaceGovernor = async (agency, next) => {
    await as(agency.governor).proposeGovernor(agency.id, next.address);
    await as(next).acceptGovernor(agency.id);
    agency.governor = next;
  };

  describe("counting", function () {
    it("suspension needs more than half of all, the target and suspended agencies among them", async function () {
      const id = await call.pass(KIND.Suspend, c, "0x", [a, b]);
      await short(id, 2, 5);
      await refused(call.vote(id, c), "NotElector");
      await call.vote(id, d);
      await expect(registry.execute(id)).to.emit(registry, "AgencySuspended").withArgs(c.id, 0);
      const other = await call.pass(KIND.Suspend, e, "0x", [a, b]);
      await as(c.governor).vote(other, c.id, (await registry.proposal(other)).digest); // stands once it is back
      await short(other, 2, 5);
      expect(await registry.tally(other)).to.deep.equal([[5n, 2n, 2n, false, false], false]);
    });

    it("two of five do not rule after two others were suspended", async function () {
      await suspend(c, a, b, e);
      await suspend(d, a, b, e);
      await short(await call.pass(KIND.Suspend, e, "0x", [a, b]), 2, 5);
    });

    it("on a reinstatement everybody votes, the target and other suspended ones too", async function () {
      await suspend(c, a, b, e);
      await suspend(d, a, b, e);
      const id = await call.pass(KIND.Reinstate, c, "0x", [c, d]);
      await short(id, 2, 5);
      await call.vote(id, e);
      await expect(registry.execute(id)).to.emit(registry, "AgencyReinstated").withArgs(c.id, 0);
      expect(await statusOf(c)).to.equal(STATUS.Active);
    });

    it("admission needs two thirds", async function () {
      const payload = admission(DE, spare[0], spare[1], spare[2]);
      await call.accept(DE, payload, spare[0], spare[1], spare[2]);
      const id = await call.pass(KIND.Admit, idOf(DE), payload, [a, b, c]);
      await short(id, 3, 5);
      await call.vote(id, d);
      await expect(registry.execute(id)).to.emit(registry, "AgencyAdmitted")
        .withArgs(idOf(DE), DE, spare[0].address, spare[1].address, spare[2].address);
      await refused(registry.execute(id), "ProposalState");
      expect(await registry.resolve(idOf(DE).slice(0, 50))).to.equal(idOf(DE));
      expect(await stateOf(id)).to.equal(STATE.Executed);
    });

    it("is done at execution: who passed it alone at first does not execute it when the others have come", async function () {
      const lone = await deploy(["NL-POL"]);
      const there = governing(lone.registry, lone.ledger);
      const [founder] = lone.agencies;
      const puppet = admission("NL-PUPPET", ...lone.spare.slice(0, 3));
      await there.accept("NL-PUPPET", puppet, ...lone.spare.slice(0, 3));
      const id = await there.propose(founder, KIND.Admit, idOf("NL-PUPPET"), puppet);
      expect((await lone.registry.tally(id)).enough).to.equal(true);
      await lone.registry.connect(founder.governor).cancel(id);
      const second = await there.admit("RO-DIICOT", lone.spare.slice(3, 6), [founder]);
      const again = await there.propose(founder, KIND.Admit, idOf("NL-PUPPET"), puppet);
      await expect(lone.registry.execute(again)).to.be.revertedWithCustomError(lone.registry, "AgencyRegistryNotEnoughVotes").withArgs(again, 1, 2);
      await there.vote(again, second);
      await lone.registry.execute(again);
      expect(await lone.registry.agencyCount()).to.equal(3);
    });

    it("an agency admitted meanwhile votes on what was proposed before", async function () {
      const id = await call.pass(KIND.Suspend, c, "0x", [b, d]);
      const newcomer = await call.admit(DE, spare.slice(0, 3), [a, d, c, e]);
      await short(id, 2, 6);
      await call.vote(id, newcomer, e);
      await registry.execute(id);
    });

    it("a vote is void once its governor changed, its agency is suspended or it was taken back", async function () {
      const id = await call.pass(KIND.Suspend, c, "0x", [a, b, d]);
      await as(b.governor).takeBack(id, b.id);
      await short(id, 2, 5);
      await call.vote(id, b);
      await replaceGovernor(b, spare[0]);
      await short(id, 2, 5);
      await call.vote(id, b);
      await suspend(d, b, c, e);
      await short(id, 2, 5);
      await call.carryOut(KIND.Reinstate, d, "0x", [b, c, e]);
      await registry.execute(id);
    });

    it("nobody votes twice, for another agency, or by the digest of another proposal", async function () {
      const id = await call.pass(KIND.Suspend, c, "0x", [a]);
      const { digest, votes } = await registry.proposal(id);
      expect(digest).to.equal(keccak(["bytes32", "uint8", "bytes32", "bytes"], [a.id, KIND.Suspend, c.id, "0x"]));
      await call.vote(id, a);
      expect((await registry.proposal(id)).votes).to.equal(votes).to.equal(1n);
      await short(id, 1, 5);
      await refused(as(a.governor).vote(id, b.id, digest), "NotGovernor");
      await refused(as(b.governor).vote(id, b.id, digestOf("other")), "OtherProposal");
      await refused(as(a.governor).takeBack(id, b.id), "NotGovernor");
      await call.vote(id, e);
      expect((await registry.proposal(id)).votes).to.equal(0b10001n);
    });

    it("a retired agency neither counts nor votes", async function () {
      const id = await call.pass(KIND.Suspend, c, "0x", [a, d]);
      await call.retire(d, b, [b, a, c, e]);
      await short(id, 1, 4);
      await refused(call.vote(id, d), "WrongStatus");
    });
  });

  describe("proposals", function () {
    it("one at a time for a proposer, until it is executed, cancelled, expired, or the governor changed", async function () {
      const first = await call.pass(KIND.Suspend, c, "0x", [a, b, d]);
      await refused(call.propose(a, KIND.Suspend, b), "ProposalPending").withArgs(first);
      await registry.execute(first);
      const second = await call.propose(a, KIND.Suspend, b);
      await refused(as(b.governor).cancel(second), "NotGovernor");
      await expect(as(a.governor).cancel(second)).to.emit(registry, "ProposalCancelled").withArgs(second);
      await refused(call.vote(second, d), "ProposalState");
      await call.propose(a, KIND.Suspend, b);
      await time.increase(DELAYS.proposal + 1);
      const third = await call.propose(a, KIND.Suspend, b);
      await replaceGovernor(a, spare[0]);
      await call.propose(a, KIND.Suspend, e);
      await call.vote(third, d); // the older one stays for the others
    });

    it("expire", async function () {
      const id = await call.pass(KIND.Suspend, c, "0x", [a, b, d]);
      await time.increase(DELAYS.proposal + 1);
      for (const pending of [() => call.vote(id, e), () => registry.execute(id), () => as(a.governor).takeBack(id, a.id), () => as(a.governor).cancel(id)]) {
        await refused(pending(), "Expired");
      }
    });

    it("are made by whose vote stands: not against oneself, while suspended only of what one votes on", async function () {
      await refused(call.propose(c, KIND.Suspend, c), "NotElector");
      await suspend(c, a, b, d);
      await refused(call.propose(c, KIND.Suspend, a), "NotElector");
      await refused(call.propose(c, KIND.Admit, idOf(DE)), "NotElector");
      await call.propose(c, KIND.Reinstate, c);
      await refused(as(spare[5]).propose(a.id, KIND.Suspend, b.id, "0x"), "NotGovernor");
    });

    it("that can never be carried out are refused", async function () {
      const nowhere = { id: idOf("XX-NO") };
      for (const [kind, target, payload, error] of [
        [0, b, "0x", "BadProposal"],
        [KIND.Suspend, nowhere, "0x", "WrongStatus"],
        [KIND.Suspend, b, "0x00", "BadProposal"],
        [KIND.Reinstate, b, "0x", "WrongStatus"],
        [KIND.Reinstate, b, `0x${"00".repeat(2049)}`, "BadProposal"],
        [KIND.Retire, c, succession(c), "BadProposal"],
        [KIND.Retire, c, succession(nowhere), "WrongStatus"],
        [KIND.Retire, nowhere, succession(b), "WrongStatus"],
        [KIND.OpenLog, nowhere, opening(spare[0], 0, NOTHING), "WrongStatus"],
        [KIND.OpenLog, b, opening(spare[0], 1, NOTHING), "OtherLog"],
        [KIND.OpenLog, b, opening(spare[0], 0, NOTHING), "RoleNotAccepted"],
        [KIND.Admit, nowhere, admission(DE, spare[0], spare[1], spare[2]), "BadCode"],
        [KIND.Admit, b, admission("RO-DIICOT", spare[0], spare[1], spare[2]), "WrongStatus"],
      ]) await refused(call.propose(a, kind, target, payload), error);
    });

    it("of two that suspend the same agency the second one reverts", async function () {
      const one = await call.pass(KIND.Suspend, c, "0x", [a, b, d]);
      const two = await call.pass(KIND.Suspend, c, "0x", [b, a, d]);
      await registry.execute(one);
      await refused(registry.execute(two), "WrongStatus");
    });
  });

  it("governor, anchorer and recovery account of a candidate consent, at proposal and at execution", async function () {
    const accounts = spare.slice(0, 3);
    const payload = admission(DE, ...accounts);
    for (const one of accounts) {
      await refused(call.propose(a, KIND.Admit, idOf(DE), payload), "RoleNotAccepted");
      await call.accept(DE, payload, one);
    }
    const id = await call.pass(KIND.Admit, idOf(DE), payload, [a, b, c, d]);
    for (const one of accounts) {
      await as(one).revokeRole(idOf(DE), ethers.keccak256(payload));
      await refused(registry.execute(id), "RoleNotAccepted");
      await call.accept(DE, payload, one);
    }
    // The terms are what they agreed to: another descriptor is another payload.
    const other = admission(DE, ...accounts, digestOf("another descriptor"));
    await refused(call.propose(e, KIND.Admit, idOf(DE), other), "RoleNotAccepted");
    await registry.execute(id);
  });

  it("begin and end of every suspension are kept, by number", async function () {
    const at = async () => BigInt((await ethers.provider.getBlock("latest")).timestamp);
    const times = [];
    for (let i = 0; i < 2; i++) {
      await suspend(c, a, b, d);
      times.push([await at(), 0n]);
      expect(await registry.suspensionAt(c.id, i)).to.deep.equal(times[i]);
      await call.carryOut(KIND.Reinstate, c, "0x", [a, b, d]);
      times[i][1] = await at();
    }
    await suspend(c, a, b, d);
    times.push([await at(), 0n]);
    await call.retire(c, a, [a, b, d, e]);
    times[2][1] = await at();
    expect(await registry.suspensionCount(c.id)).to.equal(3);
    for (let i = 0; i < 3; i++) expect(await registry.suspensionAt(c.id, i)).to.deep.equal(times[i]);
  });

  describe("retirement", function () {
    const schedule = async (voters, target = c, successor = b) => {
      const id = await call.pass(KIND.Retire, target, succession(successor), voters);
      await registry.execute(id);
      return id;
    };
    const finish = (id, size = 0, who = b) => as(who.governor).executeRetirement(id, size);

    it("needs the successor's vote and two thirds, or more than half with the target's own", async function () {
      const id = await call.pass(KIND.Retire, c, succession(b), [a, d, e]);
      await short(id, 3, 5);
      await call.vote(id, c); // four of five, but not the successor
      await short(id, 4, 5);
      await as(e.governor).takeBack(id, e.id);
      await as(d.governor).takeBack(id, d.id);
      await call.vote(id, b);
      expect(await registry.tally(id)).to.deep.equal([[5n, 3n, 2n, true, true], true]);
      await as(c.governor).takeBack(id, c.id);
      await call.vote(id, d);
      await short(id, 3, 5);
      await call.vote(id, e);
      await expect(registry.execute(id)).to.emit(registry, "RetirementScheduled");
      expect(await stateOf(id)).to.equal(STATE.Waiting);
    });

    it("waits the delay in seconds and blocks, and is the successor's to carry out", async function () {
      const id = await schedule([a, b, d, e]);
      await refused(registry.execute(id), "ProposalState");
      await refused(finish(id), "NotReady");
      await time.increase(DELAYS.recovery);
      await refused(finish(id), "NotReady");
      await call.afterDelay();
      await refused(finish(id, 0, a), "NotGovernor");
      await expect(finish(id)).to.emit(registry, "AgencyRetired").withArgs(c.id, b.id, 0);
      const { timestamp } = await ethers.provider.getBlock("latest");
      await refused(finish(id), "ProposalState");
      expect(await registry.resolve(c.id.slice(0, 50))).to.equal(b.id);
      expect((await registry.agency(c.id)).retirement).to.deep.equal([b.id, BigInt(timestamp), 0n]);
    });

    it("is counted again at the end, and votes are taken back and cast while it waits", async function () {
      const id = await schedule([a, b, d, e]);
      await as(e.governor).takeBack(id, e.id);
      await call.afterDelay();
      await refused(finish(id), "NotEnoughVotes");
      await call.vote(id, e);
      await finish(id);
    });

    it("has a window, which frees the proposer's place when it is over", async function () {
      const id = await schedule([a, b, d, e]);
      await refused(call.propose(a, KIND.Suspend, d), "ProposalPending");
      await call.afterDelay();
      await time.increase(DELAYS.proposal);
      await refused(finish(id), "Expired");
      await refused(call.vote(id, a), "Expired");
      await call.propose(a, KIND.Suspend, d);
    });

    it("falls when the successor is no longer active", async function () {
      const id = await schedule([a, b, d, e]);
      await suspend(b, d, c, e);
      await call.afterDelay();
      await refused(finish(id), "NotEnoughVotes");
    });

    it("one below two thirds is stopped by the target's recovery account: its governor may be a thief's", async function () {
      const open = await call.pass(KIND.Retire, c, succession(b), [b, a, c]);
      await refused(as(c.recovery).stopRetirement(open), "ProposalState");
      await registry.execute(open);
      await refused(as(b.recovery).stopRetirement(open), "NotRecovery");
      await as(c.recovery).stopRetirement(open);
      expect(await stateOf(open)).to.equal(STATE.Cancelled);
      const agreed = await schedule([a, b, d, e]);
      await refused(as(c.recovery).stopRetirement(agreed), "TooManyVotes").withArgs(agreed, 4, 5);
    });

    it("names a checkpoint that the contract has, the newest where it rests on the target's own vote", async function () {
      await ledger.connect(c.anchorer).anchor(0, 1, digestOf("root"), digestOf("map"), []);
      await ledger.connect(c.anchorer).anchor(1, 2, ...await extension(), digestOf("map"), [digestOf("leaf")]);
      const own = await schedule([b, a, c]);
      await call.afterDelay();
      for (const size of [0, 1, 3]) await refused(finish(own, size), "UnknownCheckpoint");
      await call.vote(own, d, e); // two thirds without it: what the successor holds
      await refused(finish(own, 3), "UnknownCheckpoint");
      await finish(own, 1);
      expect((await registry.agency(c.id)).retirement.size).to.equal(1);
    });

    it("on the target's own vote an agency that never anchored is retired at 0", async function () {
      const id = await schedule([b, a, c]);
      await call.afterDelay();
      await refused(finish(id, 1), "UnknownCheckpoint");
      await finish(id);
    });
  });

  // The root over two leaves of which the first is what stands at size 1.
  async function extension() {
    return [ethers.sha256(ethers.concat(["0x01", digestOf("root"), digestOf("leaf")]))];
  }
});
