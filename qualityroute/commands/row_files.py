"""The file that `run --out` writes: rows at its end, ours alone while we run, read again to resume."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from qualityroute.commands.rows import UNFINISHED, row_line
from qualityroute.errors import ConfigError, StoreError

Finished: TypeAlias = Mapping[str, str | None]
"""Ids of inputs that are finished, each with the key of what was asked; `None` in rows that do not say."""


@dataclass(frozen=True, slots=True)
class FileRows:
    path: Path
    descriptor: int

    def write(self, row: Mapping[str, Any]) -> None:
        """Raises `StoreError`; what was half-written then is cut off again."""
        line, before = row_line(row), os.fstat(self.descriptor).st_size
        try:
            written = os.write(self.descriptor, line)
        except OSError as error:
            raise StoreError(f"'{self.path}' cannot be written: {error.strerror}") from error
        if written < len(line):
            with suppress(OSError):  # a pipe has no length; a file that cannot be cut is cut by --resume
                os.ftruncate(self.descriptor, before)
            raise StoreError(f"'{self.path}' cannot be written: the disk is full")

    def close(self) -> None:
        os.close(self.descriptor)


def open_rows(path: Path, task: str, *, resume: bool) -> tuple[FileRows, Finished]:
    """The file to write to, and the inputs of the task that are finished in it. Raises `ConfigError`.

    A row torn by `kill -9` is cut off, and rows of inputs that got no answer are taken out: both are done again.
    """
    rows = _locked(path)
    try:
        if not path.is_file() or not os.fstat(rows.descriptor).st_size:
            return rows, {}
        if not resume:
            raise ConfigError(f"'{path}' has rows already; go on with --resume, or name another file by --out")
        return _resumed(rows, task)
    except BaseException:
        rows.close()
        raise


def _resumed(rows: FileRows, task: str) -> tuple[FileRows, Finished]:
    finished: dict[str, str | None] = {}
    kept_until, gaps = 0, False
    position = 0
    for line, done in _rows_in(rows.path, task):
        position += len(line)
        if done is None:
            continue
        gaps = gaps or kept_until != position - len(line)
        kept_until = position
        finished.update([done])
    if gaps:
        return _rewritten(rows, task), finished
    os.ftruncate(rows.descriptor, kept_until)
    return rows, finished


def _rewritten(rows: FileRows, task: str) -> FileRows:
    """The file with its finished rows alone; replaced whole, so that no kill finds it half done."""
    beside = rows.path.with_name(f"{rows.path.name}.new")
    with beside.open("wb") as copy:
        copy.writelines(line for line, done in _rows_in(rows.path, task) if done is not None)
        copy.flush()
        os.fsync(copy.fileno())
    fresh = _locked(beside)
    beside.replace(rows.path)
    rows.close()
    return FileRows(rows.path, fresh.descriptor)


def _rows_in(path: Path, task: str) -> Iterator[tuple[bytes, tuple[str, str | None] | None]]:
    """Each line with the id of its input and its key, or `None` when that input is to be done again."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            yield line, _finished(line, task, f"line {number} of '{path}'") if line.endswith(b"\n") else None


def _finished(line: bytes, task: str, where: str) -> tuple[str, str | None] | None:
    try:
        row = json.loads(line)
        identity, outcome = row["id"], row["outcome"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ConfigError(f"{where} was not written by `run`; name another file by --out") from None
    if row.get("task", task) != task:
        raise ConfigError(
            f"{where} is a row of task '{row['task']!s:.100}', not of '{task}'; name another file by --out"
        )
    return None if outcome in UNFINISHED else (str(identity), row.get("input_key"))


def _locked(path: Path) -> FileRows:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    except OSError as error:
        raise ConfigError(f"--out: '{path}' cannot be written: {error.strerror}") from error
    try:
        _lock(descriptor)
    except OSError as error:
        os.close(descriptor)
        raise ConfigError(f"--out: another `run` is writing '{path}'") from error
    return FileRows(path, descriptor)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        return
    import fcntl  # noqa: PLC0415  (Windows has none)

    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
