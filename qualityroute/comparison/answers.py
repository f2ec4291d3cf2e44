"""Two structured answers side by side, leaf by leaf: what share is equal, and what differs.

The order of keys and of array items means nothing. Null, a missing key, a blank text and an empty object or array all
say nothing, and that is no leaf of its own. Only in an array it takes a place, so that one more null there is seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from qualityroute.comparison.forms import Compare
from qualityroute.comparison.leaves import compared_as, tree_of
from qualityroute.comparison.sides import PlacedLeaf, differing, side_by_side
from qualityroute.records import Json
from qualityroute.rubrics import FieldRule

_LONGEST_VALUE = 40
_LONGEST_PATH = 80


@dataclass(frozen=True, slots=True)
class Difference:
    """One leaf that two answers state differently, or that only one of them states."""

    path: str
    """With positions, as in the left answer where it has the leaf: `lines[2].amount`."""
    left: Json
    """None where this side says nothing."""
    right: Json
    compare: Compare
    critical: bool

    @property
    def text(self) -> str:
        """One line to read: `lines[2].amount: "12.50" against 13 (money, critical)`."""
        if self.left is None and self.right is None:
            return f"{self._path}: an empty item that only one answer has ({self._kind})"
        return f"{self._path}: {_shown(self.left)} against {_shown(self.right)} ({self._kind})"

    @property
    def place(self) -> str:
        """The same without the values, for where those may not be kept: `lines[2].amount (money, critical)`."""
        return f"{self._path} ({self._kind})"

    @property
    def _path(self) -> str:
        return _shortened(self.path, _LONGEST_PATH) or "the answer"

    @property
    def _kind(self) -> str:
        return f"{self.compare}, critical" if self.critical else str(self.compare)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far two answers say the same."""

    agreement: float
    """The share of leaves that are equal, of those that at least one answer states; 0 when a critical leaf differs."""
    differences: tuple[Difference, ...]

    @property
    def equal(self) -> bool:
        return not self.differences

    @property
    def critical(self) -> bool:
        """Does a critical leaf differ?"""
        return any(difference.critical for difference in self.differences)


def compare_answers(left: Json, right: Json, rules: Mapping[str, FieldRule]) -> Comparison:
    """Compare two answers as a rubric's rules for its fields say.

        compare_answers({"lines": [{"amount": 5}, {"amount": "1,50"}]}, {"lines": [{"amount": 1.5}, {"amount": 5}]},
                        {"lines.amount": FieldRule(compare="money")}).equal    # True

    A rule for an object or an array covers what is in it, unless a nearer rule exists. Numbers without a rule are
    compared as numbers, all else as text. Array items are paired so that the fewest critical leaves differ, then the
    fewest leaves, as told in `alignment`.
    """
    # Where two pairings are equally good, both directions have to choose the same one.
    turned = _written(left) > _written(right)
    trees = tree_of(left, rules), tree_of(right, rules)
    sides = side_by_side(*reversed(trees)) if turned else side_by_side(*trees)
    differences = [_difference(*reversed(pair)) if turned else _difference(*pair) for pair in differing(sides)]
    share = 0.0 if sides.critical else sides.equal / (sides.equal + sides.different)
    return Comparison(share, tuple(differences))


def says_the_same(comparison: Comparison, rules: Mapping[str, FieldRule]) -> bool:
    """Are two answers as good as equal? Where rules say which leaves are critical, those decide; else every leaf."""
    some_critical = any(rule.critical for rule in rules.values())
    return not comparison.critical if some_critical else comparison.equal


def _difference(left: PlacedLeaf | None, right: PlacedLeaf | None) -> Difference:
    placed = left or right
    assert placed is not None
    values = left and left.leaf.value, right and right.leaf.value
    compare = compared_as(placed.leaf.rule, *values)
    return Difference(placed.place, *values, compare, bool(placed.leaf.critical))


def _written(answer: Json) -> str:
    return json.dumps(answer, sort_keys=True, default=str)


def _shown(value: Json) -> str:
    return (
        "nothing" if value is None else _shortened(json.dumps(value, ensure_ascii=False, default=str), _LONGEST_VALUE)
    )


def _shortened(text: str, longest: int) -> str:
    """Not longer than that, and each character that a terminal may obey or hide by its code."""
    visible = "".join(map(_visible, text[: longest + 1]))
    return visible if len(visible) <= longest else f"{visible[: longest - 1]}…"


def _visible(character: str) -> str:
    return character if character.isprintable() else f"\\u{ord(character):04x}"
