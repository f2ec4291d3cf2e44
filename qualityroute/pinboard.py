"""Pins by hand: list, look at, add and release them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from qualityroute.config import Pins
from qualityroute.errors import ConfigError
from qualityroute.inputs import checked_name
from qualityroute.pins import Pin, PinKey, alive, manual_pin
from qualityroute.store import SessionStore


class Pinboard:
    """The pins of a store, as `engine.pins`. Every method raises `StoreError` when the store cannot be used."""

    def __init__(self, store: SessionStore, policy: Callable[[], Pins], now: Callable[[], datetime]) -> None:
        self._store, self._policy, self._now = store, policy, now

    async def list(
        self, *, tenant: str | None = None, session: str | None = None, most: int | None = None
    ) -> list[Pin]:
        """Pins that hold now, the newest first, at most so many; of one tenant or session if named."""
        return await self._store.pins(tenant=tenant, session=session, now=self._now(), most=most)

    async def active(self) -> Mapping[str, int]:
        """How many hold now, by the task whose answer earned them; those made by hand under an empty name."""
        return await self._store.pins_active(self._now())

    async def get(self, session: str, *, tenant: str = "default", task: str | None = None) -> Pin | None:
        """The pin a request of this session meets now, if there is one."""
        pin = await self._store.pin(self._key(session, tenant, task))
        return pin if pin is not None and pin.held and alive(pin, self._now()) else None

    async def add(
        self,
        session: str,
        *,
        tenant: str = "default",
        task: str | None = None,
        message: str = "",
        lasts: timedelta | None = None,
    ) -> Pin:
        """Hold a session on the performance tier until it is released, or for `lasts` (`pins.max_age` if left out).

        A pin made by hand has reason `manual` and is never probed. Raises `ConfigError` for a session that cannot be
        stored.
        """
        now = self._now()
        pin = manual_pin(self._key(session, tenant, task), message=message, policy=self._policy(), now=now)
        if lasts is not None:
            try:
                pin = replace(pin, until=now + lasts)
            except OverflowError:
                raise ConfigError("a pin cannot last that long; leave `lasts` out for pins.max_age") from None
        await self._store.put_pin(pin)
        return pin

    async def release(self, session: str, *, tenant: str = "default", task: str | None = None) -> Pin | None:
        """Let a session start on the efficiency tier again; says which pin it was, `None` if there was none."""
        return await self._store.release_pin(self._key(session, tenant, task))

    def _key(self, session: str, tenant: str, task: str | None) -> PinKey:
        if task is not None and self._policy().scope == "session":
            raise ConfigError("pins.scope is 'session': a pin holds for every task, so leave the task out")
        if task is None and self._policy().scope == "task":
            raise ConfigError("pins.scope is 'task': name the task too")
        checked_name(session, "session")
        checked_name(tenant, "tenant")
        return PinKey(tenant, session, task or "")
