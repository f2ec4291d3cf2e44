"""Where a store is: what its URL means, and how it is shown without its password."""

from __future__ import annotations

import os
from pathlib import Path

from qualityroute.errors import ConfigError, StoreError

_FILE = "'sqlite:///qualityroute.db' (relative), 'sqlite:////var/lib/qualityroute.db' (absolute) or a plain path"
_SERVER = "'postgresql://user@host:5432/database'"
_RIGHT = f"{_FILE}, or {_SERVER}"
_MEMORY = ":memory:"
_POSTGRES = ("postgresql", "postgres")


def is_server(url: str) -> bool:
    """Whether a URL names a PostgreSQL database rather than a file."""
    return url.partition("://")[0].lower() in _POSTGRES and "://" in url


def sqlite_path(url: str, folder: Path) -> Path | None:
    """The file a URL names; `None` for a private temporary one. Raises `ConfigError` and `StoreError`."""
    path = _path_in(url)
    if path == _MEMORY:
        return None
    if not path.strip():
        raise StoreError(f"the store '{url}' names no file; right would be {_FILE}")
    if "\x00" in path:
        raise ConfigError(f"the store {url!r} has a NUL in its path; right would be {_FILE}")
    return Path(os.path.abspath(folder / path))


def check_server(url: str) -> None:
    """Raises `ConfigError` where it is not certain what in a server's URL is the password, and so could be told."""
    if "@" in url.partition("://")[2].replace("@", "", 1):
        raise ConfigError(
            f"the store '{url.partition('://')[0]}://…' has more than one '@'; "
            "write one in a user's name or password as %40"
        )
    address, at, _ = url.partition("://")[2].partition("@")
    if at and any(letter in address for letter in "/?#"):
        raise ConfigError(
            f"the store '{url.partition('://')[0]}://…' has one of '/', '?', '#' before its '@'; "
            "write them in a user's name or password as %2F, %3F, %23"
        )


def without_password(url: str) -> str:
    """A URL as it may be shown: without its password, and without options, which can hold one."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() == "sqlite":
        return url
    address, at, place = rest.rpartition("@")
    return f"{scheme}://{address.partition(':')[0]}{at}{place.partition('?')[0].partition('#')[0]}"


def _path_in(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator:
        return _plain_path(url)
    if scheme.lower() == "sqlite":
        return _after_slashes(url, rest)
    raise ConfigError(f"the store '{without_password(url)}' has an unknown scheme '{scheme}'; right would be {_RIGHT}")


def _plain_path(url: str) -> str:
    scheme = url.partition(":")[0].lower()
    if ":" in url and scheme in _POSTGRES:
        raise ConfigError(f"the store '{scheme}:…' is no URL; right would be {_SERVER}")
    if ":" in url and scheme in ("sqlite", "file"):
        raise ConfigError(f"the store '{url}' is no path and no URL; right would be {_FILE}")
    return url


def _after_slashes(url: str, rest: str) -> str:
    if not rest:
        return _MEMORY
    if not rest.startswith("/"):
        raise ConfigError(f"the store '{url}' has two slashes; right would be 'sqlite:///{rest}' with three")
    if "?" in rest:
        raise ConfigError(f"the store '{url}' has options after '?', and there are none; right would be {_FILE}")
    return rest[1:]
