"""The transport's errors travel between processes."""

from __future__ import annotations

import pickle

import pytest

from pyfly.transport.errors import (
    BodyTooLarge,
    ConnectError,
    ConnectTimeout,
    PrematureEnd,
    ProxyError,
    TransportError,
)


@pytest.mark.parametrize(
    "error",
    [
        BodyTooLarge(7),
        ConnectError("no", "tls"),
        ConnectTimeout("name"),
        PrematureEnd("closed"),
        ProxyError("it refused", "proxy:1"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_the_same_after_pickling(error: TransportError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))
