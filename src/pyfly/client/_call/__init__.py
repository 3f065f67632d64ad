"""Step 4: from a request to a value, or to the exception that leaves: one call, told once."""
