"""Jurisdiction profiles as data: one TOML file each, read by
ledger.domain.item.jurisdiction_profile.
"""
