"""What a machine lends to the faults: a small disk, files that cannot be changed, an older version of the program."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class NotHere(Exception):
    """A fault that this machine does not let us make, and why."""


def _run(*command: str | Path) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise NotHere(f"there is no {command[0]} here") from error
    if done.returncode != 0:
        raise NotHere(f"{' '.join(map(str, command[:2]))} was refused: {' '.join(done.stderr.split())}")


@contextmanager
def small_disk(folder: Path, *, kilobytes: int = 12_000) -> Iterator[Path]:
    """A disk of its own at `folder`, with room for a log of SQLite's usual 4 MB. Raises `NotHere` where none may be."""
    folder.mkdir(exist_ok=True)
    if os.getuid() != 0:
        raise NotHere("only root may mount a small disk")
    _run("mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder)
    try:
        yield folder
    finally:
        _run("umount", "--lazy", folder)


@contextmanager
def immutable(files: Iterable[Path]) -> Iterator[None]:
    """Files that not even root and those who have them open may change; not every file system knows that."""
    files = [file for file in files if file.exists()]
    try:
        for file in files:
            _run("chattr", "+i", file)
        yield
    finally:
        for file in files:
            _run("chattr", "-i", file)


def check_immutable(folder: Path) -> None:
    """Raises `NotHere` where `immutable` does not keep an open file from being changed."""
    probe = folder / "probe"
    with probe.open("wb", buffering=0) as file:
        with immutable([probe]):
            try:
                file.write(b"x")
            except OSError:
                return
        raise NotHere("this file system lets an open file be changed that is immutable")


def end_connections(url: str) -> None:
    """Of the product, on the server's side."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'qualityroute' AND datname = current_database()"
        )


def older_version(commit: str, folder: Path) -> Path:
    """The program as it was at a commit. Raises `NotHere` where the history does not reach so far."""
    here = Path(__file__).parents[2]
    told = subprocess.run(
        ["git", "archive", commit, "qualityroute", "rubrics"], cwd=here, capture_output=True, check=False
    )
    if told.returncode != 0:
        raise NotHere(f"commit {commit} is not in this checkout's history")
    with tarfile.open(fileobj=io.BytesIO(told.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder
