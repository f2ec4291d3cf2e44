"""An engine on a file of its own with scripted models, and what a test wants to look at."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from conftest import blank_store, config_with

from qualityroute import Config, Engine
from qualityroute.testing import ScriptedClient

GOOD = '{"number": "A-1", "total": 12.5}'
BETTER = '{"number": "A-1", "total": 13.5}'
BAD = '{"number": "A-1"}'
TEXT = "Invoice A-1, total 12.50"


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **time: float) -> None:
        self.now += timedelta(**time)


def client_with(efficiency: Any = GOOD, performance: Any = BETTER, judge: Any = "yes") -> ScriptedClient:
    return ScriptedClient({"efficiency": efficiency, "performance": performance, "judge": judge})


class World:
    """An engine on a file of its own, with what a test wants to look at."""

    def __init__(self, engine: Engine, client: ScriptedClient, path: Path, clock: Clock) -> None:
        self.engine, self.client, self.path, self.clock = engine, client, path, clock
        self.counted: dict[str, int] = {}

    async def run(self, session: str | None = "user-42", **options: Any) -> Any:
        return await self.engine.run("invoice", TEXT, session=session, **options)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.path) as connection:
            rows = connection.execute(sql).fetchall()
        connection.close()
        return rows

    def used(self) -> dict[str, int]:
        """Model calls since this was last asked."""
        calls, before = self.client.calls, self.counted
        self.counted = calls
        return {name: count - before.get(name, 0) for name, count in calls.items() if count > before.get(name, 0)}


class Worlds:
    def __init__(self, folder: Path) -> None:
        self.folder, self.open = folder, list[Engine]()

    async def __call__(self, client: ScriptedClient | None = None, config: Config | None = None) -> World:
        client, path, clock = client or client_with(), self.folder / "q.db", Clock()
        if not path.exists():
            blank_store(path)
        engine = Engine(config or config_with(), client=client, store=f"sqlite:///{path}", now=clock)
        await engine.aopen()
        self.open.append(engine)
        return World(engine, client, path, clock)
