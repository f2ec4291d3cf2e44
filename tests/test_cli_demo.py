"""The demo: it tells the whole story, what it prints works as printed, and its advice is worth money."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from command_line import call, one_line_error
from one_demo import Demo

from qualityroute.commands.demo import told
from qualityroute.commands.progress import NoProgress
from qualityroute.commands.stand_in import pointed_at
from qualityroute.commands.weeks import WEEKS, Arrival, weeks_up_to
from qualityroute.config import Config
from qualityroute.practice import PracticeServer, documents
from qualityroute.report import Report
from qualityroute.signal import State

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def ended(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """One real demo, in a folder that is ours to change."""
    folder = tmp_path_factory.mktemp("demo") / "copy"
    shutil.copytree(demo.folder, folder)
    return replace(demo, folder=folder)


def next_commands(text: str) -> list[str]:
    after = text.partition("Next, type:\n")[2].splitlines()
    return [line.strip() for line in after if line.startswith("  ")]


def test_the_demo_ends_well(ended: Demo) -> None:
    assert ended.returncode == 0, ended.stderr


def test_the_demo_tells_the_report_the_pins_and_one_decision(ended: Demo) -> None:
    text = ended.stdout
    for task in ("invoice", "receipt", "triage", "contract"):
        assert f"\n{task} " in text
    for part in ("fallback", "top reasons", "saved", "break-", "Who is pinned", "the judge said no", "--html"):
        assert part in text
    assert "Outcome: fallback" in text
    assert "Pin: the session was pinned to performance" in text


def test_the_demo_says_that_its_provider_is_a_stand_in(ended: Demo) -> None:
    assert "These are a stand-in" in " ".join(ended.stdout.split())
    assert "Prices are examples" in ended.stdout
    assert "in truth all of it happens now" in " ".join(ended.stdout.split())


def test_the_bad_task_is_misclassified_a_good_one_healthy_and_the_new_one_undecided(ended: Demo) -> None:
    text = ended.stdout
    for line in (
        "contract: MISCLASSIFIED, ",
        "receipt: HEALTHY on efficiency, ",
        "invoice: HEALTHY on efficiency, ",
        "triage: INSUFFICIENT, ",
    ):
        assert f"\n{line}" in text
    assert "triage: no verdict yet; about 4 more sessions to go." in text
    assert ' [tasks.contract]\n  -tier = "efficiency"\n  +tier = "performance"\n' in text
    tasks = reported(ended.folder)["tasks"]
    assert tasks["contract"]["difficulty"]["rate"] == pytest.approx(12 / 14)
    assert tasks["contract"]["break_even"] == pytest.approx(0.6, abs=0.02)
    assert tasks["triage"]["sessions"] == 3


def reported(folder: Path) -> dict[str, Any]:
    found = call("report", "--json", "--config", folder / "qualityroute-demo" / "qualityroute.toml")
    value: dict[str, Any] = json.loads(found.stdout)
    return value


def test_the_report_of_the_demo_covers_its_weeks(ended: Demo) -> None:
    points = reported(ended.folder)["tasks"]["contract"]["series"]
    first, last = (datetime.fromisoformat(points[place]["start"]) for place in (0, -1))
    assert len(points) >= 2 * WEEKS
    assert last - first > timedelta(weeks=WEEKS - 1)


def test_with_its_suggestion_applied_the_bad_task_costs_less_and_nothing_is_misclassified(
    ended: Demo, tmp_path: Path
) -> None:
    shutil.copytree(ended.folder / "qualityroute-demo", tmp_path / "again")
    config = tmp_path / "again" / "qualityroute.toml"
    before = reported(ended.folder)["tasks"]["contract"]
    assert call("report", "--apply", "--yes", "--config", config).exit_code == 0
    after = lived_through(config, tmp_path / "fresh.db").tasks
    assert after["contract"].cost.total < 0.85 * float(before["cost"]["total"])
    assert float(before["saved"]["amount"]) < 0
    assert after["contract"].saved.amount == 0
    assert State.MISCLASSIFIED not in {task.state for task in after.values()}
    assert after["receipt"].state is State.HEALTHY


def lived_through(config: Path, database: Path) -> Report:
    with PracticeServer() as server:
        story = partial(told, pointed_at(Config.load(config), server), str(database), NoProgress(), now=NOW)
        return anyio.run(story).report


def test_each_of_the_three_next_commands_works_as_printed(ended: Demo) -> None:
    commands = next_commands(ended.stdout)
    assert len(commands) == 3
    said = []
    for command in commands:
        again = subprocess.run(command, shell=True, cwd=ended.folder, capture_output=True, text=True, timeout=60)
        assert again.returncode == 0, again.stderr
        said.append(again.stdout)
    assert "is held on the performance tier" in said[0]
    assert "Outcome: fallback" in said[1]
    assert 'Wrote tasks.contract.tier = "performance" into qualityroute-demo/qualityroute.toml.' in said[2]


def test_every_request_is_one_decision_in_the_database_it_names(ended: Demo) -> None:
    named = ended.stdout.strip().rpartition(" ")[2]
    database = sqlite3.connect(ended.folder / named)
    [(count,)] = database.execute("SELECT COUNT(*) FROM decisions")
    [(unknown,)] = database.execute("SELECT COUNT(*) FROM decisions WHERE cost IS NULL")
    database.close()
    assert count == len(arrivals())
    assert unknown == 0


def test_a_folder_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "qualityroute.toml").write_text("mine")
    result = call("demo", "--dir", tmp_path)
    assert result.exit_code == 2
    assert "is not the demo's; name another folder by --dir" in one_line_error(result)
    assert [path.name for path in tmp_path.iterdir()] == ["qualityroute.toml"]


def test_a_file_in_the_folders_place_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert call("demo", "--dir", tmp_path / "file").exit_code == 2
    assert (tmp_path / "file").read_text() == "mine"


def arrivals() -> list[Arrival]:
    return [arrival for day in weeks_up_to(NOW, documents()) for arrival in day]


def test_the_same_documents_come_every_week_and_each_sessions_in_their_order() -> None:
    coming = arrivals()
    assert [arrival.at for arrival in coming] == sorted(arrival.at for arrival in coming)
    assert coming[-1].at == NOW
    times = Counter(arrival.document.id for arrival in coming)
    for document in documents():
        assert times[document.id] in ((0, 1) if document.task == "triage" else (WEEKS,))
    for session in {arrival.session for arrival in coming}:
        ids = [arrival.document.id for arrival in coming if arrival.session == session]
        assert ids == [document.id for document in documents() if document.id in ids]


def test_each_contract_is_a_session_and_triage_has_three_that_are_over() -> None:
    contracts = [arrival for arrival in arrivals() if arrival.document.task == "contract"]
    assert len({arrival.session for arrival in contracts}) == len(contracts) == 14 * WEEKS
    emails = [arrival for arrival in arrivals() if arrival.document.task == "triage"]
    assert len({arrival.session for arrival in emails}) == 3
    assert max(arrival.at for arrival in emails) < NOW - timedelta(minutes=30)


def test_no_session_of_a_day_is_idle_so_long_that_its_pin_ends() -> None:
    days = weeks_up_to(NOW, documents())
    assert all(day[-1].at - day[0].at < timedelta(minutes=30) for day in days)
    assert {arrival.session for arrival in days[-1]}.isdisjoint(arrival.session for arrival in days[-3])


def test_a_second_demo_reuses_its_folder_with_a_fresh_database(ended: Demo) -> None:
    folder = ended.folder
    again = call("demo", "--dir", folder / "qualityroute-demo")
    assert again.exit_code == 0, again.output
    database = sqlite3.connect(folder / "qualityroute-demo" / "qualityroute.db")
    [(count,)] = database.execute("SELECT COUNT(*) FROM decisions")
    database.close()
    assert count == len(arrivals())
