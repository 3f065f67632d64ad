"""Which files and documents make up a configuration, and in which order.

Later beats earlier: the documents of the main file, top to bottom, then the file of each
active profile. A document with ``pyfly.config.activate.on-profile`` counts only when one of
the profiles it names is active; a file has one document without it, at most.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from pyfly.core.environment import Environment
from pyfly.core.errors import ConfigException, ConfigFileException
from pyfly.core.keys import common_path, nearest, printable, variable
from pyfly.core.store import Store
from pyfly.core.tree import EMPTY, Listing, Node, Scalar, Section, overlay
from pyfly.core.yaml_source import read_documents
from pyfly.kernel.record import Record

_ACTIVE = "pyfly.profiles.active"
_ACTIVATE = "pyfly.config.activate"
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"


class Loaded(Record):
    """What was read: the merged tree, the active profiles, the files in order."""

    tree: Section
    profiles: tuple[str, ...]
    files: tuple[str, ...]


class _Document(Record):
    """One document; the profiles under which it applies, None for always."""

    section: Section
    profiles: tuple[str, ...] | None


def load(path: str, profiles: Sequence[str] | None, environment: Environment) -> Loaded:
    """Read a file and the files of the active profiles beside it.

    Args:
        path: The main file.
        profiles: The active profiles; None to take them from ``PYFLY_PROFILES_ACTIVE`` or,
            without that, from ``pyfly.profiles.active`` in the main file.
        environment: Where to look for that variable.

    Raises:
        ConfigException: A file is missing or wrong.
    """
    if not os.path.exists(path):
        raise _missing(path)
    documents = _documents(path)
    if profiles is None:
        profiles = _active(documents, environment)
    else:
        profiles = profile_names(profiles, "profiles=")
    files = [path]
    named = {name for document in documents for name in document.profiles or ()}
    for name in profiles:
        file = _profile_file(path, name)
        if file is not None:
            documents += _documents(file, name)
            files.append(file)
        elif name not in named:
            raise _nobody(path, name, named)
    tree = EMPTY
    for document in documents:
        if document.profiles is None or set(document.profiles) & set(profiles):
            tree = overlay(tree, document.section)
    return Loaded(tree, tuple(profiles), tuple(files))


def profile_names(names: Iterable[str], where: str) -> tuple[str, ...]:
    """Returns the names of profiles, each once, as something that a file may be called."""
    if isinstance(names, str):
        raise ConfigException(f"{where} {names!r:.60} is one text (write a list: [{names!r:.60}])")
    names = tuple(dict.fromkeys(names))
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(_NAME, name):
            raise ConfigException(
                f"{where} {name!r:.60} is no name of a profile (letters, digits, - _ and .)"
            )
    return names


def _documents(path: str, profile: str | None = None) -> list[_Document]:
    """Returns the documents of a main file, or of the file of a profile."""
    documents: list[_Document] = []
    where = common_path(_ACTIVATE)
    for section in read_documents(path):
        node = section.find(where)
        active = section.find(common_path(_ACTIVE))
        if active is not None and (node is not None or profile is not None):
            raise ConfigException(
                f"{active.origin}: {_ACTIVE}: cannot be set where it depends on a profile itself "
                "(move it to a document of the main file that always applies)"
            )
        if node is None:
            first = next((each.section for each in documents if each.profiles is None), EMPTY)
            if first.children and section.children:
                raise ConfigException(
                    f"{section.origin}: a second document without a profile, after that of "
                    f"{first.origin} (remove the --- between them, or say for which profile it "
                    f"is: {_ACTIVATE}.on-profile: name)"
                )
            documents.append(_Document(section, None))
        else:
            documents.append(_Document(section.without(where), _condition(node)))
    return documents


def _condition(node: Node) -> tuple[str, ...]:
    """Returns the profiles that a document names as the condition to apply."""
    if isinstance(node, Section):
        unknown = [name for form, (name, _) in node.children.items() if form != "onprofile"]
        names = node.find(("onprofile",))
        if names is not None and not unknown:
            listed = _texts(names)
            if not listed:
                raise ConfigException(
                    f"{names.origin}: {_ACTIVATE}.on-profile: names no profile (name one)"
                )
            return profile_names(listed, f"{names.origin}: {_ACTIVATE}.on-profile:")
    raise ConfigException(f"{node.origin}: {_ACTIVATE}: only on-profile may stand here")


def _active(documents: list[_Document], environment: Environment) -> tuple[str, ...]:
    name = variable(_ACTIVE.split("."))
    given = environment.get(name)
    if given is not None:
        return profile_names(_split(given), f"environment variable {name}:")
    tree = EMPTY
    for document in documents:
        if document.profiles is None:
            tree = overlay(tree, document.section)
    node = tree.find(common_path(_ACTIVE))
    if node is None:
        return ()
    store = Store(tree, environment)
    if isinstance(node, Scalar):
        text, _ = store.written(node, common_path(_ACTIVE))
        names = _split(text) if isinstance(text, str) else []
    else:
        names = _texts(node)
    return profile_names(names, f"{node.origin}: {_ACTIVE}:")


def _texts(node: Node) -> list[str]:
    """Returns the texts of a list, or of one text with commas."""
    if isinstance(node, Scalar):
        return _split(node.text or "")
    if isinstance(node, Listing):
        items = [item.text for item in node.items if isinstance(item, Scalar) and item.text]
        if len(items) == len(node.items):
            return items
    raise ConfigException(f"{node.origin}: names of profiles are expected (write [dev, test])")


def _split(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _profile_file(path: str, name: str) -> str | None:
    stem, _ = os.path.splitext(path)
    found = [file for file in (f"{stem}-{name}.yaml", f"{stem}-{name}.yml") if os.path.exists(file)]
    if len(found) > 1:
        raise ConfigFileException(
            f"{found[0]} and {found[1]}: both are there for the profile {name} (keep one of them)",
            path=os.path.abspath(found[0]),
        )
    return found[0] if found else None


def _nobody(path: str, name: str, named: set[str]) -> ConfigFileException:
    stem, _ = os.path.splitext(path)
    missing = os.path.abspath(f"{stem}-{name}.yaml")
    close = nearest(name, sorted(named))
    meant = f"; did you mean {close}?" if close else ""
    return ConfigFileException(
        f"{missing}: the profile {name} is active, but there is no such file, and no document "
        f"of {printable(path)} is for it (add one, or do not activate the profile{meant})",
        path=missing,
    )


def _missing(path: str) -> ConfigFileException:
    stem, ending = os.path.splitext(path)
    other = stem + {".yaml": ".yml", ".yml": ".yaml"}.get(ending, "")
    beside = f"; {other} is there" if other != stem and os.path.exists(other) else ""
    absolute = os.path.abspath(path)
    return ConfigFileException(
        f"{printable(absolute)}: there is no such file (give the path of one{beside}, "
        "or use Config() for a configuration without a file)",
        path=absolute,
    )
