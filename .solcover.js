// The optimiser is off in coverage builds; the Yul optimiser alone keeps the proof walks within the stack.
module.exports = {
  configureYulOptimizer: true,
  irMinimum: true,
  mocha: { grep: "not in coverage", invert: true, timeout: 600000 },
};
