"""Where a library's parser leads to another end than the table says, each as safe as that."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from pyfly.client.errors import HttpStatusException, ProtocolException
from pyfly.kernel.exceptions import AttemptTimeoutException
from tests.client.hostile_responses.case import Case

__all__ = ["DIFFERENCES", "as_seen_by"]

STRICT: dict[str, Any] = {"gives": ProtocolException, "reused": False}

#: aiohttp's parser checks what follows a response in the same packet, allows fewer fields, and
#: refuses repeated and doubtful lengths; it takes some codings, lines and blank lines that h11
#: refuses.
AIOHTTP: dict[str, dict[str, Any]] = {
    "status 099": {"gives": HttpStatusException, "reused": True},
    "NUL in the status line": {"gives": b"hi", "reused": True},
    "blank lines before the status line": {"gives": b"hi", "reused": True},
    "a fold before the first field": {"gives": AttemptTimeoutException, "slow": True},
    "a thousand cookies": STRICT,
    "90 KiB of header fields": STRICT,
    "101: an upgrade that nobody asked for": {"gives": HttpStatusException},
    "a body longer than its length": STRICT,
    "a length of 0 with a body": STRICT,
    "the same length twice": STRICT,
    "the same length twice in one field": STRICT,
    "a length of 20 digits": STRICT,
    "a length and chunks as well": STRICT,
    "chunks compressed by the transfer": {"reused": True},
    "chunked twice": {"gives": b"hi", "reused": True},
    "a chunk extension of a mebibyte": {"gives": b"a good oneabc", "pause": 0.1},
    "trailers that contradict the head": STRICT,
    "a chunk size without an end": {"gives": AttemptTimeoutException, "slow": True},
    "204 with a body": STRICT,
    "304 with a body": STRICT,
    "204 with chunks": STRICT,
    "a HEAD that is answered with a body": STRICT,
    "a blank line behind a response": {"reused": True},
    "one byte behind a response": STRICT,
    "a mebibyte behind a response": STRICT,
    "a body one byte over the limit": {"reused": None},
    "a chunked body over the limit": {"reused": None},
}
DIFFERENCES = {"aiohttp": AIOHTTP}


def as_seen_by(library: str, case: Case) -> Case:
    """The case with what this library makes of it."""
    if sys.version_info >= (3, 14) and case.name == "objects nested 10,000 deep":
        pytest.skip("Python 3.14 reads JSON as deep as the stack goes, and this is not as deep")
    return case._replace(**DIFFERENCES.get(library, {}).get(case.name, {}))
