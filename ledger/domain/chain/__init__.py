"""What an EVM chain shows: blocks and proofs, and how our contracts keep their state."""
