"""Answer with something else when a call fails."""
