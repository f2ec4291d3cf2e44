"""Each fault once, on real processes; and would the harness notice? The long form is `python -m tests.faults`."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults import kinds
from faults.books import read_books
from faults.crew import Crew
from faults.invariants import violations
from faults.places import NotHere, check_immutable, small_disk
from faults.proxy import Proxy
from faults.stage import CONCURRENCY, Stage


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    with Crew() as crew:
        yield crew


@pytest.fixture
def stage(crew: Crew, store_url: str) -> Iterator[Stage]:
    stage = Stage(crew, store_url, random.Random(7))
    yield stage
    stage.clear()
    stage.close()


@pytest.fixture
def file_stage(crew: Crew, tmp_path: Path) -> Iterator[Callable[[Path], Stage]]:
    """Stages on files, wherever those are."""
    made: list[Stage] = []

    def on(folder: Path) -> Stage:
        made.append(Stage(crew, f"sqlite:///{folder}/q.db", random.Random(7)))
        return made[-1]

    yield on
    for stage in made:
        stage.clear()
        stage.close()


@pytest.mark.parametrize(
    "fault", [kinds.kill_by_the_clock, kinds.kill_in_the_store, kinds.frozen_clock, kinds.clock_moved_back]
)
def test_nothing_is_lost_or_half_there_after(stage: Stage, fault: Callable[[Stage], None]) -> None:
    fault(stage)
    stage.goes_on_anew()
    assert stage.audit() == []


def test_nothing_is_lost_where_writes_fail_and_work_again(file_stage: Callable[[Path], Stage], tmp_path: Path) -> None:
    stage = file_stage(tmp_path)
    kinds.failing_writes(stage)
    assert stage.audit() == []


def test_where_writes_fail_and_it_is_only_warned_of_everybody_is_answered(crew: Crew, tmp_path: Path) -> None:
    stage = Stage(crew, f"sqlite:///{tmp_path}/q.db", random.Random(7), on_store_error="warn")
    try:
        kinds.failing_writes(stage)
        assert stage.audit() == []
        assert [line["recorded"] for line in stage.told.of("answer")].count(False) > 0
    finally:
        stage.clear()
        stage.close()


def test_nothing_is_lost_where_the_disk_fills_up(file_stage: Callable[[Path], Stage], tmp_path: Path) -> None:
    try:
        with small_disk(tmp_path / "small") as disk:
            stage = file_stage(disk)
            kinds.full_disk(stage)
            assert stage.audit() == []
    except NotHere as reason:
        pytest.skip(str(reason))


def test_nothing_is_lost_where_the_file_becomes_read_only(file_stage: Callable[[Path], Stage], tmp_path: Path) -> None:
    try:
        check_immutable(tmp_path)
    except NotHere as reason:
        pytest.skip(str(reason))
    stage = file_stage(tmp_path)
    kinds.read_only_file(stage)
    assert stage.audit() == []


def test_nothing_is_lost_where_connections_are_ended_and_lines_break(
    crew: Crew, postgres_tables: Callable[[], str]
) -> None:
    url = postgres_tables()
    port = int(url.rpartition(":")[2].partition("/")[0])
    with Proxy(("127.0.0.1", port)) as proxy:
        stage = Stage(crew, url, random.Random(7), reach=url.replace(f":{port}/", f":{proxy.port}/"))
        try:
            kinds.ended_connections(stage)
            kinds.broken_lines(stage, proxy)
            assert stage.audit() == []
        finally:
            stage.clear()
            stage.close()


@pytest.mark.parametrize(
    ("harm", "rule"),
    [
        ("DELETE FROM decisions WHERE rowid = 1", "no_answer_without_its_row"),
        ("DELETE FROM calls WHERE decision_id = (SELECT id FROM decisions LIMIT 1)", "no_half_decision"),
        ("DELETE FROM pins", "no_pin_is_lost"),
        ("UPDATE calls SET input_tokens = 1 + input_tokens", "the_ledger_says_what_the_models_say"),
        ("UPDATE spending SET spent = spent - 1", "no_budget_is_overspent"),
        ("UPDATE spending SET spent = spent * 1000", "no_budget_is_overspent"),
        ("UPDATE tallies SET decisions = 1 + decisions", "the_counters_are_the_ledgers_sums"),
        ("UPDATE decisions SET session_attempt = 9", "sessions_count_their_attempts_once"),
    ],
)
def test_a_store_that_was_harmed_is_noticed(healthy: Stage, tmp_path: Path, harm: str, rule: str) -> None:
    assert violations(read_books(healthy.url), healthy.told, healthy.upstream, CONCURRENCY) == []
    copy = tmp_path / "harmed.db"
    with sqlite3.connect(healthy.path) as whole, sqlite3.connect(copy) as harmed:
        whole.backup(harmed)
        harmed.execute(harm)
        harmed.commit()
    whole.close()
    harmed.close()
    found = violations(read_books(f"sqlite:///{copy}"), healthy.told, healthy.upstream, CONCURRENCY)
    assert rule in {violation.partition(":")[0] for violation in found}


@pytest.fixture(scope="module")
def healthy(crew: Crew, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """After some requests to which nothing was done."""
    stage = Stage(crew, f"sqlite:///{tmp_path_factory.mktemp('healthy')}/q.db", random.Random(7))
    [worker] = stage.start()
    crew.answers(worker, 25)
    crew.stop(worker)
    yield stage
    stage.close()
