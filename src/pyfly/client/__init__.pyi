"""The public names of :mod:`pyfly.client`, and where each lives: the one list of them."""

from pyfly.client._declare.markers import (
    Body as Body,
    Cookie as Cookie,
    File as File,
    Form as Form,
    Header as Header,
    Path as Path,
    Query as Query,
    Timeout as Timeout,
)
from pyfly.client._declare.options import (
    idempotent as idempotent,
    resilience as resilience,
    retryable as retryable,
)
from pyfly.client._declare.service import (
    http_client as http_client,
    service_client as service_client,
)
from pyfly.client._declare.verbs import (
    delete as delete,
    get as get,
    head as head,
    options as options,
    patch as patch,
    post as post,
    put as put,
)
from pyfly.client._stream.server_sent_events import ServerSentEvent as ServerSentEvent
from pyfly.client._stream.stream import Stream as Stream, SyncStream as SyncStream
from pyfly.client.adapters.aiohttp import AiohttpClientAdapter as AiohttpClientAdapter
from pyfly.client.adapters.httpx import HttpxClientAdapter as HttpxClientAdapter
from pyfly.client.adapters.httpx_sync import HttpxSyncClientAdapter as HttpxSyncClientAdapter
from pyfly.client.adapters.settings import (
    ConnectionSettings as ConnectionSettings,
    ConnectionSettingsException as ConnectionSettingsException,
)
from pyfly.client.auth.credentials import (
    Credentials as Credentials,
    basic as basic,
    bearer as bearer,
)
from pyfly.client.downloads import download as download, download_sync as download_sync
from pyfly.client.error_mapping import ErrorBody as ErrorBody
from pyfly.client.errors import (
    AccessDeniedException as AccessDeniedException,
    BadRequestException as BadRequestException,
    CallException as CallException,
    ClientArgumentException as ClientArgumentException,
    ClientDeclarationException as ClientDeclarationException,
    ClientErrorException as ClientErrorException,
    ClientStoppedException as ClientStoppedException,
    ConflictException as ConflictException,
    ConnectException as ConnectException,
    ConnectTimeoutException as ConnectTimeoutException,
    ForbiddenException as ForbiddenException,
    HttpStatusException as HttpStatusException,
    NotFoundException as NotFoundException,
    PaginationException as PaginationException,
    PoolExhaustedException as PoolExhaustedException,
    PortValueException as PortValueException,
    ProtocolException as ProtocolException,
    ProxyException as ProxyException,
    ReadException as ReadException,
    ReadTimeoutException as ReadTimeoutException,
    RedirectException as RedirectException,
    ResponseDecodeException as ResponseDecodeException,
    ResponseException as ResponseException,
    ResponseTooLargeException as ResponseTooLargeException,
    ServerErrorException as ServerErrorException,
    StreamStateException as StreamStateException,
    StreamTimeoutException as StreamTimeoutException,
    TlsException as TlsException,
    TooManyRequestsException as TooManyRequestsException,
    TransportException as TransportException,
    UnauthorizedException as UnauthorizedException,
    UnprocessableContentException as UnprocessableContentException,
    WriteException as WriteException,
    WriteTimeoutException as WriteTimeoutException,
)
from pyfly.client.explanation import explain as explain
from pyfly.client.interceptors import Exchange as Exchange, Interceptor as Interceptor
from pyfly.client.message import (
    BodyStream as BodyStream,
    FilePart as FilePart,
    Headers as Headers,
    Request as Request,
    Response as Response,
)
from pyfly.client.pagination import Page as Page
from pyfly.client.ports import (
    HttpClientPort as HttpClientPort,
    SyncHttpClientPort as SyncHttpClientPort,
)
from pyfly.client.post_processor import HttpClientBeanPostProcessor as HttpClientBeanPostProcessor
from pyfly.client.problem import ProblemDetail as ProblemDetail
from pyfly.client.standalone import (
    ClientUsageWarning as ClientUsageWarning,
    connect as connect,
    connect_sync as connect_sync,
)
from pyfly.kernel.exceptions import (
    AttemptTimeoutException as AttemptTimeoutException,
    BulkheadException as BulkheadException,
    CircuitBreakerException as CircuitBreakerException,
    DeadlineExceededException as DeadlineExceededException,
    InfrastructureException as InfrastructureException,
    OperationTimeoutException as OperationTimeoutException,
    PyFlyException as PyFlyException,
    RateLimitException as RateLimitException,
    RefusedException as RefusedException,
    ServiceClientException as ServiceClientException,
)
from pyfly.kernel.secrets import secret_names as secret_names
from pyfly.resilience import (
    CircuitBreaker as CircuitBreaker,
    CircuitState as CircuitState,
    RetryPolicy as RetryPolicy,
    deadline as deadline,
    detached as detached,
)
