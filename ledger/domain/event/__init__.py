"""Custody event documents: their members, their types, and selective disclosure (DESIGN section
6).
"""
