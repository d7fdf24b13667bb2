"""The person's side of reading: a signed access first, then details, content or a bundle."""
