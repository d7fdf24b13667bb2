"""`make release`: what a stranger downloads, and what they check it with."""
