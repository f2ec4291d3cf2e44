"""Amounts written out in English words, as on cheques and in contracts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

_SMALL = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_SCALES = {"thousand": 1_000, "million": 1_000_000}
_WORD = "|".join([*_SMALL, *_TENS, *_SCALES, "hundred"])
NUMBER_WORDS = rf"\b(?:{_WORD})\b(?:[\s,-]+(?:and[\s-]+)?(?:{_WORD})\b)*"
"""A pattern for whole numbers in words."""

_MONEY_WORD = {
    "euro": "EUR",
    "euros": "EUR",
    "pound": "GBP",
    "pounds": "GBP",
    "dollar": "USD",
    "dollars": "USD",
    "francs": "CHF",
    "franc": "CHF",
}
_MONEY = re.compile(
    rf"(?P<whole>{NUMBER_WORDS})\s+(?P<currency>(?:us |swiss )?(?:{'|'.join(_MONEY_WORD)}))\b"
    rf"(?:\s*(?:,|and)?\s*(?P<part>{NUMBER_WORDS}|\d{{1,2}})\s*(?:cents?|pence|/100))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class WordAmount:
    value: Decimal
    currency: str
    start: int
    end: int


def number_in_words(text: str) -> int | None:
    """`forty-two` is 42; `None` when the text is no number word."""
    total = group = 0
    words = [word for word in re.findall(r"[a-z]+", text.lower()) if word != "and"]
    for word in words:
        if word in _SCALES:
            total, group = total + max(group, 1) * _SCALES[word], 0
        elif word == "hundred":
            group = max(group, 1) * 100
        elif word in _SMALL or word in _TENS:
            group += _SMALL.get(word, 0) + _TENS.get(word, 0)
        else:
            return None
    return total + group if words else None


def word_amounts(text: str) -> list[WordAmount]:
    """Every amount of money in words, such as `two hundred and ten euros and fifty cents`."""
    return [_amount_of(match) for match in _MONEY.finditer(text)]


def _amount_of(match: re.Match[str]) -> WordAmount:
    part = match["part"] or "zero"
    cents = int(part) if part.isdigit() else number_in_words(part) or 0
    value = Decimal(number_in_words(match["whole"]) or 0) + Decimal(cents) / 100
    return WordAmount(value, _MONEY_WORD[match["currency"].lower().split()[-1]], match.start(), match.end())
