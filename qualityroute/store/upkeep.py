"""What is done to a store as a whole, whichever database runs it: pruning, and reading it from end to end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from qualityroute.store import pages, retention
from qualityroute.store.condition import Checked, Pruned, Space
from qualityroute.store.found import Place, Recorded, Search
from qualityroute.store.statements import Connection

T = TypeVar("T")


class Upkeep(ABC):
    """Checking and vacuuming are each database's own."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    @abstractmethod
    async def _read(self, doing: str, query: Callable[[Connection], T]) -> T:
        """What a report reads: many rows, of one state of the database."""

    @abstractmethod
    async def _write(
        self,
        doing: str,
        work: Callable[[Connection], T],
        locks: Sequence[str] | None = None,
        *,
        brief: bool = False,
    ) -> T:
        """Commit a work, alone or with others.

        Args:
            locks: names of what it reads and then changes; `None` where it may look at anything.
            brief: it is a matter of a few rows, for which each request waits.
        """

    @abstractmethod
    async def check(self) -> Checked: ...

    @abstractmethod
    async def vacuum(self) -> Space: ...

    async def recorded(
        self, wanted: Search, *, after: Place | None = None, most: int, payloads: bool = False
    ) -> list[Recorded]:
        read = partial(pages.page, wanted=wanted, after=after, most=most, payloads=payloads)
        return await self._read("read the ledger", read)

    async def prunable(self, before: datetime, *, task: str | None = None) -> int:
        count = partial(retention.prunable, before=before, task=task, now=self._now())
        return await self._read("count old decisions", count)

    async def prune(
        self, before: datetime, *, task: str | None = None, after: Place | None = None, most: int
    ) -> Pruned:
        remove = partial(retention.prune, before=before, task=task, now=self._now(), after=after, most=most)
        return await self._write("prune old decisions", remove)

    async def horizons(self) -> Mapping[str, datetime]:
        return await self._read("read what was pruned", retention.horizons)

    async def take_turn(self, work: str, *, until: datetime) -> bool:
        take = partial(retention.take_turn, work=work, now=self._now(), until=until)
        return await self._write(f"take the turn to {work}", take)
