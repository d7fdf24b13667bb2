"""The agency's Merkle log, and its files for auditors."""
