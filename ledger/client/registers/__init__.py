"""Registers that an office kept before, in text or in a spreadsheet's own file."""
