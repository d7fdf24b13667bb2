// Random calls by everybody, good and bad ones: what must never change is compared after each one that is taken.
const { expect } = require("chai");
const { ethers } = require("hardhat");
const { mine, time } = require("@nomicfoundation/hardhat-network-helpers");
const { deploy, idOf, digestOf, DELAYS } = require("./support/deploy");
const { KIND, STATUS, ZERO, NOTHING, coder, keccak, admission, opening, rotation } = require("./support/governance");
const { Tree, seeded } = require("./support/tree");

const STEPS = Number(process.env.FUZZ_STEPS ?? 500);
const SEED = Number(process.env.FUZZ_SEED ?? 20261128);
const CODES = ["NL-POL", "RO-DIICOT", "US-HSI", "DE-BKA"];
// What takes several of them to come to anything.
const OFTEN = ["vote", "vote", "vote", "vote", "execute", "execute", "execute", "propose", "anchor", "anchor", "anchor", "offer", "answer", "answer"];
const CANCELLED = keccak(["bytes32", "uint256", "uint256"], [ZERO, 0, 0]);

describe(`random histories (seed ${SEED}) [not in coverage]`, function () {
  this.timeout(600000);

  it(`${STEPS} steps break no promise`, async function () {
    const { registry, ledger, agencies, spare } = await deploy(CODES);
    const random = seeded(SEED);
    const pick = (list) => list[random(list.length)];
    const chance = (percent) => random(100) < percent;
    const accounts = [...agencies.flatMap(({ governor, anchorer, recovery }) => [governor, anchorer, recovery]), ...spare.slice(0, 12)];
    const everybody = [...agencies];
    const governorOf = new Map(agencies.map(({ id, governor }) => [id, governor.address]));
    const ids = () => everybody.map(({ id }) => id);
    const signer = (address) => accounts.find((one) => one.address === address) ?? pick(accounts);
    const now = () => time.latest();
    const trees = new Map(); // log id -> leaves
    const offers = new Map(); // ref -> the open offer
    const kept = new Map(); // what was once written for ever -> its value
    const taken = {};

    const leaves = (log) => trees.get(log) ?? trees.set(log, []).get(log);
    const stateOf = async (id) => registry.agency(id);
    // Mostly by whoever may, at times by anybody.
    const by = async (id, role) => {
      const found = await stateOf(id);
      const right = { governor: found.governor, anchorer: found.anchorer, recovery: found.recovery.account }[role];
      return chance(85) ? signer(right) : pick(accounts);
    };
    const proposalId = async () => {
      const count = Number(await registry.proposalCount());
      return count === 0 ? undefined : chance(80) ? count - 1 - random(Math.min(count, 4)) : random(count);
    };
    const checkpoints = async (logId) => (await ledger.queryFilter(ledger.filters.CheckpointAnchored(logId))).map(({ args, blockNumber }) => ({ args, blockNumber }));
    const pointOf = async ({ args, blockNumber }) => {
      const { timestamp } = await ethers.provider.getBlock(blockNumber);
      return [args.prevSize, args.size, args.root, args.mapRoot, args.descriptorVersion, timestamp, blockNumber];
    };

    const moves = {
      async anchor() {
        const id = pick(ids());
        const log = await ledger.logIdOf(id, (await stateOf(id)).logNumber);
        const fork = await registry.forkOf(log);
        if (!trees.has(log) && fork.size) trees.set(log, leaves(fork.parent).slice(0, Number(fork.size)));
        const old = leaves(log).length;
        const grown = [...leaves(log), ...Array.from({ length: 1 + random(3) }, () => Buffer.from(digestOf(`leaf ${random(1e9)}`).slice(2), "hex"))];
        const tree = new Tree(grown);
        const from = chance(90) ? old : random(old + 2);
        const proof = old ? tree.consistency(old) : [];
        if (chance(10) && proof.length) proof[0] = Buffer.from(digestOf("bent").slice(2), "hex");
        await (await ledger.connect(await by(id, "anchorer")).anchor(from, grown.length, tree.root(), digestOf(`map ${grown.length}`), proof)).wait();
        trees.set(log, grown);
      },
      async offer() {
        const id = pick(ids());
        const log = await ledger.logIdOf(id, (await stateOf(id)).logNumber);
        if (!leaves(log).length) return false;
        const index = random(leaves(log).length);
        const ref = digestOf(`item ${random(3)}`);
        const expires = (await now()) + 1000 + random(5000);
        const digest = ethers.hexlify(leaves(log)[index]);
        const to = pick(ids());
        const sent = await ledger.connect(await by(id, "anchorer")).offerTransfer(agencies[0].id, ref, to, digest, expires, index, new Tree(leaves(log)).inclusion(index));
        const { blockNumber } = await sent.wait();
        offers.set(ref, [id, to, digest, (await ethers.provider.getBlock(blockNumber)).timestamp, expires]);
      },
      async answer() {
        const ref = digestOf(`item ${random(3)}`);
        const offer = offers.get(ref);
        if (!offer) return false;
        const how = pick(["acceptTransfer", "declineTransfer", "withdrawTransfer"]);
        const id = chance(80) ? offer[how === "withdrawTransfer" ? 0 : 1] : pick(ids());
        const log = await ledger.logIdOf(id, (await stateOf(id)).logNumber);
        if (!leaves(log).length) return false;
        const index = random(leaves(log).length);
        const holder = await ledger.custodianOf(agencies[0].id, ref);
        await (await ledger.connect(await by(id, "anchorer"))[how](agencies[0].id, ref, offer, leaves(log)[index], index, new Tree(leaves(log)).inclusion(index))).wait();
        const after = await ledger.custodianOf(agencies[0].id, ref);
        expect(after, "custody moves by an acceptance alone").to.equal(how === "acceptTransfer" ? offer[1] : holder);
        if (how === "acceptTransfer") expect(id, "to the addressee").to.equal(offer[1]);
      },
      async publish() {
        const id = pick(ids());
        await (await registry.connect(await by(id, "governor")).publishDescriptor(id, digestOf(`d ${random(1e9)}`))).wait();
      },
      async cancelDescriptor() {
        const id = pick(ids());
        await (await registry.connect(await by(id, pick(["governor", "recovery"]))).cancelDescriptor(id)).wait();
      },
      async rotateAnchorer() {
        const id = pick(ids());
        const next = pick(accounts);
        if (chance(80)) await registry.connect(next).acceptRole(id, rotation(next));
        await (await registry.connect(await by(id, "governor")).rotateAnchorer(id, next.address)).wait();
      },
      async handOver() {
        const id = pick(ids());
        const next = pick(accounts);
        await registry.connect(await by(id, "governor")).proposeGovernor(id, next.address);
        await (await registry.connect(chance(80) ? next : pick(accounts)).acceptGovernor(id)).wait();
      },
      async announce() {
        const id = pick(ids());
        const [role, name] = pick([["recovery", "announceGovernor"], ["governor", "announceRecovery"]]);
        await (await registry.connect(await by(id, role))[name](id, pick(accounts).address)).wait();
      },
      async take() {
        const id = pick(ids());
        const { governor, replacement } = (await stateOf(id)).recovery;
        const [name, account] = pick([["takeOffice", governor.account], ["takeRecovery", replacement.account]]);
        await (await registry.connect(signer(account))[name](id)).wait();
      },
      async propose() {
        const [id, target] = [pick(ids()), pick(ids())];
        const kind = pick(Object.values(KIND));
        let [about, payload] = [target, "0x"];
        if (kind === KIND.Admit) {
          const code = `XX-${random(6)}`;
          const three = [pick(accounts), pick(accounts), pick(accounts)];
          [about, payload] = [idOf(code), admission(code, ...three)];
          for (const one of three) await registry.connect(one).acceptRole(about, ethers.keccak256(payload));
        } else if (kind === KIND.Retire) payload = coder.encode(["bytes32"], [pick(ids())]);
        else if (kind === KIND.OpenLog) {
          const number = (await stateOf(target)).logNumber;
          const log = await ledger.logIdOf(target, number);
          const all = await checkpoints(log);
          const at = all.length ? random(all.length) : -1;
          const fork = await registry.forkOf(log);
          const point = at >= 0 ? await pointOf(all[at]) : [0, fork.size, fork.root, fork.mapRoot, 0, 0, 0];
          const behind = at >= 0 && at + 1 < all.length ? await pointOf(all[at + 1]) : NOTHING;
          const next = pick(accounts);
          payload = opening(next, number, point, behind);
          await registry.connect(next).acceptRole(target, ethers.keccak256(payload));
        }
        await (await registry.connect(await by(id, "governor")).propose(id, kind, about, payload)).wait();
      },
      async vote() {
        const proposal = await proposalId();
        if (proposal === undefined) return false;
        const id = pick(ids());
        const caller = registry.connect(await by(id, "governor"));
        const { digest } = await registry.proposal(proposal);
        await (await (chance(90) ? caller.vote(proposal, id, digest) : caller.takeBack(proposal, id))).wait();
      },
      async execute() {
        const proposal = await proposalId();
        if (proposal === undefined) return false;
        const found = await registry.proposal(proposal);
        const { counted, enough } = await registry.tally(proposal);
        const caller = registry.connect(pick(accounts));
        if (found.state === 2n) {
          const [successor] = coder.decode(["bytes32"], found.payload);
          const log = await ledger.logIdOf(found.target, (await stateOf(found.target)).logNumber);
          const size = chance(70) ? (await ledger.latest(log)).size : random(5);
          await (await registry.connect(await by(successor, "governor")).executeRetirement(proposal, size)).wait();
        } else if (chance(10)) await (await registry.connect(await by(found.proposer, "governor")).cancel(proposal)).wait();
        else {
          await (await caller.execute(proposal)).wait();
          expect(enough, "executed with its votes").to.equal(true);
          expect(counted.votes * 2n > counted.agencies, "more than half").to.equal(true);
        }
      },
      async wait() {
        await mine(random(DELAYS.blocks * 2));
        await time.increase(random(DELAYS.recovery * 2));
      },
    };

    // What a name once stood for it stands for ever, but where `may` says otherwise.
    const keep = (name, value, may = () => false) => {
      const before = kept.get(name);
      if (before !== undefined && before !== value) expect(may(before, value), `${name}: ${before} became ${value}`).to.equal(true);
      kept.set(name, value);
    };

    async function check(block) {
      const events = [...(await registry.queryFilter("*", block)), ...(await ledger.queryFilter("*", block))];
      for (const { eventName, args, transactionHash } of events) {
        const sender = (await ethers.provider.getTransaction(transactionHash)).from;
        const isNew = events.some((one) => one.eventName === "AgencyAdmitted" && one.args.agencyId === args.agencyId);
        if (eventName === "AgencyAdmitted") everybody.push({ id: args.agencyId, code: args.code });
        if (eventName === "AnchorerRotated" && sender !== governorOf.get(args.agencyId) && !isNew) {
          const [opened] = events.filter((one) => one.eventName === "ProposalExecuted");
          const found = await registry.proposal(opened.args.id);
          const { counted } = await registry.tally(opened.args.id);
          expect([found.kind, found.target, counted.own], "an anchorer by one's own vote").to.deep.equal([5n, args.agencyId, true]);
        }
        if (eventName === "GovernorRotated") {
          if (!isNew) expect(sender, "a governor takes office by itself").to.equal(args.governor);
          governorOf.set(args.agencyId, args.governor);
        }
      }
      const governors = new Set();
      for (const id of ids()) {
        const found = await stateOf(id);
        expect(found.governor, "changed by an event alone").to.equal(governorOf.get(id));
        expect(governors.has(found.governor), "one account governs one agency").to.equal(false);
        governors.add(found.governor);
        expect([found.governor, found.anchorer]).to.not.include(found.recovery.account);
        keep(`status ${id}`, found.status, (before) => before !== STATUS.Retired);
        keep(`log ${id}`, found.logNumber, (before, after) => after === before + 1n);
        for (let number = 0n; number <= found.logNumber; number++) {
          const log = await ledger.logIdOf(id, number);
          const latest = await ledger.latest(log);
          keep(`size ${log}`, latest.size, (before, after) => after > before && number === found.logNumber);
          keep(`fork ${log}`, (await registry.forkOf(log)).join());
          for (let size = 1n; size <= latest.size; size++) keep(`checkpoint ${log} ${size}`, await ledger.checkpointCommitment(log, size), (before) => before === ZERO);
        }
        for (let version = 1; version <= 12; version++) {
          keep(`descriptor ${id} ${version}`, await registry.descriptorCommitment(id, version),
            (before, after) => before === ZERO || (after === CANCELLED && found.pendingVersion === 0n && found.version < version));
        }
        const suspensions = await registry.suspensionCount(id);
        keep(`suspensions ${id}`, suspensions, (before, after) => after === before + 1n);
        for (let i = 0n; i < suspensions; i++) {
          const one = await registry.suspensionAt(id, i);
          keep(`suspension ${id} ${i}`, one.join(), (before) => before.endsWith(",0") && before.split(",")[0] === String(one.begin));
          const lasts = one.end === 0n;
          expect(lasts).to.equal(found.status === STATUS.Suspended && i === suspensions - 1n);
        }
      }
      for (let i = 0; i < 3; i++) {
        const key = keccak(["bytes32", "bytes32"], [agencies[0].id, digestOf(`item ${i}`)]);
        const { hops, open } = await ledger.custody(key);
        for (let hop = 0n; hop < hops; hop++) keep(`hop ${key} ${hop} of ${hops > hop}`, await ledger.hopCommitment(key, hop));
        expect((await ledger.hopCommitment(key, hops)) !== ZERO).to.equal(open);
      }
      const count = await registry.proposalCount();
      for (let id = count > 5n ? count - 5n : 0n; id < count; id++) {
        const { votes } = await registry.proposal(id);
        const { counted } = await registry.tally(id);
        expect(counted.votes <= BigInt(votes.toString(2).split("1").length - 1), "a vote counts once").to.equal(true);
        expect(counted.votes - (counted.own ? 1n : 0n)).to.equal(counted.others);
      }
    }

    for (let step = 0; step < STEPS; step++) {
      const name = pick([...Object.keys(moves), ...OFTEN]);
      const block = (await ethers.provider.getBlockNumber()) + 1;
      try {
        if ((await moves[name]()) === false) continue;
      } catch (error) {
        // Refused by name: a panic, or an error of no name, is a fault of ours.
        const [, data] = /return data: (0x[0-9a-f]+)/.exec(error.message) ?? [];
        const named = data && [registry, ledger].some((one) => one.interface.parseError(data));
        if (!named && !/reverted with custom error '(AgencyRegistry|EvidenceLedger|RFC9162)/.test(error.message)) throw error;
        if (process.env.FUZZ_TELL) console.log(name, data ? (registry.interface.parseError(data) ?? ledger.interface.parseError(data)).name : error.message.slice(0, 120));
        continue;
      }
      taken[name] = (taken[name] ?? 0) + 1;
      await check(block);
    }
    console.log(taken, { agencies: everybody.length, proposals: Number(await registry.proposalCount()) });
    for (const name of Object.keys(moves)) expect(taken[name] ?? 0, `${name} was taken at all`).to.be.above(0);
  });
});
