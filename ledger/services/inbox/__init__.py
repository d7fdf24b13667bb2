"""What waits for somebody, and what changed since they looked."""
