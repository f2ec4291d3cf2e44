"""PostgreSQL itself: where it may be, what the way to it does to a transaction, and what is never shown."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest
from command_line import call, one_line_error
from conftest import config_with
from postgres_server import Server, Shared, new_server

from qualityroute.budgets import Pot, Reservation, Scope
from qualityroute.errors import ConfigError, StoreError
from qualityroute.pins import Pin, PinKey, Rejected
from qualityroute.records import Attempt, Decision, ModelCall, Outcome, Reason, Role, Route, Ruling, Tier, Verdict
from qualityroute.store import Entry, SessionStore, open_store, schema
from qualityroute.store.location import without_password
from qualityroute.store.postgres import driver, server, tables, transactions
from qualityroute.store.postgres import store as postgres_store
from qualityroute.store.postgres.dialect import declare, translate

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = Pot(Scope.DAY, Decimal(1000), day=date(2026, 11, 23))
REJECTED = Rejected(Reason.SCHEMA, "schema", "total: missing", "openai/nano")


def entry(name: str, session: str | None = None) -> Entry:
    answer = ModelCall(Role.ANSWER, Tier.EFFICIENCY, "openai", "nano", cost=Decimal("0.001"))
    verdict = Verdict("schema", Ruling.REJECTED, Reason.SCHEMA, "total: missing")
    attempt = Attempt(Tier.EFFICIENCY, Ruling.REJECTED, Reason.SCHEMA, (answer,), (verdict,))
    session = session or name
    told = Decision(name, NOON, "default", session, "invoice", Route.CASCADE, Outcome.FALLBACK, attempts=(attempt,))
    return Entry(told, PinKey("default", session), REJECTED)


def stored(url: str) -> SessionStore:
    return open_store(url, folder=Path(), now=lambda: NOON)


@pytest.fixture
def url(postgres_tables: Callable[[], str]) -> str:
    return postgres_tables()


@pytest.fixture
async def store(url: str) -> AsyncIterator[SessionStore]:
    opened = stored(url)
    await opened.open()
    yield opened
    await opened.aclose()


@pytest.fixture
def no_tables(postgres: Shared, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of its own, without tables."""
    name = f"apart_{abs(hash(request.node.nodeid))}"
    yield postgres.make(name)
    postgres.run("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')


def database_of(url: str) -> str:
    return url.rpartition("/")[2]


async def check_books(store: SessionStore, names: list[str]) -> None:
    """Each decision is there once: in the ledger, in its tallies, and as a pin."""
    assert all([await store.decision(name) for name in names])
    (invoice,) = await store.summaries()
    assert (invoice.requests, invoice.pins_created, invoice.efficiency.count) == (len(names),) * 3
    assert invoice.latency[Outcome.FALLBACK].count == len(names)
    assert sum((await store.pins_active(NOON)).values()) == len(names)
    assert await store.rebuild() == len(names)
    assert await store.summaries() == [invoice]


# --- where it is, and what is shown -------------------------------------------------------------------------------

PASSWORD = "hunter2"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:hunter2@host:5432/db", "postgresql://me@host:5432/db"),
        ("postgres://me:hun:hunter2@host/db", "postgres://me@host/db"),
        ("postgresql:///db?user=me&password=hunter2", "postgresql:///db"),
        ("postgresql://host/db#hunter2", "postgresql://host/db"),
        ("mysql://me:hunter2@host/db", "mysql://me@host/db"),
        ("sqlite:///a@b:c.db", "sqlite:///a@b:c.db"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hun@hunter2@host/db",
        "postgresql://me:hunter2/x@host/db",
        "postgresql://me:hunter2#@host/db",
        "postgresql://me:hunter2?@host/db",
        "postgresql://me:hunter2%zz@host/db",
        "postgresql://me:hunter2%00@host/db",
        "postgresql://me:hunter2@host:x/db?nonsense=1",
        "postgresql://me@host/db?passwrd=hunter2",
        "postgresql://me:hunter2@127.0.0.1:1/db",
        "postgresql://me:hunter2@127.0.0.1:1,127.0.0.1:2/db",
        "postgresql:me:hunter2@host/db",
        "postgresq://me:hunter2@host/db",
    ],
)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_no_error_shows_a_password(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises((ConfigError, StoreError)) as caught:
        await stored(url).open()
    causes = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert not any(PASSWORD in f"{error}{error!r}" for error in causes)
    assert PASSWORD not in caplog.text
    assert PASSWORD not in repr(config_with(store={"url": url}))


async def test_a_password_given_as_it_must_be_is_understood(url: str) -> None:
    store = stored(url.replace("postgres@", "postgres:%40%2F%3F%23@"))
    await store.open()
    await store.aclose()
    assert repr(store) == f"PostgresStore('{url}')"


def test_check_says_that_a_server_is_not_there_and_hides_its_password(tmp_path: Path) -> None:
    config = tmp_path / "qualityroute.toml"
    config.write_text(CONFIG)
    told = call("check", "--config", config)
    assert told.exit_code == 2
    assert "postgresql://me@127.0.0.1:1/db" in told.output and PASSWORD not in told.output


async def test_a_server_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(StoreError, match="the server cannot be reached") as caught:
        await stored("postgresql://me@127.0.0.1:1/db").open()
    assert caught.value.retryable


async def test_a_database_that_is_not_there_is_told(url: str) -> None:
    with pytest.raises(StoreError, match='database "nowhere" does not exist'):
        await stored(url.replace(database_of(url), "nowhere")).open()


@pytest.fixture
def without_psycopg(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("qualityroute.store.postgres.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)


CONFIG = """
[tiers]
efficiency = { models = ["practice/small"] }
performance = { models = ["practice/careful"] }
[tasks.invoice]
[providers.practice]
base_url = "http://127.0.0.1:1/v1"
[store]
url = "postgresql://me:hunter2@127.0.0.1:1/db"
"""


@pytest.mark.usefixtures("without_psycopg")
def test_without_psycopg_the_extra_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pip install 'qualityroute\[postgres\]'"):
        stored("postgresql://me@host/db")
    config = tmp_path / "qualityroute.toml"
    config.write_text(CONFIG)
    told = call("check", "--config", config)
    assert told.exit_code == 2
    assert "qualityroute[postgres]" in " ".join(told.output.split()) and PASSWORD not in told.output
    told = call("pins", "list", "--db", "postgresql://me:hunter2@host/db")
    assert told.exit_code == 2
    assert "qualityroute[postgres]" in one_line_error(told) and PASSWORD not in told.output


# --- the tables ---------------------------------------------------------------------------------------------------


async def test_stores_that_are_opened_at_once_make_the_tables_once(no_tables: str, postgres: Shared) -> None:
    stores = [stored(no_tables) for _ in range(8)]
    async with anyio.create_task_group() as group:
        for store in stores:
            group.start_soon(store.open)
    assert await stores[0].record(entry("d1")) is not None
    for store in stores:
        await store.aclose()
    names = postgres.run(database_of(no_tables), "SELECT name FROM qualityroute_migrations ORDER BY rowid")
    assert [name for (name,) in names] == [migration.__name__ for migration in schema.MIGRATIONS]


def test_who_waited_while_another_made_the_tables_finds_them(
    no_tables: str, postgres: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])  # after many changes a session hears of all
    waiting = f"SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = '{database_of(no_tables)}'"
    holder, *others = (driver.Session(driver.parameters_of(no_tables)) for _ in range(3))
    holder.begin(transactions.READ_WRITE, tables.NO_LIMIT)
    holder.execute("SELECT pg_advisory_xact_lock(?)", (transactions.lock_number("migrations"),))
    with ThreadPoolExecutor() as pool:
        prepared = [pool.submit(tables.prepare, session, "here", lambda: NOON) for session in others]
        while len(postgres.run("postgres", waiting)) < 2 and not any(one.done() for one in prepared):
            pass
        holder.commit()
        for one in prepared:
            one.result(20)
    for session in (holder, *others):
        assert len(tables.applied(session)) == 1
        session.close()


@pytest.mark.parametrize("known", range(1, len(schema.MIGRATIONS)))
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_database_of_each_earlier_version_is_brought_up_to_date_and_loses_nothing(
    no_tables: str, postgres: Shared, known: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:known])
        old = stored(no_tables)
        await old.open()
        await old.put_pin(Pin(PinKey("default", "s"), Reason.JUDGED, NOON, NOON, NOON + timedelta(1)))
        await old.aclose()
    store = stored(no_tables)
    await store.open()
    assert await store.pin(PinKey("default", "s")) is not None
    assert (await store.labels("invoice"), await store.references("invoice")) == ([], [])
    await store.aclose()


async def test_a_database_of_a_newer_version_is_left_as_it_is(no_tables: str, postgres: Shared) -> None:
    store = stored(no_tables)
    await store.open()
    await store.aclose()
    postgres.run(database_of(no_tables), "INSERT INTO qualityroute_migrations (name, applied_at) VALUES ('future', '')")
    with pytest.raises(StoreError, match=r"written by a newer version of qualityroute \(it has 'future'"):
        await store.open()


async def test_another_programs_table_of_the_same_name_is_left_as_it_is(no_tables: str, postgres: Shared) -> None:
    postgres.run(database_of(no_tables), "CREATE TABLE pins (board TEXT)")
    with pytest.raises(StoreError, match='relation "pins" already exists'):
        await stored(no_tables).open()
    there = postgres.run(database_of(no_tables), "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert there == [("pins",)]


# --- the way to the server ----------------------------------------------------------------------------------------


async def test_one_of_thirty_two_on_eight_connections_gets_the_probe(url: str) -> None:
    stores = [stored(url) for _ in range(8)]
    for store in stores:
        await store.open()
    pin = Pin(PinKey("default", "s"), Reason.JUDGED, NOON, NOON, NOON + timedelta(minutes=30), remaining=0)
    await stores[0].put_pin(pin)
    won: list[str] = []

    async def lease(store: SessionStore, token: str) -> None:
        if await store.lease_probe(pin, token, now=NOON, expires=NOON + timedelta(minutes=2)):
            won.append(token)

    async with anyio.create_task_group() as group:
        for number in range(32):
            group.start_soon(lease, stores[number % 8], f"t{number}")
    found = await stores[0].pin(pin.key)
    assert found is not None and won == [found.probe_token]
    for store in stores:
        await store.aclose()


async def test_stores_that_write_the_same_sessions_budgets_and_tallies_do_not_stop_each_other(url: str) -> None:
    stores = [stored(url) for _ in range(3)]
    for store in stores:
        await store.open()

    async def work(store: SessionStore, number: int, name: str) -> None:
        money = Reservation(name, (DAY,), Decimal("0.1"), NOON, NOON + timedelta(minutes=2))
        assert await store.reserve(money) is None
        await store.record(entry(name, f"s{number}"))
        await store.settle(money, Decimal("0.05"))

    async with anyio.create_task_group() as group:
        for place, store in enumerate(stores):
            for number in range(20):
                turn = number if place % 2 else 19 - number  # each begins at another end
                group.start_soon(work, store, turn, f"{place}-{turn}")
    (invoice,) = await stores[0].summaries()
    (day,) = await stores[0].fillings([DAY], NOON)
    assert (invoice.requests, invoice.first_attempts, invoice.pins_created) == (60, 20, 20)
    assert (day.spent, day.reserved) == (3, 0)
    for store in stores:
        await store.aclose()


async def test_counting_anew_while_others_record_counts_everything_once(store: SessionStore, url: str) -> None:
    other = stored(url)
    await other.open()
    async with anyio.create_task_group() as group:
        for number in range(60):
            group.start_soon(other.record, entry(f"d{number}"))
            if number % 20 == 0:
                group.start_soon(store.rebuild)
    await check_books(other, [f"d{number}" for number in range(60)])
    await other.aclose()


async def test_counting_anew_waits_for_whoever_is_adding(
    store: SessionStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    monkeypatch.setattr(transactions, "LIMIT", timedelta(milliseconds=100))
    with psycopg.connect(url) as adding:
        adding.execute("LOCK TABLE tallies IN ROW EXCLUSIVE MODE")
        with pytest.raises(StoreError, match="try again"):
            await store.rebuild()
    assert await store.rebuild() == 0


async def test_connections_that_are_cut_lose_nothing_and_double_nothing(
    store: SessionStore, url: str, postgres: Shared
) -> None:
    names = [f"d{number}" for number in range(120)]
    money = Reservation("one", (DAY,), Decimal(1), NOON, NOON + timedelta(minutes=2))
    told = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND application_name = '{}'"
    cutting = told.format(database_of(url), "qualityroute")
    done = count(1)

    async def record(some: list[str], group: anyio.abc.TaskGroup) -> None:
        for name in some:
            await store.record(entry(name))
            await store.settle(money, Decimal("0.01"))
            assert await store.pin(PinKey("default", name)) is not None
            if next(done) % 15 == 0:  # in the middle of what the others do
                group.start_soon(anyio.to_thread.run_sync, postgres.run, "postgres", cutting)

    async with anyio.create_task_group() as group:
        for place in range(4):
            group.start_soon(record, names[place::4], group)
    await check_books(store, names)
    (day,) = await store.fillings([DAY], NOON)
    assert day.spent == Decimal("1.20")


@pytest.fixture
def own_server() -> Iterator[Server]:
    try:
        made = new_server()
    except LookupError as error:
        pytest.skip(str(error))
    made.settings["synchronous_commit"] = "on"  # so that a commit it has told of outlives its own crash
    try:
        made.make()
        made.start()
        yield made
    finally:
        made.remove()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_server_that_crashes_and_comes_back_loses_nothing_and_doubles_nothing(own_server: Server) -> None:
    store = stored(own_server.url("postgres"))
    await store.open()
    names: list[str] = []
    over = anyio.Event()

    async def record(place: int) -> None:
        number = 0
        while not over.is_set():
            name, number = f"{place}-{number}", number + 1
            await store.record(entry(name))
            names.append(name)

    async def crash() -> None:
        for _ in range(2):
            await anyio.sleep(0.2)
            await anyio.to_thread.run_sync(lambda: own_server.stop(crash=True))
            await anyio.to_thread.run_sync(own_server.start)
        over.set()

    async with anyio.create_task_group() as group:
        group.start_soon(crash)
        for place in range(4):
            group.start_soon(record, place)
    await check_books(store, names)
    await store.aclose()


class Way:
    """A way to the server that can be cut or blocked when certain words come along."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.words = b""
        """What to wait for from the client; once."""
        self.deliver = True
        """Whether the server still gets those words, before the way is cut."""
        self.blocked = False
        self._open: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
                self._open += [client, server]
                for ends in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, to_server: bool) -> None:
        with suppress(OSError):
            while (data := source.recv(65536)) and not self.blocked:
                if to_server and self.words and self.words in data:
                    self.words = b""
                    self._last(data, source, sink)
                    return
                sink.sendall(data)
        if not self.blocked:
            for end in (source, sink):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _last(self, data: bytes, client: socket.socket, server: socket.socket) -> None:
        """The server does what it was asked, and its client never hears of it; or it is not asked at all."""
        client.shutdown(socket.SHUT_RDWR)
        if self.deliver:
            server.sendall(data)
            server.shutdown(socket.SHUT_WR)
        else:
            server.shutdown(socket.SHUT_RDWR)

    def block(self) -> None:
        """Carry nothing any more, and let nobody new in."""
        self.blocked = True
        self._listener.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextmanager
def way_to(url: str) -> Iterator[tuple[Way, str]]:
    port = int(url.rpartition(":")[2].partition("/")[0])
    way = Way(port)
    try:
        yield way, url.replace(f":{port}/", f":{way.port}/")
    finally:
        way.close()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # what breaks is in a thread
@pytest.mark.parametrize("deliver", [True, False])
@pytest.mark.parametrize("words", [b"COMMIT\0", b"INSERT INTO decisions", b"pg_advisory_xact_lock", b"BEGIN"])
async def test_a_transaction_whose_connection_breaks_at_any_point_is_done_once(
    url: str, words: bytes, deliver: bool
) -> None:
    with way_to(url) as (way, through):
        store = stored(through)
        await store.open()
        await store.record(entry("before"))
        way.words, way.deliver = words, deliver
        money = Reservation("one", (DAY,), Decimal(1), NOON, NOON + timedelta(minutes=2))
        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(store.record, entry(f"d{number}"))
            group.start_soon(store.settle, money, Decimal("0.25"))
        assert way.words == b""
        await check_books(store, ["before", *(f"d{number}" for number in range(5))])
        (day,) = await store.fillings([DAY], NOON)
        assert day.spent == Decimal("0.25")
        await store.aclose()


async def test_a_look_up_whose_connection_breaks_is_done_again(url: str) -> None:
    with way_to(url) as (way, through):
        store = stored(through)
        await store.open()
        await store.record(entry("d1"))
        for words, look in ((b"FROM pins", lambda: store.pin(PinKey("default", "d1"))), (b"SUM(", store.summaries)):
            way.words = words
            assert await look()
            assert way.words == b""
        await store.aclose()


async def test_when_the_server_stays_away_everybody_is_told_and_it_works_again_later(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PATIENCE", timedelta(milliseconds=200))
    with way_to(url) as (way, through):
        store = stored(through)
        await store.open()
        await store.record(entry("before"))
        way.close()
        for ask in (lambda: store.record(entry("lost")), lambda: store.pin(PinKey("default", "s")), store.summaries):
            with pytest.raises(StoreError, match="the server cannot be reached") as caught:
                await ask()
            assert caught.value.retryable
        await store.aclose()
    store = stored(url)
    await store.open()
    await check_books(store, ["before"])
    await store.aclose()


async def test_a_server_that_keeps_silent_is_left_after_its_time(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "WATCH", timedelta(milliseconds=20))
    monkeypatch.setattr(server, "PATIENCE", timedelta(0))
    monkeypatch.setattr(driver, "GRACE", timedelta(milliseconds=100))
    monkeypatch.setattr(transactions, "LIMIT", timedelta(milliseconds=100))
    monkeypatch.setattr(postgres_store, "LIMIT", timedelta(milliseconds=100))
    with way_to(url) as (way, through):
        store = stored(through)
        await store.open()
        await store.record(entry("before"))
        assert await store.pin(PinKey("default", "before")) is not None
        way.block()
        with anyio.fail_after(30):
            with pytest.raises(StoreError):
                await store.pin(PinKey("default", "before"))
            with pytest.raises(StoreError):
                await store.record(entry("lost"))
        await store.aclose()


def test_a_silent_line_is_given_up_within_ten_seconds() -> None:
    silence = (transactions.LIMIT + driver.GRACE + server.WATCH).total_seconds()
    assert silence + int(driver.DEFAULTS["connect_timeout"]) <= 10
    assert silence + int(driver.DEFAULTS["connect_timeout"]) > server.PATIENCE.total_seconds() > silence  # tried once
    assert int(driver.DEFAULTS["tcp_user_timeout"]) <= silence * 1000


async def test_what_others_keep_locked_for_too_long_is_told(
    store: SessionStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    monkeypatch.setattr(transactions, "LIMIT", timedelta(milliseconds=100))
    with psycopg.connect(url) as thief:
        thief.execute("LOCK TABLE pins IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreError, match="try again") as caught:
            await store.record(entry("d1"))
        assert caught.value.retryable
    await store.record(entry("d1"))


async def test_nothing_outlives_a_transaction_on_the_server(store: SessionStore, postgres: Shared) -> None:
    for number in range(12):
        await store.record(entry(f"d{number}"))
        await store.pin(PinKey("default", "d1"))
    connections: Any = store
    left = connections._open().server.ask(
        lambda session: session.execute(
            "SELECT (SELECT COUNT(*) FROM pg_prepared_statements), current_setting('statement_timeout'),"
            " (SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database()))"
        ).fetchone()
    )
    assert left == (0, "0", 0)


# --- the words ----------------------------------------------------------------------------------------------------


def test_statements_are_told_in_psycopgs_words() -> None:
    told = translate("""SELECT a::text, '?', ':no', "x:y", b % 2 FROM t WHERE a LIKE '5%' AND b = ? AND c = :hour""")
    assert told == (
        """SELECT a::text, '?', ':no', "x:y", b %% 2 FROM t WHERE a LIKE '5%%' AND b = %s AND c = %(hour)s"""
    )


def test_tables_are_told_in_postgresqls_words() -> None:
    told = declare(
        "CREATE TABLE t (\n    a TEXT NOT NULL REFERENCES decisions(id), -- TEXT\n    b REAL\n) WITHOUT ROWID"
    )
    assert " ".join(told.split()) == 'CREATE TABLE t ( a TEXT COLLATE "C" NOT NULL, b DOUBLE PRECISION )'
    assert declare("CREATE TABLE t (a INTEGER)") == (
        "CREATE TABLE t ( rowid BIGINT GENERATED ALWAYS AS IDENTITY,a BIGINT)"
    )


@pytest.mark.parametrize(
    ("raised", "code", "lost"),
    [
        (psycopg.OperationalError("sending query failed: cannot exit pipeline mode while busy"), "", True),
        (psycopg.errors.PipelineAborted("pipeline aborted"), "", False),
        (psycopg.errors.LockNotAvailable("canceling statement due to lock timeout"), "55P03", False),
        (psycopg.ProgrammingError("the query has 2 placeholders"), "", False),
    ],
)
def test_a_line_that_breaks_within_a_pipeline_is_lost_though_it_looks_whole(
    no_tables: str, monkeypatch: pytest.MonkeyPatch, raised: psycopg.Error, code: str, lost: bool
) -> None:
    session = driver.Session(driver.parameters_of(no_tables))
    monkeypatch.setattr(session._connection, "execute", lambda *_: throw(raised))
    with pytest.raises(driver.ServerError) as told:
        session.execute("SELECT 1")
    assert (told.value.code, told.value.lost, session.lost) == (code, lost, lost)
    session.close()


def throw(error: Exception) -> None:
    raise error
