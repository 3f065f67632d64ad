"""A review, for people and for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

import click

from pyfly.cli.check.finding import ERROR, Finding
from pyfly.cli.check.requests import Field, RequestTable
from pyfly.cli.check.review import Review

_COLOURS = {"error": "red", "warning": "yellow"}


def as_text(review: Review) -> Iterator[str]:
    """A class: its place, its requests; mistakes are told apart."""
    title = click.style(f"{review.cls.__module__}:{review.cls.__name__}", bold=True)
    place = f"  {review.file}:{review.line}" if review.file else ""
    yield f"{title}{place}"
    for request in review.requests:
        yield f"  {request.name}"
        yield f"    {request.http_method} {_url(request)} {_arrow()} {request.returns}"
        for lead, text in _details(request):
            yield f"      {lead:<8}{text}"


def _details(request: RequestTable) -> Iterator[tuple[str, str]]:
    for field in request.headers:
        yield "header", _line(field, ": ")
    for field in request.cookies:
        yield "cookie", _line(field, "=")
    if request.body is not None:
        only = request.fields[0]
        if only.name is None and len(request.fields) == 1:
            yield "body", f"{request.body}: {{{only.parameter}}}, {only.type}{_optional(only)}"
        else:
            yield "body", request.body
            for field in request.fields:
                yield "", _line(field, "=")
    if request.timeout_parameter is not None:
        yield "timeout", f"{{{request.timeout_parameter}}} for each attempt of a call"
    yield "retry", _retry(request)


def _retry(request: RequestTable) -> str:
    spans = [f"{request.timeout:g} s each"] if request.timeout is not None else []
    if request.total_timeout is not None:
        spans.append(f"{request.total_timeout:g} s in all")
    attempts = "1 attempt" if request.attempts == 1 else f"up to {request.attempts} attempts"
    return f"{request.retried}; {attempts}, {', '.join(spans)}"


def _line(field: Field, separator: str) -> str:
    if field.name is None:
        return f"{{{field.parameter}}}, each of its fields ({field.type})"
    if field.parameter is None:
        detail = f" ({field.detail})" if field.detail else ""
        return f"{field.name}{separator}{field.type}{detail}"
    detail = f" ({field.detail})" if field.detail else ""
    return f"{field.name}{separator}{{{field.parameter}}}{detail}{_optional(field)}"


def _optional(field: Field) -> str:
    return "" if field.required else ", if given"


def _url(request: RequestTable) -> str:
    """The template and the query: ``/products?category={category}[&tag={tags}]``."""
    pieces: list[str] = []
    for field in request.query:
        mark = "&" if pieces else "?"
        if field.name is None:
            pieces.append(f"[{mark}{{{field.parameter}}}…]")
            continue
        page = "…" if field.type == "page by page" else field.type
        value = f"{{{field.parameter}}}" if field.parameter is not None else page
        one = f"{mark}{field.name}={value}"
        pieces.append(one if field.required else f"[{one}]")
    return request.url + "".join(pieces)


def _arrow() -> str:
    try:
        "→".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "->"
    return "→"


def finding_text(finding: Finding) -> str:
    """One line, as compilers write them."""
    severity = click.style(finding.severity, fg=_COLOURS[finding.severity], bold=True)
    place = f"{finding.place}: " if finding.place else ""
    return f"{place}{severity}: {finding.message}"


def tally(findings: Iterable[Finding], classes: int) -> str:
    """The last line."""
    found = list(findings)
    errors = sum(finding.severity == ERROR for finding in found)
    clients = _count(classes, "client")
    if not found:
        return f"{clients}: nothing is wrong"
    warnings = _count(len(found) - errors, "warning")
    return f"{clients}: {_count(errors, 'error')}, {warnings}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def as_json(
    reviews: list[Review], apart: list[Finding], findings: list[Finding], ok: bool
) -> dict[str, Any]:
    """Everything for programs; documented in ``docs/command-line.md``."""
    errors = sum(finding.severity == ERROR for finding in findings)
    return {
        "ok": ok,
        "errors": errors,
        "warnings": len(findings) - errors,
        "clients": [_client(review) for review in reviews],
        "problems": [_problem(finding) for finding in apart],
    }


def _client(review: Review) -> dict[str, Any]:
    return {
        "class": f"{review.cls.__module__}:{review.cls.__qualname__}",
        "name": review.name,
        "base_url": review.base_url,
        "file": review.file,
        "line": review.line,
        "problems": [_problem(finding) for finding in review.findings],
        "methods": [_request(request) for request in review.requests],
    }


def _problem(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in Finding.__match_args__}


def _request(request: RequestTable) -> dict[str, Any]:
    lists = ("path", "query", "headers", "cookies", "fields")
    shown: dict[str, Any] = {name: getattr(request, name) for name in RequestTable.__match_args__}
    for name in lists:
        shown[name] = [
            {key: getattr(field, key) for key in Field.__match_args__} for field in shown[name]
        ]
    return shown
