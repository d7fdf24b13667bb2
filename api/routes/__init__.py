"""Routes: thin, one file a group; what they do is in ledger.services."""
