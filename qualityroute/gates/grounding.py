"""Is what an answer states found in the source? A free check that no sentence in the source can talk round."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal

from qualityroute.comparison.amounts import amount_of, amounts_in, readings_as_money
from qualityroute.comparison.dates import dates_in
from qualityroute.comparison.forms import Compare, as_decimal, is_number
from qualityroute.comparison.text import canonical_text, folded, on_one_line
from qualityroute.records import Json
from qualityroute.rubrics import FieldRule, nearest_rule

# Scripts that set words without spaces between them: there every place is the edge of a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
_CUT_WORD = re.compile(r"(?<=[^\W\d_])- *\r?\n\s*(?=[^\W\d_])")
_CUT_COMPOUND = re.compile(r"(?<=\w)- *\r?\n\s*(?=\w)")


@dataclass(frozen=True, slots=True)
class Finding:
    """A value of the answer that the source does not state."""

    path: str
    """As rules are named, without positions: `lines.amount`."""
    value: Json
    message: str
    """Where and what is wrong; the value itself is not quoted."""
    ground: Literal["literal", "soft"]


def ungrounded(output: Json, source: str, rules: Mapping[str, FieldRule]) -> list[Finding]:
    """The leaves of an answer that a rule wants in the source and that are not there.

        ungrounded({"total": 12.5}, "Total: 12,50 €", {"total": FieldRule(ground="literal", compare="money")})   # []

    A rule for an object or an array covers what is in it, unless a nearer rule exists. Leaves without a rule,
    booleans, nulls and blank texts are not checked. Numbers may be written in any usual form, but not in words.
    """
    statements = Statements(source)
    findings = []
    for leaf in _leaves(output, "", ""):
        rule = nearest_rule(leaf.path, rules)
        if rule is not None and rule.ground != "off" and not statements.hold(leaf.value, Compare(rule.compare)):
            message = f"{_quoted(leaf.place)} has a {_kind(leaf.value, rule)} that the source does not state"
            findings.append(Finding(leaf.path, leaf.value, message, rule.ground))
    return findings


class Statements:
    """What a source states, scanned once for each kind of value, and only for the kinds asked for."""

    def __init__(self, source: str) -> None:
        self._source = source

    def hold(self, value: Json, compare: Compare) -> bool:
        """Is the value stated? A text that cannot be read as its kind is looked for word by word."""
        if is_number(value):
            return self._number(as_decimal(value), compare)
        match compare:
            case Compare.EXACT | Compare.TEXT:
                return self._text(value)
            case Compare.NUMBER | Compare.MONEY:
                return self._amount(value, compare)
            case Compare.DATE:
                return self._date(value)

    def _number(self, number: Decimal, compare: Compare) -> bool:
        return self._date(str(number)) if compare is Compare.DATE else number in self._money

    def _amount(self, text: str, compare: Compare) -> bool:
        amount = amount_of(text)
        if amount is None:
            return self._text(text)
        currencies = amount.currencies if compare is Compare.MONEY else frozenset[str]()
        return any(self._states(amount.signed(magnitude), currencies) for magnitude in amount.magnitudes)

    def _states(self, number: Decimal, currencies: Collection[str]) -> bool:
        stated = self._money.get(number)
        return stated is not None and (not currencies or None in stated or not stated.isdisjoint(currencies))

    def _date(self, text: str) -> bool:
        days = list(dates_in(folded(text)))
        if not days:
            return self._text(text)
        return all(not self._days.isdisjoint(readings) for readings in days)

    def _text(self, text: str) -> bool:
        words = canonical_text(text)
        words = words.strip(" .,;:\"'") or words
        # The value may have been copied with its line break in it.
        wanted = {words, canonical_text(_CUT_WORD.sub("", text)).strip(" .,;:\"'")} if "\n" in text else {words}
        return any(_holds_words(form, each) for form in self._texts for each in wanted)

    @cached_property
    def _folded(self) -> str:
        return folded(self._source)

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        """The source on one line: as it is, with words cut at a line's end made whole, and with their hyphen kept."""
        forms = [self._folded]
        if _CUT_COMPOUND.search(self._folded):
            forms += [_CUT_WORD.sub("", self._folded), _CUT_COMPOUND.sub("-", self._folded)]
        return tuple(map(on_one_line, forms))

    @cached_property
    def _money(self) -> Mapping[Decimal, set[str | None]]:
        stated: dict[Decimal, set[str | None]] = {}
        for number, currency in readings_as_money(amounts_in(self._folded)):
            stated.setdefault(number, set()).add(currency)
        return stated

    @cached_property
    def _days(self) -> frozenset[str]:
        return frozenset(day for readings in dates_in(self._folded) for day in readings)


@dataclass(frozen=True, slots=True)
class _Leaf:
    path: str
    place: str
    """The path with positions: `lines[2].amount`."""
    value: Json


def _leaves(value: Json, path: str, place: str) -> Iterator[_Leaf]:
    """The leaves that state something, in the answer's order."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _leaves(item, path, f"{place}[{position}]")
    elif (isinstance(value, str) and canonical_text(value)) or is_number(value):
        yield _Leaf(path, place, value)


def _holds_words(text: str, words: str) -> bool:
    """Do the words stand in the text, and not inside a longer word?"""
    start = text.find(words)
    while start >= 0:
        end = start + len(words)
        if not (_joined(text, start) or _joined(text, end)):
            return True
        start = text.find(words, start + 1)
    return False


def _joined(text: str, place: int) -> bool:
    """Do the characters on both sides of a place belong to one word?"""
    return 0 < place < len(text) and _needs_edge(text[place - 1]) and _needs_edge(text[place])


def _needs_edge(character: str) -> bool:
    return (character.isalnum() or character == "_") and not _UNSPACED_CHARACTER.match(character)


def _kind(value: Json, rule: FieldRule) -> str:
    if rule.compare in ("exact", "text"):
        return "number" if is_number(value) else "text"
    return "sum of money" if rule.compare == "money" else rule.compare


def _quoted(place: str) -> str:
    return repr(place if len(place) <= 80 else place[:77] + "...")
