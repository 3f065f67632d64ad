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
from pyfly.client.connect import ClientUsageWarning, connect, connect_sync
from pyfly.client.download import download, download_sync
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
from pyfly.client.explain import explain
from pyfly.client.interceptors import Exchange, Interceptor
from pyfly.client.message import BodyStream, FilePart, Headers, Request, Response
from pyfly.client.pagination import Page
from pyfly.client.ports import HttpClientPort, SyncHttpClientPort
from pyfly.client.post_processor import HttpClientBeanPostProcessor
from pyfly.client.problem import ProblemDetail
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

logging.getLogger("pyfly.client").addHandler(logging.NullHandler())

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
