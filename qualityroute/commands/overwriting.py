"""What a command that writes a file may write over: what it made itself and what it is told to, never our own files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qualityroute.commands.places import Place
from qualityroute.errors import ConfigError
from qualityroute.store.location import is_server, sqlite_path

_LOOKED_AT = 65_536
"""Bytes at either end of a file."""
_COMPANIONS = ("", "-wal", "-shm", "-journal")
"""What SQLite adds to the name of a database."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How files that a command made begin, and what else stands near one of their ends."""

    begins: bytes
    holds: bytes


PAGE = Mark(b"<!doctype html>", b'<meta name="generator" content="qualityroute">')
PICTURE = Mark(b"<svg", b"<metadata>qualityroute</metadata>")
DECISIONS = Mark(b'{"id": "', b'"route": "')
PARQUET = Mark(b"PAR1", b"fingerprint")


def check_replaceable(path: Path, place: Place, mark: Mark, *, force: bool) -> None:
    """Raises `ConfigError` where writing `path` would lose something: before any work is done for it.

    Args:
        mark: what files have that are only replaced by newer ones of their kind.
        force: whether other files may be lost; the store and the configuration never are.
    """
    check_not_ours(path, place)
    if force or not path.is_file() or _is_made(path, mark):
        return
    raise ConfigError(
        f"'{path}' exists already and was not made by this command; name another file, or --force writes over it"
    )


def check_not_ours(path: Path, place: Place) -> None:
    """Raises `ConfigError` for the configuration, the store and what SQLite keeps beside it."""
    for own, what in _own_files(place):
        if _same(path, own):
            raise ConfigError(f"'{path}' is {what}, which no command writes over; name another file")


def _own_files(place: Place) -> Iterator[tuple[Path, str]]:
    stores = [] if place.db is None else [(place.db, Path())]
    if place.config.exists():
        yield place.config, "the configuration"
        config = place.load()
        stores.append((config.store.url, config.folder))
    for url, folder in stores:
        database = None if is_server(url) else sqlite_path(url, folder)
        if database is not None:
            yield from (
                (Path(f"{database}{end}"), "a part of the store" if end else "the store") for end in _COMPANIONS
            )


def _same(path: Path, other: Path) -> bool:
    """Under whatever name; what is not there yet is known by its place alone."""
    if os.path.realpath(path) == os.path.realpath(other):
        return True
    return path.exists() and other.exists() and path.samefile(other)


def _is_made(path: Path, mark: Mark) -> bool:
    """An empty file is nobody's loss."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_LOOKED_AT)
            stream.seek(max(0, path.stat().st_size - _LOOKED_AT))
            return not head or (head.startswith(mark.begins) and mark.holds in head + stream.read())
    except OSError:
        return False
