"""Bundles made, and taken apart."""
