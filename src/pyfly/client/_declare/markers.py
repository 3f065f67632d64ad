"""Markers for ``Annotated``: where a parameter goes, and under which name.

Example::

    tags: Annotated[Sequence[str], Query("tag")] = ()
    trace: Annotated[str | None, Header("X-Trace")] = None
"""

from __future__ import annotations

from typing import Literal

from pyfly.kernel.record import Record

_DUMP_OPTIONS = ("exclude_unset", "exclude_none", "by_alias")

QueryStyle = Literal["multi", "csv", "ssv", "pipes"]


class Marker(Record):
    """Base of all markers."""


class Path(Marker):
    """A placeholder in the path.

    Args:
        name: The placeholder's name; the parameter's own name if None.
        segments: Keep ``/`` in the value, so that it may span several segments. ``.`` and
            ``..`` are refused all the same.
    """

    name: str | None = None
    segments: bool = False


class Query(Marker):
    """A query parameter; or several, if the annotation is a mapping or a class with fields.

    A dataclass, pydantic model, TypedDict, attrs class, msgspec struct or mapping is spread:
    each field becomes a parameter under its own name (its alias, where it has one), and one
    that is None is left out.

    Args:
        name: The name on the wire; the parameter's own name if None. Not for what is spread.
        style: How a collection is written: ``multi`` repeats the name (the default), ``csv``,
            ``ssv`` and ``pipes`` join the values with a comma, a space or a ``|``. A value that
            holds its own separator is encoded under ``csv``, and refused under the other two,
            whose separators are encoded themselves.
        nested: Send fields within fields as ``name[key]``, and lists in them as ``name[0]``;
            else they are refused. With a ``name``, what is spread goes below it:
            ``Query("created", nested=True)`` sends ``{"gte": 1}`` as ``created[gte]=1``.
    """

    name: str | None = None
    style: QueryStyle = "multi"
    nested: bool = False


class Header(Marker):
    """A header field.

    Args:
        name: The field name; the parameter's name with ``-`` for ``_`` if None.
    """

    name: str | None = None


class Cookie(Marker):
    """A cookie, sent with this request only.

    Args:
        name: The cookie's name; the parameter's own name if None.
    """

    name: str | None = None


class Body(Marker):
    """The request body, for a parameter that is not called ``body`` or on a ``DELETE``.

    A value is sent as JSON, unless it is ``bytes``, a file, a ``pathlib.Path`` or an iterator of
    ``bytes``, whose bytes are sent as they are; files and iterators are streamed.

    Args:
        media_type: The ``Content-Type``; if None, ``application/json``, or for bytes
            ``application/octet-stream``. ``application/x-ndjson`` takes a list or iterator of
            values and writes one JSON text to a line; other types than JSON take ``str``,
            encoded by their ``charset`` (UTF-8 if they name none), or bytes.
        exclude_unset: Whether the fields of a pydantic model that nobody has set are left out;
            if None, they are in the body of a ``PATCH``, and sent with their defaults elsewhere.
        exclude_none: Whether the fields of a pydantic model that are None are left out.
        by_alias: Whether the fields of a pydantic model go by their aliases, as they do if None.
    """

    media_type: str | None = None
    exclude_unset: bool | None = None
    exclude_none: bool | None = None
    by_alias: bool | None = None

    @property
    def dump_options(self) -> dict[str, bool]:
        """What is asked of pydantic models, in the words of their ``model_dump``."""
        given = {name: getattr(self, name) for name in _DUMP_OPTIONS}
        return {name: value for name, value in given.items() if value is not None}


class Form(Marker):
    """A field of a form: ``application/x-www-form-urlencoded``.

    All parameters marked so make one form; beside a :class:`File` they are text fields of its
    ``multipart/form-data``. A collection repeats the field, and None leaves it out. A mapping,
    dataclass or model is spread into fields, as with :class:`Query`.

    Args:
        name: The name on the wire; the parameter's own name if None. Not for what is spread,
            unless it is ``nested``.
        nested: Send fields within fields as ``name[key]``, and lists as ``name[0]``, as Stripe,
            PHP and Rails read them; else they are refused. With a ``name``, what is spread goes
            below it: ``Form("metadata", nested=True)``.
    """

    name: str | None = None
    nested: bool = False


class File(Marker):
    """A file in a ``multipart/form-data`` body (RFC 7578).

    The value is ``bytes``, ``str`` (the content itself), a ``pathlib.Path``, a binary file
    object, an iterator of ``bytes``, a :class:`~pyfly.client.FilePart`, or a list of these.
    Paths, file objects and iterators are streamed; an iterator, or a file that cannot seek, is
    sent once, so that the call is not retried. None leaves the file out.

    Args:
        name: The field's name; the parameter's own name if None.
        filename: The file name to send; else that of the path or file object, else the
            field's name. It is one name without folders: a backslash is refused.
        content_type: The part's media type; guessed from the file name if None, and
            ``application/octet-stream`` if that tells nothing.
    """

    name: str | None = None
    filename: str | None = None
    content_type: str | None = None


class Timeout(Marker):
    """Seconds (or a ``timedelta``) that each attempt of this call may take; never sent."""
