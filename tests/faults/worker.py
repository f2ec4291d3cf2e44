"""One process with a real engine under load: it says on its standard output what it returned, until it is told to stop.

It imports nothing but the product, so that it runs on an older version of it too.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from types import FrameType
from typing import Any

import anyio

from qualityroute import Config, Engine, QualityRouteError, StoreError

SESSIONS = 6
"""Asked for at once."""
STAY = 8
"""Requests until the oldest of them makes room for a new one, since budgets are used up."""
STORE = f"{os.sep}qualityroute{os.sep}store{os.sep}"


class Clock:
    """The engine's `now`: right at first, then perhaps frozen, or moved."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._offset = timedelta(seconds=plan.get("offset", 0.0))
        self._after, self._jump, self._freezes = plan.get("after"), plan.get("jump", 0.0), plan.get("freezes", False)
        self._asked = 0
        self._frozen: datetime | None = None

    def __call__(self) -> datetime:
        self._asked += 1
        now = datetime.now(UTC) + self._offset
        if self._after is None or self._asked < self._after:
            return now
        if not self._freezes:
            return now + timedelta(seconds=self._jump)
        self._frozen = self._frozen or now + timedelta(seconds=self._jump)
        return self._frozen


class Worker:
    """Its plan is a mapping, since it comes as JSON: `number`, `config`, `store`, `seed`, `oldest` (session),
    `concurrency`, and perhaps `clock` and `dies_after` (calls in the store's code)."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan, self._chance = plan, random.Random(plan["seed"])
        self._numbers = count(1)
        self._stopping = False

    async def run(self) -> None:
        clock = Clock(self._plan.get("clock", {}))
        try:
            engine = await Engine(
                Config.model_validate(self._plan["config"]), store=self._plan["store"], now=clock
            ).aopen()
        except QualityRouteError as error:
            self._say("refused", type=type(error).__name__, message=str(error))
            return
        signal.signal(signal.SIGTERM, self._stop)
        self._overhear(engine)
        self._say("open", moved=self._plan.get("clock", {}).get("jump", 0.0))
        die_in_the_store(self._plan.get("dies_after"))
        try:
            async with anyio.create_task_group() as group:
                for _ in range(self._plan["concurrency"]):
                    group.start_soon(self._ask_on, engine)
        finally:
            await engine.aclose()
        self._say("done")

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    async def _ask_on(self, engine: Engine) -> None:
        while not self._stopping:
            await self._ask(engine)

    async def _ask(self, engine: Engine) -> None:
        number = next(self._numbers)
        request = f"{self._plan['number']}-{number}"
        session = f"s{self._plan['oldest'] + number // STAY + self._chance.randrange(SESSIONS)}"
        document = f"Invoice A-1, total 12.50. This is request {request} of session {session} here."
        about, began = {"request": request, "session": session}, time.monotonic()
        try:
            answer = await engine.run("invoice", document, session=session, metadata=about)
        except QualityRouteError as error:
            # Trying again at once would only fill the pipe.
            await anyio.sleep(0.02 if isinstance(error, StoreError) else 0.0)
            decision, kind = error.decision, type(error).__name__
            fate = {
                "id": decision and decision.id,
                "recorded": decision is not None and getattr(decision, "recorded", True),
            }
            self._say("error", type=kind, message=str(error)[:300], seconds=time.monotonic() - began, **fate, **about)
        else:
            told = answer.decision
            fate = {"id": told.id, "outcome": told.outcome, "recorded": getattr(told, "recorded", True)}
            self._say("answer", pin=told.pin, seconds=time.monotonic() - began, **fate, **about)

    def _overhear(self, engine: Engine) -> None:
        """Say when a probe's lease was got, and when a decision is about to be written."""
        lease, record = engine.store.lease_probe, engine.store.record

        async def leased(pin: Any, token: str, *, now: datetime, expires: datetime) -> bool:
            got = await lease(pin, token, now=now, expires=expires)
            if got:
                self._say("lease", id=token, session=pin.session, now=now.isoformat(), expires=expires.isoformat())
            return got

        async def recorded(entry: Any) -> Any:
            self._say("recording", id=entry.decision.id)
            return await record(entry)

        engine.store.lease_probe, engine.store.record = leased, recorded  # type: ignore[method-assign]

    def _say(self, what: str, **more: Any) -> None:
        """One write, so that the lines of several workers do not mix, and a kill leaves a whole one or none."""
        line = {"worker": self._plan["number"], "said": what, "at": time.monotonic(), **more}
        os.write(1, (json.dumps(line, default=str) + "\n").encode())


def die_in_the_store(calls: int | None) -> None:
    """`kill -9` this process at the so-manieth call that the store's code makes or gets, in whichever thread."""
    if calls is None:
        return
    left = count(calls, -1)

    def watch(frame: FrameType, event: str, argument: object) -> None:
        if event in ("call", "c_call") and STORE in frame.f_code.co_filename and next(left) <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(watch)
    sys.setprofile(watch)


def work(plan: dict[str, Any]) -> None:
    logging.disable(logging.CRITICAL)  # what goes wrong is said by errors
    anyio.run(Worker(plan).run)


def rehearse(config: dict[str, Any]) -> None:
    """Ask once, of models that are not there: what is imported and built on the way, forked workers have already."""

    async def once() -> None:
        async with Engine(Config.model_validate(config), store="sqlite://") as engine:
            with suppress(QualityRouteError):
                await engine.run("invoice", "rehearsal", session="rehearsal")

    logging.disable(logging.CRITICAL)
    anyio.run(once)
    while threading.active_count() > 1:  # a lock that one of them holds would never be given back in a fork
        time.sleep(0.001)
