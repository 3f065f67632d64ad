"""The Kubernetes client against a server that speaks its API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from examples.kubernetes import Bookmark, Change, Failure, Pods, Status, WatchFailed, follow
from pyfly.client import ConflictException, connect
from tests.examples.serving import Answer, Request, Server, as_json, demand, query_of
from tests.support.http1 import answer

PODS = "/api/v1/namespaces/default/pods"


def pod(name: str, version: int, phase: str = "Running") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "resourceVersion": str(version), "uid": "u"}
    return {"kind": "Pod", "metadata": metadata, "spec": {}, "status": {"phase": phase}}


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def status(code: int, reason: str) -> dict[str, Any]:
    return {"kind": "Status", "code": code, "reason": reason, "message": f"it is {reason}"}


class Api:
    """Two pages of pods, and one script for each watch."""

    def __init__(self, *watches: list[tuple[str, dict[str, Any]]]) -> None:
        self.watches = list(watches)
        self.lists = 0

    def __call__(self, request: Request) -> Answer:
        demand(request.values("authorization") == ["Bearer anonymous"], "no token")
        query = query_of(request)
        match request.method, request.path:
            case "GET", path if path == PODS and "watch" in query:
                return self.watched(query)
            case "GET", path if path == PODS:
                return self.listed(query)
            case "GET", path if path == f"{PODS}/a/log":
                demand(query == {"follow": "true", "tailLines": "2"}, f"{query}")
                return streamed("text/plain", "one ✓\ntw", "o\n")
            case "PATCH", path if path == f"{PODS}/a":
                kinds = request.values("content-type")
                demand(kinds == ["application/merge-patch+json"], f"{kinds}")
                demand(request.json() == {"metadata": {"labels": {"x": None}}}, "another patch")
                return as_json(pod("a", 9))
            case "DELETE", path if path == f"{PODS}/a":
                return as_json(status(200, ""))
            case _:
                return as_json(status(409, "Conflict"), 409)

    def listed(self, query: dict[str, str]) -> bytes:
        self.lists += 1
        demand(query.get("limit", "500") == "500", f"{query}")
        demand(query.get("labelSelector", "app in (a,b),!c") == "app in (a,b),!c", f"{query}")
        last = query.get("continue") == "next/2==" or "limit" not in query
        items = [pod("c", 3)] if query.get("continue") else [pod("a", 1), pod("b", 2, "Pending")]
        metadata = {"resourceVersion": str(10 * self.lists), "continue": "" if last else "next/2=="}
        return as_json({"kind": "PodList", "metadata": metadata, "items": items})

    def watched(self, query: dict[str, str]) -> Answer:
        demand(query["watch"] == "true" and query["allowWatchBookmarks"] == "true", f"{query}")
        script = self.watches.pop(0)
        if script and script[0][0] == query["resourceVersion"] == "410":
            return as_json(status(410, "Expired"), 410)
        texts = [json.dumps({"type": kind, "object": value}) + "\n" for kind, value in script]
        return streamed("application/json", *texts, goes_on=not self.watches)


async def streamed(kind: str, *texts: str, goes_on: bool = False) -> AsyncIterator[bytes]:
    yield answer(200, None, [("Content-Type", kind), ("Transfer-Encoding", "chunked")])
    for text in texts:
        data = text.encode()
        for piece in (data[:3], data[3:]):  # pieces end anywhere
            if piece:
                yield chunk(piece)
                await asyncio.sleep(0)
    while goes_on:
        await asyncio.sleep(0.01)
        yield chunk(b"\n")
    yield b"0\r\n\r\n"


async def test_pods_come_page_by_page() -> None:
    with Server(Api()) as server:
        async with connect(Pods, base_url=server.url) as pods:
            found = [p async for p in pods.each("default", "app in (a,b),!c")]
    assert [p.metadata.name for p in found] == ["a", "b", "c"]
    assert found[1].status.phase == "Pending"
    assert "&labelSelector=app%20in%20%28a%2Cb%29%2C%21c" in server.targets[0]


async def test_a_watch_tells_events_apart_by_their_type() -> None:
    mark = {"metadata": {"resourceVersion": "12"}}
    script = [
        ("ADDED", pod("d", 11)),
        ("BOOKMARK", mark),
        ("DELETED", pod("a", 13)),
        ("ERROR", status(500, "Broken")),
    ]
    with Server(Api(script, [])) as server:
        async with connect(Pods, base_url=server.url) as pods:
            events = [event async for event in pods.watch("default", "10")]
    assert [type(event) for event in events] == [Change, Bookmark, Change, Failure]
    assert events[3].object == Status(code=500, reason="Broken", message="it is Broken")


async def test_changes_are_followed_across_watches_and_lost_history() -> None:
    api = Api(
        [("ADDED", pod("d", 11)), ("BOOKMARK", {"metadata": {"resourceVersion": "15"}})],
        [("MODIFIED", pod("d", 16)), ("ERROR", status(410, "Expired"))],
        [("DELETED", pod("d", 21))],
    )
    seen: list[tuple[str, str]] = []
    with Server(api) as server:
        async with (
            connect(Pods, base_url=server.url) as pods,
            aclosing(follow(pods, "default")) as changes,
        ):
            async for change in changes:
                seen.append((change.type, change.object.metadata.name))
                if change.type == "DELETED":
                    break
    listed = [("ADDED", "a"), ("ADDED", "b")]
    assert seen == [*listed, ("ADDED", "d"), ("MODIFIED", "d"), *listed, ("DELETED", "d")]
    versions = [query_of(r).get("resourceVersion") for r in server.requests]
    assert versions == [None, "10", "15", None, "20"]


async def test_a_watch_that_begins_too_early_lists_anew_and_other_errors_are_raised() -> None:
    api = Api([("410", {})], [("ERROR", status(500, "Broken"))], [])
    api.lists = 40  # its first list has the version 410
    with Server(api) as server:
        async with connect(Pods, base_url=server.url) as pods:
            with pytest.raises(WatchFailed, match="it is Broken"):
                async for _ in follow(pods, "default"):
                    pass
    assert api.lists == 42


async def test_logs_come_line_by_line() -> None:
    with Server(Api()) as server:
        async with connect(Pods, base_url=server.url) as pods:
            assert [line async for line in pods.log("default", "a", tail=2)] == ["one ✓", "two"]


async def test_a_pod_is_patched_and_deleted() -> None:
    with Server(Api()) as server:
        async with connect(Pods, base_url=server.url) as pods:
            patched = await pods.merge("default", "a", {"metadata": {"labels": {"x": None}}})
            assert patched.metadata.resource_version == "9"
            assert await pods.delete("default", "a") == Status(code=200, message="it is ")
            with pytest.raises(ConflictException) as conflict:
                await pods.delete("default", "b")
    assert conflict.value.error_body.reason == "Conflict"
