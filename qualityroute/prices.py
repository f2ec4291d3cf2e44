"""What a call cost, in USD, from dated prices; unknown stays unknown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from qualityroute.records import Usage

_PER_TOKENS = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Price:
    """USD per one million tokens of `model` (`provider/model`), from a date on."""

    model: str
    effective_from: date
    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    """`None`: cached tokens cost what other input costs."""


class PriceBook:
    """Dated prices; of each model the newest that is not in the future applies."""

    def __init__(self, prices: Iterable[Price] = ()) -> None:
        self._prices: dict[str, list[Price]] = defaultdict(list)
        for price in sorted(prices, key=lambda price: price.effective_from, reverse=True):
            self._prices[price.model].append(price)

    def price(self, model: str, on: date) -> Price | None:
        return next((p for p in self._prices.get(model, ()) if p.effective_from <= on), None)

    def cost(self, model: str, usage: Usage, on: date) -> Decimal | None:
        """USD for `usage` of `model` (`provider/model`); `None` when the price or a count is unknown."""
        price = self.price(model, on)
        if price is None or usage.input_tokens is None or usage.output_tokens is None:
            return None
        cached = min(usage.cached_tokens or 0, usage.input_tokens)
        cached_price = price.input if price.cached_input is None else price.cached_input
        return (
            (usage.input_tokens - cached) * price.input + cached * cached_price + usage.output_tokens * price.output
        ) / _PER_TOKENS
