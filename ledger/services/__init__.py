"""Use cases of a node; they know the ports, never an adapter."""
