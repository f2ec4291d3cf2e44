"""Several workers, one set of metrics: each writes into files of a common folder, and any of them can be scraped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable of prometheus_client, which reads it when it is imported."""


@contextmanager
def shared_by_workers() -> Iterator[None]:
    """Around the life of processes that are started inside: what they count is added up.

    The folder is a temporary one, unless the variable names one; that one must be empty at the start.
    """
    if FOLDER in os.environ:
        yield
        return
    with TemporaryDirectory(prefix="qualityroute-metrics-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


def shared_folder() -> Path | None:
    """Where this process counts together with others; `None` for one that counts alone."""
    folder = os.environ.get(FOLDER)
    return Path(folder) if folder else None


def forget_the_dead(folder: Path) -> None:
    """Nothing of a worker that is no more is in flight. What it counted stays."""
    for file in folder.glob("gauge_live*.db"):
        process = file.stem.rpartition("_")[2]
        if process.isdigit() and not _lives(int(process)):
            file.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
