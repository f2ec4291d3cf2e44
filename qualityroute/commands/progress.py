"""A progress bar on stderr, when somebody looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich import progress
from rich.console import Console


class Progress(Protocol):
    def advance(self, steps: int = 1, /) -> None: ...


class NoProgress:
    def advance(self, steps: int = 1, /) -> None:
        """Nobody looks."""


class Bar:
    def __init__(self, bar: progress.Progress, task: progress.TaskID) -> None:
        self._bar, self._task = bar, task

    def advance(self, steps: int = 1, /) -> None:
        self._bar.advance(self._task, steps)


@contextmanager
def progress_on(console: Console, total: int | None, what: str = "Answering") -> Iterator[Progress]:
    """A bar while the block runs; gone when it ends."""
    if not console.is_terminal:
        yield NoProgress()
        return
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
    )
    with progress.Progress(*columns, console=console, transient=True) as bar:
        yield Bar(bar, bar.add_task(what, total=total))
