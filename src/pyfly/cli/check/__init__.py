"""``pyfly check``: declarations reviewed, and told as the requests that they make."""
