"""Writes a small store by the qualityroute that is imported, and dumps it beside this file.

Run it when a migration is added: `python tests/stores/make.py`, and once more with `--postgres`. With PYTHONPATH at a
checkout of an earlier commit it writes the store of that day; so the files here were made by the versions they are
named after.
"""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from qualityroute import Config, Engine, QualityRouteError
from qualityroute.store import schema
from qualityroute.testing import ScriptedClient

FOLDER = Path(__file__).parent
GOOD, WRONG, BETTER = '{"number": "A-1", "total": 12.5}', '{"number": "A-1"}', '{"number": "A-1", "total": 13}'
STARTS = datetime(2026, 11, 20, 9, tzinfo=UTC)
CONFIG = {
    "tiers": {"efficiency": {"models": ["practice/small"]}, "performance": {"models": ["practice/careful"]}},
    "judge": {"model": "practice/checker"},
    "pins": {"idle_ttl": "3650d", "max_age": "3650d"},
    "store": {"payloads": "all"},
    "tasks": {
        "invoice": {
            "schema": {
                "type": "object",
                "properties": {"number": {"type": "string"}, "total": {"type": "number"}},
                "required": ["number", "total"],
            },
            "rubric": {"name": "invoice", "criteria": [{"id": "right", "ask": "Is every value in the source?"}]},
            "gate": ["schema", "judge"],
        }
    },
    "prices": [
        {"model": f"practice/{name}", "effective_from": "2026-01-01", "input": price, "output": price}
        for name, price in (("small", "0.10"), ("careful", "3"), ("checker", "0.05"))
    ],
}


async def fill(url: str) -> None:
    """Accepted, fallen back and pinned, pinned, rejected by all."""
    script = {"efficiency": [GOOD, WRONG, GOOD, WRONG], "performance": [BETTER, BETTER, WRONG], "judge": ["yes"]}
    now = STARTS

    def clock() -> datetime:
        nonlocal now
        now += timedelta(minutes=7)
        return now

    async with Engine(Config.model_validate(CONFIG), client=ScriptedClient(script), store=url, now=clock) as engine:
        for session in ("easy", "hard", "hard", "easy", "odd"):
            with suppress(QualityRouteError):
                await engine.run("invoice", "Invoice A-1, total 12.50", session=session)


def sqlite_dump() -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "q.db")
        asyncio.run(fill(f"sqlite:///{path}"))
        with closing(sqlite3.connect(path)) as connection:
            return "\n".join(connection.iterdump())


def postgres_dump() -> str:
    """Without settings of the server, so that any version reads it."""
    sys.path.append(str(FOLDER.parent))
    import postgres_server

    server = postgres_server.new_server()
    server.make()
    try:
        server.start()
        url = server.url("postgres")
        asyncio.run(fill(url))
        command = [postgres_server.programs() / "pg_dump", "--inserts", "--no-owner", "--no-privileges", url]
        dumped = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    finally:
        server.remove()
    left_out = ("--", "SET ", "\\", "SELECT pg_catalog.set_config")
    return "\n".join(line for line in dumped.splitlines() if line.strip() and not line.startswith(left_out))


def main() -> None:
    kind, text = ("postgres", postgres_dump()) if "--postgres" in sys.argv else ("sqlite", sqlite_dump())
    number, name = len(schema.MIGRATIONS), schema.MIGRATIONS[-1].__name__
    target = FOLDER / kind / f"{number:02}_{name}.sql"
    target.write_text(f"{text}\n", encoding="utf-8")
    print(f"wrote {target}")


if __name__ == "__main__":
    main()
