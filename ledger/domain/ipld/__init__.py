"""Content addressing as IPFS does it: CIDs, UnixFS and CAR files."""
