// Offline by construction: the compiler is the npm package `solc`, never a download.
const { subtask } = require("hardhat/config");
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require("hardhat/builtin-tasks/task-names");
require("@nomicfoundation/hardhat-ethers");
require("@nomicfoundation/hardhat-chai-matchers");
require("solidity-coverage");

const SOLC_VERSION = "0.8.30";

subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async ({ solcVersion }) => {
  const longVersion = require("solc").version().replace(".Emscripten.clang", "");
  if (solcVersion !== SOLC_VERSION || !longVersion.startsWith(SOLC_VERSION)) {
    throw new Error(`expected solc ${SOLC_VERSION}, found ${longVersion}: run make node`);
  }
  return { compilerPath: require.resolve("solc/soljson.js"), isSolcJs: true, version: solcVersion, longVersion };
});

module.exports = {
  solidity: {
    version: SOLC_VERSION,
    settings: {
      // Paris: permissioned networks run London or Paris rules, where PUSH0 does not exist.
      evmVersion: "paris",
      viaIR: true,
      optimizer: { enabled: true, runs: 1000000 },
      // No metadata hash: the bytecode depends on the sources alone and can be compared byte for byte.
      metadata: { bytecodeHash: "none", appendCBOR: false },
      outputSelection: { "*": { "*": ["storageLayout"] } },
    },
  },
  // The consortium rules the contracts must run under.
  networks: { hardhat: { hardfork: "merge", chainId: 31337, accounts: { count: 60 } } },
  paths: { sources: "contracts", tests: "tests/contracts", cache: ".build/hardhat/cache", artifacts: ".build/hardhat/artifacts" },
  mocha: { timeout: 120000 },
};
