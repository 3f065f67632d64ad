"""Send a second request when the first is slow, and take the answer that comes first."""
