"""Step 4: what a client can be set to: the keys, and where the value of each comes from."""
