"""From a response to the value that the return annotation asks for.

The decoder of a method is chosen once, when the client is wired.
"""

from __future__ import annotations

import functools
import inspect
import json
import operator
import types
import typing
from collections.abc import Callable
from typing import Any, get_args, get_origin

from pyfly.client._codec.json_text import fast_from_json
from pyfly.client._codec.typed import TypedJson, typed_json
from pyfly.client.errors import PortValueException, ResponseDecodeException
from pyfly.client.message import Response, charset, media_type, text_codec

#: Of UTF-8. Nobody may send it before JSON, and many do (RFC 8259, section 8.1).
_BOM = b"\xef\xbb\xbf"

Decoder = Callable[[Response[Any]], Any]


class UndecodableAnnotation(Exception):
    """Why nothing can be decoded into an annotation, as the end of a sentence."""


def wants_json(annotation: Any) -> bool:
    """Whether the annotation asks for what JSON is decoded into."""
    while get_origin(annotation) is Response:
        annotation = _only(get_args(annotation))
    inner = _without_none(annotation)[0]
    return inner not in (Response, None, type(None), bytes, str)


def needs_body(annotation: Any) -> bool:
    """Whether the annotation asks for a value that an empty body cannot become."""
    while get_origin(annotation) is Response:
        annotation = _only(get_args(annotation))
    return wants_json(annotation) and not _without_none(annotation)[1]


def wants_raw_response(annotation: Any) -> bool:
    """Whether the annotation is ``Response`` alone, for which no status is an error."""
    return annotation is Response


def decoder_for(annotation: Any) -> Decoder:
    """Choose the decoder for a resolved return annotation.

    Raises:
        UndecodableAnnotation: No body can become that.
    """
    if annotation is Response:
        return _whole
    if get_origin(annotation) is Response:
        return _ResponseOf(decoder_for(_only(get_args(annotation))))
    if annotation is None or annotation is type(None):
        return _nothing
    if annotation is bytes:
        return _bytes
    if annotation is str:
        return _text
    inner, optional = _without_none(annotation)
    if optional:
        return _Optional(decoder_for(inner))
    if annotation in (inspect.Parameter.empty, Any, object, dict, list):
        return _Json()
    shape = _shape(annotation)
    if shape is not None:
        return _Shaped(annotation, shape)
    return _Typed(_typed(annotation))


def _shape(annotation: Any) -> Callable[[Any], bool] | None:
    """A check for dicts and lists of anything; None if more than that is to be validated."""
    if annotation is Any or annotation is object:
        return lambda value: True
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if origin not in (dict, list) or (arguments and origin is dict and arguments[0] is not str):
        return None
    inner = _shape(arguments[-1]) if arguments else _shape(Any)
    if inner is None:
        return None
    if not arguments or arguments[-1] in (Any, object):
        return lambda value: isinstance(value, origin)
    if origin is dict:
        return lambda value: isinstance(value, dict) and all(map(inner, value.values()))
    return lambda value: isinstance(value, list) and all(map(inner, value))


def _only(arguments: tuple[Any, ...]) -> Any:
    return arguments[0] if arguments else Any


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) not in (typing.Union, types.UnionType):
        return annotation, False
    options = get_args(annotation)
    rest = tuple(option for option in options if option is not type(None))
    if len(rest) == len(options):
        return annotation, False
    return functools.reduce(operator.or_, rest), True


def _typed(annotation: Any) -> TypedJson:
    origin = get_origin(annotation) or annotation
    name = getattr(origin, "__name__", str(origin))
    if name in ("AsyncIterator", "AsyncIterable", "AsyncGenerator", "Iterator", "Generator"):
        raise UndecodableAnnotation(
            f"{name} asks for a stream, which can only be the whole result "
            f"(write plain def … -> {name}[T])"
        )
    try:
        return typed_json(annotation)
    except Exception as error:  # whatever a user's model does when its schema is built
        raise UndecodableAnnotation(_undecodable(annotation, error)) from error


def _undecodable(annotation: Any, error: Exception) -> str:
    """One line: the libraries write paragraphs, of which the first sentence says it."""
    if isinstance(error, ImportError):  # it says what to install
        return f"nothing decodes into {in_words(annotation)}: {error}"
    said = str(error).strip().partition("\n")[0].partition(". ")[0].rstrip(".")
    return (
        f"nothing decodes into {in_words(annotation)}: {said} (return a dataclass, TypedDict, "
        "pydantic model, msgspec struct or attrs class, a dict, bytes, str or Response)"
    )


def in_words(annotation: Any) -> str:
    """A type as it may be written."""
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    return str(annotation).replace("typing.", "").replace("collections.abc.", "")


def _whole(response: Response[Any]) -> Any:
    if response.is_plain_value:
        _ = response.status_code  # raises the error that names the port
    return response


def _nothing(response: Response[Any]) -> None:
    return None


