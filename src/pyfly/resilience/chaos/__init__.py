"""Make calls fail on purpose, to see whether the rest copes."""
