"""Adapters: what fulfils the ports with real disks, chains and networks."""
