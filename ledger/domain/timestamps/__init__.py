"""Time from others: what authorities that belong to no agency say of when a checkpoint existed."""
