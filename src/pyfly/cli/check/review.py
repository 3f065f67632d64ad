"""One class reviewed: what is wrong, what is odd, and what its methods will send."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import urlsplit

from pyfly.cli.check.configured import Configured
from pyfly.cli.check.finding import ERROR, WARNING, Finding
from pyfly.cli.check.hints import hints
from pyfly.cli.check.requests import RequestTable, request_table
from pyfly.cli.check.retries import Retries
from pyfly.cli.target import source_line
from pyfly.client._compile.base_url import check_base_url
from pyfly.client._protection.protection import Protection
from pyfly.client._review import review
from pyfly.client._settings.config import Settings
from pyfly.client._settings.declared import settings_from_decorator, settings_from_resilience
from pyfly.client.errors import ClientDeclarationException
from pyfly.client.plan import ClientPlan, MethodPlan
from pyfly.core import ConfigException
from pyfly.kernel.record import Record
from pyfly.resilience import SYSTEM_CLOCK, Events


class Review(Record):
    """What there is to say of one class.

    Attributes:
        cls: The class.
        name: Its name in the configuration; None if it has none.
        base_url: Where its requests go, as far as that can be told.
        file: Where it is declared.
        line: Likewise.
        findings: What is wrong or odd, in the order of the lines.
        requests: Those of its right methods.
        methods: The names of all its methods.
    """

    cls: type
    name: str | None
    base_url: str
    file: str | None
    line: int | None
    findings: list[Finding]
    requests: list[RequestTable]
    methods: list[str]


def review_class(cls: type, configured: Configured) -> Review:
    """Review a class under a configuration."""
    file, line = source_line(cls)
    try:
        plan, mistakes = review(cls)
    except ClientDeclarationException as error:
        wrong = [Finding(ERROR, problem, file, line) for problem in error.problems]
        return Review(cls, None, "", file, line, wrong, [], [])
    found = [_placed(plan, mistake) for mistake in mistakes]
    base_url, requests = plan.declaration.base_url, list[RequestTable]()
    broken = any(_is_decorators(plan, finding) for finding in found)
    settings = None if broken else _settings(plan, configured)
    if settings is not None:
        base_url, told = _base_url(plan, settings, configured)
        found += [Finding(severity, text, file, line) for severity, text in told]
        if not mistakes:  # a right class is wired, as far as that can be done without a service
            found += [_placed(plan, mistake) for mistake in configured.wiring_mistakes(plan)]
        bad = {finding.method for finding in found}
        found += _unprotectable(plan, bad, settings, base_url)
        bad = {finding.method for finding in found}
        for method in plan.names.values():
            if method.name not in bad:
                found += _odd(plan, method, settings, configured)
                requests.append(request_table(method, settings, base_url))
    found.sort(key=lambda finding: finding.line or 0)
    name = plan.declaration.name
    return Review(cls, name, base_url, file, line, found, requests, list(plan.names))


def _odd(
    plan: ClientPlan, method: MethodPlan, settings: Settings, configured: Configured
) -> Iterator[Finding]:
    """What is odd about a method that is right by itself."""
    retries = Retries(method, settings)
    stub = getattr(plan.cls, method.name)
    for severity, text in hints(method, stub, settings, retries):
        yield _at(plan, method, severity, f"{method.operation}: {text}")
    for message in configured.constants(method):
        yield _at(plan, method, ERROR, message)


def _unprotectable(
    plan: ClientPlan, bad: Collection[str | None], settings: Settings, base_url: str
) -> Iterator[Finding]:
    """What policies of right methods cannot be, as the wiring would say it."""
    host = urlsplit(base_url).netloc or "any"
    protection = Protection(
        plan, settings, Events(), SYSTEM_CLOCK, port_bounds=True, host=host, host_breakers={}
    )
    for method in plan.names.values():
        if method.name not in bad:
            protection.pipeline(method)
    protection.forget()
    for mistake in protection.mistakes:
        yield _placed(plan, mistake)


def _placed(plan: ClientPlan, mistake: str) -> Finding:
    """A mistake, with the place of the stub that it begins with, else of the class."""
    operation = mistake.partition(": ")[0]
    for method in (*plan.names.values(), *plan.methods):
        if method.operation == operation:
            return _at(plan, method, ERROR, mistake)
    return Finding(ERROR, mistake, *source_line(plan.cls))


def _at(plan: ClientPlan, method: MethodPlan, severity: str, message: str) -> Finding:
    file, line = source_line(method.declaration.function)
    if file is None:
        file, line = source_line(plan.cls)
    return Finding(severity, message, file, line, method.name)


def _is_decorators(plan: ClientPlan, finding: Finding) -> bool:
    """Whether the class decorator itself is wrong, so that nothing can be told of settings."""
    return finding.method is None and finding.message.startswith(f"{plan.cls.__name__}: ")


def _settings(plan: ClientPlan, configured: Configured) -> Settings | None:
    said: dict[str, Any] = {}
    for method in plan.names.values():
        try:
            said[method.name] = settings_from_resilience(method.resilience)
        except (
            TypeError,
            ValueError,
            OverflowError,
            AttributeError,
            KeyError,
        ):  # which has been told as a mistake
            continue
    client = plan.declaration
    return configured.settings(client.name, settings_from_decorator(client.resilience), said)


def _base_url(
    plan: ClientPlan, settings: Settings, configured: Configured
) -> tuple[str, list[tuple[str, str]]]:
    """Where requests go, and what is wrong with that."""
    cls, declaration = plan.cls.__name__, plan.declaration
    given: str = settings.value("base-url") or declaration.base_url
    if not given:
        key = f"pyfly.client.clients.{declaration.name}.base-url"
        where = f", or configure {key}" if declaration.name is not None else ""
        text = f"{cls}: has no base URL (write base_url=… in its decorator{where})"
        return "{base_url}", [(ERROR if configured.given else WARNING, text)]
    if "${" in given:
        try:
            given = configured.config.resolve(given, where=f"{cls}.base_url")
        except ConfigException as error:
            return given, [(ERROR, f"{cls}: {error}")] if configured.given else []
    url, wrong = check_base_url(given)
    known = given == declaration.base_url  # then the review has told it already
    return url or given, [] if wrong is None or known else [(ERROR, f"{cls}: {wrong}")]
