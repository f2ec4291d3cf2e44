"""What each model of a provider has taught us: kept while we run, in a memory beyond that, and not for ever."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

from qualityroute.client import Capability, Memory
from qualityroute.errors import StoreError
from qualityroute.openai_client.dialects import STEP_NAMES, Dialect
from qualityroute.openai_client.findings import Finding, Lessons
from qualityroute.openai_client.ladder import Rung, Watch, below

logger = logging.getLogger("qualityroute")

MAX_AGE = timedelta(days=7)
"""An endpoint improves: after this the standard request is tried again, which costs one refused call at most."""
STRUCTURE = "structured output"
YES, NO = "yes", "no"
PROBED = "probe: "
"""Begins the names of findings, which are for people to read and change nothing by themselves."""


class Learned:
    """Of one provider. Without a memory it lasts as long as its client."""

    def __init__(self, provider: str, base_url: str, memory: Memory | None, now: Callable[[], datetime]) -> None:
        self._provider, self._base_url = provider, _without_password(base_url)
        self._memory, self._now = memory, now
        self._known: dict[str, dict[str, Capability]] = {}
        self._watches: dict[str, Watch] = {}

    async def dialect(self, model: str) -> Dialect:
        """How to ask this model, by what is not too old."""
        if model not in self._known:
            self._known[model] = await self._recalled(model)
        if not self._known[model]:
            return _STANDARD
        oldest = self._now() - MAX_AGE
        fresh = {name: known.value for name, known in self._known[model].items() if known.at > oldest}
        rung = fresh.pop(STRUCTURE, None)
        steps = (name for name, value in fresh.items() if name in STEP_NAMES and value == YES)
        return Dialect(tuple(sorted(steps)), Rung(rung) if rung in _RUNGS else Rung.JSON_SCHEMA)

    async def keep(self, model: str, dialect: Dialect) -> None:
        """Keep a dialect that was understood. Others may have learned meanwhile; the lower rung stands."""
        known = await self.dialect(model)
        for step in dialect.steps:
            if step not in known.steps:
                await self._learn(model, step, YES)
        if _RUNGS.index(dialect.rung) > _RUNGS.index(known.rung):
            await self._learn(model, STRUCTURE, dialect.rung)

    async def watch(self, model: str, rung: Rung, kept: bool) -> None:
        """Count an answer that kept to its rung's promise, or did not; leave a rung that is ignored."""
        if (await self.dialect(model)).rung is not rung:
            return  # asked before the rung was left
        watch = self._watches.get(model, Watch()).after(kept)
        self._watches[model] = watch
        if watch.says_ignored:
            del self._watches[model]
            await self._learn(model, STRUCTURE, below(rung))

    async def study(self, model: str, lessons: Lessons, findings: Iterable[Finding]) -> None:
        """Take what probing found in place of what was known: endpoints improve as well."""
        known = await self.dialect(model)
        for step, needed in lessons.steps.items():
            if needed or step in known.steps:
                await self._learn(model, step, YES if needed else NO)
        # Probes send no bounds, so that they say nothing against having left them out.
        if lessons.rung is not None and not (lessons.rung is Rung.JSON_SCHEMA and known.rung is Rung.BARE):
            await self._learn(model, STRUCTURE, lessons.rung)
        for finding in findings:
            told = f"{finding.standing}: {finding.reason}" if finding.reason else finding.standing
            await self._learn(model, f"{PROBED}{finding.probe}", told)

    async def _recalled(self, model: str) -> dict[str, Capability]:
        if self._memory is None:
            return {}
        try:
            found = await self._memory.capabilities(self._base_url, model)
        except StoreError as error:
            # Nothing is lost but a few refused calls, so that no request fails for it.
            logger.warning("what was learned of '%s/%s' cannot be read: %s", self._provider, model, error)
            return {}
        return {capability.name: capability for capability in found}

    async def _learn(self, model: str, name: str, value: str) -> None:
        found = Capability(self._provider, self._base_url, model, name, str(value), self._now())
        self._known.setdefault(model, {})[name] = found
        if self._memory is not None:
            try:
                await self._memory.learn(found)
            except StoreError as error:
                logger.warning("what was learned of '%s/%s' cannot be kept: %s", self._provider, model, error)


_RUNGS: list[str] = list(Rung)
_STANDARD = Dialect()


def _without_password(address: str) -> str:
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
