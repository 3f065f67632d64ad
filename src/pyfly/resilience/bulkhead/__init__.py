"""Bound how many calls run at once, and let a few wait their turn."""
