"""Find out how many calls the other side can take at once, and make no more."""
