"""Where ciphertext lies: placement, replicas, and what is cleared away."""
