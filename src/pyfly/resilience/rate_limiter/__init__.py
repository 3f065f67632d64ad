"""Make no more than so many calls in a span of time."""
