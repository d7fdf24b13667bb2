// A new log after the theft of an anchoring key: only the agency itself gets one, and gives up little of the old one.
const { expect } = require("chai");
const { ethers } = require("hardhat");
const { time } = require("@nomicfoundation/hardhat-network-helpers");
const { deploy, digestOf, DELAYS } = require("./support/deploy");
const { KIND, ZERO, NOTHING, keccak, opening, governing } = require("./support/governance");
const { Tree } = require("./support/tree");

const DAY = 86400;
const MAP = digestOf("map");

describe("AgencyRegistry: a new log", function () {
  let registry, ledger, spare, a, b, c, call;
  const tree = new Tree(Array.from({ length: 9 }, (_, i) => Buffer.from(digestOf(`leaf ${i}`).slice(2), "hex")));

  beforeEach(async function () {
    let agencies;
    ({ registry, ledger, agencies, spare } = await deploy());
    [a, b, c] = agencies;
    call = governing(registry, ledger);
  });

  const as = (who) => registry.connect(who);
  const refused = (pending, error) => expect(pending).to.be.revertedWithCustomError(registry, `AgencyRegistry${error}`);
  const anchor = (from, to, who = c.anchorer) =>
    ledger.connect(who).anchor(from, to, tree.root(0, to), MAP, from ? new Tree(tree.leaves.slice(0, to)).consistency(from) : []);
  const vote = async (payload, voters = [a, c], anchorer = spare[0]) => {
    await call.accept(c.code, payload, anchorer);
    return call.pass(KIND.OpenLog, c, payload, voters);
  };
  const open = async (fork, behind = NOTHING, { number = 0, anchorer = spare[0] } = {}) =>
    registry.execute(await vote(opening(anchorer, number, fork, behind), [a, c], anchorer));
  // Each proposal that fails is taken out of the way of the next one.
  const notOpened = async (fork, behind, error = "UnknownCheckpoint") => {
    const id = await vote(opening(spare[0], 0, fork, behind));
    await refused(registry.execute(id), error);
    await as(a.governor).cancel(id);
  };

  it("needs the agency's own vote and more than half, also while it is suspended", async function () {
    const id = await vote(opening(spare[0], 0, NOTHING), [a, b]);
    await refused(registry.execute(id), "NotEnoughVotes").withArgs(id, 2, 3);
    await as(b.governor).takeBack(id, b.id);
    await call.carryOut(KIND.Suspend, c, "0x", [b, a]);
    await call.vote(id, c);
    await expect(registry.execute(id)).to.emit(registry, "LogOpened");
    await refused(registry.activeAnchor(spare[0].address), "WrongStatus");
    await call.carryOut(KIND.Reinstate, c, "0x", [b, c]);
    expect(await registry.activeAnchor(spare[0].address)).to.deep.equal([c.id, 1n, 1n]);
  });

  it("a suspended agency proposes it for itself", async function () {
    await call.carryOut(KIND.Suspend, c, "0x", [b, a]);
    await registry.execute(await vote(opening(spare[0], 0, NOTHING), [c, b]));
    expect((await registry.agency(c.id)).logNumber).to.equal(1);
  });

  it("is not given to an anchorer who did not say that it serves, or took it back", async function () {
    const payload = opening(spare[0], 0, NOTHING);
    await refused(call.propose(c, KIND.OpenLog, c, payload), "RoleNotAccepted");
    const id = await vote(payload);
    await as(spare[0]).revokeRole(c.id, ethers.keccak256(payload));
    await refused(registry.execute(id), "RoleNotAccepted");
  });

  it("starts at a checkpoint that was anchored, closes the parent, and shuts the thief out", async function () {
    await anchor(0, 1);
    const fork = await call.checkpointOf(c, 1);
    const parent = await ledger.logIdOf(c.id, 0);
    await open(fork);
    const child = await ledger.logIdOf(c.id, 1);
    const root = ethers.hexlify(tree.root(0, 1));
    expect(await registry.forkOf(child)).to.deep.equal([parent, root, 1n, MAP]);
    await refused(anchor(1, 2), "NotAnchorer");
    const now = ledger.connect(spare[0]);
    await expect(now.anchor(0, 1, digestOf("other"), MAP, [])).to.be.revertedWithCustomError(ledger, "EvidenceLedgerStaleSize").withArgs(1, 0);
    // Repeating the fork point changes nothing; its map root is the parent's, and no other one is taken for it.
    await expect(now.anchor(0, 1, root, MAP, [])).to.not.emit(ledger, "CheckpointAnchored");
    const junk = now.anchor(0, 1, root, digestOf("junk"), []);
    await expect(junk).to.be.revertedWithCustomError(ledger, "EvidenceLedgerMapRootDiffers").withArgs(MAP, digestOf("junk"));
    // A log forked again before its first own checkpoint starts at the same point, and at no other.
    for (const i of [1, 2, 3]) {
      const other = fork.map((one, j) => (i !== j ? one : i === 1 ? 2 : digestOf("junk")));
      const id = await vote(opening(spare[1], 1, other), [a, c], spare[1]);
      await refused(registry.execute(id), "UnknownCheckpoint");
      await as(a.governor).cancel(id);
    }
    const behind = await vote(opening(spare[1], 1, fork, fork), [a, c], spare[1]);
    await refused(registry.execute(behind), "UnknownCheckpoint");
    await as(a.governor).cancel(behind);
    await open(fork, NOTHING, { number: 1, anchorer: spare[1] });
    expect((await registry.forkOf(await ledger.logIdOf(c.id, 2))).parent).to.equal(child);
  });

  it("reverts once the agency's current log is another one", async function () {
    const first = await vote(opening(spare[0], 0, NOTHING));
    await call.accept(c.code, opening(spare[1], 0, NOTHING), spare[1]);
    const second = await call.pass(KIND.OpenLog, c, opening(spare[1], 0, NOTHING), [b, c]);
    await registry.execute(first);
    await refused(registry.execute(second), "OtherLog").withArgs(c.id, 1);
  });

  it("goes on from nothing only where nothing was ever anchored", async function () {
    await anchor(0, 1);
    await notOpened(NOTHING, NOTHING);
    await notOpened(NOTHING, await call.checkpointOf(c, 1));
  });

  it("from nothing, where nothing was anchored", async function () {
    await notOpened([0, 0, ZERO, digestOf("junk"), 0, 0, 0], NOTHING);
    await open(NOTHING);
    await ledger.connect(spare[0]).anchor(0, 1, digestOf("fresh"), MAP, []);
    expect((await ledger.latest(await ledger.logIdOf(c.id, 1))).size).to.equal(1);
  });

  it("refuses a checkpoint of which anything is not as it was anchored", async function () {
    await anchor(0, 2);
    const fork = await call.checkpointOf(c, 2);
    for (let i = 0; i < fork.length; i++) {
      await notOpened(fork.map((one, j) => (i !== j ? one : typeof one === "string" ? digestOf("junk") : BigInt(one) + 1n)), NOTHING);
    }
    await open(fork);
  });

  it("names the checkpoint directly behind, which a thief who anchors on does not change", async function () {
    for (const [from, to] of [[0, 2], [2, 3], [3, 5]]) await anchor(from, to);
    const [at, next, last] = await Promise.all([2, 3, 5].map((size) => call.checkpointOf(c, size)));
    await notOpened(at, NOTHING);
    await notOpened(at, last);
    await notOpened(at, next.map((one, i) => (i === 2 ? digestOf("junk") : one)));
    await notOpened(last, last);
    const id = await vote(opening(spare[0], 0, at, next));
    await anchor(5, 7);
    await registry.execute(id);
  });

  it("the newest one is no longer the newest when a thief has anchored since", async function () {
    await anchor(0, 2);
    const id = await vote(opening(spare[0], 0, await call.checkpointOf(c, 2)));
    await anchor(2, 3);
    await refused(registry.execute(id), "UnknownCheckpoint");
  });

  it("a checkpoint behind that was anchored after the proposal was made is young enough", async function () {
    await anchor(0, 2);
    const fork = await call.checkpointOf(c, 2);
    const now = (await ethers.provider.getBlock("latest")).timestamp;
    // The commitment names its block and time: they are settled before the block is made.
    const proposedAt = now + 100;
    const behind = [2, 3, ethers.hexlify(tree.root(0, 3)), MAP, 1, proposedAt + 1000, (await ethers.provider.getBlockNumber()) + 4];
    const payload = opening(spare[0], 0, fork, behind);
    await call.accept(c.code, payload, spare[0]);
    await time.setNextBlockTimestamp(proposedAt);
    const id = await call.pass(KIND.OpenLog, c, payload, [a, c]);
    await time.setNextBlockTimestamp(proposedAt + 1000);
    await anchor(2, 3);
    await registry.execute(id);
  });

  describe("gives up thirty days at most", function () {
    let fork, behind;
    beforeEach(async function () {
      await anchor(0, 2);
      await anchor(2, 3);
      [fork, behind] = [await call.checkpointOf(c, 2), await call.checkpointOf(c, 3)];
    });
    // The proposal is made in the block at this time.
    const openAt = async (at) => {
      await call.accept(c.code, opening(spare[0], 0, fork, behind), spare[0]);
      await time.setNextBlockTimestamp(at);
      return call.pass(KIND.OpenLog, c, opening(spare[0], 0, fork, behind), [a, c]);
    };
    const suspendUntil = async (seconds) => {
      await call.carryOut(KIND.Suspend, c, "0x", [b, a]);
      await time.increase(seconds);
      await call.carryOut(KIND.Reinstate, c, "0x", [b, a]);
    };
    const began = async (number) => Number((await registry.suspensionAt(c.id, number)).begin);
    const ended = async (number) => Number((await registry.suspensionAt(c.id, number)).end);

    it("one second more is too long ago", async function () {
      const id = await openAt(behind[5] + 30 * DAY + 1);
      await refused(registry.execute(id), "TooLongAgo").withArgs(30 * DAY + 1, 30 * DAY);
    });

    it("thirty days are not, however late it is executed", async function () {
      const id = await openAt(behind[5] + 30 * DAY);
      await time.increase(DELAYS.proposal / 2);
      await registry.execute(id);
    });

    it("the time in which it was suspended is not reckoned", async function () {
      await suspendUntil(40 * DAY);
      const lasted = (await ended(0)) - (await began(0));
      const late = await openAt(behind[5] + 30 * DAY + lasted + 1);
      await refused(registry.execute(late), "TooLongAgo").withArgs(30 * DAY + 1, 30 * DAY);
    });

    it("one that ended before does not count", async function () {
      await suspendUntil(40 * DAY);
      for (const [from, to] of [[3, 4], [4, 5]]) await anchor(from, to);
      [fork, behind] = [await call.checkpointOf(c, 4), await call.checkpointOf(c, 5)];
      const id = await openAt(behind[5] + 30 * DAY + 1);
      await refused(registry.execute(id), "TooLongAgo").withArgs(30 * DAY + 1, 30 * DAY);
    });

    it("one that ends after the proposal was made counts until then", async function () {
      await call.carryOut(KIND.Suspend, c, "0x", [b, a]);
      const id = await openAt((await began(0)) + 100 * DAY);
      await call.carryOut(KIND.Reinstate, c, "0x", [b, c]);
      await registry.execute(id);
    });

    it("the newest 64 are reckoned, so that numbers lock nobody out", async function () {
      const list = BigInt(keccak(["bytes32", "uint256"], [c.id, 4]));
      const put = (slot, value) => ethers.provider.send("hardhat_setStorageAt", [registry.target, ethers.toQuantity(slot), ethers.toBeHex(value, 32)]);
      await put(list, 65);
      for (let i = 0n; i < 65n; i++) {
        const begin = BigInt(behind[5]) + i * 100n;
        await put(BigInt(keccak(["uint256"], [list])) + i, begin | ((begin + 100n) << 40n));
      }
      const id = await openAt(behind[5] + 30 * DAY + 6401);
      await refused(registry.execute(id), "TooLongAgo").withArgs(30 * DAY + 1, 30 * DAY);
    });

    it("a suspension that lasts is reckoned until then", async function () {
      await call.carryOut(KIND.Suspend, c, "0x", [b, a]);
      const id = await openAt((await began(0)) + 100 * DAY);
      await registry.execute(id);
    });
  });
});
