"""What a client tells about itself: listeners to its events."""
