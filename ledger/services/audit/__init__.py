"""Audits: of logs and the contract from outside, of a home from inside, and the monitor that goes
on looking.
"""