class _Json:
    """The decoded JSON, whatever it is."""

    __slots__ = ("_decode",)

    def __init__(self) -> None:
        self._decode = fast_from_json()

    def __call__(self, response: Response[Any]) -> Any:
        if type(response) is not Response:
            _require_body(response)
            return _foreign_json(response)
        content = response.content
        if not content or response.status_code == 204:
            _require_body(response)
        try:
            return self._decode(content)
        except ValueError as error:
            raise _no_json(response, error) from error


def _foreign_json(response: Response[Any]) -> Any:
    try:
        return response.json()
    except PortValueException:
        raise
    except (ValueError, RecursionError) as error:
        raise _no_json(response, error) from error


def _bytes(response: Response[Any]) -> bytes:
    return response.content


def _text(response: Response[Any]) -> str:
    if type(response) is not Response:
        return response.text
    encoding = charset(response.headers) or "utf-8"
    try:
        return text_codec(encoding).decode(response.content)[0]
    except UnicodeError:
        raise ResponseDecodeException(
            f"the body is not the {encoding[:40]} text that it claims to be{_described(response)}"
        ) from None
    except LookupError:
        raise ResponseDecodeException(
            f"the response's charset {encoding[:40]!r} is not known "
            "(return bytes to read it anyway)"
        ) from None


class _Optional:
    """``T | None``: None for 204, an empty body, JSON ``null``, and a 404 that was let pass."""

    def __init__(self, inner: Decoder) -> None:
        self._inner = inner

    def __call__(self, response: Response[Any]) -> Any:
        if not response.is_plain_value:
            if response.status_code == 404 or _is_empty(response):
                return None
            if type(response) is Response and response.content.strip() == b"null":
                return None
        needs_json = type(response) is not Response and self._inner not in (_bytes, _text)
        if needs_json and _foreign_json(response) is None:
            return None
        return self._inner(response)


class _ResponseOf:
    """``Response[T]``: the response, with the value in it."""

    def __init__(self, inner: Decoder) -> None:
        self._inner = inner

    def __call__(self, response: Response[Any]) -> Any:
        response.value = self._inner(_whole(response))
        return response


class _Shaped:
    """``dict[str, Any]``, ``list[dict[str, Any]]`` and the like: JSON of that shape."""

    def __init__(self, annotation: Any, fits: Callable[[Any], bool]) -> None:
        self._name = str(annotation).replace("typing.", "")
        self._fits = fits
        self._json = _Json()

    def __call__(self, response: Response[Any]) -> Any:
        value = self._json(response)
        if not self._fits(value):
            raise ResponseDecodeException(
                f"the body is no {self._name}: it is another shape of JSON{_described(response)}"
            )
        return value


class _Typed:
    """A model, a dataclass, or a collection of them: decoded and validated in one go."""

    def __init__(self, codec: TypedJson) -> None:
        self._codec = codec
        self._from_bytes = codec.from_bytes
        self._errors = codec.errors

    def __call__(self, response: Response[Any]) -> Any:
        # What nearly every call comes to goes first, and straight to the library.
        if type(response) is Response and response.content and response.status_code != 204:
            try:
                return self._from_bytes(response.content)
            except self._errors as error:
                if response.content.startswith(_BOM):
                    return self._without_mark(response)
                raise self._mismatch(response, error) from None
        _require_body(response)
        try:
            return self._codec.from_value(_foreign_json(response))
        except self._errors as error:
            raise self._mismatch(response, error) from None

    def _without_mark(self, response: Response[Any]) -> Any:
        try:
            return self._from_bytes(response.content.removeprefix(_BOM))
        except self._errors as error:
            raise self._mismatch(response, error) from None

    def _mismatch(self, response: Response[Any], error: Exception) -> ResponseDecodeException:
        codec = self._codec
        location, reason = codec.explain(error)
        where = f" at {location}" if location else ""
        failure = ResponseDecodeException(
            f"the body is no {codec.name}{where}: {reason}{_described(response)}"
        )
        failure.location = location
        return failure


def _is_empty(response: Response[Any]) -> bool:
    if response.is_plain_value:
        return False
    if response.status_code == 204:
        return True
    return type(response) is Response and not response.content


def _require_body(response: Response[Any]) -> None:
    if _is_empty(response):
        raise ResponseDecodeException(
            f"answered {response.status_code} with an empty body where a value is required "
            "(annotate the return as T | None, or as None)"
        )


def _no_json(response: Response[Any], error: Exception) -> ResponseDecodeException:
    position = f" at byte {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
    reason = getattr(error, "msg", None) or str(error)
    return ResponseDecodeException(f"the body is no JSON{position}: {reason}{_described(response)}")


def _described(response: Response[Any]) -> str:
    """What the body was instead: its type and size, never its text, which may be secret."""
    if type(response) is not Response:
        return " (annotate the return as Any to see it)"
    kind = media_type(response.headers) or "no content type"
    return (
        f" (status {response.status_code}, {kind}, {len(response.content)} bytes; annotate the "
        "return as Response to see it)"
    )
