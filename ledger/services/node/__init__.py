"""The node: its keys and stores, and what each of its services shares."""
