"""The ``pyfly`` command. Nothing in the library imports it."""
