"""Real exchanges, recorded once and replayed without a network."""
