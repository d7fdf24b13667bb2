// Writes what the Python package ships of the contracts: ABI, bytecode and storage layout. `--check` only compares.
const fs = require("fs");
const path = require("path");

const ROOT = path.join(__dirname, "..");
const TARGET = path.join(ROOT, "ledger/adapters/chain/artifacts");
const builds = path.join(ROOT, ".build/hardhat/artifacts/build-info");
const check = process.argv.includes("--check");

const outputs = {};
for (const file of fs.readdirSync(builds)) {
  const { output } = JSON.parse(fs.readFileSync(path.join(builds, file), "utf8"));
  Object.assign(outputs, output.contracts);
}
let stale = false;
fs.mkdirSync(TARGET, { recursive: true });
for (const name of ["AgencyRegistry", "EvidenceLedger"]) {
  const { abi, evm, storageLayout } = outputs[`contracts/${name}.sol`][name];
  const layout = storageLayout.storage.map(({ label, slot, offset, type }) => ({ label, slot, offset, type }));
  const immutables = Object.values(evm.deployedBytecode.immutableReferences ?? {}).flat();
  const text = JSON.stringify(
    { abi, bytecode: "0x" + evm.bytecode.object, deployedBytecode: "0x" + evm.deployedBytecode.object, immutables, storage: layout },
    null, 1) + "\n";
  const file = path.join(TARGET, `${name}.json`);
  if (check) {
    if (!fs.existsSync(file) || fs.readFileSync(file, "utf8") !== text) {
      console.error(`${name}.json differs from the sources: run make artifacts and commit the result`);
      stale = true;
    }
  } else fs.writeFileSync(file, text);
}
process.exit(stale ? 1 : 0);
