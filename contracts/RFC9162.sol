// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Merkle proofs of RFC 9162, sections 2.1.3.2 and 2.1.4.2, over SHA-256
/// @notice The walk is written in assembly because a checkpoint costs one hash per level and the plain
/// `sha256(abi.encodePacked(...))` allocates memory at every one of them.
/// @dev Every call of the precompile is checked for success and for the length of its answer: on a chain
/// without the precompile the call would succeed with no data and a stale buffer would pass for a hash.
library RFC9162 {
    /// @notice The proof has more nodes than a tree of 2^48 leaves can need.
    error RFC9162ProofTooLong(uint256 nodes, uint256 limit);
    /// @notice The proof does not lead to the expected root.
    error RFC9162InclusionMismatch(bytes32 expected, bytes32 found);
    /// @notice The index lies outside the tree.
    error RFC9162IndexOutOfRange(uint256 index, uint256 size);
    /// @notice The number of nodes does not fit the sizes, or a root differs.
    error RFC9162ConsistencyMismatch(uint256 oldSize, uint256 newSize);

    uint256 internal constant MAX_PROOF_NODES = 63;

    /// @notice Reverts unless `leafHash` is leaf `index` of the tree of `size` leaves with root `root`.
    function requireInclusion(
        bytes32 root,
        uint256 size,
        uint256 index,
        bytes32 leafHash,
        bytes32[] calldata proof
    ) internal view {
        if (proof.length > MAX_PROOF_NODES) revert RFC9162ProofTooLong(proof.length, MAX_PROOF_NODES);
        if (index >= size) revert RFC9162IndexOutOfRange(index, size);
        bytes32 found = leafHash;
        bool complete;
        bool answered = true;
        assembly ("memory-safe") {
            // Byte 0x1f holds the node prefix, 0x20 the left child and every answer, 0x40 the right child; the free memory
            // pointer that stood there comes back at the end.
            let pointer := mload(0x40)
            mstore8(0x1f, 1)
            let last := sub(size, 1)
            let at := proof.offset
            // Below the point where the paths of this leaf and of the last leaf join, siblings lie on either side.
            for {} xor(index, last) {} {
                let odd := shl(5, and(index, 1))
                mstore(add(0x20, odd), found)
                mstore(sub(0x40, odd), calldataload(at))
                // Arguments are evaluated from right to left: the call comes before the length of its answer.
                answered := and(eq(returndatasize(), 32), and(answered, staticcall(gas(), 2, 0x1f, 65, 0x20, 32)))
                found := mload(0x20)
                index := shr(1, index)
                last := shr(1, last)
                at := add(at, 32)
            }
            // Above it, on the right border, every sibling lies to the left.
            for {} index { index := shr(1, index) } {
                if and(index, 1) {
                    mstore(0x20, calldataload(at))
                    mstore(0x40, found)
                    answered := and(eq(returndatasize(), 32), and(answered, staticcall(gas(), 2, 0x1f, 65, 0x20, 32)))
                    found := mload(0x20)
                    at := add(at, 32)
                }
            }
            mstore(0x40, pointer)
            // Nothing can be verified on a chain whose SHA-256 does not answer with 32 bytes.
            if iszero(answered) { revert(0, 0) }
            complete := eq(at, add(proof.offset, shl(5, proof.length)))
        }
        if (!complete || found != root) revert RFC9162InclusionMismatch(root, found);
    }

    /// @notice Reverts unless the tree (`newSize`, `newRoot`) extends the tree (`oldSize`, `oldRoot`).
    /// @dev Requires 0 < oldSize < newSize, which the caller has checked. A consistency proof does not bind the
    /// sizes: the signed checkpoint does, and an audit derives them again.
    function requireConsistency(
        uint256 oldSize,
        uint256 newSize,
        bytes32 oldRoot,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) internal view {
        if (proof.length > MAX_PROOF_NODES) revert RFC9162ProofTooLong(proof.length, MAX_PROOF_NODES);
        bool good;
        bool answered = true;
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            mstore8(0x1f, 1)
            let fn := sub(oldSize, 1)
            let sn := sub(newSize, 1)
            let at := proof.offset
            let fr := oldRoot
            // An exact power of two is its own first node; otherwise the proof brings it.
            if and(oldSize, fn) {
                fr := calldataload(at)
                at := add(at, 32)
            }
            let sr := fr
            for {} and(fn, 1) {} {
                fn := shr(1, fn)
                sn := shr(1, sn)
            }
            // `both`: the node lies left of the old tree's border and belongs to the old and to the new root.
            for {} sn {} {
                let both := and(fn, 1)
                if or(both, xor(fn, sn)) {
                    let node := calldataload(at)
                    at := add(at, 32)
                    switch both
                    case 1 {
                        mstore(0x20, node)
                        mstore(0x40, fr)
                        answered := and(eq(returndatasize(), 32), and(answered, staticcall(gas(), 2, 0x1f, 65, 0x20, 32)))
                        fr := mload(0x20)
                        mstore(0x20, node)
                        mstore(0x40, sr)
                    }
                    default {
                        mstore(0x20, sr)
                        mstore(0x40, node)
                    }
                    answered := and(eq(returndatasize(), 32), and(answered, staticcall(gas(), 2, 0x1f, 65, 0x20, 32)))
                    sr := mload(0x20)
                }
                fn := shr(1, fn)
                sn := shr(1, sn)
            }
            mstore(0x40, pointer)
            if iszero(answered) { revert(0, 0) }
            good := and(
                eq(at, add(proof.offset, shl(5, proof.length))),
                and(eq(fr, oldRoot), eq(sr, newRoot))
            )
        }
        if (!good) revert RFC9162ConsistencyMismatch(oldSize, newSize);
    }
}
