"""Other agencies: their keys and addresses."""
