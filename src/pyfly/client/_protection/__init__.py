"""Step 4: what protects the calls of a client: from settings to the stages of each method."""
