// Gas of the calls that agencies pay for every day, against a committed snapshot (UPDATE_GAS=1 rewrites it).
const { expect } = require("chai");
const fs = require("fs");
const path = require("path");
const { ethers } = require("hardhat");
const { deploy, digestOf } = require("./support/deploy");
const { UniformTree, seeded } = require("./support/tree");

const SNAPSHOT = path.join(__dirname, "gas.snapshot.json");
const SEED = 20261121;
const LOW = 2 ** 20;
// No byte of either is zero, and each checkpoint brings another one than the last, as of a real map.
const [MAP_ROOT, NEXT_MAP_ROOT] = [`0x${"a1".repeat(32)}`, `0x${"b2".repeat(32)}`];

// Places a checkpoint into the log's storage, as if it had been anchored: the tests need logs of a million leaves.
async function placeLatest(ledger, logId, root, size) {
  const slot = ethers.keccak256(ethers.AbiCoder.defaultAbiCoder().encode(["bytes32", "uint256"], [logId, 0]));
  const address = await ledger.getAddress();
  const packed = (await ethers.provider.getBlock("latest")).timestamp;
  const word = BigInt(size) | (BigInt(packed) << 48n) | (1n << 88n);
  await ethers.provider.send("hardhat_setStorageAt", [address, slot, ethers.hexlify(root)]);
  const second = ethers.toBeHex(BigInt(slot) + 1n, 32);
  await ethers.provider.send("hardhat_setStorageAt", [address, second, ethers.toBeHex(word, 32)]);
  await ethers.provider.send("hardhat_setStorageAt", [address, ethers.toBeHex(BigInt(slot) + 2n, 32), MAP_ROOT]);
}

// Call data costs more for a byte that is not zero: times are chosen so that the figures do not depend on the clock.
function withoutZeroByte(time) {
  while (ethers.toBeArray(time).includes(0)) time++;
  return time;
}

const used = async (pending) => Number((await (await pending).wait()).gasUsed);
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

describe("gas [not in coverage]", function () {
  const tree = new UniformTree(Buffer.from(digestOf("leaf").slice(2), "hex"));
  const figures = {};

  it(`anchor between 2^20 and 2^21 leaves (seed ${SEED})`, async function () {
    const { ledger, agencies } = await deploy();
    const logId = await ledger.logIdOf(agencies[0].id, 0);
    const random = seeded(SEED);
    const costs = [];
    const pairs = [[LOW, LOW + 1], [LOW + 1, 2 * LOW - 1], [2 * LOW - 2, 2 * LOW - 1], [2 * LOW - 1, 2 * LOW], [LOW + 1, 2 * LOW]];
    while (pairs.length < 200) {
      const old = LOW + random(LOW - 1);
      pairs.push([old, old + 1 + random(2 * LOW - old)]);
    }
    for (const step of [1, 16, 256, 4096, 65536]) {
      for (let i = 0; i < 40; i++) {
        const old = LOW + random(LOW - step);
        pairs.push([old, old + step]);
      }
    }
    for (const [old, size] of pairs) {
      await placeLatest(ledger, logId, tree.root(old), old);
      const call = ledger.connect(agencies[0].anchorer).anchor(old, size, tree.root(size), NEXT_MAP_ROOT, tree.consistency(old, size));
      costs.push(await used(call));
    }
    figures.anchorMedian = median(costs);
    figures.anchorWorst = Math.max(...costs);
    expect(figures.anchorMedian).to.be.at.most(95000);
    expect(figures.anchorWorst).to.be.at.most(100000);
  });

  it("first anchor, repeat, offer and accept in a log of a million leaves (depth 20)", async function () {
    const { ledger, agencies } = await deploy();
    const [giver, taker] = agencies;
    figures.anchorFirst = await used(ledger.connect(giver.anchorer).anchor(0, 1, tree.root(1), MAP_ROOT, []));
    figures.anchorRepeat = await used(ledger.connect(giver.anchorer).anchor(0, 1, tree.root(1), MAP_ROOT, []));
    const size = LOW - 4321; // depth 20
    for (const side of [giver, taker]) await placeLatest(ledger, await ledger.logIdOf(side.id, 0), tree.root(size), size);
    const leaf = tree.root(1);
    const proof = tree.inclusion(777777, size);
    const ref = digestOf("ref");
    for (const name of ["First", "Again"]) {
      const [from, to] = name === "First" ? [giver, taker] : [taker, giver];
      const now = (await ethers.provider.getBlock("latest")).timestamp;
      const expires = withoutZeroByte(now + 86400);
      await ethers.provider.send("evm_setNextBlockTimestamp", [withoutZeroByte(now + 1)]);
      const sent = await ledger.connect(from.anchorer).offerTransfer(giver.id, ref, to.id, leaf, expires, 777777, proof);
      const receipt = await sent.wait();
      figures[`offer${name}`] = Number(receipt.gasUsed);
      const time = (await ethers.provider.getBlock(receipt.blockNumber)).timestamp;
      const offer = [from.id, to.id, leaf, time, expires];
      figures[`accept${name}`] = await used(ledger.connect(to.anchorer).acceptTransfer(giver.id, ref, offer, leaf, 777777, proof));
    }
    expect(Math.max(figures.offerFirst, figures.offerAgain)).to.be.at.most(105000);
    expect(Math.max(figures.acceptFirst, figures.acceptAgain)).to.be.at.most(75000);
  });

  it("equals the committed snapshot", function () {
    if (process.env.UPDATE_GAS === "1") fs.writeFileSync(SNAPSHOT, JSON.stringify(figures, null, 2) + "\n");
    console.log(figures);
    expect(figures).to.deep.equal(JSON.parse(fs.readFileSync(SNAPSHOT, "utf8")));
  });
});
