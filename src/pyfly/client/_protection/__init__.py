"""What protects the calls of a client: from settings to the stages of each method."""
