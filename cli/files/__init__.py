"""Files that come back, are given or are verified: where they lie, and what is told of them."""
