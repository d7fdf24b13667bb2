"""A person at work: their session, the node that they work with, and the people whom it tells."""
