"""What a command may spend: it asks only what it can surely pay, going by the dearest request so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import anyio

from qualityroute.config import Config
from qualityroute.errors import ConfigError


@dataclass(slots=True)
class Purse:
    """USD; a request whose cost stays unknown counts as the dearest."""

    limit: Decimal | None
    """`None`: as much as it takes."""
    spent: Decimal = Decimal(0)
    dearest: Decimal | None = None
    """Before it is known, one request at a time finds out."""
    unknown: int = 0
    under_way: int = 0
    _paid: anyio.Event = field(default_factory=anyio.Event)

    async def room(self) -> bool:
        """Set the price of one more request aside, waiting for those under way where that could help.

        False: it would not fit, and nothing is under way that may turn out cheaper.
        """
        while not self.fits_one_more:
            if not self.under_way:
                return False
            await self._paid.wait()
        self.under_way += 1
        return True

    @property
    def fits_one_more(self) -> bool:
        if self.limit is None:
            return True
        if self.dearest is None:
            return not (self.under_way or self.unknown)
        return self.spent + (self.unknown + self.under_way + 1) * self.dearest <= self.limit

    def pay(self, cost: Decimal | None) -> None:
        """For a request that found room, once it is over."""
        self.under_way -= 1
        if cost is None:
            self.unknown += 1
        else:
            self.spent += cost
            self.dearest = max(cost, self.dearest or cost)
        paid, self._paid = self._paid, anyio.Event()
        paid.set()


def check_priced(config: Config, models: Iterable[str], today: date, option: str = "--budget") -> None:
    """A budget is kept only where every price is known. Raises `ConfigError` that names the missing rows."""
    prices = config.price_book
    unpriced = [model for model in dict.fromkeys(models) if prices.price(model, today) is None]
    if unpriced:
        rows = ", ".join(f'[[prices]] with model = "{model}"' for model in unpriced)
        raise ConfigError(f"{option} needs the price of every model that is asked; add {rows}, input and output")
