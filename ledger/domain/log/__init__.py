"""The Merkle log: statements, proofs, receipts and tiles."""
