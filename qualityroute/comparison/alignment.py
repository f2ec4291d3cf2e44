"""Which item of one array belongs to which of the other, when their order means nothing.

First come the items of the same form. The rest is assigned so that the fewest critical leaves differ, then the fewest
leaves, then the most are equal: the best there is for up to 64 x 64 items of usual size. Where that would take too
long, those that share the rarest leaves find each other first, and what is left pairs up in its order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Protocol, TypeAlias

from qualityroute.comparison.assignment import cheapest_assignment
from qualityroute.comparison.leaves import Leaf, Tree, leaves_of

Pair: TypeAlias = tuple[int, int]

_PAIRS = 64 * 64
_NESTED_PAIRS = 96 * 96
"""With the items of arrays inside, which meet each other too."""
_LOOKS = 300_000
"""Leaves looked at; two arrays of 64 objects with 30 fields each are below it."""
_RARE = 16
"""A leaf that stands in more items than this says little about which one is meant."""


class Counted(Protocol):
    """What came of laying two items side by side."""

    @property
    def critical(self) -> int:
        """Critical leaves that differ."""

    @property
    def different(self) -> int:
        """Leaves that differ, the critical ones too."""

    @property
    def equal(self) -> int:
        """Leaves that are equal."""


def aligned(left: Sequence[Tree], right: Sequence[Tree], compared: Callable[[int, int], Counted]) -> list[Pair]:
    """Positions that belong together, each used once; the shorter array is used up.

    `compared` lays the items at two positions side by side.
    """
    pairs = _Pairs(left, right)
    pairs.add_equal(lambda item: item.form)
    if all(isinstance(item, Leaf) for item in (*left, *right)):
        # Whatever is left of scalars is equal only where one is loose, so giving those away first is the best there is.
        pairs.add_equal(_likeness, first=_loose_first)
    elif pairs.are_few():
        pairs.add_best(compared)
    else:
        pairs.add_most_alike()
    pairs.add_in_order()
    return sorted(pairs.made)


class _Pairs:
    """The pairs made so far, and the positions on each side that have none yet."""

    def __init__(self, left: Sequence[Tree], right: Sequence[Tree]) -> None:
        self.made: list[Pair] = []
        self._left, self._right = left, right
        self._free_left, self._free_right = dict.fromkeys(range(len(left))), dict.fromkeys(range(len(right)))

    def add_equal(self, mark: Callable[[Tree], Hashable], first: Callable[[Tree], bool] = lambda item: True) -> None:
        """Pair items of the same mark, in their order, but some first."""
        free = _by_mark(self._right, self._free_right, mark, first)
        for mark_of_left, positions in _by_mark(self._left, self._free_left, mark, first).items():
            self._add(zip(positions, free.get(mark_of_left, ()), strict=False))

    def are_few(self) -> bool:
        """Can every item be laid beside every other in little time?"""
        left, right = [self._left[at] for at in self._free_left], [self._right[at] for at in self._free_right]
        looks = _elements(left) * _nodes(right) + _elements(right) * _nodes(left)
        nested = _elements(left) * _elements(right)
        return len(left) * len(right) <= _PAIRS and nested <= _NESTED_PAIRS and looks <= _LOOKS

    def add_best(self, compared: Callable[[int, int], Counted]) -> None:
        rows, columns = list(self._free_left), list(self._free_right)
        costs = self._costs(rows, columns, compared)
        if len(rows) <= len(columns):
            self._add([(rows[row], columns[column]) for row, column in enumerate(cheapest_assignment(costs))])
        else:
            turned = list(zip(*costs, strict=True))
            self._add([(rows[row], columns[column]) for column, row in enumerate(cheapest_assignment(turned))])

    def _costs(self, rows: list[int], columns: list[int], compared: Callable[[int, int], Counted]) -> list[list[int]]:
        """The price of each pair, less that of its two items going without one."""
        left, right = [self._left[row] for row in rows], [self._right[column] for column in columns]
        most = 1 + sum(item.size for item in (*left, *right))
        # One whole number orders them as critical, different, equal: no sum of a lesser kind outgrows one of a greater.
        alone = [_alone(item, most) for item in right]
        costs: list[list[int]] = []
        # Plain loops, because comprehensions would take a third more of the stack for each level of nesting.
        for row, item in zip(rows, left, strict=True):
            costs.append([])
            for column, other in zip(columns, alone, strict=True):
                costs[-1].append(_price(compared(row, column), most) - _alone(item, most) - other)
        return costs

    def add_most_alike(self) -> None:
        shared = Counter[Pair]()
        places = self._places_of_leaves()
        for row in self._free_left:
            for mark in {_mark(leaf) for leaf in leaves_of(self._left[row])}:
                shared.update((row, column) for column in places.get(mark, ()))
        for (row, column), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
            if row in self._free_left and column in self._free_right:
                self._add([(row, column)])

    def _places_of_leaves(self) -> dict[Hashable, list[int]]:
        places = defaultdict[Hashable, list[int]](list)
        for column in self._free_right:
            for mark in {_mark(leaf) for leaf in leaves_of(self._right[column])}:
                places[mark].append(column)
        return {mark: columns for mark, columns in places.items() if len(columns) <= _RARE}

    def add_in_order(self) -> None:
        self._add(list(zip(self._free_left, self._free_right, strict=False)))

    def _add(self, pairs: Sequence[Pair] | Iterator[Pair]) -> None:
        for row, column in pairs:
            self.made.append((row, column))
            del self._free_left[row], self._free_right[column]


def _by_mark(
    items: Sequence[Tree], free: dict[int, None], mark: Callable[[Tree], Hashable], first: Callable[[Tree], bool]
) -> dict[Hashable, list[int]]:
    positions = defaultdict[Hashable, list[int]](list)
    for position in sorted(free, key=lambda position: not first(items[position])):
        positions[mark(items[position])].append(position)
    return positions


def _price(counted: Counted, most: int) -> int:
    return (counted.critical * most + counted.different) * most - counted.equal


def _alone(item: Tree, most: int) -> int:
    return (item.critical * most + item.size) * most


def _elements(items: Sequence[Tree]) -> int:
    return len(items) + sum(item.elements for item in items)


def _nodes(items: Sequence[Tree]) -> int:
    return _elements(items) + sum(item.size for item in items)


def _mark(leaf: Leaf) -> Hashable:
    return (leaf.path, leaf.likeness)


def _likeness(item: Tree) -> Hashable:
    return item.likeness if isinstance(item, Leaf) else item.form


def _loose_first(item: Tree) -> bool:
    return isinstance(item, Leaf) and item.loose
