"""Step 6: from values to bodies, and from bodies to values."""
