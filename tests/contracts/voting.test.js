// The rules of voting, tried out: who passes what over whom, for every coalition of 2 to 8 agencies.
const { expect } = require("chai");
const { ethers } = require("hardhat");
const { takeSnapshot } = require("@nomicfoundation/hardhat-network-helpers");
const { deploy, idOf } = require("./support/deploy");
const { KIND, NOTHING, admission, succession, opening, governing } = require("./support/governance");

const CANDIDATE = "XX-NEW";
const bits = (set) => set.toString(2).split("1").length - 1;

describe("voting, for every coalition [not in coverage]", function () {
  this.timeout(300000);

  for (let n = 2; n <= 8; n++) {
    it(`of ${n} agencies`, async function () {
      const { registry, ledger, agencies, spare } = await deploy(Array.from({ length: n }, (_, i) => `NL-A${i}`));
      const call = governing(registry, ledger);
      const all = 2 ** n - 1;
      // The last agency is the target and the first one the successor: who is who among equals does not matter.
      const [target, own, heir] = [agencies[n - 1], 1 << (n - 1), 1];
      const payloads = {
        Admit: admission(CANDIDATE, ...spare.slice(0, 3)), Retire: succession(agencies[0]), OpenLog: opening(spare[3], 0, NOTHING),
      };
      await call.accept(CANDIDATE, payloads.Admit, ...spare.slice(0, 3));
      await call.accept(target.code, payloads.OpenLog, spare[3]);
      const start = await takeSnapshot();
      // Whose votes are asked for; what the design says of them, word for word.
      const rules = {
        Suspend: (votes) => 2 * bits(votes & ~own) > n,
        Reinstate: (votes) => 2 * bits(votes) > n,
        Admit: (votes) => 3 * bits(votes) >= 2 * n,
        OpenLog: (votes) => 2 * bits(votes) > n && (votes & own) !== 0,
        Retire: (votes) => (votes & heir) !== 0
          && (3 * bits(votes & ~own) >= 2 * n || (2 * bits(votes) > n && (votes & own) !== 0)),
      };
      for (const [name, rule] of Object.entries(rules)) {
        await start.restore();
        if (name === "Reinstate") {
          if (n === 2) continue; // nobody suspends one of two
          await call.carryOut(KIND.Suspend, target, "0x", agencies.slice(0, n - 1));
        }
        const about = name === "Admit" ? idOf(CANDIDATE) : target;
        const id = await call.propose(agencies[0], KIND[name], about, payloads[name] ?? "0x");
        const voters = name === "Suspend" ? agencies.slice(0, n - 1) : agencies;
        // A Gray code: each coalition differs from the one before in one vote.
        let votes = 1;
        for (let step = 0; step < 2 ** voters.length; step++) {
          const wanted = step ^ (step >> 1);
          for (let i = 0; i < voters.length; i++) {
            if (((votes ^ wanted) >> i) & 1) {
              if ((wanted >> i) & 1) await call.vote(id, voters[i]);
              else await registry.connect(voters[i].governor).takeBack(id, voters[i].id);
            }
          }
          votes = wanted;
          const { enough } = await registry.tally(id);
          expect(enough, `${name} by ${votes.toString(2)} of ${n}`).to.equal(rule(votes));
          // What an attacker would have to break, whatever the rules say:
          const others = bits(votes & ~own);
          if (enough && 2 * others <= n) expect(votes & own, `${name} by half or fewer of ${n}`).to.not.equal(0);
          if (enough && name !== "OpenLog" && name !== "Retire") expect(2 * bits(votes)).to.be.above(n);
          if (name === "Reinstate" && 2 * bits(votes) > n) expect(enough).to.equal(true);
          if (name === "Suspend" && 2 * others > n) expect(enough).to.equal(true);
          if (name === "Admit" && 3 * bits(votes) >= 2 * n) expect(enough).to.equal(true);
          if (name === "Retire" && 3 * others >= 2 * n && votes & heir) expect(enough).to.equal(true);
        }
        // The tally is what the execution goes by.
        await call.vote(id, ...voters.filter((_, i) => !((votes >> i) & 1)));
        const decided = rule(name === "Suspend" ? all & ~own : all);
        if (decided) await registry.execute(id);
        else await expect(registry.execute(id)).to.be.revertedWithCustomError(registry, "AgencyRegistryNotEnoughVotes");
      }
    });
  }
});

describe("a coalition that plays every move [not in coverage]", function () {
  this.timeout(300000);

  // Dishonest agencies suspend, reinstate and rotate as they like; the honest ones vote for nothing they propose.
  for (const [n, dishonest] of [[2, 1], [3, 1], [4, 2], [5, 2], [6, 3], [7, 3], [8, 4]]) {
    it(`${dishonest} of ${n} pass nothing, by themselves or with what is left over`, async function () {
      const { registry, ledger, agencies, spare } = await deploy(Array.from({ length: n }, (_, i) => `NL-A${i}`));
      const call = governing(registry, ledger);
      const [liars, honest] = [agencies.slice(0, dishonest), agencies.slice(dishonest)];
      const victim = honest[0];
      const before = await registry.agency(victim.id);
      const accounts = spare.slice(0, 3);
      const candidate = admission(CANDIDATE, ...accounts);
      await call.accept(CANDIDATE, candidate, ...accounts);
      const log = opening(spare[3], 0, NOTHING);
      await call.accept(victim.code, log, spare[3]);
      const moves = [
        [KIND.Suspend, victim, "0x"], [KIND.Admit, idOf(CANDIDATE), candidate], [KIND.Retire, victim, succession(liars[0])], [KIND.OpenLog, victim, log],
      ];
      for (const [kind, target, payload] of moves) {
        const id = await call.pass(kind, target, payload, liars);
        await expect(registry.execute(id)).to.be.revertedWithCustomError(registry, "AgencyRegistryNotEnoughVotes");
        // A governor who steps down and another one who votes again are one vote.
        for (const [i, liar] of liars.entries()) {
          const next = spare[4 + i];
          const old = liar.governor;
          await registry.connect(old).proposeGovernor(liar.id, next.address);
          await registry.connect(next).acceptGovernor(liar.id);
          liar.governor = next;
          await call.vote(id, liar);
          await expect(registry.connect(old).vote(id, liar.id, (await registry.proposal(id)).digest))
            .to.be.revertedWithCustomError(registry, "AgencyRegistryNotGovernor");
          spare[4 + i] = old;
        }
        await expect(registry.execute(id)).to.be.revertedWithCustomError(registry, "AgencyRegistryNotEnoughVotes");
        await registry.connect(liars[0].governor).cancel(id);
      }
      expect(await registry.agency(victim.id)).to.deep.equal(before);
      // Honest agencies that are a majority go on all the same, by themselves.
      if (2 * honest.length > n) {
        const liar = liars[0];
        await call.carryOut(KIND.Suspend, liar, "0x", honest);
        await call.carryOut(KIND.Reinstate, liar, "0x", honest);
        if (3 * honest.length >= 2 * n) {
          const id = await call.pass(KIND.Retire, liar, succession(victim), honest);
          expect((await registry.tally(id)).enough).to.equal(true);
          await registry.connect(honest[0].governor).cancel(id);
          await call.carryOut(KIND.Admit, idOf(CANDIDATE), candidate, honest);
        }
      }
    });
  }
});
