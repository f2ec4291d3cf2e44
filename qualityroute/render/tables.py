"""How our tables look: a line under the heading in a terminal, nothing but columns in a pipe."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import Box
from rich.console import RenderableType
from rich.table import Table


def table(box: Box | None) -> Table:
    return Table(box=box, show_edge=False, pad_edge=False, header_style="bold", collapse_padding=True)


def facts(rows: Sequence[tuple[str, RenderableType]]) -> Table:
    """Names at the left, what is known of them at the right."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(f"  {name}", value)
    return grid
