"""The agency's database."""
