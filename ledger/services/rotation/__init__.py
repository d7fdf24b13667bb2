"""Keys of the agency that give way to others: a new version of the descriptor names them."""
