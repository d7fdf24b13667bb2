"""What runs on a person's machine: uploads, handovers, work without a network."""
