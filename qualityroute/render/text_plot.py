"""What quality costs, drawn with characters: braille dots where the terminal has them, else plain ASCII. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from qualityroute.render.quality_figure import Place, QualityFigure, Sign
from qualityroute.render.words import percent

_BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a braille character, by row and column."""
_SHAPES = {Sign.IN_USE: "●", Sign.CERTIFIED: "◆"}
_FLIP_EVERY = 3
"""Dots of the coin flip's line are so far apart."""
_LABEL = len("100.0 %")
"""Columns of the y axis."""


def text_plot(figure: QualityFigure, *, width: int = 60, height: int = 12, fancy: bool = True) -> tuple[str, ...]:
    """The lines of the drawing, none wider than `width` and a label; `fancy`: with characters beyond ASCII.

    Args:
        width, height: of the part inside the axes, in characters; at least 2.
    """
    canvas = _Canvas(width, height, *((2, 4) if fancy else (1, 1)))
    place = _Scale(figure, canvas).dot
    canvas.line([place(at) for at in figure.flip], "." if not fancy else "", every=_FLIP_EVERY)
    canvas.line([place(at) for at in figure.curve], "*" if not fancy else "")
    for mark in figure.marks:
        canvas.put(place(mark.at), sign_text(mark.sign, fancy=fancy))
    return (*_framed(figure, canvas, fancy=fancy), *_x_axis(figure, width, fancy=fancy))


def sign_text(sign: Sign, *, fancy: bool) -> str:
    """The one character of a mark."""
    return _SHAPES.get(sign, sign.value) if fancy else sign.value


@dataclass(slots=True)
class _Canvas:
    """Cells of `across` by `down` dots each; the first dot is at the upper left."""

    width: int
    height: int
    across: int
    down: int
    _bits: dict[tuple[int, int], int] = field(default_factory=dict)
    _signs: dict[tuple[int, int], str] = field(default_factory=dict)

    def line(self, dots: Sequence[tuple[int, int]], plain: str, every: int = 1) -> None:
        """Through all the dots; with `plain`, that character stands in for them."""
        for number, (column, row) in enumerate(_between(dots)):
            if number % every:
                continue
            cell = column // self.across, row // self.down
            if plain:
                self._signs[cell] = plain
            else:
                self._bits[cell] = self._bits.get(cell, 0) | _DOTS[row % self.down][column % self.across]

    def put(self, dot: tuple[int, int], sign: str) -> None:
        self._signs[dot[0] // self.across, dot[1] // self.down] = sign

    def rows(self) -> Iterator[str]:
        for row in range(self.height):
            yield "".join(self._cell(column, row) for column in range(self.width)).rstrip()

    def _cell(self, column: int, row: int) -> str:
        bits = self._bits.get((column, row), 0)
        return self._signs.get((column, row)) or (chr(_BRAILLE + bits) if bits else " ")


@dataclass(frozen=True, slots=True)
class _Scale:
    figure: QualityFigure
    canvas: _Canvas

    def dot(self, at: Place) -> tuple[int, int]:
        columns, rows = self.canvas.width * self.canvas.across, self.canvas.height * self.canvas.down
        column = _step(at[0], self.figure.x_range, columns)
        return column, rows - 1 - _step(at[1], self.figure.y_range, rows)


def _step(value: float, span: Place, steps: int) -> int:
    share = (value - span[0]) / (span[1] - span[0])
    return min(steps - 1, max(0, int(share * steps)))


def _between(dots: Sequence[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """Every dot on the way, each once in a row."""
    yield from dots[:1]
    for (left, top), (right, bottom) in pairwise(dots):
        steps = max(abs(right - left), abs(bottom - top))
        for step in range(1, steps + 1):
            yield round(left + (right - left) * step / steps), round(top + (bottom - top) * step / steps)


def _framed(figure: QualityFigure, canvas: _Canvas, *, fancy: bool) -> Iterator[str]:
    low, high = figure.y_range
    last = canvas.height - 1
    # The middle of a row of characters is what its label tells.
    labelled = {row: high - (row + 0.5) / canvas.height * (high - low) for row in (0, last // 2, last)}
    labels = dict(zip(labelled, _told_apart(list(labelled.values())), strict=True))
    for number, row in enumerate(canvas.rows()):
        yield f"{labels.get(number, ''):>{_LABEL}} {'│' if fancy else '|'}{row}"


def _told_apart(shares: Sequence[float]) -> list[str]:
    """With a digit behind the point where two labels would be alike: the axis spans a hundredth at least."""
    whole = [percent(share) for share in shares]
    return whole if len(set(whole)) == len(shares) else [f"{100 * share:.1f} %" for share in shares]


def _x_axis(figure: QualityFigure, width: int, *, fancy: bool) -> Iterator[str]:
    corner, line = ("└", "─") if fancy else ("+", "-")
    yield f"{'':>{_LABEL}} {corner}{line * width}"
    first, last = (figure.x_text(x) for x in figure.x_range)
    middle = figure.x_name.center(max(0, width - len(first) - len(last)))
    yield f"{'':>{_LABEL}}  {first}{middle}{last}".rstrip()
