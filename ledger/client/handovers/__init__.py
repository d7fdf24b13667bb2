"""The person's side of handovers and copies."""
