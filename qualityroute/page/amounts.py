"""Money on the page: as the report's sentences have it, and to the last digit in its tables."""

from __future__ import annotations

from decimal import Decimal

from qualityroute.render.words import UNKNOWN
from qualityroute.report.words import dollars as in_sentences


def dollars(amount: Decimal | None) -> str:
    return UNKNOWN if amount is None else in_sentences(amount)


def exact_dollars(amount: Decimal | None) -> str:
    """>>> exact_dollars(Decimal("0.000194100"))
    '0.0001941'
    """
    return UNKNOWN if amount is None else f"{round(amount, 12).normalize():f}"


def exact_price(amount: Decimal | None) -> str:
    """The same where no heading says that it is dollars."""
    return UNKNOWN if amount is None else f"${exact_dollars(amount)}"
