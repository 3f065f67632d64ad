"""``pyfly call``: a declared method, called from the shell."""
