"""The chat client against a server that speaks its API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from examples.chat_completions import Chat, Message, pieces
from pyfly.client import ResponseException, TooManyRequestsException, TransportException, connect
from tests.examples.serving import QUICK, Answer, Request, Server, as_json, demand
from tests.support.http1 import answer

WORDS = ["", "The sky", " is", " blue: ✓", "\n\ndata: [DONE]\n\n", " really"]
ASKED: list[Message] = [{"role": "user", "content": "Why?\r\n✓"}]


def event(text: str | None, finish: str | None = None) -> bytes:
    choice = {
        "index": 0,
        "delta": {} if text is None else {"content": text},
        "finish_reason": finish,
    }
    value = {"id": "c1", "object": "chat.completion.chunk", "choices": [choice]}
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


class Api:
    """Answers in words; ``ending`` says how its streams end."""

    def __init__(self, ending: str = "done", refusals: int = 0) -> None:
        self.ending = ending
        self.refusals = refusals
        self.sent = 0

    def __call__(self, request: Request) -> Answer:
        demand(request.values("authorization") == ["Bearer key"], "no key")
        if request.path == "/v1/models":
            return as_json({"object": "list", "data": [{"id": "small"}, {"id": "large"}]})
        demand(request.target == "/v1/chat/completions", request.target)
        demand(request.values("content-type") == ["application/json"], "no JSON")
        body = request.json()
        demand(body["messages"] == ASKED and body["model"] == "small", f"{body}")
        if self.refusals:
            self.refusals -= 1
            error = {"message": "Rate limit reached", "type": "requests"}
            return as_json({"error": error}, 429, {"Retry-After": "0"})
        if body.get("stream"):
            demand(request.values("accept") == ["text/event-stream"], "another Accept")
            return self.streamed()
        message = {"role": "assistant", "content": "".join(WORDS)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return as_json({"id": "c1", "choices": [choice], "usage": {"total_tokens": 9}})

    async def streamed(self) -> AsyncIterator[bytes]:
        kind = ("Content-Type", "text/event-stream; charset=utf-8")
        yield answer(200, None, [kind, ("Transfer-Encoding", "chunked")])
        body = b": ping\n\n" + b"".join(map(event, WORDS))
        if self.ending == "done":
            body += event(None, "stop") + b"data: [DONE]\n\n"
        for start in range(0, len(body), 7):
            piece = body[start : start + 7]
            self.sent += len(piece)
            yield b"%x\r\n%s\r\n" % (len(piece), piece)
        while self.ending == "never":
            await asyncio.sleep(0.005)
            yield b"8\r\n: ping\n\n\r\n"
        if self.ending != "reset":
            yield b"0\r\n\r\n"
        else:
            raise ConnectionError


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_API_KEY", "key")


async def test_an_answer_comes_word_by_word() -> None:
    with Server(Api()) as server:
        async with connect(Chat, base_url=server.url) as chat:
            assert [text async for text in pieces(chat, "small", ASKED)] == WORDS[1:]
    assert json.loads(server.requests[0].body) == {
        "model": "small",
        "messages": ASKED,
        "stream": True,
    }


async def test_whoever_has_read_enough_hangs_up() -> None:
    with Server(Api("never")) as server:
        async with connect(Chat, base_url=server.url) as chat:
            async with aclosing(pieces(chat, "small", ASKED)) as answer_:
                async for text in answer_:
                    assert text == WORDS[1]
                    break
            assert [model.id for model in (await chat.models()).data] == ["small", "large"]
        while not server.hangups:
            await asyncio.sleep(0.005)


async def test_a_stream_that_breaks_off_is_an_error_and_not_the_end() -> None:
    with Server(Api("reset")) as server:
        async with connect(Chat, base_url=server.url, config=QUICK) as chat:
            read: list[str] = []

            async def listen() -> None:
                async for text in pieces(chat, "small", ASKED):
                    read.append(text)

            with pytest.raises(TransportException):
                await listen()
    assert read == WORDS[1:]
    assert len(server.requests) == 1  # a POST is not asked again


async def test_a_whole_answer_is_asked_for_again_after_a_limit() -> None:
    with Server(Api(refusals=1)) as server:
        async with connect(Chat, base_url=server.url, config=QUICK) as chat:
            question: Any = {"model": "small", "messages": ASKED}
            completion = await chat.complete(question, timeout=5.0)
    assert completion.choices[0].message.content == "".join(WORDS)
    assert len(server.requests) == 2


async def test_a_limit_that_stays_is_an_error_with_what_the_service_says() -> None:
    with Server(Api(refusals=9)) as server:
        async with connect(Chat, base_url=server.url, config=QUICK) as chat:
            with pytest.raises(TooManyRequestsException) as refused:
                async for _ in pieces(chat, "small", ASKED):
                    pass
    assert isinstance(refused.value, ResponseException)
    assert refused.value.retry_after == 0
    assert refused.value.error_body.error.message == "Rate limit reached"
