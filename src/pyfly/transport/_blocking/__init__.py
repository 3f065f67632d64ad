"""The blocking form of what waits; see ``tools/unasync.py``."""
