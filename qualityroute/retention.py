"""Old decisions are removed: by a command, or by a running engine whose `[store]` says how long they are kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import anyio

from qualityroute.errors import ConfigError, StoreError
from qualityroute.store import SessionStore

logger = logging.getLogger("qualityroute")

BATCH = 200
"""Decisions in one transaction: a few milliseconds, in which no other process can write to the same file."""
AT_ONCE = 1.0
"""Pause after a transaction, as a multiple of its time: by a command, which somebody waits for."""
BESIDE = 9.0
"""Beside requests, which then have the store for nine tenths of the time."""
WORK = "prune"
TURN = timedelta(hours=1)
"""One process at a time removes, and its turn is over after so long, even when it was killed."""
LOOK = timedelta(minutes=10)
"""Between looks whether the turn is free."""


async def prune(
    store: SessionStore,
    before: datetime,
    *,
    task: str | None = None,
    pause: float = AT_ONCE,
    told: Callable[[int], object] = lambda decisions: None,
    go_on: Callable[[], bool] = lambda: True,
) -> int:
    """Remove the decisions from before the hour of `before`, in small transactions; says how many there were.

    Args:
        pause: after each transaction, as a multiple of its time: a waiting process is not woken, it tries again.
        told: after each, how many decisions it removed.
        go_on: asked after each.
    """
    total, after = 0, None
    while True:
        began = anyio.current_time()
        step = await store.prune(before, task=task, after=after, most=BATCH)
        took, total, after = anyio.current_time() - began, total + step.decisions, step.rest
        told(step.decisions)
        if after is None or not go_on():
            return total
        await anyio.sleep(took * pause)


class Retention:
    """What an engine does beside its requests."""

    def __init__(self, store: SessionStore, keep: Callable[[], timedelta | None], now: Callable[[], datetime]) -> None:
        self._store, self._keep, self._now = store, keep, now

    async def run(self) -> None:
        """Until cancelled; what is being written then is still written."""
        while True:
            keep = self._keep()
            if keep is not None:
                try:
                    await self._prune(keep)
                except StoreError as error:  # it will be tried again, and requests tell of their own trouble
                    logger.warning("old decisions are still there: %s", error)
            await anyio.sleep(LOOK.total_seconds())

    async def _prune(self, keep: timedelta) -> None:
        now = self._now()
        ends = now + TURN
        if not await self._store.take_turn(WORK, until=ends):
            return
        before = now - keep
        count = await prune(self._store, before, pause=BESIDE, go_on=lambda: self._now() < ends)
        logger.info("pruned %d decisions from before %s", count, _told(before))


async def not_found(store: SessionStore, decision_id: str) -> ConfigError:
    """For `raise`: that there is no such decision, and whether it was pruned, as far as can be known."""
    return ConfigError(f"no decision '{decision_id[:100]}' in the store{_why(decision_id, await store.horizons())}")


def _why(decision_id: str, horizons: Mapping[str, datetime]) -> str:
    made = _made_at(decision_id)
    for task, before in horizons.items():
        if made is None or made < before:
            whose = f" of task '{task[:64]}'" if task else ""
            return f"; decisions{whose} from before {_told(before)} were pruned"
    return "; each line of `run` names its own"


def _made_at(decision_id: str) -> datetime | None:
    """An id of ours begins with its milliseconds; see `doors.new_decision_id`."""
    try:
        return datetime.fromtimestamp(int(decision_id[:12], 16) / 1000, UTC) if len(decision_id) == 24 else None
    except (ValueError, OverflowError, OSError):
        return None


def hour_of(at: datetime) -> datetime:
    """Its beginning, since counters and pruning are by the hour."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _told(at: datetime) -> str:
    return f"{hour_of(at):%Y-%m-%d %H:%M} UTC"
