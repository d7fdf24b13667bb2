"""Handovers between agencies: what goes out, what comes in, and how each ends."""
