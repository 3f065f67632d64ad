"""One warning for a client whose first answers are all 404.

``T | None`` turns a 404 into None; with a wrong base URL or path, everything is "no data".
"""

from __future__ import annotations

import logging

from pyfly.kernel.fork import ForkAware

_logger = logging.getLogger("pyfly.client.calls")

_ENOUGH = 10


class FirstAnswers(ForkAware):
    """Watches the first ten answers of one client.

    Attributes:
        watching: Whether an answer still matters; then :meth:`note` wants it.
    """

    def __init__(self, client: str) -> None:
        self.watching = True
        self._client = client
        self._missing = 0
        super().__init__()

    def note(self, status: int, url_template: str) -> None:
        """Take note of an answer; the tenth 404 in a row is told, with its template."""
        with self._lock:
            if not self.watching:
                return
            self._missing += 1
            full = self._missing >= _ENOUGH
            if status != 404 or full:
                self.watching = False
        if status == 404 and full:
            _logger.warning(
                "The first answers of a client were all 404: are its base URL and paths right?",
                extra={
                    "client": self._client,
                    "answers": _ENOUGH,
                    "url_template": url_template,
                },
            )
