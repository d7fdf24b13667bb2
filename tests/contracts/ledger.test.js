// The ledger: append-only checkpoints, inclusion, and custody across agencies.
const { expect } = require("chai");
const { ethers } = require("hardhat");
const { time } = require("@nomicfoundation/hardhat-network-helpers");
const { deploy, digestOf } = require("./support/deploy");
const { KIND, governing } = require("./support/governance");
const { Tree, leafHash, seeded } = require("./support/tree");

const coder = ethers.AbiCoder.defaultAbiCoder();
const bytes = (hex) => Buffer.from(hex.slice(2), "hex");
const SEED = 7;

describe("EvidenceLedger", function () {
  let ledger, registry, agencies, a, b, c, log;
  const leaves = Array.from({ length: 70 }, (_, i) => leafHash(Buffer.from(`entry ${i}`)));
  const tree = (n) => new Tree(leaves.slice(0, n));
  const as = (agency) => ledger.connect(agency.anchorer);
  const mapRoot = (size) => digestOf(`map of ${size}`);
  const anchor = (agency, old, size) => as(agency).anchor(old, size, tree(size).root(), mapRoot(size), old ? tree(size).consistency(old) : []);

  beforeEach(async function () {
    ({ ledger, registry, agencies } = await deploy());
    [a, b, c] = agencies;
    log = await ledger.logIdOf(a.id, 0);
  });

  describe("checkpoints", function () {
    it("every pair of sizes up to 40 is accepted with its proof", async function () {
      const random = seeded(SEED);
      for (let size = 1, old = 0; size <= 40; old = size, size += 1 + random(4)) await anchor(a, old, size);
    });

    it("keeps the latest and a commitment to each", async function () {
      await anchor(a, 0, 5);
      const sent = await (await anchor(a, 5, 9)).wait();
      const { timestamp } = await ethers.provider.getBlock(sent.blockNumber);
      expect(await ledger.latest(log)).to.deep.equal([ethers.hexlify(tree(9).root()), 9n, BigInt(timestamp), BigInt(sent.blockNumber), mapRoot(9)]);
      const preimage = coder.encode(["uint256", "uint256", "bytes32", "bytes32", "uint256", "uint256", "uint256"], [5, 9, tree(9).root(), mapRoot(9), 1, timestamp, sent.blockNumber]);
      expect(await ledger.checkpointCommitment(log, 9)).to.equal(ethers.keccak256(preimage));
      expect(await ledger.checkpointCommitment(log, 5)).to.not.equal(ethers.ZeroHash);
    });

    it("a repeat of the latest changes nothing, whatever old size it names", async function () {
      await anchor(a, 0, 5);
      const before = await ledger.checkpointCommitment(log, 5);
      for (const old of [0, 4, 5]) await expect(as(a).anchor(old, 5, tree(5).root(), mapRoot(5), [])).to.not.emit(ledger, "CheckpointAnchored");
      expect(await ledger.checkpointCommitment(log, 5)).to.equal(before);
    });

    it("a repeat with another map root is refused and told apart", async function () {
      await anchor(a, 0, 5);
      await anchor(a, 5, 9);
      const before = await ledger.checkpointCommitment(log, 9);
      for (const other of [mapRoot(5), ethers.ZeroHash]) {
        const repeat = as(a).anchor(5, 9, tree(9).root(), other, tree(9).consistency(5));
        await expect(repeat).to.be.revertedWithCustomError(ledger, "EvidenceLedgerMapRootDiffers").withArgs(mapRoot(9), other);
      }
      expect(await ledger.checkpointCommitment(log, 9)).to.equal(before);
      expect((await ledger.latest(log)).mapRoot).to.equal(mapRoot(9));
    });

    it("the event tells the map root, and the third word of a log holds it", async function () {
      await expect(anchor(a, 0, 5)).to.emit(ledger, "CheckpointAnchored").withArgs(log, 0, 5, tree(5).root(), mapRoot(5), 1);
      const slot = BigInt(ethers.keccak256(coder.encode(["bytes32", "uint256"], [log, 0])));
      expect(await ethers.provider.getStorage(await ledger.getAddress(), slot + 2n)).to.equal(mapRoot(5));
    });

    it("refuses a rewritten history: root and proof corrupted one by one and together", async function () {
      await anchor(a, 0, 13);
      const root = tree(29).root();
      const proof = tree(29).consistency(13);
      const bad = digestOf("forged");
      await expect(as(a).anchor(13, 29, bad, mapRoot(29), proof)).to.be.revertedWithCustomError(ledger, "RFC9162ConsistencyMismatch");
      for (let i = 0; i < proof.length; i++) {
        const forged = proof.map((node, j) => (i === j ? bad : node));
        await expect(as(a).anchor(13, 29, root, mapRoot(29), forged)).to.be.revertedWithCustomError(ledger, "RFC9162ConsistencyMismatch");
        await expect(as(a).anchor(13, 29, bad, mapRoot(29), forged)).to.be.revertedWithCustomError(ledger, "RFC9162ConsistencyMismatch");
      }
      for (const other of [[], proof.slice(1), proof.slice(0, -1), [...proof, bad], [...proof].reverse()]) {
        await expect(as(a).anchor(13, 29, root, mapRoot(29), other)).to.be.revertedWithCustomError(ledger, "RFC9162ConsistencyMismatch");
      }
      await expect(as(a).anchor(13, 29, root, mapRoot(29), Array(64).fill(bad))).to.be.revertedWithCustomError(ledger, "RFC9162ProofTooLong");
      const rewritten = new Tree([leafHash(Buffer.from("another")), ...leaves.slice(1, 29)]);
      await expect(as(a).anchor(13, 29, rewritten.root(), mapRoot(29), rewritten.consistency(13))).to.be.revertedWithCustomError(ledger, "RFC9162ConsistencyMismatch");
    });

    it("refuses stale, shrinking, equal and huge sizes, and a proof where none belongs", async function () {
      await expect(as(a).anchor(0, 1, tree(1).root(), mapRoot(1), [digestOf("x")])).to.be.revertedWithCustomError(ledger, "EvidenceLedgerUnexpectedProof");
      await expect(as(a).anchor(0, 0, tree(1).root(), mapRoot(1), [])).to.be.revertedWithCustomError(ledger, "EvidenceLedgerNotLarger");
      await expect(as(a).anchor(0, 2n ** 48n, tree(1).root(), mapRoot(1), [])).to.be.revertedWithCustomError(ledger, "EvidenceLedgerTooLarge");
      await anchor(a, 0, 8);
      await expect(as(a).anchor(7, 9, tree(9).root(), mapRoot(1), tree(9).consistency(7))).to.be.revertedWithCustomError(ledger, "EvidenceLedgerStaleSize").withArgs(8, 7);
      await expect(as(a).anchor(8, 7, tree(7).root(), mapRoot(1), [])).to.be.revertedWithCustomError(ledger, "EvidenceLedgerNotLarger");
      await expect(as(a).anchor(8, 8, digestOf("other"), mapRoot(1), [])).to.be.revertedWithCustomError(ledger, "EvidenceLedgerNotLarger");
    });

    it("nobody anchors but the agency's own anchorer, each into its own log", async function () {
      await expect(ledger.connect(a.governor).anchor(0, 1, tree(1).root(), mapRoot(1), [])).to.be.revertedWithCustomError(registry, "AgencyRegistryNotAnchorer");
      await anchor(a, 0, 3);
      await anchor(b, 0, 4);
      expect((await ledger.latest(log)).size).to.equal(3);
      expect((await ledger.latest(await ledger.logIdOf(b.id, 0))).size).to.equal(4);
    });
  });

  describe("inclusion", function () {
    it("holds for every leaf of trees up to 20, and for nothing else", async function () {
      let old = 0;
      for (const size of [1, 2, 3, 7, 8, 20]) {
        await anchor(a, old, size);
        old = size;
        for (let i = 0; i < size; i++) {
          const proof = tree(size).inclusion(i);
          await ledger.verifyInclusion(log, leaves[i], i, proof);
          await expect(ledger.verifyInclusion(log, digestOf("x"), i, proof)).to.be.revertedWithCustomError(ledger, "RFC9162InclusionMismatch");
          await expect(ledger.verifyInclusion(log, leaves[i], i, [...proof, digestOf("x")])).to.be.revertedWithCustomError(ledger, "RFC9162InclusionMismatch");
          if (proof.length) await expect(ledger.verifyInclusion(log, leaves[i], i, proof.slice(1))).to.be.revertedWithCustomError(ledger, "RFC9162InclusionMismatch");
          if (size > 1) await expect(ledger.verifyInclusion(log, leaves[i], (i + 1) % size, proof)).to.be.revertedWithCustomError(ledger, "RFC9162InclusionMismatch");
        }
      }
      await expect(ledger.verifyInclusion(log, leaves[0], 20, [])).to.be.revertedWithCustomError(ledger, "RFC9162IndexOutOfRange");
      await expect(ledger.verifyInclusion(log, leaves[0], 0, Array(64).fill(digestOf("x")))).to.be.revertedWithCustomError(ledger, "RFC9162ProofTooLong");
      await expect(ledger.verifyInclusion(await ledger.logIdOf(b.id, 0), leaves[0], 0, [])).to.be.revertedWithCustomError(ledger, "EvidenceLedgerNothingAnchored");
    });
  });

  describe("custody across agencies", function () {
    const ref = digestOf("ref");
    const OUTCOME = { acceptTransfer: 1, declineTransfer: 2, withdrawTransfer: 3 };
    let key;

    beforeEach(async function () {
      for (const agency of agencies) await anchor(agency, 0, 20);
      key = ethers.keccak256(coder.encode(["bytes32", "bytes32"], [a.id, ref]));
    });

    const proofOf = (i) => tree(20).inclusion(i);
    async function offer(from, to, i = 3, life = 1000) {
      const expires = (await time.latest()) + life;
      const sent = await as(from).offerTransfer(a.id, ref, to.id, leaves[i], expires, i, proofOf(i));
      const { blockNumber } = await sent.wait();
      const { timestamp } = await ethers.provider.getBlock(blockNumber);
      return [from.id, to.id, ethers.hexlify(leaves[i]), BigInt(timestamp), BigInt(expires)];
    }
    const conclude = (by, how, open, i = 5) => as(by)[how](a.id, ref, open, leaves[i], i, proofOf(i));
    async function hopOf(previous, open, how, i) {
      const timestamp = await time.latest();
      return ethers.keccak256(coder.encode(["bytes32", "bytes32", "bytes32", "bytes32", "uint256", "uint256", "uint8", "bytes32", "uint256"], [previous, ...open, OUTCOME[how], leaves[i], timestamp]));
    }

    it("acceptance moves custody and chains the hops", async function () {
      const first = await offer(a, b);
      expect(await ledger.custodianOf(a.id, ref)).to.equal(a.id);
      expect(await ledger.hopCommitment(key, 0)).to.equal(ethers.keccak256(coder.encode(["bytes32", "bytes32", "bytes32", "uint256", "uint256"], first)));
      await expect(conclude(b, "acceptTransfer", first)).to.emit(ledger, "TransferConcluded").withArgs(key, 0, 1, leaves[5]);
      const one = await hopOf(ethers.ZeroHash, first, "acceptTransfer", 5);
      expect(await ledger.hopCommitment(key, 0)).to.equal(one);
      expect(await ledger.custodianOf(a.id, ref)).to.equal(b.id);
      const second = await offer(b, c, 7);
      await conclude(c, "declineTransfer", second, 8);
      expect(await ledger.hopCommitment(key, 1)).to.equal(await hopOf(one, second, "declineTransfer", 8));
      expect(await ledger.custody(key)).to.deep.equal([b.id.slice(0, 50), 2n, false]);
    });

    it("a second offer while one is open is refused, and so is one by somebody without custody", async function () {
      await expect(offer(b, c)).to.be.revertedWithCustomError(ledger, "EvidenceLedgerNotCustodian");
      await offer(a, b);
      await expect(offer(a, c, 4)).to.be.revertedWithCustomError(ledger, "EvidenceLedgerOfferOpen");
    });

    it("nobody but the addressee accepts or declines, nobody but the giver withdraws", async function () {
      const open = await offer(a, b);
      for (const [who, how] of [[c, "acceptTransfer"], [a, "acceptTransfer"], [c, "declineTransfer"], [a, "declineTransfer"]]) {
        await expect(conclude(who, how, open)).to.be.revertedWithCustomError(ledger, "EvidenceLedgerNotAddressee");
      }
      for (const who of [b, c]) await expect(conclude(who, "withdrawTransfer", open)).to.be.revertedWithCustomError(ledger, "EvidenceLedgerNotCustodian");
    });

    it("withdrawal racing acceptance: the first outcome wins, the second is refused", async function () {
      const open = await offer(a, b);
      await conclude(a, "withdrawTransfer", open, 6);
      await expect(conclude(b, "acceptTransfer", open)).to.be.revertedWithCustomError(ledger, "EvidenceLedgerNoSuchOffer");
      expect(await ledger.custodianOf(a.id, ref)).to.equal(a.id);
      const again = await offer(a, b, 9);
      await conclude(b, "acceptTransfer", again, 10);
      await expect(conclude(a, "withdrawTransfer", again, 11)).to.be.revertedWithCustomError(ledger, "EvidenceLedgerNoSuchOffer");
    });

    it("an offer with any value changed is not the open one", async function () {
      const open = await offer(a, b);
      for (const [i, value] of [[2, digestOf("x")], [3, open[3] + 1n], [4, open[4] + 1n]]) {
        const forged = open.map((one, j) => (i === j ? value : one));
        await expect(conclude(b, "acceptTransfer", forged)).to.be.revertedWithCustomError(ledger, "EvidenceLedgerNoSuchOffer");
      }
    });

    it("acceptance after expiry is refused; the offer stays open until withdrawn or declined", async function () {
      const open = await offer(a, b, 3, 10);
      await time.increase(20);
      await expect(conclude(b, "acceptTransfer", open)).to.be.revertedWithCustomError(ledger, "EvidenceLedgerOfferExpired");
      await expect(offer(a, c, 4)).to.be.revertedWithCustomError(ledger, "EvidenceLedgerOfferOpen");
      await conclude(b, "declineTransfer", open);
      expect((await ledger.custody(key))[2]).to.equal(false);
    });

    it("refuses expiry in the past, oneself or nobody as addressee, and a digest that is not anchored", async function () {
      await expect(offer(a, b, 3, -5)).to.be.revertedWithCustomError(ledger, "EvidenceLedgerOfferTimes");
      await expect(offer(a, a)).to.be.revertedWithCustomError(ledger, "EvidenceLedgerBadAddressee");
      const later = (await time.latest()) + 99;
      await expect(as(a).offerTransfer(a.id, ref, ethers.ZeroHash, leaves[3], later, 3, proofOf(3))).to.be.revertedWithCustomError(ledger, "EvidenceLedgerBadAddressee");
      await expect(as(a).offerTransfer(a.id, ref, b.id, digestOf("unsigned"), later, 3, proofOf(3))).to.be.revertedWithCustomError(ledger, "RFC9162InclusionMismatch");
      const open = await offer(a, b);
      await expect(as(b).acceptTransfer(a.id, ref, open, digestOf("unsigned"), 5, proofOf(5))).to.be.revertedWithCustomError(ledger, "RFC9162InclusionMismatch");
    });

    it("an agency that anchored nothing can offer nothing", async function () {
      const fresh = await deploy();
      const [x, y] = fresh.agencies;
      await expect(fresh.ledger.connect(x.anchorer).offerTransfer(x.id, ref, y.id, leaves[3], 2n ** 40n, 3, [])).to.be.revertedWithCustomError(fresh.ledger, "EvidenceLedgerNothingAnchored");
    });

    const suspend = (target, ...voters) => governing(registry, ledger).carryOut(KIND.Suspend, target, "0x", voters);

    it("a suspended agency neither offers nor accepts, and its offers are not accepted", async function () {
      const open = await offer(a, b);
      await suspend(b, a, c);
      for (const pending of [() => conclude(b, "acceptTransfer", open), () => offer(b, c), () => anchor(b, 20, 21)]) {
        await expect(pending()).to.be.revertedWithCustomError(registry, "AgencyRegistryWrongStatus");
      }
      const other = await deploy();
      [ledger, registry, [a, b, c]] = [other.ledger, other.registry, other.agencies];
      for (const agency of [a, b]) await anchor(agency, 0, 20);
      const theirs = await offer(a, b);
      await suspend(a, b, c);
      await expect(conclude(b, "acceptTransfer", theirs)).to.be.revertedWithCustomError(ledger, "EvidenceLedgerGiverNotActive");
    });

    it("a suspended agency withdraws and declines with a statement that is not anchored, and for nobody else", async function () {
      const unanchored = (by, how, open) => as(by)[how](a.id, ref, open, digestOf("not anchored"), 0, []);
      const first = await offer(a, b);
      await expect(unanchored(b, "declineTransfer", first)).to.be.revertedWithCustomError(ledger, "RFC9162InclusionMismatch");
      await suspend(b, a, c);
      await expect(unanchored(b, "withdrawTransfer", first)).to.be.revertedWithCustomError(ledger, "EvidenceLedgerNotCustodian");
      await expect(unanchored(b, "declineTransfer", first)).to.emit(ledger, "TransferConcluded").withArgs(key, 0, 2, digestOf("not anchored"));
      const second = await offer(a, c, 6);
      await governing(registry, ledger).carryOut(KIND.Reinstate, b, "0x", [a, c]);
      await suspend(a, b, c);
      await expect(unanchored(a, "declineTransfer", second)).to.be.revertedWithCustomError(ledger, "EvidenceLedgerNotAddressee");
      await expect(unanchored(a, "withdrawTransfer", second)).to.emit(ledger, "TransferConcluded").withArgs(key, 1, 3, digestOf("not anchored"));
    });

    it("a retired agency's item is continued by its successor", async function () {
      const open = await offer(a, b);
      await governing(registry, ledger).retire(a, c, [b, c], 20);
      expect(await ledger.custodianOf(a.id, ref)).to.equal(c.id);
      await expect(conclude(a, "withdrawTransfer", open)).to.be.revertedWithCustomError(registry, "AgencyRegistryWrongStatus");
      await conclude(c, "withdrawTransfer", open);
      const next = await offer(c, b, 6, 100000);
      await conclude(b, "acceptTransfer", next, 7);
      expect(await ledger.custodianOf(a.id, ref)).to.equal(b.id);
    });
  });

  it("tells its registry", async function () {
    expect(await ledger.registry()).to.equal(await registry.getAddress());
    expect(await registry.logIdOf(a.id, 3)).to.equal(await ledger.logIdOf(a.id, 3));
    expect(bytes(log).length).to.equal(32);
  });
});
