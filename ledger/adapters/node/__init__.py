"""HTTP client of a custody node."""
