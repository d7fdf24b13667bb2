// What an agency's own accounts may do in the registry, and that nobody else may.
const { expect } = require("chai");
const { ethers } = require("hardhat");
const { mine, time } = require("@nomicfoundation/hardhat-network-helpers");
const { deploy, idOf, digestOf, DELAYS } = require("./support/deploy");
const { KIND, STATUS, ZERO, keccak, admission, rotation, governing } = require("./support/governance");

describe("AgencyRegistry: what an agency does by itself", function () {
  let registry, ledger, agencies, spare, Registry, Ledger, a, b, c, call;

  beforeEach(async function () {
    ({ registry, ledger, agencies, spare, Registry, Ledger } = await deploy());
    [a, b, c] = agencies;
    call = governing(registry, ledger);
  });

  const as = (who) => registry.connect(who);
  const refused = (pending, error) => expect(pending).to.be.revertedWithCustomError(registry, `AgencyRegistry${error}`);
  const governorOf = async (agency) => (await registry.agency(agency.id)).governor;
  const suspend = (target, ...voters) => call.carryOut(KIND.Suspend, target, "0x", voters);
  const retireC = () => call.retire(c, b, [a, b]);

  describe("deployment", function () {
    const founder = (code, g, k, r, d = digestOf("x")) => [code, g.address, k.address, r.address, d];
    const make = (founders, delays = [1, 1, 1, 0]) => Registry.deploy(ledger.target, founders, delays);

    it("takes founders, and keeps their descriptors' commitments with time and block", async function () {
      expect(await registry.agencyCount()).to.equal(3);
      const found = await registry.agency(a.id);
      expect([found.governor, found.anchorer, found.recovery.account, found.status, found.version])
        .to.deep.equal([a.governor.address, a.anchorer.address, a.recovery.address, STATUS.Active, 1n]);
      const [event] = await registry.queryFilter(registry.filters.DescriptorPublished(a.id));
      const expected = keccak(["bytes32", "uint256", "uint256"], [a.descriptorDigest, event.args.activeFrom, event.blockNumber]);
      expect(await registry.descriptorCommitment(a.id, 1)).to.equal(expected);
      expect(await registry.agencyAt(0)).to.equal(a.id);
      expect(await registry.delays()).to.deep.equal([3600n, 86400n, 7200n, 5n]);
    });

    it("refuses none, too many, the same code or account twice, and a recovery account that is one of the others", async function () {
      const [g1, k1, r1, g2, k2, r2] = spare;
      await refused(make([]), "BadFounders");
      const many = Array.from({ length: 65 }, (_, i) => founder(`NL-A${i}`, g1, k1, r1));
      await expect(make(many)).to.be.revertedWithCustomError(Registry, "AgencyRegistryBadFounders").withArgs(65, 64);
      await refused(make([founder("NL-A", g1, k1, r1), founder("NL-A", g2, k2, r2)]), "KnownAgency");
      await refused(make([founder("NL-A", g1, k1, r1), founder("NL-B", g1, k2, r2)]), "GovernorInUse");
      await refused(make([founder("NL-A", g1, k1, r1), founder("NL-B", g2, k1, r2)]), "AnchorerInUse");
      await refused(make([founder("NL-A", g1, k1, r1, ZERO)]), "ZeroValue");
      const nobody = { address: ethers.ZeroAddress };
      for (const accounts of [[nobody, k1, r1], [g1, nobody, r1], [g1, k1, nobody]]) {
        await refused(make([founder("NL-A", ...accounts)]), "ZeroValue");
      }
      await refused(make([founder("NL-A", g1, k1, g1)]), "RecoveryNotApart");
      await refused(make([founder("NL-A", g1, k1, k1)]), "RecoveryNotApart");
      await refused(Registry.deploy(ethers.ZeroAddress, [founder("NL-A", g1, k1, r1)], [1, 1, 1, 0]), "ZeroValue");
      await refused(make([founder("NL-A", g1, k1, r1)], [1, 0, 1, 0]), "ZeroValue");
    });

    it("takes the codes that the package takes, and no others", async function () {
      const [g, k, r] = spare;
      for (const code of ["", "NL", "NL-", "N-POL", "nl-POL", "N1-POL", "NLXPOL", "NL-pol", "NL--A", "NL-A-", "NL-A_B", "NL-A/B", "NL-A:B", "NL-É", "[L-A", "NL-[", `NL-${"A".repeat(33)}`]) {
        await refused(make([founder(code, g, k, r)]), "BadCode");
      }
      for (const code of ["NL-A", "NL-0", "NL-A-9", `ZZ-${"Z".repeat(32)}`]) await make([founder(code, g, k, r)]);
    });

    it("a ledger refuses a registry that names another ledger", async function () {
      await expect(Ledger.deploy(registry.target)).to.be.revertedWithCustomError(Ledger, "EvidenceLedgerWrongRegistry");
    });
  });

  describe("descriptors", function () {
    const versionInForce = async () => (await registry.activeAnchor(a.anchorer.address))[2];

    it("a stranger cannot publish, the governor can, and it is in force after the delay only", async function () {
      await refused(as(b.governor).publishDescriptor(a.id, digestOf("2")), "NotGovernor");
      await refused(as(a.governor).publishDescriptor(a.id, ZERO), "ZeroValue");
      await as(a.governor).publishDescriptor(a.id, digestOf("2"));
      expect(await versionInForce()).to.equal(1);
      await time.increase(DELAYS.descriptor);
      expect(await versionInForce()).to.equal(2);
    });

    it("a pending one blocks the next; cancelled, its number stays spent and its time has to pass", async function () {
      await as(a.governor).publishDescriptor(a.id, digestOf("2"));
      await refused(as(a.governor).publishDescriptor(a.id, digestOf("3")), "DescriptorPending");
      await refused(as(b.governor).cancelDescriptor(a.id), "NotGovernor");
      await as(a.governor).cancelDescriptor(a.id);
      const cancelled = keccak(["bytes32", "uint256", "uint256"], [ZERO, 0, 0]);
      expect(await registry.descriptorCommitment(a.id, 2)).to.equal(cancelled);
      await refused(as(a.governor).cancelDescriptor(a.id), "NoPendingDescriptor");
      await refused(as(a.governor).publishDescriptor(a.id, digestOf("3")), "DescriptorPending");
      await time.increase(DELAYS.descriptor);
      expect(await versionInForce()).to.equal(1);
      await as(a.governor).publishDescriptor(a.id, digestOf("3"));
      await time.increase(DELAYS.descriptor);
      expect(await versionInForce()).to.equal(3);
      // What was cancelled long ago does not count numbers anew.
      await as(a.governor).publishDescriptor(a.id, digestOf("4"));
      expect((await registry.agency(a.id)).pendingVersion).to.equal(4);
      expect(await registry.descriptorCommitment(a.id, 2)).to.equal(cancelled);
    });

    it("one in force cannot be cancelled, and its predecessor's commitment stays for ever", async function () {
      const first = await registry.descriptorCommitment(a.id, 1);
      await as(a.governor).publishDescriptor(a.id, digestOf("2"));
      await time.increase(DELAYS.descriptor);
      await refused(as(a.governor).cancelDescriptor(a.id), "NoPendingDescriptor");
      await as(a.governor).publishDescriptor(a.id, digestOf("3"));
      expect(await registry.descriptorCommitment(a.id, 1)).to.equal(first);
      expect((await registry.agency(a.id)).version).to.equal(2);
    });

    it("the recovery account cancels what the thief of a governor published", async function () {
      await as(a.governor).publishDescriptor(a.id, digestOf("thief's"));
      await refused(as(b.recovery).cancelDescriptor(a.id), "NotGovernor");
      await expect(as(a.recovery).cancelDescriptor(a.id)).to.emit(registry, "DescriptorCancelled").withArgs(a.id, 2);
    });
  });

  describe("accounts", function () {
    it("an anchorer serves only who it said it serves, and one agency for ever", async function () {
      const digest = rotation(spare[0]);
      await refused(as(a.governor).rotateAnchorer(a.id, spare[0].address), "RoleNotAccepted");
      await as(spare[0]).acceptRole(b.id, digest);
      await refused(as(a.governor).rotateAnchorer(a.id, spare[0].address), "RoleNotAccepted");
      await expect(as(spare[0]).acceptRole(a.id, digest)).to.emit(registry, "RoleAccepted").withArgs(spare[0].address, a.id, digest, true);
      await as(spare[0]).revokeRole(a.id, digest);
      await refused(as(a.governor).rotateAnchorer(a.id, spare[0].address), "RoleNotAccepted");
      await as(spare[0]).acceptRole(a.id, digest);
      expect(await registry.hasAccepted(spare[0].address, a.id, digest)).to.equal(true);
      await refused(as(b.governor).rotateAnchorer(a.id, spare[0].address), "NotGovernor");
      await as(a.governor).rotateAnchorer(a.id, spare[0].address);
      await refused(registry.activeAnchor(a.anchorer.address), "NotAnchorer");
      await as(a.anchorer).acceptRole(b.id, rotation(a.anchorer));
      await refused(as(b.governor).rotateAnchorer(b.id, a.anchorer.address), "AnchorerInUse");
      await as(a.anchorer).acceptRole(a.id, rotation(a.anchorer));
      await as(a.governor).rotateAnchorer(a.id, a.anchorer.address);
      expect((await registry.activeAnchor(a.anchorer.address))[0]).to.equal(a.id);
      await refused(registry.activeAnchor(ethers.ZeroAddress), "NotAnchorer");
    });

    it("governance is handed over in two steps, and cancelled by governor and recovery account", async function () {
      const next = spare[0];
      await refused(as(b.governor).proposeGovernor(a.id, next.address), "NotGovernor");
      await refused(as(a.recovery).proposeGovernor(a.id, next.address), "NotGovernor");
      for (const canceller of [a.governor, a.recovery]) {
        await as(a.governor).proposeGovernor(a.id, next.address);
        await as(canceller).proposeGovernor(a.id, ethers.ZeroAddress);
        await refused(as(next).acceptGovernor(a.id), "NotPendingGovernor");
      }
      await as(a.governor).proposeGovernor(a.id, next.address);
      await refused(as(spare[1]).acceptGovernor(a.id), "NotPendingGovernor");
      await as(next).acceptGovernor(a.id);
      await refused(as(a.governor).proposeGovernor(a.id, next.address), "NotGovernor");
      await refused(as(next).acceptGovernor(a.id), "NotPendingGovernor");
    });

    it("one account cannot govern two agencies, and a recovery account is neither governor nor anchorer", async function () {
      await as(a.governor).proposeGovernor(a.id, b.governor.address);
      await refused(as(b.governor).acceptGovernor(a.id), "GovernorInUse");
      await as(a.governor).proposeGovernor(a.id, a.recovery.address);
      await refused(as(a.recovery).acceptGovernor(a.id), "RecoveryNotApart");
      await as(a.recovery).acceptRole(a.id, rotation(a.recovery));
      await refused(as(a.governor).rotateAnchorer(a.id, a.recovery.address), "RecoveryNotApart");
    });

    it("of a retired agency nothing changes any more", async function () {
      await as(c.governor).proposeGovernor(c.id, spare[0].address);
      await as(spare[0]).acceptRole(c.id, rotation(spare[0]));
      await retireC();
      const [account, digest] = [spare[0].address, digestOf("2")];
      for (const [who, name, ...more] of [
        [spare[0], "acceptGovernor"], [c.governor, "rotateAnchorer", account], [c.governor, "publishDescriptor", digest],
        [c.governor, "proposeGovernor", account], [c.governor, "cancelDescriptor"], [c.governor, "announceRecovery", account],
        [c.recovery, "announceGovernor", account], [c.recovery, "refuseRecovery"], [c.governor, "propose", KIND.Suspend, a.id, "0x"],
      ]) await refused(as(who)[name](c.id, ...more), "WrongStatus");
      await refused(registry.anchorOf(c.anchorer.address), "WrongStatus");
      await refused(registry.activeAnchor(c.anchorer.address), "WrongStatus");
    });
  });

  describe("recovery", function () {
    const announce = (agency, next) => as(agency.recovery).announceGovernor(agency.id, next.address);

    it("the recovery account alone announces a governor, who takes office after seconds and blocks", async function () {
      const next = spare[0];
      for (const other of [a.governor, a.anchorer, b.recovery]) await refused(as(other).announceGovernor(a.id, next.address), "NotRecovery");
      await announce(a, next);
      await refused(as(spare[1]).takeOffice(a.id), "NotAnnounced");
      await refused(as(next).takeOffice(a.id), "NotReady");
      await time.increase(DELAYS.recovery);
      // The seconds alone pass also while the validators halt the chain.
      await refused(as(next).takeOffice(a.id), "NotReady");
      await mine(DELAYS.blocks);
      await expect(as(next).takeOffice(a.id)).to.emit(registry, "GovernorRotated").withArgs(a.id, next.address);
      await refused(as(next).takeOffice(a.id), "NotAnnounced");
    });

    it("blocks alone do not do", async function () {
      await announce(a, spare[0]);
      await mine(DELAYS.blocks + 5);
      await refused(as(spare[0]).takeOffice(a.id), "NotReady");
    });

    it("the window closes a proposal's life after it opened", async function () {
      await announce(a, spare[0]);
      await call.afterDelay();
      await time.increase(DELAYS.proposal);
      await refused(as(spare[0]).takeOffice(a.id), "Expired");
    });

    it("the governor in office cannot stop it, and what else was pending is cancelled", async function () {
      await announce(a, spare[0]);
      await as(a.governor).proposeGovernor(a.id, spare[1].address);
      await as(a.governor).announceRecovery(a.id, spare[2].address);
      await as(a.governor).publishDescriptor(a.id, digestOf("old"));
      await as(a.governor).cancelDescriptor(a.id);
      await call.afterDelay();
      await as(a.governor).publishDescriptor(a.id, digestOf("thief's"));
      await expect(as(spare[0]).takeOffice(a.id)).to.emit(registry, "DescriptorCancelled").withArgs(a.id, 3);
      const found = await registry.agency(a.id);
      expect([found.governor, found.pendingGovernor, found.pendingVersion]).to.deep.equal([spare[0].address, ethers.ZeroAddress, 0n]);
      expect(found.recovery.replacement.account).to.equal(ethers.ZeroAddress);
    });

    it("it stays announced when the governor changes, and is taken back or replaced by who announced it", async function () {
      await announce(a, spare[0]);
      await as(a.governor).proposeGovernor(a.id, spare[1].address);
      await as(spare[1]).acceptGovernor(a.id);
      await call.afterDelay();
      await as(spare[0]).takeOffice(a.id);
      await announce(a, spare[1]);
      await as(a.recovery).announceGovernor(a.id, ethers.ZeroAddress);
      await call.afterDelay();
      await refused(as(spare[1]).takeOffice(a.id), "NotAnnounced");
    });

    it("not while the agency is suspended, so that the others stop the thief of a recovery key", async function () {
      await announce(c, spare[0]);
      await suspend(c, a, b);
      await call.afterDelay();
      await refused(as(spare[0]).takeOffice(c.id), "WrongStatus");
      await call.carryOut(KIND.Reinstate, c, "0x", [a, c]);
      await as(spare[0]).takeOffice(c.id);
      expect(await governorOf(c)).to.equal(spare[0].address);
    });

    it("another recovery account waits twice the delay, and can be refused", async function () {
      await refused(as(b.governor).announceRecovery(a.id, spare[0].address), "NotGovernor");
      await as(a.governor).announceRecovery(a.id, spare[0].address);
      await call.afterDelay();
      await refused(as(spare[0]).takeRecovery(a.id), "NotReady");
      await refused(as(a.governor).refuseRecovery(a.id), "NotRecovery");
      await as(a.recovery).refuseRecovery(a.id);
      await call.afterDelay();
      await refused(as(spare[0]).takeRecovery(a.id), "NotAnnounced");
      await as(a.governor).announceRecovery(a.id, spare[0].address);
      await call.afterDelay(2);
      await expect(as(spare[0]).takeRecovery(a.id)).to.emit(registry, "RecoveryRotated").withArgs(a.id, spare[0].address);
      await refused(announce(a, spare[1]), "NotRecovery");
    });

    it("a replacement does not take back what the account before it announced", async function () {
      await as(a.governor).announceRecovery(a.id, spare[0].address);
      await call.afterDelay();
      await announce(a, spare[1]);
      await call.afterDelay();
      await as(spare[0]).takeRecovery(a.id);
      await as(spare[1]).takeOffice(a.id);
      expect(await governorOf(a)).to.equal(spare[1].address);
    });

    it("a recovery account is apart from governor and anchorer at every change", async function () {
      for (const one of [a.governor, a.anchorer]) {
        await as(a.governor).announceRecovery(a.id, one.address);
        await call.afterDelay(2);
        await refused(as(one).takeRecovery(a.id), "RecoveryNotApart");
      }
      await announce(a, a.recovery);
      await call.afterDelay();
      await refused(as(a.recovery).takeOffice(a.id), "RecoveryNotApart");
    });
  });

  it("a candidate whose short id is another agency's is refused", async function () {
    const slot = (key, at) => keccak(["bytes32", "uint256"], [key, at]);
    const payload = admission("DE-BKA", spare[0], spare[1], spare[2]);
    await call.accept("DE-BKA", payload, spare[0], spare[1], spare[2]);
    const id = await call.pass(KIND.Admit, idOf("DE-BKA"), payload, [a, b]);
    const put = (at, value) => ethers.provider.send("hardhat_setStorageAt", [registry.target, at, value]);
    const taken = slot(`${idOf("DE-BKA").slice(0, 50)}${"00".repeat(8)}`, 12);
    await put(taken, a.id);
    await refused(registry.execute(id), "ShortIdTaken");
  });

  it("the 257th agency is refused", async function () {
    await retireC();
    const accounts = spare.slice(0, 3);
    const payload = admission("DE-BKA", ...accounts);
    await call.accept("DE-BKA", payload, ...accounts);
    const id = await call.pass(KIND.Admit, idOf("DE-BKA"), payload, [a, b]);
    const put = (slot, value) => ethers.provider.send("hardhat_setStorageAt", [registry.target, ethers.toQuantity(slot), value]);
    const first = BigInt(keccak(["uint256"], [13]));
    for (let i = 3n; i < 256n; i++) await put(first + i, c.id); // retired ones, which are not counted
    await put(13, ethers.toBeHex(256, 32));
    await refused(registry.execute(id), "TooManyAgencies").withArgs(256);
  });
});
