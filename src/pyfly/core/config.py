"""The configuration of an application: files, profiles, environment, and code."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from pyfly.core import reading
from pyfly.core.environment import Environment
from pyfly.core.errors import ConfigException
from pyfly.core.keys import Path, common, dotted, split
from pyfly.core.profiles import load, profile_names
from pyfly.core.schema import Group, Named
from pyfly.core.store import Store
from pyfly.core.tree import EMPTY, Origin, Section, from_mapping
from pyfly.core.values import Values


class Config:
    """What an application was told: by files, by environment variables, or by code.

    Keys are dotted. ``connect-timeout``, ``connect_timeout``, ``connectTimeout`` and
    ``CONNECT_TIMEOUT`` are one key. An environment variable beats everything else:
    ``PYFLY_CLIENT_DEFAULT_TIMEOUT`` is ``pyfly.client.default.timeout``. In a text,
    ``${name:default}`` stands for another key, for an environment variable, or for the default.

    A ``Config`` does not change: files and environment are read once, when it is built. It
    may be shared between threads.

    Args:
        values: Keys and values, nested, dotted or both.
        environ: The environment variables; None for those of this process.
        profiles: The active profiles.

    Raises:
        ConfigException: A key is empty, is no text, or is given twice.
    """

    __slots__ = ("_files", "_prefix", "_profiles", "_store", "_warned")

    _store: Store
    _prefix: Path
    _profiles: tuple[str, ...]
    _files: tuple[str, ...]
    _warned: set[str]  # only so that a warning is given once

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        profiles: Sequence[str] = (),
    ) -> None:
        if values is not None and not isinstance(values, Mapping):
            raise ConfigException(
                f"Config takes a mapping, not {type(values).__name__}"
                " (to read a file, use Config.from_file(path))"
            )
        tree = EMPTY if values is None else from_mapping(values)
        self._fill(Store(tree, _environment(environ)), profile_names(profiles, "profiles="))

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str] = "pyfly.yaml",
        *,
        profiles: Sequence[str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Config:
        """Read a YAML file and, beside it, ``<its name>-<profile>.yaml`` of each active profile.

        Later files beat earlier ones. A document that has
        ``pyfly.config.activate.on-profile: test`` counts only under that profile, and beats
        those above it; a second document without a profile is an error.

        Args:
            path: The file, UTF-8, at most a million bytes.
            profiles: The active profiles; None to take them from ``PYFLY_PROFILES_ACTIVE``
                (with commas) or else from ``pyfly.profiles.active`` in the file.
            environ: The environment variables; None for those of this process.

        Raises:
            ConfigFileException: The file, or that of a profile, is missing, a pipe or no YAML.
            ConfigException: Keys are given twice, or profiles are named wrongly.
        """
        environment = _environment(environ)
        loaded = load(os.fsdecode(path), profiles, environment)
        return cls._of(Store(loaded.tree, environment), loaded.profiles, loaded.files)

    @property
    def active_profiles(self) -> tuple[str, ...]:
        """The active profiles, the one that beats the others last."""
        return self._profiles

    def get(self, key: str, default: Any = None) -> Any:
        """Returns the value of a key, placeholders resolved; the default if there is none.

        Without quotes ``true``, ``5`` and ``0.5`` are what they seem to be and ``null`` is
        None; everything else is text. A section is a dictionary, in which the variables of
        the keys that it has are seen.

        Raises:
            ConfigException: A placeholder cannot be resolved, or a variable spells two keys.
        """
        path = self._path(key)
        node = self._store.find(path)
        return default if node is None else self._store.plain(node, path)

    def contains(self, key: str) -> bool:
        """Returns whether a key has a value, null included, or is a section."""
        return self._store.find(self._path(key)) is not None

    __contains__ = contains

    def keys(self) -> tuple[str, ...]:
        """Returns the keys of all values as first spelled, without those only in variables."""
        node = self._store.tree.find(tuple(common(part) for part in self._prefix))
        return tuple(".".join(leaf) for leaf in node.leaves()) if isinstance(node, Section) else ()

    def variables(self, prefix: str) -> tuple[str, ...]:
        """Returns the names of the environment variables that may be about keys under a prefix."""
        form = tuple(common(part) for part in self._path(prefix))
        return tuple(name for name, _ in self._store.environment.under(form))

    def origin(self, key: str) -> Origin | None:
        """Returns where a value was given, such as ``pyfly.yaml:7``; None if it was not."""
        node = self._store.find(self._path(key))
        return None if node is None else node.origin

    def section(self, prefix: str) -> Config:
        """Returns the part of this configuration under a prefix; an empty one if there is none.

        Its keys are relative; placeholders in it may still name any key of the whole.

        Raises:
            ConfigException: The prefix has a value.
        """
        path = self._path(prefix)
        node = self._store.tree.find(tuple(common(part) for part in path))
        if node is not None and not isinstance(node, Section) and self.get(prefix) is not None:
            raise ConfigException(f"{node.origin}: {dotted(path)}: is no section (use get)")
        return self._of(self._store, self._profiles, self._files, path, self._warned)

    def resolve(self, text: str, *, where: str = "code") -> str:
        """Returns a text given in code, its placeholders resolved.

        A name is looked up as a key of the configuration, then as the environment variable
        of exactly that name, then the default is taken. ``$${`` is a literal ``${``.

        Args:
            text: Such as ``"http://${inventory.host:localhost}:8080"``.
            where: Where the text stands, for messages: ``"Inventory.base_url"``.

        Raises:
            PlaceholderException: A name leads nowhere or in a circle; names it, and where.
        """
        return self._store.resolve(text, where)[0]

    def read(
        self,
        prefix: str,
        schema: Group | Named,
        *,
        names: Mapping[str, Iterable[str]] | None = None,
    ) -> Values:
        """Returns everything under a prefix, converted and checked.

        Every leaf of the schema may be given by its environment variable. A variable under
        the prefix that means nothing is a :class:`ConfigWarning`, once.

        Args:
            prefix: Such as ``"pyfly.client"``.
            schema: What may stand there.
            names: The names that this reader knows, by the path of their section:
                ``{"clients": ["inventory"], "clients.inventory.methods": ["search"]}``. They
                tell where a name ends in a variable. A variable that fits two names is an
                error; with ``names`` given, not if it is about none of them.

        Raises:
            ConfigException: Something is wrong; one line for each mistake.
        """
        key = ".".join(self._path(prefix))
        return reading.read(self._store, key, schema, names, self._warned)

    def _path(self, key: str) -> Path:
        return (*self._prefix, *split(key))

    @classmethod
    def _of(cls, *fields: Any) -> Config:
        config = cls.__new__(cls)
        config._fill(*fields)
        return config

    def _fill(
        self,
        store: Store,
        profiles: tuple[str, ...],
        files: tuple[str, ...] = (),
        prefix: Path = (),
        warned: set[str] | None = None,
    ) -> None:
        fields = (store, profiles, files, prefix, set() if warned is None else warned)
        names = ("_store", "_profiles", "_files", "_prefix", "_warned")
        for name, value in zip(names, fields, strict=True):
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        fields = (self._store, self._profiles, self._files, self._prefix)
        return type(self)._of, fields

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Config does not change, so {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Config does not change, so {name} cannot be deleted")

    def __repr__(self) -> str:  # without values: some of them are secrets
        parts = [*self._files] or ["no file"]
        if self._prefix:
            parts.append(f"section {dotted(self._prefix)}")
        if self._profiles:
            parts.append(f"profiles {', '.join(self._profiles)}")
        return f"<Config: {'; '.join(parts)}>"


def _environment(environ: Mapping[str, str] | None) -> Environment:
    return Environment(os.environ if environ is None else environ)
