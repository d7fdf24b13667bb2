"""Files as they are found: kinds, names, and the manifest of a folder."""
