"""Two trees laid side by side: how many leaves are equal, which differ, and which only one of them has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from qualityroute.comparison.alignment import aligned
from qualityroute.comparison.leaves import Branch, Key, Leaf, Tree, same_value


@dataclass(frozen=True, slots=True)
class PlacedLeaf:
    """A leaf with its path in its answer, positions and all: `lines[2].amount`."""

    place: str
    leaf: Leaf


@dataclass(frozen=True, slots=True)
class Part:
    """One field, or two items that belong together, with the key or position on each side."""

    left: Key
    right: Key
    sides: SideBySide


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """Two trees together, or one that has no partner."""

    critical: int
    """Critical leaves that differ."""
    different: int
    """Leaves that differ, the critical ones too."""
    equal: int
    parts: tuple[Part, ...] = ()
    """Of two objects or two arrays that are not equal."""
    left: Tree | None = None
    right: Tree | None = None
    """What differs as a whole: two leaves, or trees without a counterpart."""


def side_by_side(left: Tree, right: Tree) -> SideBySide:
    if left.form == right.form:
        return SideBySide(critical=0, different=0, equal=left.size)
    match left, right:
        case Leaf(), Leaf():
            return _of_leaves(left, right)
        case Branch(parts=tuple() as items), Branch(parts=tuple() as others):
            return _of_parts(tuple(_items(items, others)))
        case Branch(parts=Mapping() as fields), Branch(parts=Mapping() as others):
            return _of_parts(tuple(_fields(fields, others)))
        case _:
            return _of_different_kinds(left, right)


def differing(
    sides: SideBySide, left_place: str = "", right_place: str = ""
) -> Iterator[tuple[PlacedLeaf | None, PlacedLeaf | None]]:
    """Each leaf that differs with its counterpart, if it has one; what only the right has comes last."""
    match sides:
        case SideBySide(different=0):
            return
        case SideBySide(left=Leaf() as left, right=Leaf() as right):
            yield PlacedLeaf(left_place, left), PlacedLeaf(right_place, right)
        case SideBySide(parts=()):
            yield from ((leaf, None) for leaf in _placed(sides.left, left_place))
            yield from ((None, leaf) for leaf in _placed(sides.right, right_place))
        case SideBySide(parts=parts):
            for part in parts:
                yield from differing(part.sides, _place(left_place, part.left), _place(right_place, part.right))


def _of_leaves(left: Leaf, right: Leaf) -> SideBySide:
    if same_value(left, right):
        return SideBySide(critical=0, different=0, equal=1)
    return SideBySide(critical=left.critical, different=1, equal=0, left=left, right=right)


def _of_parts(parts: tuple[Part, ...]) -> SideBySide:
    return SideBySide(
        parts=parts,
        critical=sum(part.sides.critical for part in parts),
        different=sum(part.sides.different for part in parts),
        equal=sum(part.sides.equal for part in parts),
    )


def _of_different_kinds(left: Tree, right: Tree) -> SideBySide:
    """No leaf of the one has its counterpart in the other."""
    return _apart(None if left.says_nothing else left, None if right.says_nothing else right)


def _apart(left: Tree | None, right: Tree | None) -> SideBySide:
    trees = [tree for tree in (left, right) if tree is not None]
    critical, size = sum(tree.critical for tree in trees), sum(tree.size for tree in trees)
    return SideBySide(critical=critical, different=size, equal=0, left=left, right=right)


def _fields(left: Mapping[str, Tree], right: Mapping[str, Tree]) -> Iterator[Part]:
    for key in (*left, *(key for key in right if key not in left)):
        yield Part(key, key, _together(left.get(key), right.get(key)))


def _items(left: Sequence[Tree], right: Sequence[Tree]) -> Iterator[Part]:
    # Remembered, because comparing a pair twice at each level of nesting doubles the time with each level.
    sides = cache(lambda one, other: side_by_side(left[one], right[other]))
    pairs = aligned(left, right, sides)
    for one, other in pairs:
        yield Part(one, other, sides(one, other))
    paired_left, paired_right = {one for one, _ in pairs}, {other for _, other in pairs}
    for position in sorted(set(range(len(left))) - paired_left):
        yield Part(position, position, _apart(left[position], None))
    for position in sorted(set(range(len(right))) - paired_right):
        yield Part(position, position, _apart(None, right[position]))


def _together(left: Tree | None, right: Tree | None) -> SideBySide:
    return _apart(left, right) if left is None or right is None else side_by_side(left, right)


def _placed(tree: Tree | None, place: str) -> Iterator[PlacedLeaf]:
    match tree:
        case None:
            return
        case Leaf():
            yield PlacedLeaf(place, tree)
        case Branch():
            for key, part in tree.named_parts():
                yield from _placed(part, _place(place, key))


def _place(place: str, key: Key) -> str:
    if isinstance(key, int):
        return f"{place}[{key}]"
    return f"{place}.{key}" if place else key
