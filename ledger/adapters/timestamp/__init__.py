"""Time stamps: none in the embedded default."""
