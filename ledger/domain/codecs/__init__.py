"""Encodings: strict CBOR, COSE, JSON, RLP, varints, digests and text."""
