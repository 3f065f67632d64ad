"""The issues of a GitHub repository: pages by `Link`, conditional requests, typed errors.

GITHUB_TOKEN=… python examples/github.py encode httpx
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Protocol, TypedDict

from pyfly.client import (
    ErrorBody,
    Header,
    Page,
    Path,
    Query,
    Response,
    bearer,
    connect,
    get,
    patch,
    post,
    put,
    service_client,
)

State = Literal["open", "closed", "all"]


@dataclass
class User:
    login: str
    id: int


@dataclass
class Label:
    name: str
    color: str


@dataclass
class Issue:
    number: int
    title: str
    state: Literal["open", "closed"]
    user: User | None
    labels: list[Label]
    created_at: datetime
    body: str | None = None


@dataclass
class Repository:
    id: int
    full_name: str
    private: bool
    stargazers_count: int


class NewIssue(TypedDict, total=False):
    title: str
    body: str
    labels: list[str]


class Changes(TypedDict, total=False):
    title: str
    state: Literal["open", "closed"]
    state_reason: Literal["completed", "not_planned", "reopened"]


@dataclass
class Problem:
    """The body of an error: `error.error_body`."""

    message: str
    documentation_url: str | None = None


def token() -> str:
    """Asked for every attempt, so that a token that was renewed is used at once."""
    return os.environ["GITHUB_TOKEN"]


@service_client(
    base_url="${GITHUB_API:https://api.github.com}",
    headers={"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
    auth=bearer(token),
    errors={"4xx": ErrorBody(Problem)},
)
class GitHub(Protocol):
    @get("/repos/{owner}/{repo}")
    async def repository(self, owner: str, repo: str) -> Repository | None: ...

    @get("/repos/{owner}/{repo}")
    async def repository_if_changed(
        self, owner: str, repo: str, etag: Annotated[str | None, Header("If-None-Match")] = None
    ) -> Response:
        """The raw response: 304 says that what the caller has is still good."""
        ...

    @get("/repos/{owner}/{repo}/issues", params={"per_page": 100}, paginate=Page.link())
    def issues(
        self,
        owner: str,
        repo: str,
        state: State = "open",
        labels: Annotated[Sequence[str], Query(style="csv")] = (),
        since: datetime | None = None,
    ) -> AsyncIterator[Issue]: ...

    @post("/repos/{owner}/{repo}/issues")
    async def create_issue(self, owner: str, repo: str, body: NewIssue) -> Issue: ...

    @patch("/repos/{owner}/{repo}/issues/{number}")
    async def update_issue(self, owner: str, repo: str, number: int, body: Changes) -> Issue: ...

    @put("/user/starred/{owner}/{repo}")
    async def star(self, owner: str, repo: str) -> None: ...

    @get(
        "/repos/{owner}/{repo}/contents/{path}",
        headers={"Accept": "application/vnd.github.raw+json"},
    )
    async def contents(
        self,
        owner: str,
        repo: str,
        path: Annotated[str, Path(segments=True)],
        ref: str | None = None,
    ) -> bytes: ...


async def main(owner: str, repo: str) -> None:
    """Print the newest issues."""
    async with connect(GitHub) as github:
        found = await github.repository(owner, repo)
        if found is None:
            print(f"there is no repository {owner}/{repo}, or the token may not see it")
            return
        print(f"{found.full_name}: {found.stargazers_count} stars")
        async for issue in github.issues(owner, repo, labels=["bug"]):
            print(f"#{issue.number} {issue.title}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
