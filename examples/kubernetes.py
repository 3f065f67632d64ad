"""The pods of a Kubernetes namespace: lists in pages, and a watch that goes on for ever.

kubectl proxy &
KUBERNETES_API=http://127.0.0.1:8001 python examples/kubernetes.py default
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, Field

from pyfly.client import (
    Body,
    ClientErrorException,
    ErrorBody,
    Page,
    Query,
    ReadTimeoutException,
    Stream,
    bearer,
    connect,
    delete,
    get,
    patch,
    service_client,
)


class Metadata(BaseModel):
    name: str
    namespace: str
    resource_version: str = Field(alias="resourceVersion")
    labels: dict[str, str] = {}


class PodStatus(BaseModel):
    phase: Literal["Pending", "Running", "Succeeded", "Failed", "Unknown"] = "Unknown"


class Pod(BaseModel):
    metadata: Metadata
    status: PodStatus = PodStatus()


class ListMetadata(BaseModel):
    resource_version: str = Field(alias="resourceVersion")
    go_on: str = Field("", alias="continue")


class PodList(BaseModel):
    metadata: ListMetadata
    items: list[Pod]


class Status(BaseModel):
    """What the API server says of a request that failed."""

    code: int
    reason: str = ""
    message: str = ""


class Change(BaseModel):
    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: Pod


class Bookmark(BaseModel):
    """How far the watch has come: only its version counts."""

    class Mark(BaseModel):
        class Metadata(BaseModel):
            resource_version: str = Field(alias="resourceVersion")

        metadata: Metadata

    type: Literal["BOOKMARK"]
    object: Mark


class Failure(BaseModel):
    type: Literal["ERROR"]
    object: Status


WatchEvent = Annotated[Change | Bookmark | Failure, Field(discriminator="type")]


class Gone(ClientErrorException):
    """The version to begin at is too old: list anew."""


_TOKEN = FilePath("/var/run/secrets/kubernetes.io/serviceaccount/token")


def token() -> str:
    """The service account's token, which the cluster renews from time to time."""
    return _TOKEN.read_text().strip() if _TOKEN.exists() else "anonymous"


Selector = Annotated[str | None, Query("labelSelector")]


@service_client(
    base_url="${KUBERNETES_API:https://kubernetes.default.svc}",
    auth=bearer(token),
    errors={410: Gone, "4xx": ErrorBody(Status)},
)
class Pods(Protocol):
    @get(
        "/api/v1/namespaces/{namespace}/pods",
        params={"limit": 500},
        paginate=Page.cursor(param="continue", next="metadata.continue", items="items"),
    )
    def each(self, namespace: str, selector: Selector = None) -> AsyncIterator[Pod]: ...

    @get("/api/v1/namespaces/{namespace}/pods")
    async def all(self, namespace: str, selector: Selector = None) -> PodList: ...

    @get(
        "/api/v1/namespaces/{namespace}/pods",
        params={"watch": True, "allowWatchBookmarks": True},
    )
    def watch(
        self,
        namespace: str,
        version: Annotated[str, Query("resourceVersion")],
        selector: Selector = None,
    ) -> Stream[WatchEvent]: ...

    @get("/api/v1/namespaces/{namespace}/pods/{name}/log", params={"follow": True})
    def log(
        self, namespace: str, name: str, tail: Annotated[int | None, Query("tailLines")] = None
    ) -> AsyncIterator[str]: ...

    @patch("/api/v1/namespaces/{namespace}/pods/{name}")
    async def merge(
        self,
        namespace: str,
        name: str,
        changes: Annotated[dict[str, Any], Body("application/merge-patch+json")],
    ) -> Pod: ...

    @delete("/api/v1/namespaces/{namespace}/pods/{name}")
    async def delete(self, namespace: str, name: str) -> Status | Pod: ...


class WatchFailed(Exception):
    """The API server ended a watch with an error."""


async def follow(pods: Pods, namespace: str) -> AsyncGenerator[Change, None]:
    """All that is there, and then every change, across the ends of watches and of history."""
    version = ""
    while True:
        if not version:
            listed = await pods.all(namespace)
            version = listed.metadata.resource_version
            for pod in listed.items:
                yield Change(type="ADDED", object=pod)
        try:
            async with pods.watch(namespace, version) as events:
                async for event in events:
                    if isinstance(event, Failure):
                        if event.object.code != 410:
                            raise WatchFailed(event.object.message)
                        version = ""
                        break
                    version = event.object.metadata.resource_version
                    if isinstance(event, Change):
                        yield event
        except Gone:
            version = ""
        except ReadTimeoutException:
            pass  # nothing happened for a while


async def main(namespace: str) -> None:
    """Print what happens to the pods, until it is interrupted."""
    async with connect(Pods) as pods:
        async for change in follow(pods, namespace):
            print(change.type, change.object.metadata.name, change.object.status.phase)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
