"""The GitHub client against a server that speaks its API."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from examples.github import GitHub, Issue, Label, Problem, User
from pyfly.client import NotFoundException, UnprocessableContentException, connect
from tests.examples.serving import QUICK, Answer, Request, Server, as_json, demand
from tests.support.http1 import answer

JSON = "application/vnd.github+json"
RAW = "application/vnd.github.raw+json"


def issue(number: int, state: str = "open", **fields: Any) -> dict[str, Any]:
    return {
        "number": number,
        "title": f"Issue {number}",
        "state": state,
        "user": {"login": "octocat", "id": 1, "type": "User"},
        "labels": [{"name": "bug", "color": "f00"}],
        "created_at": "2024-02-29T01:02:03Z",
        "html_url": "https://github.com/…",
        **fields,
    }


class Api:
    """Four issues in pages of two; one repository, which others may not see."""

    def __init__(self) -> None:
        self.limited = False

    def __call__(self, request: Request) -> Answer:
        demand(request.values("x-github-api-version") == ["2022-11-28"], "no version of the API")
        demand(request.values("authorization") == ["Bearer t0ken"], "no token")
        raw = request.path.startswith("/repos/o/r/contents/")
        demand(request.values("accept") == [RAW if raw else JSON], "another Accept")
        demand(bool(request.body) == (request.method in ("POST", "PATCH")), "a body, or none")
        match request.method, request.path:
            case "GET", "/repos/o/r":
                return self.repository(request)
            case "GET", "/repos/o/r/issues":
                return self.issues(request)
            case "POST", "/repos/o/r/issues":
                return self.create(request.json())
            case "PATCH", "/repos/o/r/issues/7":
                return as_json(issue(7, **request.json()))
            case "PUT", "/user/starred/o/r":
                demand(request.values("content-length") == ["0"], "no length of nothing")
                return answer(204)
            case "GET", "/repos/o/r/contents/docs/a%20%231.md":
                demand(request.query == [["ref", "feature/x"]], f"{request.query}")
                return answer(200, b"# Hello", [("Content-Type", "text/plain")])
            case _:
                return as_json({"message": "Not Found", "documentation_url": "https://d"}, 404)

    def repository(self, request: Request) -> bytes:
        if request.values("if-none-match") == ['"v1"']:
            return answer(304, headers=[("ETag", '"v1"')])
        value = {"id": 5, "full_name": "o/r", "private": False, "stargazers_count": 42}
        return as_json(value, headers={"ETag": '"v1"'})

    def issues(self, request: Request) -> bytes:
        query = dict(request.query)
        if not self.limited:
            self.limited = True
            return as_json({"message": "slow down"}, 429, {"Retry-After": "0"})
        demand(query["per_page"] == "100" and query["state"] == "all", f"{query}")
        demand(query["labels"] == "bug,good first issue", f"{query}")
        demand(query["since"] == "2024-01-01T00:00:00Z", f"{query}")
        if query.get("page") == "2":
            return as_json([issue(3), issue(4, user=None)])
        link = f'<{request.target}&page=2>; rel="next", <{request.target}&page=2>; rel="last"'
        return as_json([issue(1), issue(2, "closed")], headers={"Link": link})

    def create(self, new: dict[str, Any]) -> bytes:
        if not new.get("title"):
            errors = [{"resource": "Issue", "field": "title", "code": "missing_field"}]
            return as_json({"message": "Validation Failed", "errors": errors}, 422)
        return as_json(issue(7, **{**new, "labels": []}), 201)


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "t0ken")


async def test_issues_come_page_by_page_and_a_limit_is_waited_for() -> None:
    since = datetime(2024, 1, 1, tzinfo=UTC)
    with Server(Api()) as server:
        async with connect(GitHub, base_url=server.url, config=QUICK) as github:
            labels = ["bug", "good first issue"]
            found = [i async for i in github.issues("o", "r", "all", labels, since)]
    assert [i.number for i in found] == [1, 2, 3, 4]
    assert found[0] == Issue(
        1,
        "Issue 1",
        "open",
        User("octocat", 1),
        [Label("bug", "f00")],
        datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC),
    )
    assert len(server.requests) == 3


async def test_what_is_there_is_changed_and_what_is_not_is_none() -> None:
    with Server(Api()) as server:
        async with connect(GitHub, base_url=server.url) as github:
            repository = await github.repository("o", "r")
            assert repository is not None
            assert repository.stargazers_count == 42
            assert await github.repository("o", "../../user") is None
            created = await github.create_issue("o", "r", {"title": "A & B", "body": "é"})
            assert (created.title, created.body, created.labels) == ("A & B", "é", [])
            closed = await github.update_issue("o", "r", 7, {"state": "closed"})
            assert closed.state == "closed"
            await github.star("o", "r")
            content = await github.contents("o", "r", "docs/a #1.md", "feature/x")
            assert content == b"# Hello"
    assert server.targets[1] == "GET /repos/o/..%2F..%2Fuser"
    assert json.loads(server.requests[2].body) == {"title": "A & B", "body": "é"}


async def test_a_repository_that_has_not_changed_is_not_sent_again() -> None:
    with Server(Api()) as server:
        async with connect(GitHub, base_url=server.url) as github:
            first = await github.repository_if_changed("o", "r")
            again = await github.repository_if_changed("o", "r", first.headers["etag"])
    assert (first.status_code, first.json()["id"]) == (200, 5)
    assert (again.status_code, again.content) == (304, b"")


async def test_errors_bring_what_the_service_says() -> None:
    with Server(Api()) as server:
        async with connect(GitHub, base_url=server.url) as github:
            with pytest.raises(UnprocessableContentException) as invalid:
                await github.create_issue("o", "r", {"body": "no title"})
            with pytest.raises(NotFoundException) as missing:
                await github.contents("o", "r", "no/such/file")
    assert invalid.value.error_body == Problem("Validation Failed")
    assert missing.value.error_body == Problem("Not Found", "https://d")
    assert "GitHub.create_issue: POST /repos/{owner}/{repo}/issues: answered 422" in str(
        invalid.value
    )
