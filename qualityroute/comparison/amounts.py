"""Numbers and sums of money as people write them: `1.234,56 €`, `EUR 1,234.56`, `$1 234.56`, `(12.50)`, `1'234.50 CHF`.

Some forms can be read in two ways: `1,234` is a thousand or about one, and a dash before a number is a minus
or just a dash. The readings of a long text hold every way; the reading of one value prefers the likeliest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from qualityroute.comparison.text import folded

Money: TypeAlias = tuple[Decimal, str | None]
"""An amount, and its ISO 4217 code where it is written."""

# Every way to write a currency becomes one private-use character, so that the scan needs no long alternatives.
_WORDS: dict[str, str] = {
    "EUR": "eur euro euros €",
    "USD": "usd us$ dollar dollars $",
    "GBP": "gbp £ pounds",
    "JPY": "jpy ¥ yen 円",
    "CHF": "chf sfr fr. ₣",
    "INR": "inr ₹ rs rs. rupees",
    "CAD": "cad ca$ c$",
    "AUD": "aud au$ a$",
    "NZD": "nzd nz$",
    "HKD": "hkd hk$",
    "SGD": "sgd s$",
    "BRL": "brl r$",
    "MXN": "mxn mx$",
    "CNY": "cny rmb 元",
    "KRW": "krw ₩ 원",
    "SEK": "sek",
    "NOK": "nok",
    "DKK": "dkk",
    "PLN": "pln zł",
    "CZK": "czk kč",
    "HUF": "huf ft",
    "TRY": "try ₺",
    "RUB": "rub ₽",
    "UAH": "uah ₴",
    "ILS": "ils ₪",
    "ZAR": "zar",
    "AED": "aed",
    "THB": "thb ฿",
}
_MARK_OF_CODE = {code: chr(0xE000 + index) for index, code in enumerate(_WORDS)}
_CODE_OF_MARK = {mark: code for code, mark in _MARK_OF_CODE.items()}
_MARK_OF_WORD = {word: _MARK_OF_CODE[code] for code, words in _WORDS.items() for word in words.split()}
_SIGNS = sorted((word for word in _MARK_OF_WORD if not word[0].isascii() or not word[0].isalpha()), key=len)
_LETTERS = sorted((word for word in _MARK_OF_WORD if word not in _SIGNS), key=len, reverse=True)
_LETTER_WORDS = re.compile(rf"(?<![^\W\d_])(?:{'|'.join(map(re.escape, _LETTERS))})(?![^\W\d_])")

_MARK = "\ue000-\ue0ff"
_BEFORE = rf"(?:(?<!\w)((?:[{_MARK}(+-] ?){{1,3}})|(?<!\w)(?<![0-9][.,']))"
_AFTER = rf"((?: ?[{_MARK}])?(?:-(?!\w)|\))?(?: ?[{_MARK}])?)"
# Possessive, because a number that ends where it may not is no number of fewer digits.
_NUMBER = r"((?:(?<![\w.])\.)?[0-9]++(?:[.,'][0-9]++)*+(?:e[+-]?[0-9]{1,3}+(?![\w]))?)(?:[.,]--?(?![0-9-]))?"
_SPACED_TAIL = r"((?: [0-9]{3}(?![0-9])){1,4}(?:[.,][0-9]{1,40}+)?)"

_ANY = re.compile(rf"{_BEFORE}{_NUMBER}(?={_AFTER})")
_SPACED = re.compile(rf"{_BEFORE}([0-9]{{1,3}})(?={_SPACED_TAIL}{_AFTER})")
_SPACED_HINT = re.compile(r"[0-9] [0-9]{3}(?![0-9])")
_WHOLE = re.compile(rf"((?:[{_MARK}(+-] ?){{0,3}})(?:([0-9]{{1,3}}){_SPACED_TAIL}|{_NUMBER}){_AFTER}")
_SCIENTIFIC = re.compile(r"[0-9]*\.?[0-9]+e[+-]?[0-9]+")
_SEPARATOR = re.compile(r"[.,' ]")
_LONGEST = 60
"""Digits; what is longer is not read as a number."""
_LONGEST_VALUE = 200
"""Characters; a longer text is never one number."""


@dataclass(frozen=True, slots=True)
class Amount:
    """One written number with all that it may mean, the likeliest reading first."""

    magnitudes: tuple[Decimal, ...]
    negative: bool
    currencies: frozenset[str]

    def signed(self, magnitude: Decimal) -> Decimal:
        return magnitude.copy_negate() if self.negative and magnitude else magnitude


def amount_of(text: str) -> Amount | None:
    """A text that is one number or one sum of money, and nothing else."""
    match = _WHOLE.fullmatch(_marked(folded(text)).strip()) if len(text) <= _LONGEST_VALUE else None
    if match is None:
        return None
    before, head, tail, number, after = match.groups()
    number = number or head + tail
    magnitudes = _magnitudes(number)
    return _amount(before, magnitudes, after) if magnitudes else None


def amounts_in(folded_text: str) -> Iterator[Amount]:
    """Every number in a folded text, each distinct form once."""
    text = _marked(folded_text)
    for before, number, after in set(_ANY.findall(text)):
        magnitudes = _magnitudes(number)
        if magnitudes:
            yield _amount(before, magnitudes, after)
        else:
            # A list `1,2,3` or a date `3.3.2026`: each part is a number of its own.
            yield from (Amount((Decimal(part),), False, frozenset()) for part in _parts(number))
    if not _SPACED_HINT.search(text):
        return
    for before, head, tail, after in set(_SPACED.findall(text)):
        yield from (_amount(before, _magnitudes(spaced), after) for spaced in _prefixes(head, tail))


def readings_as_numbers(amounts: Iterator[Amount]) -> frozenset[Decimal]:
    return frozenset(number for amount in amounts for number in _both_signs(amount))


def readings_as_money(amounts: Iterator[Amount]) -> frozenset[Money]:
    return frozenset(
        (number, currency)
        for amount in amounts
        for number in _both_signs(amount)
        for currency in amount.currencies or (None,)
    )


def _both_signs(amount: Amount) -> set[Decimal]:
    return {*amount.magnitudes, *map(amount.signed, amount.magnitudes)}


def _marked(text: str) -> str:
    text = _LETTER_WORDS.sub(lambda word: _MARK_OF_WORD[word[0]], text)
    for sign in reversed(_SIGNS):
        text = text.replace(sign, _MARK_OF_WORD[sign])
    return text


def _amount(before: str, magnitudes: tuple[Decimal, ...], after: str) -> Amount:
    negative = "-" in before or "-" in after or ("(" in before and ")" in after)
    currencies = frozenset(_CODE_OF_MARK[mark] for mark in before + after if mark in _CODE_OF_MARK)
    return Amount(magnitudes, negative, currencies)


def _prefixes(head: str, tail: str) -> Iterator[str]:
    """`1 234 567,89` and, because columns stand side by side too, `1 234`."""
    groups = tail.split(" ")[1:]
    return (" ".join((head, *groups[:count])) for count in range(1, len(groups) + 1))


def _magnitudes(number: str) -> tuple[Decimal, ...]:
    """What the digits of a number can mean, the likeliest first; nothing when they are no one number."""
    if len(number) > _LONGEST:
        return ()
    if "e" in number:
        return (Decimal(number),) if _SCIENTIFIC.fullmatch(number) else ()
    parts = _SEPARATOR.split(number)
    separators = _SEPARATOR.findall(number)
    if not separators:
        return (Decimal(number),)
    whole = _grouped(parts, separators)
    fraction = _with_fraction(parts, separators)
    return tuple(reading for reading in (whole, fraction) if reading is not None)


def _grouped(parts: list[str], separators: list[str]) -> Decimal | None:
    """`1,234,567`, `1'234`, and `12,34,567` as India writes it."""
    head, *groups = parts
    if len(set(separators)) != 1 or not head or head[0] == "0" or len(groups[-1]) != 3 or len(head) > 3:
        return None
    sizes = {len(group) for group in groups[:-1]}
    if sizes <= {3} or (sizes == {2} and len(head) <= 2):
        return Decimal("".join(parts))
    return None


def _with_fraction(parts: list[str], separators: list[str]) -> Decimal | None:
    *whole, fraction = parts
    if separators[-1] not in ".,":
        return None
    if len(whole) == 1:
        return Decimal(f"{whole[0] or '0'}.{fraction}")
    if separators[-1] in separators[:-1]:
        return None
    integer = _grouped(whole, separators[:-1])
    return None if integer is None else Decimal(f"{integer}.{fraction}")


def _parts(number: str) -> set[str]:
    return {part for part in re.findall(r"[0-9]+", number) if len(part) <= _LONGEST}
