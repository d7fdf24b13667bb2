"""Whether what is kept is still what was recorded."""
