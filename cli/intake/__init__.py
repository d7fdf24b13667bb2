"""What an upload takes in, and what is told of it."""
