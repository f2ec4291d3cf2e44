"""The demo: it tells the whole story in time, and the commands it prints work as printed."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from command_line import call, one_line_error, spawn

from qualityroute.commands.demo import _interleaved
from qualityroute.practice import documents

TIME_ALLOWED = 15.0


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path, float]:
    """One real demo, in a folder of its own."""
    folder = tmp_path_factory.mktemp("demo")
    started = time.monotonic()
    process = spawn("demo", cwd=folder)
    return process, folder, time.monotonic() - started


Ended = tuple[subprocess.CompletedProcess[str], Path, float]


def next_commands(text: str) -> list[str]:
    after = text.partition("Next, type:\n")[2].splitlines()
    return [line.strip() for line in after if line.startswith("  ")]


def test_the_demo_ends_well_and_in_time(ended: Ended) -> None:
    process, _, seconds = ended
    assert process.returncode == 0, process.stderr
    assert seconds < TIME_ALLOWED


def test_the_demo_tells_the_report_the_pins_and_one_decision(ended: Ended) -> None:
    text = ended[0].stdout
    for task in ("invoice", "receipt", "triage", "contract"):
        assert f"\n{task} " in text
    for part in ("fallback", "top reasons", "saved", "break-", "Who is pinned", "the judge said no"):
        assert part in text
    assert "Outcome: fallback" in text
    assert "Pin: the session was pinned to performance" in text


def test_the_demo_says_that_its_provider_is_a_stand_in(ended: Ended) -> None:
    assert "These are a stand-in" in " ".join(ended[0].stdout.split())
    assert "Prices are examples" in ended[0].stdout


def test_each_of_the_three_next_commands_works_as_printed(ended: Ended) -> None:
    process, folder, _ = ended
    commands = next_commands(process.stdout)
    assert len(commands) == 3
    said = []
    for command in commands:
        again = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, timeout=60)
        assert again.returncode == 0, again.stderr
        said.append(again.stdout)
    assert "is held on the performance tier" in said[0]
    assert "Outcome: fallback" in said[1]
    assert '"outcome": "accepted"' in said[2]


def test_every_document_is_one_decision_in_the_database_it_names(ended: Ended) -> None:
    process, folder, _ = ended
    named = process.stdout.strip().rpartition(" ")[2]
    database = sqlite3.connect(folder / named)
    [(count,)] = database.execute("SELECT COUNT(*) FROM decisions WHERE session != 'you'")
    [(unknown,)] = database.execute("SELECT COUNT(*) FROM decisions WHERE cost IS NULL")
    database.close()
    assert count == len(documents())
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


def test_sessions_take_turns_and_keep_their_order() -> None:
    workload = documents()
    turns = _interleaved(workload)
    assert sorted(document.id for document in turns) == sorted(document.id for document in workload)
    assert len({document.session for document in turns[:20]}) == 20
    for session in {document.session for document in workload}:
        wanted = [document.id for document in workload if document.session == session]
        assert [document.id for document in turns if document.session == session] == wanted


def test_a_second_demo_reuses_its_folder_with_a_fresh_database(ended: Ended) -> None:
    _, folder, _ = ended
    again = call("demo", "--dir", folder / "qualityroute-demo")
    assert again.exit_code == 0, again.output
    database = sqlite3.connect(folder / "qualityroute-demo" / "qualityroute.db")
    [(count,)] = database.execute("SELECT COUNT(*) FROM decisions")
    database.close()
    assert count == len(documents())
