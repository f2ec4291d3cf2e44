"""An answer as a tree made ready for comparison: every value once in its canonical form, what says nothing left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TypeAlias

from qualityroute.comparison.forms import Compare, canonical, equal, is_number
from qualityroute.comparison.text import canonical_text
from qualityroute.records import Json
from qualityroute.rubrics import FieldRule, nearest_rule


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One value. Null, a blank text and an empty object or array are all the leaf that says nothing."""

    value: Json
    path: str
    """As rules are named, without positions: `lines.amount`."""
    rule: FieldRule | None
    form: Hashable
    """Leaves of the same form are equal; None when the leaf says nothing."""
    likeness: Hashable
    """Leaves that are equal have the same likeness, though not only those."""

    @property
    def says_nothing(self) -> bool:
        return self.form is None

    @property
    def loose(self) -> bool:
        """Money of no currency, a date of two readings, a number beside its text: it can equal other forms."""
        match self.form:
            case Decimal() | frozenset() | (_, None):
                return True
            case _:
                return False

    @property
    def critical(self) -> int:
        return 1 if self.rule is not None and self.rule.critical else 0

    @property
    def size(self) -> int:
        return 1

    @property
    def elements(self) -> int:
        return 0


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """An object's fields, or an array's items, by their key or position."""

    parts: Mapping[str, Tree] | tuple[Tree, ...]
    form: Hashable
    """Branches of the same form are equal, in whatever order their fields and items stand."""
    size: int
    """Leaves in it."""
    critical: int
    """Critical leaves in it."""
    elements: int
    """Array items in it that are not just scalars among scalars."""

    @property
    def says_nothing(self) -> bool:
        return False

    def named_parts(self) -> Iterable[tuple[Key, Tree]]:
        return enumerate(self.parts) if isinstance(self.parts, tuple) else self.parts.items()


Tree: TypeAlias = Leaf | Branch
Key: TypeAlias = str | int
"""Of a field, or the position of an item."""


def tree_of(answer: Json, rules: Mapping[str, FieldRule]) -> Tree:
    """The answer with each leaf's nearest rule: its own, or that of the object or array it is in."""
    return _tree(answer, "", cache(lambda path: nearest_rule(path, rules)))


def same_value(left: Leaf, right: Leaf) -> bool:
    """Are two leaves of one path equal under their rule?"""
    # What is not alike is never equal, and most pairs are not: the leaf test is the dearer question.
    return left.likeness == right.likeness and equal(left.value, right.value, _compare(left.rule))


def compared_as(rule: FieldRule | None, left: Json, right: Json) -> Compare:
    """How two values are compared; without a rule, numbers as numbers and the rest as text."""
    if rule is None and (is_number(left) or is_number(right)):
        return Compare.NUMBER
    return _compare(rule)


def leaves_of(tree: Tree) -> Iterator[Leaf]:
    if isinstance(tree, Leaf):
        yield tree
    else:
        for _, part in tree.named_parts():
            yield from leaves_of(part)


def _tree(value: Json, path: str, rule_at: Callable[[str], FieldRule | None]) -> Tree:
    if isinstance(value, Mapping):
        fields = {key: _tree(item, f"{path}.{key}" if path else key, rule_at) for key, item in value.items()}
        told = {key: part for key, part in fields.items() if not part.says_nothing}
        return _object(told) if told else _leaf(None, path, rule_at(path))
    if isinstance(value, list | tuple):
        items = tuple(_tree(item, path, rule_at) for item in value)
        return _array(items) if items else _leaf(None, path, rule_at(path))
    return _leaf(value, path, rule_at(path))


def _object(fields: Mapping[str, Tree]) -> Branch:
    form = ("fields", frozenset((key, part.form) for key, part in fields.items()))
    return _branch(fields, form, tuple(fields.values()), 0)


def _array(items: tuple[Tree, ...]) -> Branch:
    form = ("items", frozenset(Counter(item.form for item in items).items()))
    scalars = all(isinstance(item, Leaf) for item in items)
    return _branch(items, form, items, 1 if scalars else len(items))


def _branch(
    parts: Mapping[str, Tree] | tuple[Tree, ...], form: Hashable, inside: tuple[Tree, ...], own_elements: int
) -> Branch:
    return Branch(
        parts,
        form,
        size=sum(part.size for part in inside),
        critical=sum(part.critical for part in inside),
        elements=own_elements + sum(part.elements for part in inside),
    )


def _leaf(value: Json, path: str, rule: FieldRule | None) -> Leaf:
    compare = _compare(rule)
    if value is None or (isinstance(value, str) and not _written(value, compare)):
        return Leaf(value, path, rule, None, None)
    form = canonical(value, compare)
    return Leaf(value, path, rule, form, _likeness(form, compare))


def _written(text: str, compare: Compare) -> str:
    return text if compare is Compare.EXACT else canonical_text(text)


def _likeness(form: Hashable, compare: Compare) -> Hashable:
    match compare:
        case Compare.MONEY:
            return form[0] if isinstance(form, tuple) else form
        case Compare.DATE:
            return _day_and_month_in_any_order(form)
        case Compare.TEXT:
            # A number can stand beside its text.
            return canonical(form, Compare.NUMBER) if isinstance(form, str) else form
        case Compare.EXACT | Compare.NUMBER:
            return form


def _day_and_month_in_any_order(form: Hashable) -> Hashable:
    day = min(form) if isinstance(form, frozenset) else form
    return "-".join(sorted(day.split("-"), reverse=True)) if isinstance(day, str) else day


def _compare(rule: FieldRule | None) -> Compare:
    return Compare.TEXT if rule is None else Compare(rule.compare)
