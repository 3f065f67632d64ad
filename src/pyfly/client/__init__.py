"""Declarative HTTP clients: everything a user of clients needs, in one import.

A class of method signatures is the whole declaration::

    from typing import Protocol
    from pyfly.client import connect, get, service_client

    @service_client(base_url="http://inventory-service:8080")
    class Inventory(Protocol):
        @get("/products/{product_id}")
        async def product(self, product_id: str) -> dict: ...

    async with connect(Inventory) as inventory:
        print(await inventory.product("42"))
"""

import logging
from typing import TYPE_CHECKING

from pyfly.kernel.front_door import front_door

if TYPE_CHECKING:
    from pyfly.client._declare.markers import Body, Cookie, File, Form, Header, Path, Query, Timeout
    from pyfly.client._declare.options import idempotent, resilience, retryable
    from pyfly.client._declare.service import http_client, service_client
    from pyfly.client._declare.verbs import delete, get, head, options, patch, post, put
    from pyfly.client._stream.server_sent_events import ServerSentEvent
    from pyfly.client._stream.stream import Stream, SyncStream
    from pyfly.client.adapters.aiohttp import AiohttpClientAdapter
    from pyfly.client.adapters.httpx import HttpxClientAdapter
    from pyfly.client.adapters.httpx_sync import HttpxSyncClientAdapter
    from pyfly.client.adapters.pyreqwest import PyreqwestClientAdapter
    from pyfly.client.adapters.settings import ConnectionSettings, ConnectionSettingsException
    from pyfly.client.auth.credentials import Credentials, basic, bearer
    from pyfly.client.downloads import download, download_sync
    from pyfly.client.error_mapping import ErrorBody
    from pyfly.client.errors import (
        AccessDeniedException,
        BadRequestException,
        CallException,
        ClientArgumentException,
        ClientDeclarationException,
        ClientErrorException,
        ClientStoppedException,
        ConflictException,
        ConnectException,
        ConnectTimeoutException,
        ForbiddenException,
        HttpStatusException,
        NotFoundException,
        PaginationException,
        PoolExhaustedException,
        PortValueException,
        ProtocolException,
        ProxyException,
        ReadException,
        ReadTimeoutException,
        RedirectException,
        ResponseDecodeException,
        ResponseException,
        ResponseTooLargeException,
        ServerErrorException,
        StreamStateException,
        StreamTimeoutException,
        TlsException,
        TooManyRequestsException,
        TransportException,
        UnauthorizedException,
        UnprocessableContentException,
        WriteException,
        WriteTimeoutException,
    )
    from pyfly.client.explanation import explain
    from pyfly.client.interceptors import Exchange, Interceptor
    from pyfly.client.message import BodyStream, FilePart, Headers, Request, Response
    from pyfly.client.pagination import Page
    from pyfly.client.ports import HttpClientPort, SyncHttpClientPort
    from pyfly.client.post_processor import HttpClientBeanPostProcessor
    from pyfly.client.problem import ProblemDetail
    from pyfly.client.standalone import ClientUsageWarning, connect, connect_sync
    from pyfly.kernel.exceptions import (
        AttemptTimeoutException,
        BulkheadException,
        CircuitBreakerException,
        DeadlineExceededException,
        InfrastructureException,
        OperationTimeoutException,
        PyFlyException,
        RateLimitException,
        RefusedException,
        ServiceClientException,
    )
    from pyfly.resilience import CircuitBreaker, CircuitState, RetryPolicy, deadline, detached

__all__ = [
    "AccessDeniedException",
    "AiohttpClientAdapter",
    "AttemptTimeoutException",
    "BadRequestException",
    "Body",
    "BodyStream",
    "BulkheadException",
    "CallException",
    "CircuitBreaker",
    "CircuitBreakerException",
    "CircuitState",
    "ClientArgumentException",
    "ClientDeclarationException",
    "ClientErrorException",
    "ClientStoppedException",
    "ClientUsageWarning",
    "ConflictException",
    "ConnectException",
    "ConnectTimeoutException",
    "ConnectionSettings",
    "ConnectionSettingsException",
    "Cookie",
    "Credentials",
    "DeadlineExceededException",
    "ErrorBody",
    "Exchange",
    "File",
    "FilePart",
    "ForbiddenException",
    "Form",
    "Header",
    "Headers",
    "HttpClientBeanPostProcessor",
    "HttpClientPort",
    "HttpStatusException",
    "HttpxClientAdapter",
    "HttpxSyncClientAdapter",
    "InfrastructureException",
    "Interceptor",
    "NotFoundException",
    "OperationTimeoutException",
    "Page",
    "PaginationException",
    "Path",
    "PoolExhaustedException",
    "PortValueException",
    "ProblemDetail",
    "ProtocolException",
    "ProxyException",
    "PyFlyException",
    "PyreqwestClientAdapter",
    "Query",
    "RateLimitException",
    "ReadException",
    "ReadTimeoutException",
    "RedirectException",
    "RefusedException",
    "Request",
    "Response",
    "ResponseDecodeException",
    "ResponseException",
    "ResponseTooLargeException",
    "RetryPolicy",
    "ServerErrorException",
    "ServerSentEvent",
    "ServiceClientException",
    "Stream",
    "StreamStateException",
    "StreamTimeoutException",
    "SyncHttpClientPort",
    "SyncStream",
    "Timeout",
    "TlsException",
    "TooManyRequestsException",
    "TransportException",
    "UnauthorizedException",
    "UnprocessableContentException",
    "WriteException",
    "WriteTimeoutException",
    "basic",
    "bearer",
    "connect",
    "connect_sync",
    "deadline",
    "delete",
    "detached",
    "download",
    "download_sync",
    "explain",
    "get",
    "head",
    "http_client",
    "idempotent",
    "options",
    "patch",
    "post",
    "put",
    "resilience",
    "retryable",
    "service_client",
]

