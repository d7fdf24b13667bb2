"""Backups of a home that is in use."""
