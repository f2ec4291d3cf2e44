"""Where a store is: what its URL means."""

from __future__ import annotations

import os
from pathlib import Path

from qualityroute.errors import ConfigError, StoreError

_RIGHT = "'sqlite:///qualityroute.db' (relative), 'sqlite:////var/lib/qualityroute.db' (absolute) or a plain path"
_MEMORY = ":memory:"


def sqlite_path(url: str, folder: Path) -> Path | None:
    """The file a URL names; `None` for a private temporary one. Raises `ConfigError` and `StoreError`."""
    path = _path_in(url)
    if path == _MEMORY:
        return None
    if not path.strip():
        raise StoreError(f"the store '{url}' names no file; right would be {_RIGHT}")
    if "\x00" in path:
        raise ConfigError(f"the store {url!r} has a NUL in its path; right would be {_RIGHT}")
    return Path(os.path.abspath(folder / path))


def _path_in(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator:
        return _plain_path(url)
    match scheme.lower():
        case "sqlite":
            return _after_slashes(url, rest)
        case "postgresql" | "postgres":
            raise ConfigError(f"the store '{scheme}://' is not available in this version; right would be {_RIGHT}")
        case _:
            raise ConfigError(f"the store '{url}' has an unknown scheme '{scheme}'; right would be {_RIGHT}")


def _plain_path(url: str) -> str:
    scheme = url.partition(":")[0].lower()
    if ":" in url and scheme in ("sqlite", "postgresql", "postgres", "file"):
        raise ConfigError(f"the store '{url}' is no path and no URL; right would be {_RIGHT}")
    return url


def _after_slashes(url: str, rest: str) -> str:
    if not rest:
        return _MEMORY
    if not rest.startswith("/"):
        raise ConfigError(f"the store '{url}' has two slashes; right would be 'sqlite:///{rest}' with three")
    if "?" in rest:
        raise ConfigError(f"the store '{url}' has options after '?', and there are none; right would be {_RIGHT}")
    return rest[1:]
