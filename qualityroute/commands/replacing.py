"""Puts a new file in another's place, whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qualityroute.errors import ConfigError

_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def replace_text(path: Path, text: str, *, check: Callable[[Path], None] | None = None) -> None:
    """Write `text` beside `path` and then put it in its place. Raises `ConfigError`, with `path` as it was.

    Args:
        check: given the finished file before it takes the place; what it raises leaves `path` as it was.
    """
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="", errors="backslashreplace")
        if check is not None:
            check(beside)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """An empty file beside `path`, to be written; it takes the place of `path` when the block ends well.

    Raises `ConfigError` for whatever the disk refuses, with `path` as it was.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    try:
        _check_writable(path, target)
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:40]}-", suffix=".new", dir=target.parent)
        os.close(handle)
        finished = Path(name)
        try:
            yield finished
            with finished.open("rb") as stream:
                os.fsync(stream.fileno())
            finished.chmod(_mode(target))
            finished.replace(target)
        finally:
            finished.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be written: {error.strerror}") from error


def _check_writable(path: Path, target: Path) -> None:
    """A file can be replaced in a folder that one may write to, even when nobody is meant to write to the file."""
    if target.is_dir():
        raise ConfigError(f"'{path}' is a directory; name a file in it")
    if target.exists() and not target.is_file():
        raise ConfigError(f"'{path}' is no regular file, and nothing can take its place; name another")
    if target.exists() and not (target.stat().st_mode & _WRITABLE and os.access(target, os.W_OK)):
        raise ConfigError(f"'{path}' cannot be written: it is read-only")


def _mode(target: Path) -> int:
    """As the file had it; for a new one, as the folder's other new files get it."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
