// A slow, obvious RFC 9162 tree: the recursive definitions of sections 2.1.1, 2.1.3.1 and 2.1.4.1, word for word.
const { createHash } = require("crypto");

const hash = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const leafHash = (entry) => hash(Buffer.from([0]), entry);
const nodeHash = (left, right) => hash(Buffer.from([1]), left, right);

function split(n) {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

class Tree {
  constructor(leaves) { this.leaves = leaves; }
  root(from = 0, to = this.leaves.length) {
    if (to === from) return hash();
    if (to - from === 1) return this.leaves[from];
    const k = split(to - from);
    return nodeHash(this.root(from, from + k), this.root(from + k, to));
  }
  inclusion(index, from = 0, to = this.leaves.length) {
    if (to - from === 1) return [];
    const k = split(to - from);
    return index - from < k
      ? [...this.inclusion(index, from, from + k), this.root(from + k, to)]
      : [...this.inclusion(index, from + k, to), this.root(from, from + k)];
  }
  consistency(m, from = 0, to = this.leaves.length, whole = true) {
    const n = to - from;
    if (m === n) return whole ? [] : [this.root(from, to)];
    const k = split(n);
    return m <= k
      ? [...this.consistency(m, from, from + k, whole), this.root(from + k, to)]
      : [...this.consistency(m - k, from + k, to, false), this.root(from, from + k)];
  }
}

// All leaves alike: the same definitions with a memory, so that trees of millions of leaves cost nothing.
class UniformTree {
  constructor(leaf) { this.memory = new Map([[1, leaf]]); }
  root(n) {
    if (!this.memory.has(n)) {
      const k = split(n);
      this.memory.set(n, nodeHash(this.root(k), this.root(n - k)));
    }
    return this.memory.get(n);
  }
  inclusion(index, n) {
    if (n === 1) return [];
    const k = split(n);
    return index < k
      ? [...this.inclusion(index, k), this.root(n - k)]
      : [...this.inclusion(index - k, n - k), this.root(k)];
  }
  consistency(m, n, whole = true) {
    if (m === n) return whole ? [] : [this.root(n)];
    const k = split(n);
    return m <= k
      ? [...this.consistency(m, k, whole), this.root(n - k)]
      : [...this.consistency(m - k, n - k, false), this.root(k)];
  }
}

// xorshift32: small, seeded, printed by the tests that use it.
function seeded(seed) {
  let x = seed >>> 0;
  return (below) => {
    x ^= x << 13; x >>>= 0; x ^= x >>> 17; x ^= x << 5; x >>>= 0;
    return x % below;
  };
}

module.exports = { Tree, UniformTree, leafHash, nodeHash, hash, seeded };
