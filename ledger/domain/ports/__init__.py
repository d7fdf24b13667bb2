"""Protocols that adapters fill: database, chain, blocks, other agencies, and the node as a client
sees it.
"""
