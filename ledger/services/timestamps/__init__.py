"""Time from others: tokens of authorities over this agency's checkpoints."""
