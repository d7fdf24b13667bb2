"""Auditing: what is checked, what a finding means, and the replay of logs; pure functions over what
services fetch.
"""