_HOMES = {
    "AccessDeniedException": "errors",
    "AiohttpClientAdapter": "adapters.aiohttp",
    "AttemptTimeoutException": "pyfly.kernel.exceptions",
    "BadRequestException": "errors",
    "Body": "_declare.markers",
    "BodyStream": "message",
    "BulkheadException": "pyfly.kernel.exceptions",
    "CallException": "errors",
    "CircuitBreaker": "pyfly.resilience",
    "CircuitBreakerException": "pyfly.kernel.exceptions",
    "CircuitState": "pyfly.resilience",
    "ClientArgumentException": "errors",
    "ClientDeclarationException": "errors",
    "ClientErrorException": "errors",
    "ClientStoppedException": "errors",
    "ClientUsageWarning": "standalone",
    "ConflictException": "errors",
    "ConnectException": "errors",
    "ConnectTimeoutException": "errors",
    "ConnectionSettings": "adapters.settings",
    "ConnectionSettingsException": "adapters.settings",
    "Cookie": "_declare.markers",
    "Credentials": "auth.credentials",
    "DeadlineExceededException": "pyfly.kernel.exceptions",
    "ErrorBody": "error_mapping",
    "Exchange": "interceptors",
    "File": "_declare.markers",
    "FilePart": "message",
    "ForbiddenException": "errors",
    "Form": "_declare.markers",
    "Header": "_declare.markers",
    "Headers": "message",
    "HttpClientBeanPostProcessor": "post_processor",
    "HttpClientPort": "ports",
    "HttpStatusException": "errors",
    "HttpxClientAdapter": "adapters.httpx",
    "HttpxSyncClientAdapter": "adapters.httpx_sync",
    "InfrastructureException": "pyfly.kernel.exceptions",
    "Interceptor": "interceptors",
    "NotFoundException": "errors",
    "OperationTimeoutException": "pyfly.kernel.exceptions",
    "Page": "pagination",
    "PaginationException": "errors",
    "Path": "_declare.markers",
    "PoolExhaustedException": "errors",
    "PortValueException": "errors",
    "ProblemDetail": "problem",
    "ProtocolException": "errors",
    "ProxyException": "errors",
    "PyFlyException": "pyfly.kernel.exceptions",
    "PyreqwestClientAdapter": "adapters.pyreqwest",
    "Query": "_declare.markers",
    "RateLimitException": "pyfly.kernel.exceptions",
    "ReadException": "errors",
    "ReadTimeoutException": "errors",
    "RedirectException": "errors",
    "RefusedException": "pyfly.kernel.exceptions",
    "Request": "message",
    "Response": "message",
    "ResponseDecodeException": "errors",
    "ResponseException": "errors",
    "ResponseTooLargeException": "errors",
    "RetryPolicy": "pyfly.resilience",
    "ServerErrorException": "errors",
    "ServerSentEvent": "_stream.server_sent_events",
    "ServiceClientException": "pyfly.kernel.exceptions",
    "Stream": "_stream.stream",
    "StreamStateException": "errors",
    "StreamTimeoutException": "errors",
    "SyncHttpClientPort": "ports",
    "SyncStream": "_stream.stream",
    "Timeout": "_declare.markers",
    "TlsException": "errors",
    "TooManyRequestsException": "errors",
    "TransportException": "errors",
    "UnauthorizedException": "errors",
    "UnprocessableContentException": "errors",
    "WriteException": "errors",
    "WriteTimeoutException": "errors",
    "basic": "auth.credentials",
    "bearer": "auth.credentials",
    "connect": "standalone",
    "connect_sync": "standalone",
    "deadline": "pyfly.resilience",
    "delete": "_declare.verbs",
    "detached": "pyfly.resilience",
    "download": "downloads",
    "download_sync": "downloads",
    "explain": "explanation",
    "get": "_declare.verbs",
    "head": "_declare.verbs",
    "http_client": "_declare.service",
    "idempotent": "_declare.options",
    "options": "_declare.verbs",
    "patch": "_declare.verbs",
    "post": "_declare.verbs",
    "put": "_declare.verbs",
    "resilience": "_declare.options",
    "retryable": "_declare.options",
    "service_client": "_declare.service",
}

if not TYPE_CHECKING:  # a checker that saw it would take every misspelt name
    __getattr__, __dir__ = front_door(__name__, _HOMES)

logging.getLogger("pyfly.client").addHandler(logging.NullHandler())
