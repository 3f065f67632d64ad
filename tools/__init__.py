"""What ``dev.py`` is made of: finding a Python, making ``.venv``, checking the wheel.

Standard library only, and nothing that Python 3.8 cannot parse: an old interpreter has to
get far enough to say which one is needed.
"""
