"""A chat model that answers piece by piece, as server-sent events.

CHAT_API_KEY=… python examples/chat_completions.py "Why is the sky blue?"
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Annotated, Literal, NotRequired, Protocol, TypedDict

from pydantic import BaseModel

from pyfly.client import (
    Body,
    ErrorBody,
    ServerSentEvent,
    Timeout,
    TooManyRequestsException,
    bearer,
    connect,
    get,
    post,
    resilience,
    retryable,
    service_client,
)


class Message(TypedDict):
    role: Literal["system", "user", "assistant"]
    content: str


class Question(TypedDict):
    """The body of a request."""

    model: str
    messages: Sequence[Message]
    temperature: NotRequired[float]
    max_tokens: NotRequired[int]


class Streamed(Question):
    stream: Literal[True]


class Answer(BaseModel):
    role: str
    content: str | None


class Choice(BaseModel):
    index: int
    message: Answer
    finish_reason: str | None


class Completion(BaseModel):
    id: str
    choices: list[Choice]


class Delta(BaseModel):
    content: str | None = None


class Growth(BaseModel):
    index: int
    delta: Delta
    finish_reason: str | None = None


class Chunk(BaseModel):
    """One event of a stream: what has come to each choice."""

    id: str
    choices: list[Growth]


class Model(BaseModel):
    id: str


class Models(BaseModel):
    data: list[Model]


class Failure(BaseModel):
    class Error(BaseModel):
        message: str
        type: str | None = None
        code: str | None = None

    error: Error


def api_key() -> str:
    return os.environ["CHAT_API_KEY"]


@service_client(
    base_url="${CHAT_API:https://api.openai.com}",
    auth=bearer(api_key),
    errors={"4xx": ErrorBody(Failure)},
)
class Chat(Protocol):
    @retryable  # an answer costs money and changes nothing: better twice than not at all
    @resilience(timeout=120)
    @post("/v1/chat/completions")
    async def complete(
        self, body: Question, timeout: Annotated[float | None, Timeout()] = None
    ) -> Completion: ...

    @post("/v1/chat/completions", headers={"Accept": "text/event-stream"})
    def stream(self, question: Annotated[Streamed, Body()]) -> AsyncIterator[ServerSentEvent]: ...

    @get("/v1/models")
    async def models(self) -> Models: ...


async def pieces(chat: Chat, model: str, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
    """The text of an answer as it is written; leaving early hangs up."""
    question: Streamed = {"model": model, "messages": messages, "stream": True}
    events = chat.stream(question)
    async for event in events:
        if event.data == "[DONE]":
            return
        for choice in Chunk.model_validate_json(event.data).choices:
            if choice.delta.content:
                yield choice.delta.content


async def main(question: str) -> None:
    """Ask one question and print the answer while it comes."""
    async with connect(Chat) as chat:
        messages: list[Message] = [{"role": "user", "content": question}]
        try:
            async with aclosing(pieces(chat, "gpt-4o-mini", messages)) as answer:
                async for text in answer:
                    print(text, end="", flush=True)
        except TooManyRequestsException as refusal:
            print("too many questions; ask again in", refusal.retry_after, "s", file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
