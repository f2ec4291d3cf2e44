"""The two consoles: answers on stdout, news on stderr; plain when nobody looks."""

from __future__ import annotations

import os
import sys

from rich.box import SIMPLE_HEAD, Box
from rich.console import Console, RenderableType

PIPED_WIDTH = 160


def screen() -> Console:
    """Where results are shown; without colour and folded late when it is a pipe or a file."""
    return _console(stderr=False)


def news() -> Console:
    """Where progress and summaries are shown."""
    return _console(stderr=True)


def box_for(console: Console) -> Box | None:
    return SIMPLE_HEAD if console.is_terminal else None


def show(console: Console, *renderables: RenderableType) -> None:
    """Print each; into a pipe without the spaces that fill a screen's lines."""
    if console.is_terminal:
        for renderable in renderables:
            console.print(renderable)
        return
    with console.capture() as captured:
        for renderable in renderables:
            console.print(renderable)
    text = "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())
    console.file.write(text)
    console.file.flush()


def _console(*, stderr: bool) -> Console:
    looked_at = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if looked_at or "COLUMNS" in os.environ else PIPED_WIDTH
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=width, soft_wrap=False)
