"""Use cases, on the node and on the client; they know the ports, never an adapter."""
