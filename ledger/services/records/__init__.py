"""Documents and the keys that they are sealed with."""
