"""How our tables look: a line under the heading in a terminal, nothing but columns in a pipe; stacked where narrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.box import Box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_ANY_WIDTH = 10_000


def table(box: Box | None) -> Table:
    return Table(box=box, show_edge=False, pad_edge=False, header_style="bold", collapse_padding=True)


@dataclass(frozen=True, slots=True)
class Stacking:
    """A table; on a screen so narrow that it would break words or lose columns, a block for each row instead."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        needed = Measurement.get(console, options.update_width(_ANY_WIDTH), self.table).minimum
        if needed <= options.max_width:
            yield self.table
        else:
            yield from self._blocks()

    def _blocks(self) -> Iterator[RenderableType]:
        _, *names = (_line(column.header).plain.replace("- ", "-") for column in self.table.columns)
        for heading, *cells in zip(*(column.cells for column in self.table.columns), strict=True):
            title = _line(heading)
            title.stylize("bold")
            yield title
            yield facts([(name, _line(cell)) for name, cell in zip(names, cells, strict=True)])


def _line(cell: RenderableType) -> Text:
    """What a table tells in two lines for want of width, in one."""
    return Text(" ").join((cell if isinstance(cell, Text) else Text(str(cell))).split("\n"))


def facts(rows: Sequence[tuple[str, RenderableType]]) -> Table:
    """Names at the left, what is known of them at the right."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(f"  {name}", value)
    return grid
