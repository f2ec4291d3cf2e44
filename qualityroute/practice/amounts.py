"""Amounts of money as they stand in documents: both decimal signs, both currency sides, all minus signs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

SIGNS = {
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "zł": "PLN",
    "C$": "CAD",
    "CA$": "CAD",
    "A$": "AUD",
    "US$": "USD",
    "$": "USD",
}
CODES = ("EUR", "USD", "GBP", "CHF", "CAD", "AUD", "JPY", "SEK", "NOK", "DKK", "PLN", "CZK", "NZD", "INR")

_SIGN = "|".join(sorted((re.escape(sign) for sign in SIGNS), key=len, reverse=True))
_CURRENCY = rf"(?:{_SIGN}|\b(?:{'|'.join(CODES)})\b)"
_DIGITS = (
    r"(?:\d{1,3}(?:[.,'\u2019\u00a0\u202f]\d{3})+(?:[.,]\d{1,2})?"
    r"|\d{1,3}(?: \d{3})+,\d{2}"
    r"|\d+(?:[.,]\d{1,2})?)(?![\d%]|[.,]\d|\s?%)"
)
_MONEY = re.compile(
    rf"(?P<open>\()?(?P<minus>(?<![\w)])[-\u2212\u2013]\s?)?(?P<before>{_CURRENCY})?\s?(?P<inner>(?<![\w)])[-\u2212\u2013])?"
    rf"(?<![\w.,/:#])(?<!\w-)(?P<digits>{_DIGITS})(?P<behind>\s?{_CURRENCY})?"
    r"(?P<trailing>-(?!\w)|\s?CR\b)?(?P<close>\))?(?![\w/-])"
)


@dataclass(frozen=True, slots=True)
class Money:
    value: Decimal
    currency: str | None
    text: str
    start: int
    end: int

    @property
    def looks_like_money(self) -> bool:
        """Has a currency or two decimals; a bare whole number is often something else."""
        return self.currency is not None or bool(re.search(r"[.,]\d{2}\D*$", self.text))


def parse_number(digits: str) -> Decimal:
    """Reads `1,234.50`, `1.234,50`, `1 234,50` and `1'234.50` alike; the last sign before two digits is decimal."""
    decimals = re.search(r"[.,](\d{1,2})$", digits)
    whole = digits[: decimals.start()] if decimals else digits
    fraction = decimals.group(1) if decimals else "0"
    return Decimal(f"{re.sub(r'[^0-9]', '', whole)}.{fraction}")


def amounts_in(text: str) -> list[Money]:
    """Every number that can be an amount, in the order of the text; percentages and codes are none."""
    return [_money_of(match) for match in _MONEY.finditer(text)]


def currency_of(sign: str) -> str | None:
    sign = sign.strip()
    return SIGNS.get(sign) or (sign if sign in CODES else None)


def currencies_in(text: str) -> list[str]:
    """Every currency sign or code in the text, as codes, in order."""
    return [currency_of(match) or match for match in re.findall(_CURRENCY, text)]


def _money_of(match: re.Match[str]) -> Money:
    value = parse_number(match["digits"])
    negative = match["minus"] or match["inner"] or match["trailing"] or (match["open"] and match["close"])
    currency = currency_of(match["before"] or match["behind"] or "")
    return Money(-value if negative else value, currency, match[0].strip(), match.start(), match.end())
