"""Performance's answer, begun while efficiency's is still being proved, and served only when it is needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio

from qualityroute.attempts import Request, make_attempt
from qualityroute.config import Config
from qualityroute.fallback import is_unavailable
from qualityroute.hearing import Ear
from qualityroute.metering import Meter
from qualityroute.records import Attempt, ModelCall, Reason, Ruling, Tier


class HeadStart:
    """One request's. It runs in a task of its own, and whoever started that cancels it."""

    def __init__(self, request: Request, config: Config, meter: Meter) -> None:
        """`meter`: its own, since the calls of the other meter are those of the attempt that it runs beside."""
        self._ear = Ear(request.hear)
        self._request, self._config = replace(request, hear=self._ear), config
        self._meter = meter
        self._made: Attempt | None = None
        self._broke: Exception | None = None
        self._over = anyio.Event()
        self._needed = self._taken = False

    async def run(self) -> None:
        try:
            made = await make_attempt(self._request, Tier.PERFORMANCE, self._config, self._meter, judged=False)
            self._made = replace(made, early=True)
        except Exception as error:  # raised to whoever needs the answer, and to nobody where none is needed
            self._broke = error
        finally:
            self._over.set()

    @property
    def calls(self) -> list[ModelCall]:
        return self._meter.calls

    def take_accepted(self) -> Attempt | None:
        """The answer, if it is there and passed its checks."""
        made = self._made
        if made is None or not made.accepted:
            return None
        self._taken = True
        return made

    async def attempt(self) -> Attempt | None:
        """Wait for the answer, which may be heard from now on; `None`: there is none, and it must be tried in turn."""
        self._needed = True
        await self._ear.open()
        await self._over.wait()
        if self._broke is not None:
            raise self._broke
        made = self._made
        # What did not fit beside the other call may fit after it, and a stream that broke off may be asked again.
        lacking = made is None or made.reason is Reason.BUDGET or is_unavailable(made)
        if lacking and self._ear.forget():
            self._needed = False
            return None
        self._taken = True
        return made

    def interrupted(self, limit: Reason) -> Attempt | None:
        """As far as it came when the request was broken off, if that was waiting for it."""
        if not self._needed or self._taken or not self.calls:
            return None
        self._taken = True
        return self._as_far_as_it_came(limit, "interrupted")

    @property
    def spare(self) -> Attempt | None:
        """Once the request is over: what was not needed; `None` where nothing was spent on it."""
        if self._taken or not self.calls:
            return None
        return self._made or self._as_far_as_it_came(Reason.CANCELLED, "not needed")

    def _as_far_as_it_came(self, reason: Reason, message: str) -> Attempt:
        return Attempt(Tier.PERFORMANCE, Ruling.UNDECIDED, reason, tuple(self.calls), message=message, early=True)

    async def beside(self, work: Callable[[], Awaitable[Attempt | None]]) -> Attempt | None:
        """Do the work with this going on beside it; when the work is over, so is this."""
        kept: Attempt | None = None
        broke: Exception | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(self.run)
            try:
                kept = await work()
            except Exception as error:  # told by who is in no task group, which would wrap it
                broke = error
            group.cancel_scope.cancel()
        if broke is not None:
            raise broke
        return kept
