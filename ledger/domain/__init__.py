"""The formats and their verification: bytes in, bytes or errors out; no clock, disk, network or
environment.
"""
