"""A long time of calls and faults, after which nothing may be left: ``python3 dev.py soak``."""
