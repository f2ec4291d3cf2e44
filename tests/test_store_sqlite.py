"""The SQLite file itself: where it may lie, what else may touch it, and what a crash or a full disk leaves."""

from __future__ import annotations

import inspect
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recount import recount

import qualityroute
from qualityroute.errors import ConfigError, StoreError
from qualityroute.pins import Pin, PinKey, Rejected
from qualityroute.records import (
    Attempt,
    Decision,
    ModelCall,
    Outcome,
    Reason,
    Role,
    Route,
    Ruling,
    Tier,
    Verdict,
)
from qualityroute.store import Entry, Search, SQLiteStore, browsing, columns, open_store, schema
from qualityroute.store.files import blank, connect, patiently, prepare

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
REJECTED = Rejected(Reason.SCHEMA, "schema", "total: missing", "openai/nano")


def entry(name: str, session: str = "s", **more: Any) -> Entry:
    call = ModelCall(Role.ANSWER, Tier.EFFICIENCY, "openai", "nano", cost=Decimal("0.001"))
    verdict = Verdict("schema", Ruling.REJECTED, Reason.SCHEMA, "total: missing")
    attempt = Attempt(Tier.EFFICIENCY, Ruling.REJECTED, Reason.SCHEMA, (call,), (verdict,))
    told = Decision(name, NOON, "default", session, "invoice", Route.CASCADE, Outcome.FALLBACK, attempts=(attempt,))
    return Entry(told, PinKey("default", session), REJECTED, **more)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteStore]:
    opened = SQLiteStore(path, now=lambda: NOON)
    await opened.open()
    yield opened
    await opened.aclose()


async def refusal(place: Path | str) -> str:
    with pytest.raises(StoreError) as caught:
        await open_store(str(place), folder=Path("/")).open()
    assert str(place) in str(caught.value)
    return str(caught.value)


