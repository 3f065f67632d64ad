"""Resilient, declarative HTTP clients for Python services.

A class of method signatures becomes a client: see :mod:`pyfly.client`.
"""

__version__ = "0.1.0"
