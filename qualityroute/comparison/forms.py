"""The canonical form of a value for each way of comparing, and the readings a long text offers."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import TypeGuard

from qualityroute.comparison.amounts import Amount, amount_of, amounts_in, readings_as_money, readings_as_numbers
from qualityroute.comparison.dates import dates_in
from qualityroute.comparison.text import canonical_text, folded
from qualityroute.records import Json

_LONGEST_DATE = 200
"""Characters; a longer text is never read as one date."""
_DOT_IN_NUMBER = re.compile(r"[0-9]\.[0-9]")


class Compare(StrEnum):
    """How two values of one field are compared."""

    EXACT = "exact"
    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"


def canonical(value: Json, compare: Compare) -> Hashable:
    """One form for all the ways of writing the same value.

        canonical("1.234,56 €", Compare.MONEY)        # (Decimal('1234.56'), 'EUR')
        canonical("March 3rd, 2026", Compare.DATE)    # '2026-03-03'
        canonical("03/04/2026", Compare.DATE)         # frozenset({'2026-04-03', '2026-03-04'})

    A value that cannot be read as its kind keeps its canonical text, so two of those can still be equal.
    """
    if isinstance(value, Mapping):
        return ("object", frozenset((key, canonical(item, compare)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        return ("list", tuple(canonical(item, compare) for item in value))
    if value is None or isinstance(value, bool):
        return ("constant", value)
    if is_number(value):
        return _of_number(value, compare)
    return _of_text(value, compare)


def equal(first: Json, second: Json, compare: Compare) -> bool:
    """Are two values the same? Money of no stated currency equals money of any; a date equals one it can mean."""
    match compare:
        case Compare.MONEY:
            return _same_money(canonical(first, compare), canonical(second, compare))
        case Compare.DATE:
            return _same_date(canonical(first, compare), canonical(second, compare))
        case Compare.TEXT if is_number(first) or is_number(second):
            return canonical(first, Compare.NUMBER) == canonical(second, Compare.NUMBER)
        case Compare.EXACT | Compare.TEXT | Compare.NUMBER:
            return canonical(first, compare) == canonical(second, compare)


def readings(text: str, compare: Compare) -> frozenset[Hashable]:
    """Every value of a kind that can be read somewhere in a text, in time that grows with its length.

    An ambiguous form gives each of its readings. Texts have no parts to find: TEXT and EXACT give the whole.
    """
    match compare:
        case Compare.NUMBER:
            return readings_as_numbers(amounts_in(folded(text)))
        case Compare.MONEY:
            return readings_as_money(amounts_in(folded(text)))
        case Compare.DATE:
            return frozenset(day for days in dates_in(folded(text)) for day in days)
        case Compare.TEXT | Compare.EXACT:
            return frozenset({canonical(text, compare)})


def is_number(value: Json) -> TypeGuard[int | float | Decimal]:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def as_decimal(value: float | Decimal) -> Decimal:
    """The number as it was written: 0.1 is a tenth, not the binary fraction next to it."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _of_number(value: float | Decimal, compare: Compare) -> Hashable:
    match compare:
        case Compare.MONEY:
            return (as_decimal(value), None)
        case Compare.DATE:
            return _of_text(str(as_decimal(value)), compare)
        case Compare.EXACT | Compare.TEXT | Compare.NUMBER:
            return as_decimal(value)


def _of_text(text: str, compare: Compare) -> Hashable:
    match compare:
        case Compare.EXACT:
            return text
        case Compare.TEXT:
            return canonical_text(text)
        case Compare.NUMBER:
            amount = amount_of(text)
            return canonical_text(text) if amount is None else _likeliest_number(amount, text)
        case Compare.MONEY:
            amount = amount_of(text)
            return canonical_text(text) if amount is None else _likeliest_money(amount)
        case Compare.DATE:
            return _date(text)


def _likeliest_number(amount: Amount, text: str) -> Decimal:
    # One dot is a decimal point in a bare number; in money it is more often a thousands separator.
    magnitude = amount.magnitudes[-1] if _DOT_IN_NUMBER.search(text) else amount.magnitudes[0]
    return amount.signed(magnitude)


def _likeliest_money(amount: Amount) -> Hashable:
    currency = next(iter(amount.currencies)) if len(amount.currencies) == 1 else None
    return (amount.signed(amount.magnitudes[0]), currency)


def _date(text: str) -> Hashable:
    found = set(dates_in(folded(text))) if len(text) <= _LONGEST_DATE else ()
    if len(found) != 1:
        return canonical_text(text)
    (days,) = found
    return next(iter(days)) if len(days) == 1 else days


def _same_money(first: Hashable, second: Hashable) -> bool:
    match first, second:
        case (Decimal() as amount, currency), (Decimal() as other_amount, other_currency):
            return amount == other_amount and (currency is None or other_currency is None or currency == other_currency)
        case _:
            return first == second


def _same_date(first: Hashable, second: Hashable) -> bool:
    return bool(_days(first) & _days(second))


def _days(form: Hashable) -> frozenset[Hashable]:
    return form if isinstance(form, frozenset) else frozenset({form})
