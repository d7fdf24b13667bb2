"""EVM chains: embedded and by JSON-RPC."""
