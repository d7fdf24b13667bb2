// Every loop of the registry at its bound: none takes a block's gas, so that nobody is locked out by numbers.
const { expect } = require("chai");
const fs = require("fs");
const path = require("path");
const { ethers } = require("hardhat");
const { impersonateAccount, setBalance } = require("@nomicfoundation/hardhat-network-helpers");
const { deploy, idOf, digestOf, DELAYS } = require("./support/deploy");
const { KIND, keccak, admission, succession, opening, governing } = require("./support/governance");
const { Tree } = require("./support/tree");

const SNAPSHOT = path.join(__dirname, "governance-gas.snapshot.json");
const MOST = 5_000_000;
const [FOUNDERS, AGENCIES] = [64, 256];
const word = (value) => ethers.toBeHex(value, 32);
const used = async (pending) => Number((await (await pending).wait()).gasUsed);
// Neither code nor account has a zero byte: the figures do not depend on chance.
const codeOf = (i) => `NL-${"A".repeat(29)}${String(i).padStart(3, "0")}`;
const accountOf = (kind, i) => ethers.getAddress(ethers.toBeHex((BigInt(`0x${kind.repeat(20)}`) & ~0xffffn) | BigInt(0x1111 + i + Math.floor(i / 200) * 256), 20));

describe("the bounds of loops [not in coverage]", function () {
  this.timeout(300000);
  let registry, ledger, spare, call, slots, founders;
  const figures = {};

  const slotOf = (name) => slots.find(({ label }) => label === name).slot;
  const mapped = (name, key) => keccak(["bytes32", "uint256"], [ethers.zeroPadValue(key, 32), slotOf(name)]);
  const put = (slot, value) => ethers.provider.send("hardhat_setStorageAt", [registry.target, ethers.toQuantity(slot), word(value)]);
  const read = (slot) => ethers.provider.getStorage(registry.target, slot);
  const element = (name, i) => BigInt(keccak(["uint256"], [slotOf(name)])) + BigInt(i);

  before(async function () {
    slots = JSON.parse(fs.readFileSync(path.join(__dirname, "../../ledger/adapters/chain/artifacts/AgencyRegistry.json"))).storage;
    const made = await deploy(["NL-POL"]);
    spare = made.spare;
    founders = Array.from({ length: FOUNDERS }, (_, i) => [codeOf(i), accountOf("a1", i), accountOf("b2", i), accountOf("c3", i), digestOf(`d${i}`)]);
    const [deployer] = await ethers.getSigners();
    const nonce = await deployer.getNonce();
    ledger = made.Ledger.attach(ethers.getCreateAddress({ from: deployer.address, nonce: nonce + 1 }));
    registry = await made.Registry.deploy(ledger.target, founders, Object.values(DELAYS), { gasLimit: 29_000_000n });
    const deployed = await registry.deploymentTransaction().wait();
    await made.Ledger.deploy(registry.target);
    figures.deploymentOf64 = Number(deployed.gasUsed);
    expect((registry.deploymentTransaction().data.length - 2) / 2).to.be.at.most(49152); // EIP-3860
    call = governing(registry, ledger);
    // What 192 admissions would have written: admitted one after another it takes 30,000 votes.
    const hot = await read(mapped("_hot", idOf(codeOf(0))));
    for (let i = FOUNDERS; i < AGENCIES; i++) {
      const id = idOf(codeOf(i));
      await put(element("_agencies", i), id);
      await put(mapped("_numbers", id), i);
      await put(mapped("_hot", id), (BigInt(hot) >> 160n << 160n) | BigInt(accountOf("b2", i)));
      await put(mapped("_governors", id), accountOf("a1", i));
    }
    await put(slotOf("_agencies"), AGENCIES);
  });

  const governor = async (i) => {
    await impersonateAccount(accountOf("a1", i));
    await setBalance(accountOf("a1", i), 10n ** 20n);
    return ethers.getSigner(accountOf("a1", i));
  };
  const agency = async (i) => ({ id: idOf(codeOf(i)), code: codeOf(i), governor: await governor(i) });
  const voteAll = async (id, from, to, gas) => {
    for (let i = from; i < to; i++) {
      const one = await agency(i);
      const cost = await used(registry.connect(one.governor).vote(id, one.id, (await registry.proposal(id)).digest));
      if (gas) figures[gas] = Math.max(figures[gas] ?? 0, cost);
    }
  };

  it("a proposal and a vote cost the same however many agencies there are", async function () {
    const [first, target] = [await agency(0), await agency(255)];
    figures.propose = await used(registry.connect(first.governor).propose(first.id, KIND.Suspend, target.id, "0x"));
    const id = (await registry.proposalCount()) - 1n;
    await voteAll(id, 1, 255, "vote");
    figures.suspensionBy255 = await used(registry.execute(id));
    expect(figures.suspensionBy255).to.be.below(MOST);
  });

  it("an admission counted over 255, and refused as the 257th", async function () {
    await put(slotOf("_agencies"), AGENCIES - 1);
    const accounts = spare.slice(0, 3);
    const payload = admission("XX-NEW", ...accounts);
    await call.accept("XX-NEW", payload, ...accounts);
    const id = await call.propose(await agency(0), KIND.Admit, idOf("XX-NEW"), payload);
    await voteAll(id, 1, 254);
    const full = await ethers.provider.send("evm_snapshot", []);
    await put(slotOf("_agencies"), AGENCIES);
    await expect(registry.execute(id)).to.be.revertedWithCustomError(registry, "AgencyRegistryTooManyAgencies").withArgs(256);
    await ethers.provider.send("evm_revert", [full]);
    figures.admissionBy254 = await used(registry.execute(id));
    expect(figures.admissionBy254).to.be.below(MOST);
    expect(await registry.agencyCount()).to.equal(256);
  });

  it("a retirement, begun and carried out", async function () {
    const [first, target] = [await agency(1), await agency(2)];
    const id = await call.propose(first, KIND.Retire, target, succession(first));
    await voteAll(id, 3, 255);
    await voteAll(id, 0, 1);
    figures.retirementBegun = await used(registry.execute(id));
    await call.afterDelay();
    figures.retirement = await used(registry.connect(first.governor).executeRetirement(id, 0));
    expect(Math.max(figures.retirementBegun, figures.retirement)).to.be.below(MOST);
  });

  it("a new log of an agency that was suspended a hundred times since", async function () {
    const target = await agency(10);
    const map = digestOf("map");
    await impersonateAccount(accountOf("b2", 10));
    await setBalance(accountOf("b2", 10), 10n ** 20n);
    const anchorer = await ethers.getSigner(accountOf("b2", 10));
    const tree = new Tree([1, 2].map((i) => Buffer.from(digestOf(`leaf ${i}`).slice(2), "hex")));
    await ledger.connect(anchorer).anchor(0, 1, tree.root(0, 1), map, []);
    await ledger.connect(anchorer).anchor(1, 2, tree.root(), map, tree.consistency(1));
    const [fork, behind] = [await call.checkpointOf(target, 1), await call.checkpointOf(target, 2)];
    const list = mapped("_suspensions", target.id);
    await put(list, 100);
    for (let i = 0; i < 100; i++) {
      const begin = BigInt(behind[5]) + BigInt(i);
      await put(BigInt(keccak(["bytes32"], [list])) + BigInt(i), begin | ((begin + 1n) << 40n));
    }
    await ethers.provider.send("evm_increaseTime", [30 * 86400]);
    const payload = opening(spare[5], 0, fork, behind);
    await call.accept(target.code, payload, spare[5]);
    const id = await call.propose(target, KIND.OpenLog, target, payload);
    await voteAll(id, 11, 150);
    figures.newLog = await used(registry.execute(id));
    expect(figures.newLog).to.be.below(MOST);
  });

  it("a line of 255 successors is followed to its end", async function () {
    for (let i = 0; i < 255; i++) {
      const slot = mapped("_hot", idOf(codeOf(i)));
      await put(slot, (BigInt(await read(slot)) & ~(0xffn << 160n)) | (3n << 160n));
      await put(mapped("_retirements", idOf(codeOf(i))), idOf(codeOf(i + 1)));
    }
    await put(mapped("_hot", idOf(codeOf(255))), 1n << 160n);
    const shortId = idOf(codeOf(0)).slice(0, 50);
    expect(await registry.resolve(shortId)).to.equal(idOf(codeOf(255)));
    figures.resolveThrough255 = Number(await registry.resolve.estimateGas(shortId));
    expect(figures.resolveThrough255).to.be.below(MOST);
  });

  it("equals the committed snapshot", function () {
    if (process.env.UPDATE_GAS === "1") fs.writeFileSync(SNAPSHOT, JSON.stringify(figures, null, 2) + "\n");
    console.log(figures);
    expect(figures).to.deep.equal(JSON.parse(fs.readFileSync(SNAPSHOT, "utf8")));
  });
});
