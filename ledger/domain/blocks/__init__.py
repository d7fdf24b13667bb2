"""Blocks by their CID: the port of a store, and reading a DAG from one."""
