"""Configuration: YAML files, profiles, environment variables, and typed reading of them."""

from pyfly.kernel.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__)
