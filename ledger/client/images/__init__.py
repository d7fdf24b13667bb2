"""Disk images: their segments, and what they say of themselves."""
