"""People of an agency: how they join, and what they may be."""
