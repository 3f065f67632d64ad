"""Following redirects, where that is asked for; off by default.

One call has one trail, and asks it after each response where to go next::

    trail = redirects.trail(request)
    response = await send(request, deadline)
    while (onward := trail.next(response)) is not None:
        response = await send(onward, deadline)

Both kinds of client use it alike; nothing here waits. The request onward has an absolute
URL: a redirect is relative to the whole URL, which the path below a base URL is not.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn
from urllib.parse import urljoin

from pyfly.client.adapters._outgoing import (
    HttpOrigin,
    TargetResolver,
    parse_origin,
    without_fragment,
)
from pyfly.client.errors import ClientArgumentException, RedirectException
from pyfly.client.message import Request, Response
from pyfly.kernel.record import Record
from pyfly.kernel.secrets import is_secret

#: 300 needs a choice, 304 is no redirect, 305 and 306 are obsolete (RFC 9110, section 15.4).
_FOLLOWED = frozenset({301, 302, 303, 307, 308})
_BODY_HEADERS = frozenset({"content-type", "content-encoding", "content-language"})
_NOTHING: frozenset[str] = frozenset()
_ELSEWHERE = "set base_url to where it leads (see location)"
_UNUSABLE = "the service has to name another Location"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class Redirects(Record):
    """How redirects are followed.

    Attributes:
        base_url: What the paths of requests are below.
        limit: How many in one call.
        cross_origin: Whether to other origins as well; then without credentials and cookies,
            and never from https to http.
    """

    base_url: str = ""
    limit: int = 20
    cross_origin: bool = False

    def trail(self, request: Request) -> Trail:
        """Returns the trail of one call, which begins with ``request``."""
        return Trail(self, request)


class Trail:
    """Where one call has been led so far."""

    __slots__ = ("_followed", "_redirects", "_request")

    def __init__(self, redirects: Redirects, request: Request) -> None:
        self._redirects = redirects
        self._request = request
        self._followed = 0

    def next(self, response: Response[Any]) -> Request | None:
        """Returns the request onward; None if ``response`` does not redirect.

        Raises:
            RedirectException: It redirects, but not to where one may follow.
        """
        if response.is_plain_value or response.status_code not in _FOLLOWED:
            return None
        if self._followed >= self._redirects.limit:
            limit = self._redirects.limit
            _refuse(response, f"it is one more than the {limit} allowed", "is it a circle?")
        self._request = next_request(self._redirects, self._request, response)
        self._followed += 1
        return self._request


def next_request(redirects: Redirects, request: Request, response: Response[Any]) -> Request:
    """Returns the request that a redirect asks for (RFC 9110, section 15.4).

    303 becomes GET without a body (HEAD stays HEAD); 307 and 308 repeat the request, and so
    do 301 and 302 if it has no body. A fragment is dropped.

    Raises:
        RedirectException: ``Location`` is missing or malformed, leads to another origin or
            from https to http, 301 or 302 would repeat a body, or 307 or 308 one that cannot be
            sent twice.
    """
    status = response.status_code
    here = _whole_url(redirects.base_url, request, response)
    there = _location(here, response)
    origin, onward = _origin(here, response), _origin(there, response)
    if origin.scheme == "https" and onward.scheme != "https":
        _refuse(response, "it leads from https to http")
    if onward != origin and not redirects.cross_origin:
        _refuse(response, f"it leads to another origin, {onward}")
    method, content, json, dropped = request.method, request.content, request.json, _NOTHING
    has_body = content is not None or json is not None
    if status == 303:
        method = "HEAD" if method == "HEAD" else "GET"
        content, json, dropped = None, None, _BODY_HEADERS
    elif status in (301, 302) and has_body:
        _refuse(response, "clients disagree on whether to send the body again (307 and 308 tell)")
    elif request.single_use is not None:
        _refuse(response, f"it asks for the body a second time: {request.single_use}")
    headers = {
        name: value
        for name, value in request.headers.items()
        if name.lower() not in dropped and (onward == origin or not is_secret(name))
    }
    return Request(method, there, headers, content, None, json)


def _whole_url(base_url: str, request: Request, response: Response[Any]) -> str:
    try:
        target = TargetResolver(base_url).resolve(request.url)
    except ClientArgumentException as exc:
        _refuse(response, f"the redirected URL is not known: {exc}")
    return f"{target.origin}{target.raw.decode('ascii')}"


def _location(here: str, response: Response[Any]) -> str:
    given = response.headers.get_list("location")
    if not any(each.strip() for each in given):
        _refuse(response, "its Location is missing", _UNUSABLE)
    if len(set(given)) > 1:
        _refuse(response, "its Location is ambiguous", _UNUSABLE)
    location = given[0].strip()
    # Raw bytes of UTF-8 are as common as they are wrong; everybody encodes them.
    location = "".join(c if c < "\x80" else f"%{ord(c) & 255:02X}" for c in location)
    if not location.isprintable() or any(c in location for c in ' \\"<>^`{|}'):
        _refuse(response, "its Location holds characters that no URL has", _UNUSABLE)
    location = without_fragment(location) or here
    if _SCHEME.match(location):
        if not location.lower().startswith(("http://", "https://")):
            _refuse(response, "its Location is no http or https URL", _UNUSABLE)
        return location  # urljoin() would take https:///x, and https:x, for paths
    try:
        return urljoin(here, location)
    except ValueError:
        _refuse(response, "its Location is malformed", _UNUSABLE)


def _origin(url: str, response: Response[Any]) -> HttpOrigin:
    try:
        return parse_origin(url, "Location")
    except ClientArgumentException as exc:
        _refuse(response, str(exc), _UNUSABLE)


def _refuse(response: Response[Any], why: str, advice: str = _ELSEWHERE) -> NoReturn:
    error = RedirectException(response.status_code, response.headers, response.content)
    raise error.refused(why, advice)
