"""An exception that several callers get, each an instance of its own.

An exception is not made to be raised in several places: each raise adds to its traceback, and
whoever catches it may add notes, a cause or attributes.
"""

from __future__ import annotations

from typing import TypeVar

__all__ = ["copied"]

E = TypeVar("E", bound=BaseException)


def copied(error: E) -> E:
    """A copy with the same traceback, cause and notes; what cannot be copied is returned as is."""
    from copy import copy  # who never fails does not pay for its import

    try:
        twin = copy(error)
        if type(twin) is not type(error) or str(twin) != str(error):
            return error
        twin.__cause__ = error.__cause__
        twin.__context__ = error.__context__
        twin.__suppress_context__ = error.__suppress_context__
        notes = getattr(error, "__notes__", None)
        if notes is not None:
            twin.__notes__ = list(notes)
        return twin.with_traceback(error.__traceback__)
    except Exception:  # a constructor with arguments of its own, a __str__ that raises, …
        return error
