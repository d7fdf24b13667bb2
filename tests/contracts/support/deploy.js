const { ethers } = require("hardhat");
const { sha256, toUtf8Bytes, getCreateAddress } = require("ethers");

const DELAYS = { descriptor: 3600, proposal: 86400, recovery: 7200, blocks: 5 };
const idOf = (code) => sha256(toUtf8Bytes(code));
const digestOf = (text) => sha256(toUtf8Bytes(text));

// Deploys both contracts for agencies that have a governor, an anchorer and a recovery account each.
async function deploy(codes = ["NL-POL", "RO-DIICOT", "US-HSI"], delays = DELAYS) {
  const signers = await ethers.getSigners();
  const deployer = signers[0];
  const agencies = codes.map((code, i) => ({
    code, id: idOf(code), governor: signers[1 + 2 * i], anchorer: signers[2 + 2 * i], recovery: signers[1 + 2 * codes.length + i],
    descriptorDigest: digestOf(`descriptor ${code} 1`),
  }));
  const nonce = await ethers.provider.getTransactionCount(deployer.address);
  const ledgerAddress = getCreateAddress({ from: deployer.address, nonce: nonce + 1 });
  const Registry = await ethers.getContractFactory("AgencyRegistry");
  const founders = agencies.map((a) => [a.code, a.governor.address, a.anchorer.address, a.recovery.address, a.descriptorDigest]);
  const registry = await Registry.deploy(ledgerAddress, founders, Object.values(delays));
  const Ledger = await ethers.getContractFactory("EvidenceLedger");
  const ledger = await Ledger.deploy(await registry.getAddress());
  return { registry, ledger, agencies, spare: signers.slice(1 + 3 * codes.length), Registry, Ledger };
}

module.exports = { deploy, idOf, digestOf, DELAYS };
