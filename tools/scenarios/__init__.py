"""Scenarios that show the whole product at work, played by its own commands; not installed."""
