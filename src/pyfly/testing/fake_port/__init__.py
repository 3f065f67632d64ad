"""A port that answers by rules instead of a network."""
