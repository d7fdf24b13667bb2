"""Custody ledger: evidence that agencies can verify without trusting one another."""

__version__ = "0.1.0"