def path_of(url: str, folder: str = "/data") -> Path | None:
    store = open_store(url, folder=Path(folder))
    assert isinstance(store, SQLiteStore)
    return store.path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///ledger.db", "/data/ledger.db"),
        ("SQLite:///sub/ledger.db", "/data/sub/ledger.db"),
        ("sqlite:////var/ledger.db", "/var/ledger.db"),
        ("ledger.db", "/data/ledger.db"),
        ("/var/ledger.db", "/var/ledger.db"),
        ("run 10:30.db", "/data/run 10:30.db"),
        ("../é.db", "/é.db"),
    ],
)
def test_a_url_names_a_file(url: str, path: str) -> None:
    assert path_of(url) == Path(path)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://me:secret@host/db", "'mysql://me@host/db' has an unknown scheme 'mysql'; right would be 'sqlite:///"),
        ("sqllite:///x.db", "unknown scheme 'sqllite'"),
        ("postgresql:host/db", "right would be 'postgresql://user@host"),
        ("sqlite://x.db", "right would be 'sqlite:///x.db'"),
        ("sqlite:x.db", "no path and no URL"),
        ("sqlite:///x.db?mode=ro", "options"),
        ("a\x00b", "NUL"),
    ],
)
def test_a_url_that_names_no_store_says_what_would_be_right(url: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_store(url, folder=Path())
    assert said in str(caught.value)


@pytest.mark.parametrize("url", ["", "  ", "sqlite:///"])
def test_an_empty_path_is_no_store(url: str) -> None:
    with pytest.raises(StoreError, match="names no file"):
        open_store(url, folder=Path())


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", ":memory:"])
async def test_a_store_without_a_file_is_private_and_gone_at_the_end(url: str) -> None:
    store, other = (open_store(url, folder=Path()) for _ in range(2))
    assert isinstance(store, SQLiteStore)
    await store.open()
    await other.open()
    await store.record(entry("d1"))
    place = store.path
    assert place is not None and place.exists()
    assert await other.decision("d1") is None
    await store.aclose()
    await other.aclose()
    assert not place.exists() and not place.parent.exists()


def test_making_a_store_touches_no_file(tmp_path: Path) -> None:
    open_store("ledger.db", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


UP_TO_DATE = """
import sys
from pathlib import Path
from qualityroute.store.files import prepare
prepare(Path(sys.argv[1]))
print("sqlite_utils" in sys.modules)
"""


def test_sqlite_utils_is_not_imported_for_a_file_that_is_up_to_date(path: Path) -> None:
    prepare(path)
    assert python(UP_TO_DATE, str(path)).communicate()[0] == "False\n"


async def test_a_directory_is_no_store(tmp_path: Path) -> None:
    assert "is a directory" in await refusal(tmp_path)


async def test_a_missing_folder_is_not_made(tmp_path: Path) -> None:
    assert "does not exist; make it first" in await refusal(tmp_path / "none" / "ledger.db")
    assert list(tmp_path.iterdir()) == []


async def test_a_path_too_long_for_the_disk_is_told(tmp_path: Path) -> None:
    assert "File name too long" in await refusal(tmp_path / ("x" * 5000))


async def test_a_pipe_is_no_store(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in await refusal(tmp_path / "pipe")


@pytest.mark.parametrize("content", [b"hello", b"x" * 5000, b"SQLite format 2\x00" + b"y" * 4096])
async def test_a_file_that_is_no_database_is_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert "not a SQLite database" in await refusal(path)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


async def test_a_file_of_a_newer_version_is_left_as_it_is(path: Path) -> None:
    prepare(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('qualityroute', 'future', '2030')"
    )
    connection.commit()
    connection.close()
    before = path.read_bytes()
    assert "written by a newer version of qualityroute (it has 'future', and" in await refusal(path)
    assert path.read_bytes() == before


async def test_another_programs_file_with_a_table_of_the_same_name_is_left_as_it_is(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript("CREATE TABLE pins (board TEXT); INSERT INTO pins VALUES ('cork');")
    connection.close()
    before = path.read_bytes()
    assert "table pins already exists" in await refusal(path)
    assert path.read_bytes() == before


READ_ONLY = """
import os, sys
from pathlib import Path
from qualityroute.errors import StoreError
from qualityroute.store.files import prepare
if os.getuid() == 0:
    os.setuid(65534)
try:
    prepare(Path(sys.argv[1]))
except StoreError as error:
    print(error)
"""


@pytest.fixture
def public_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.mark.parametrize("locked", ["file", "folder"])
def test_a_read_only_place_is_told_and_left_as_it_is(public_folder: Path, locked: str) -> None:
    path = public_folder / "ledger.db"
    prepare(path)
    before = path.read_bytes()
    path.chmod(0o444 if locked == "file" else 0o666)
    public_folder.chmod(0o777 if locked == "file" else 0o555)
    said = python(READ_ONLY, str(path)).communicate()[0]
    assert f"'{path if locked == 'file' else public_folder}' is read-only" in said
    assert path.read_bytes() == before


async def test_a_file_locked_by_somebody_else_is_told_and_works_again(store: SQLiteStore, path: Path) -> None:
    store._open().transactions.patience = 0.25
    thief = connect(path)
    thief.execute("BEGIN IMMEDIATE")
    failed: list[StoreError] = []

    async def record(name: str) -> None:
        try:
            await store.record(entry(name))
        except StoreError as error:
            failed.append(error)

    begun = time.monotonic()
    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(record, f"d{number}")
    thief.execute("ROLLBACK")
    thief.close()
    assert len(failed) == 40 and time.monotonic() - begun < 5  # one by one it would take 10
    assert "locked" in str(failed[0]) and failed[0].retryable
    await store.record(entry("after"))
    assert await store.decision("after") is not None and await store.decision("d1") is None


def test_opening_waits_for_a_reader_of_a_file_that_is_not_in_wal_mode_yet(path: Path) -> None:
    reader = connect(path)
    reader.execute("CREATE TABLE mine (a)")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM mine").fetchall()
    leaving = threading.Timer(0.2, reader.close)
    leaving.start()
    prepare(path)
    leaving.join()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT COUNT(*) FROM decisions").fetchone() == (0,)
    connection.close()


def test_a_step_that_sqlite_does_not_wait_for_is_taken_again(path: Path) -> None:
    thief, connection = connect(path), connect(path)
    thief.execute("BEGIN IMMEDIATE")
    connection.execute("PRAGMA busy_timeout = 0")
    leaving = threading.Timer(0.1, thief.close)
    leaving.start()
    patiently(lambda: connection.execute("BEGIN IMMEDIATE"))
    assert connection.in_transaction
    leaving.join()
    connection.close()


async def test_the_file_is_in_wal_mode_and_syncs_at_checkpoints_only(store: SQLiteStore) -> None:
    for writer in store._open().writers:
        names = ("journal_mode", "synchronous", "wal_autocheckpoint")
        assert [writer.execute(f"PRAGMA {name}").fetchone()[0] for name in names] == ["wal", 1, 0]


async def test_a_person_can_read_the_tables_with_sqlite_utils(store: SQLiteStore, path: Path) -> None:
    await store.record(entry("d1", payloads={"prompt": "Invoice 7"}))
    tool = [sys.executable, "-m", "sqlite_utils"]
    tables = json.loads(subprocess.check_output([*tool, "tables", str(path)]))
    (pin,) = json.loads(subprocess.check_output([*tool, "rows", str(path), "pins"]))
    (payload,) = json.loads(subprocess.check_output([*tool, "rows", str(path), "payloads"]))
    promised = {"pins", "decisions", "calls", "verdicts", "payloads", "certificates", "audits", "baselines", "cache"}
    assert promised < {table["table"] for table in tables}
    assert list(pin)[:8] == ["session", "task", "state", "reason", "check", "message", "since", "until"]
    assert (pin["state"], pin["reason"], pin["since"]) == ("held", "schema", "2026-11-23T12:00:00.000000+00:00")
    assert payload == {"decision_id": "d1", "kind": "prompt", "content": "Invoice 7"}


async def test_the_columns_others_rely_on_are_there(store: SQLiteStore, path: Path) -> None:
    promised = {
        "decisions": "id at tenant session task route tier model outcome reason cost latency_ms",
        "calls": "decision_id role tier provider model input_tokens cached_tokens output_tokens cost latency_ms error",
        "verdicts": "decision_id check ruling reason message score",
    }
    connection = sqlite3.connect(path)
    for table, columns_ in promised.items():
        there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        assert set(columns_.split()) <= there
    connection.close()


async def test_session_attempts_end_at_the_first_failure(store: SQLiteStore, path: Path) -> None:
    for number in range(3):
        await store.record(entry(f"d{number}"))
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT failed, session_attempt FROM decisions ORDER BY id").fetchall()
    plan = connection.execute(
        "EXPLAIN QUERY PLAN SELECT session_attempt, failed FROM decisions WHERE tenant = 'a' AND session = 'b' "
        "AND task = 'c' AND session_attempt IS NOT NULL ORDER BY session_attempt DESC LIMIT 1"
    ).fetchall()
    connection.close()
    assert rows == [(1, 1), (1, None), (1, None)]
    assert len(plan) == 1 and "COVERING INDEX decisions_session_attempts" in plan[0][3]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


async def fill(store: SQLiteStore) -> tuple[list[str], list[StoreError]]:
    """Record until it fails; the names recorded, and the failures."""
    recorded: list[str] = []
    failed: list[StoreError] = []

    async def record(name: str) -> None:
        try:
            await store.record(entry(name, name, payloads={"answer": "x" * 3000}))
            recorded.append(name)
        except StoreError as error:
            failed.append(error)

    for turn in range(100):
        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(record, f"{turn}-{number}")
        if failed:
            break
    return recorded, failed


async def check_after_filling(store: SQLiteStore, recorded: list[str], failed: list[StoreError]) -> None:
    assert recorded and failed and all("disk is full" in str(error) and error.retryable for error in failed)
    assert all([await store.decision(name) for name in recorded])
    assert sum((await store.pins_active(NOON)).values()) == len(recorded)


async def test_a_full_disk_fails_the_request_loses_nothing_and_passes(small_disk: Path) -> None:
    store = SQLiteStore(small_disk / "ledger.db", now=lambda: NOON)
    await store.open()
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 300_000)
    recorded, failed = await fill(store)
    await check_after_filling(store, recorded, failed)
    ballast.unlink()
    await store.record(entry("after", "after"))
    await store.aclose()
    connection = sqlite3.connect(small_disk / "ledger.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("SELECT COUNT(*) FROM decisions").fetchone() == (len(recorded) + 1,)
    assert connection.execute("SELECT COUNT(*) FROM payloads").fetchone() == (len(recorded),)
    connection.close()


async def test_a_file_at_its_largest_size_fails_the_request_and_loses_nothing(store: SQLiteStore) -> None:
    for writer in store._open().writers:
        writer.execute("PRAGMA max_page_count = 100")
    recorded, failed = await fill(store)
    await check_after_filling(store, recorded, failed)
    for writer in store._open().writers:
        writer.execute("PRAGMA max_page_count = 1000")
    await store.record(entry("after", "after"))


def test_there_is_no_room_even_for_the_tables(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(b"x" * 1_000_000)
    with pytest.raises(StoreError, match=r"ledger\.db"):
        prepare(small_disk / "ledger.db")


# --- several processes -------------------------------------------------------------------------------------------


def python(script: str, *arguments: str, output: int | IO[bytes] = subprocess.PIPE) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(qualityroute.__file__).parent.parent)}
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        text=True,
        env=environment,
        stdout=output,
        stderr=subprocess.STDOUT,
    )


def at_once(work: str, place: Path | str, count: int = 4) -> list[str]:
    """What `count` processes print that do their work in the same moment."""
    printed: str = python(TOOLS + work + AT_ONCE, str(place), str(count)).communicate()[0]
    return sorted(printed.splitlines())


# Processes are forked from one that has imported everything, because importing takes far longer than the test.
TOOLS = f"""
import os, signal, sys, time, traceback
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
import anyio, sqlite_utils
from anyio._backends import _asyncio
from qualityroute.pins import PinKey, Rejected
from qualityroute.records import *
from qualityroute.store import Entry, open_store
from qualityroute.store.files import prepare
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
REJECTED = Rejected(Reason.SCHEMA, "schema", "total: missing", "openai/nano")
{inspect.getsource(entry)}
path, count = Path(sys.argv[1]), int(sys.argv[2])
store = open_store(sys.argv[1], folder=Path(), now=lambda: NOON)

def say(told):
    os.write(1, f"{{told}}\\n".encode())  # in one piece, whoever else writes or is killed

def forked(work, *arguments):
    child = os.fork()
    if child == 0:
        try:
            work(*arguments)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(0)
    return child
"""

AT_ONCE = """
ready, go = os.pipe(), os.pipe()

def wait():
    os.close(go[1])
    os.write(ready[1], b"x")
    os.read(go[0], 1)

for number in range(count):
    forked(work, number)
for number in range(count):
    os.read(ready[0], 1)
os.close(go[1])
for number in range(count):
    os.wait()
"""

MIGRATE = """
def work(number):
    wait()
    prepare(path)
    say("ok")
"""

WRITE = """
async def write(number):
    await store.open()
    wait()
    async with anyio.create_task_group() as group:
        for turn in range(60):
            group.start_soon(store.record, entry(f"{number}-{turn}", f"s{turn}"))
            await anyio.sleep(0.005)
    await store.aclose()
    say("ok")

def work(number):
    anyio.run(write, number)
"""

LEASE = """
async def lease(number):
    await store.open()
    pin = await store.pin(PinKey("default", "s"))
    wait()
    won = 0
    for turn in range(25):
        won += await store.lease_probe(pin, f"{number}-{turn}", now=NOON, expires=NOON + timedelta(minutes=2))
    await store.aclose()
    say(won)

def work(number):
    anyio.run(lease, number)
"""

CRASH = """
async def record(name):
    await store.record(entry(name, name, payloads={"answer": "x" * 500}))
    say(name)

async def write(number):
    await store.open()
    for turn in range(100_000):
        async with anyio.create_task_group() as group:
            for part in range(3):
                group.start_soon(record, f"{number}-{turn}-{part}")

for number in range(count):
    size = os.fstat(1).st_size
    child = forked(anyio.run, write, number)
    while os.fstat(1).st_size == size:
        time.sleep(0.001)
    time.sleep(0.003 * number)
    os.kill(child, signal.SIGKILL)
    os.wait()
"""


@pytest.mark.parametrize("attempt", range(2))
def test_processes_that_migrate_at_once_all_succeed(path: Path, attempt: int) -> None:
    assert at_once(MIGRATE, path, 8) == ["ok"] * 8
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT COUNT(*) FROM _sqlite_migrations").fetchone() == (len(schema.MIGRATIONS),)
    connection.close()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_four_processes_write_one_store_without_a_lock_in_the_way(store_url: str) -> None:
    assert await anyio.to_thread.run_sync(at_once, WRITE, store_url) == ["ok"] * 4
    store = open_store(store_url, folder=Path())
    await store.open()
    assert all([await store.decision(f"{process}-{turn}") for process in range(4) for turn in range(60)])
    (invoice,) = await store.summaries()
    pins = await store.pins(now=NOON)
    await store.aclose()
    assert (invoice.requests, invoice.first_attempts, invoice.pins_created, len(pins)) == (240, 60, 60, 60)
    if not isinstance(store, SQLiteStore):
        return
    raw = recount(Path(store_url.removeprefix("sqlite:///")))["invoice"]
    assert (raw["requests"], raw["attempts"], raw["fallbacks"]) == (240, invoice.attempts, invoice.fallbacks)
    assert raw["outcomes"] == invoice.outcomes
    assert raw["cost"] == invoice.efficiency.known + invoice.judge.known + invoice.performance.known


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_one_process_of_four_gets_the_probe(store_url: str) -> None:
    store = open_store(store_url, folder=Path(), now=lambda: NOON)
    await store.open()
    until = NOON + timedelta(minutes=30)
    await store.put_pin(Pin(PinKey("default", "s"), Reason.JUDGED, NOON, NOON, until, remaining=0))
    assert await anyio.to_thread.run_sync(at_once, LEASE, store_url) == ["0", "0", "0", "1"]
    await store.aclose()


def test_a_killed_writer_loses_no_acknowledged_decision_and_leaves_no_half_of_one(path: Path) -> None:
    printed = path.with_name("acknowledged")
    with printed.open("ab") as output:
        python(TOOLS + CRASH, str(path), "15", output=output).wait()
    acknowledged = printed.read_text().splitlines()
    assert {name.split("-")[0] for name in acknowledged} == {str(number) for number in range(15)}
    check_whole(path, acknowledged)


def check_whole(path: Path, acknowledged: list[str]) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    decisions = {row[0] for row in connection.execute("SELECT id FROM decisions")}
    assert set(acknowledged) <= decisions
    for table in ("attempts", "calls", "verdicts", "payloads", "pins"):
        assert sorted(row[0] for row in connection.execute(f"SELECT decision_id FROM {table}")) == sorted(decisions)
    connection.close()


# --- values ------------------------------------------------------------------------------------------------------


@given(st.decimals(0, 1000, places=12))
def test_money_comes_out_as_it_went_in(cost: Decimal) -> None:
    assert columns.from_dollars(columns.dollars(cost)) == cost


@given(st.timedeltas(timedelta(0), timedelta(days=365)))
def test_durations_come_out_as_they_went_in(duration: timedelta) -> None:
    assert columns.from_milliseconds(columns.milliseconds(duration)) == duration


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_moments_sort_as_texts(one: datetime, other: datetime) -> None:
    assert (columns.moment(one) < columns.moment(other)) == (one < other)


@given(st.text())
def test_every_text_can_be_kept(value: str) -> None:
    kept = columns.text(value)
    assert len(kept) == len(value) and "\x00" not in kept
    assert kept.encode().decode() == columns.text(kept)


MANY_DECISIONS = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 12000)
INSERT INTO decisions
  (id, at, tenant, session, task, route, outcome, reason, message, latency_ms, fingerprint, metadata)
SELECT printf('d%05d', n), strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', 1700000000 + n, 'unixepoch'), 'default',
  printf('s%d', n / 3), 'invoice', 'cascade', 'accepted', NULL, '', 1, '', '{}' FROM numbers
"""


def test_no_search_reads_the_whole_of_a_large_ledger(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "MOST_LOOKED_AT", 100)
    prepare(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(MANY_DECISIONS)
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 100
            return 0

        connection.set_progress_handler(count, 100)
        connection.execute("SELECT COUNT(*) FROM decisions WHERE message = 'x'").fetchone()
        whole, taken = steps, dict[Search, int]()
        for wanted in (
            *(Search(), Search(session="s77"), Search(reason=Reason.INJECTION), Search(outcome=Outcome.FAILED)),
            *(Search(task="receipt"), Search(tenant="acme"), Search(task="invoice", model="openai/big")),
        ):
            steps = 0
            browsing.search(connection, wanted, None, 50)
            taken[wanted] = steps
        assert max(taken.values()) < whole / 4, (whole, taken)


def test_a_store_that_is_copied_has_the_tables_of_one_that_is_made(tmp_path: Path) -> None:
    copied, made = tmp_path / "copied.db", tmp_path / "made.db"
    copied.write_bytes(blank())
    prepare(made)
    for words in ("SELECT sql FROM sqlite_master ORDER BY name", "PRAGMA journal_mode"):
        found = []
        for path in (copied, made):
            with closing(sqlite3.connect(path)) as file:
                found.append(file.execute(words).fetchall())
        assert found[0] == found[1]
