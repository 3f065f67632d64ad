"""Lets installed packages plug themselves into a context.

A package offers a callable ``auto_configure(context)`` as an entry point of the group
``pyfly.auto_configuration``. It adds what the user has not registered, and nothing else.
"""

from __future__ import annotations

import inspect
from typing import Any

from pyfly.context.errors import AutoConfigurationException
from pyfly.kernel.exceptions import PyFlyException

GROUP = "pyfly.auto_configuration"


async def auto_configure(context: Any, done: set[str]) -> None:
    """Call what the installed packages offer, by name.

    Args:
        context: What they configure.
        done: Those that need no second call; added to.

    Raises:
        AutoConfigurationException: One cannot be loaded, or failed; names the distribution.
    """
    from importlib.metadata import entry_points  # slow to import, so not before it is needed

    for entry_point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        package = f" of {entry_point.dist.name}" if entry_point.dist else ""
        label = f"Auto configuration {entry_point.name!r}{package} ({entry_point.value})"
        if label in done:
            continue
        try:
            result = entry_point.load()(context)
            if inspect.isawaitable(result):
                await result
        except PyFlyException as error:  # says already what is wrong
            error.add_note(label)
            raise
        except Exception as error:
            raise AutoConfigurationException(
                f"{label} failed: {type(error).__name__}: {error}\n"
                "Repair or remove that package, or write "
                "ApplicationContext(auto_configuration=False)."
            ) from error
        done.add(label)
