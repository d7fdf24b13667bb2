const { ethers } = require("hardhat");
const { mine, time } = require("@nomicfoundation/hardhat-network-helpers");
const { idOf, digestOf, DELAYS } = require("./deploy");

const KIND = { Admit: 1, Suspend: 2, Reinstate: 3, Retire: 4, OpenLog: 5 };
const STATUS = { None: 0n, Active: 1n, Suspended: 2n, Retired: 3n };
const STATE = { Open: 1n, Waiting: 2n, Executed: 3n, Cancelled: 4n };
const ANCHORER = 2; // IAgencyRegistry.Role
const CHECKPOINT = "tuple(uint256,uint256,bytes32,bytes32,uint256,uint256,uint256)";
const FOUNDER = "tuple(string,address,address,address,bytes32)";
const ZERO = ethers.ZeroHash;
const NOTHING = [0, 0, ZERO, ZERO, 0, 0, 0];
const coder = ethers.AbiCoder.defaultAbiCoder();
const keccak = (types, values) => ethers.keccak256(coder.encode(types, values));

const admission = (code, governor, anchorer, recovery, digest = digestOf(code)) =>
  coder.encode([FOUNDER], [[code, governor.address, anchorer.address, recovery.address, digest]]);
const succession = (agency) => coder.encode(["bytes32"], [agency.id]);
const opening = (anchorer, number, fork, behind = NOTHING) =>
  coder.encode(["address", "uint256", CHECKPOINT, CHECKPOINT], [anchorer.address, number, fork, behind]);
const rotation = (account) => keccak(["uint8", "address"], [ANCHORER, account.address]);

// The calls of a registry, as one agency or account makes them.
function governing(registry, ledger) {
  const as = (who) => registry.connect(who);
  const propose = async (agency, kind, target, payload = "0x") => {
    await as(agency.governor).propose(agency.id, kind, target.id ?? target, payload);
    return (await registry.proposalCount()) - 1n;
  };
  const vote = async (id, ...agencies) => {
    for (const one of agencies) await as(one.governor).vote(id, one.id, (await registry.proposal(id)).digest);
  };
  const pass = async (kind, target, payload, [first, ...others]) => {
    const id = await propose(first, kind, target, payload);
    await vote(id, ...others);
    return id;
  };
  const carryOut = async (...what) => registry.execute(await pass(...what));
  const accept = async (code, payload, ...accounts) => {
    for (const one of accounts) await as(one).acceptRole(idOf(code), ethers.keccak256(payload));
  };
  const admit = async (code, accounts, voters) => {
    const payload = admission(code, ...accounts);
    await accept(code, payload, ...accounts);
    await carryOut(KIND.Admit, idOf(code), payload, voters);
    return { code, id: idOf(code), governor: accounts[0], anchorer: accounts[1], recovery: accounts[2] };
  };
  const afterDelay = async (times = 1) => {
    await mine(times * DELAYS.blocks);
    await time.increase(times * DELAYS.recovery);
  };
  const retire = async (target, successor, voters, size = 0) => {
    const id = await pass(KIND.Retire, target, succession(successor), voters);
    await registry.execute(id);
    await afterDelay();
    return as(successor.governor).executeRetirement(id, size);
  };
  const checkpointOf = async (agency, size, number = 0) => {
    const events = await ledger.queryFilter(ledger.filters.CheckpointAnchored(await ledger.logIdOf(agency.id, number)));
    const { args, blockNumber } = events.find((one) => one.args.size === BigInt(size));
    const { timestamp } = await ethers.provider.getBlock(blockNumber);
    return [args.prevSize, args.size, args.root, args.mapRoot, args.descriptorVersion, timestamp, blockNumber];
  };
  return { as, propose, vote, pass, carryOut, accept, admit, afterDelay, retire, checkpointOf };
}

module.exports = {
  KIND, STATUS, STATE, ZERO, NOTHING, CHECKPOINT, coder, keccak, admission, succession, opening, rotation, governing,
};
