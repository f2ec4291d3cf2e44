"""Where requests to one model wait until its endpoint may be asked: its health and our own limits, over time."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import anyio

from qualityroute.client import EndpointHealth
from qualityroute.config import Provider
from qualityroute.openai_client.health import Health, after, asked, given_up
from qualityroute.openai_client.pacing import Taken, Window
from qualityroute.openai_client.trouble import Trouble
from qualityroute.records import Reason, Usage


@dataclass(frozen=True, slots=True)
class Pass:
    """The right to send one request; to be handed back."""

    request: Taken
    tokens: Taken


class Turnstile:
    """Of one model at one provider. Between looking and taking nothing is awaited, so that no two take one place."""

    def __init__(
        self, name: str, provider: Provider, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._name, self._clock, self._sleep = name, clock, sleep
        self._health = Health()
        self._requests, self._tokens = Window(provider.rpm), Window(provider.tpm)
        self._probed = anyio.Event()
        self._waiting = self._in_flight = 0

    def view(self) -> EndpointHealth:
        provider, _, model = self._name.partition("/")
        return EndpointHealth(provider, model, self._health.state(self._clock()), self._waiting, self._in_flight)

    @contextmanager
    def queue(self) -> Iterator[None]:
        """Around whatever a call waits for before it is sent."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def is_free(self, tokens: int) -> bool:
        """Would the right to send be given now?"""
        now = self._clock()
        return self._health.may_be_asked(now) and self._pace(now, tokens) == 0

    def take(self, tokens: int) -> Pass | None:
        """The right to send now, if now is a time; `tokens` are what the request may come to."""
        now = self._clock()
        if not (self._health.may_be_asked(now) and self._pace(now, tokens) == 0):
            return None
        self._health = asked(self._health)
        self._in_flight += 1
        return Pass(self._requests.take(now, 1), self._tokens.take(now, tokens))

    async def wait(self, tokens: int, patience: float, *, through_rests: bool = True) -> Trouble | None:
        """Wait until it may be worth taking, at most `patience` seconds; the trouble when that is not enough.

        `through_rests`: also while the endpoint rests after failures, and not just for our own limits.
        """
        now = self._clock()
        rest = self._health.rest(now)
        if rest > 0 and not through_rests:
            return self._not_asked(rest, resting=True)
        wait = max(rest, self._pace(now, tokens))
        if wait == 0 and self._health.probing:
            return await self._wait_for_probe(patience if through_rests else 0.0)
        if wait >= patience and wait > 0:
            return self._not_asked(wait, resting=self._health.rest(now) >= wait)
        if wait > 0:
            await self._sleep(wait)
        return None

    def give_back(self, right: Pass, trouble: Trouble | None, usage: Usage = Usage()) -> None:
        """What became of the request; `None`: it was answered."""
        self._in_flight -= 1
        self._change(after(self._health, trouble, self._clock()))
        if usage.input_tokens is not None or usage.output_tokens is not None:
            self._tokens.settle(right.tokens, (usage.input_tokens or 0) + (usage.output_tokens or 0))

    def drop(self) -> None:
        """The request's caller went away; nobody knows what would have become of it."""
        self._in_flight -= 1
        self._change(given_up(self._health))

    def _change(self, health: Health) -> None:
        probing, self._health = self._health.probing, health
        if probing and not health.probing:
            self._probed.set()
            self._probed = anyio.Event()

    def _pace(self, now: float, tokens: int) -> float:
        return max(self._requests.wait(now, 1), self._tokens.wait(now, tokens))

    async def _wait_for_probe(self, patience: float) -> Trouble | None:
        with anyio.move_on_after(patience):
            await self._probed.wait()
            return None
        return self._not_asked(None, resting=True)

    def _not_asked(self, wait: float | None, *, resting: bool) -> Trouble:
        when = f"for another {max(0.1, math.ceil(wait * 10) / 10):g} s" if wait is not None else "until a probe is back"
        why = f"its last failure: {self._health.why}" if resting else "your rpm or tpm for its provider is used up"
        return Trouble(
            f"'{self._name}' is not asked {when}; {why}",
            reason=self._health.reason if resting else Reason.RATE_LIMITED,
            retry_after=None if wait is None else timedelta(seconds=wait),
            sent=False,
            asked=False,
        )
