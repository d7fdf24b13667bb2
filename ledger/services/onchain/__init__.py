"""Checkpoints anchored, and handovers brought forward on the chain."""
