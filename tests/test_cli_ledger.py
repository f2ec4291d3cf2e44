"""`pins`, `report` and `explain`: they need the store alone, no key and no model."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from command_line import call, one_line_error, rows

from qualityroute.practice import PracticeServer, documents


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose database holds one accepted answer, one fallback and the pin it made. Tests only read it."""
    folder = tmp_path_factory.mktemp("ledger")
    call("init", folder, "--practice")
    config = folder / "qualityroute.toml"
    hard = documents("contract")[4].input
    with PracticeServer() as server:
        config.write_text(config.read_text().replace("http://127.0.0.1:8399/v1", server.base_url))
        easy = call("run", "invoice", folder / "documents/invoice.txt", "--session", "easy", "--config", config)
        fell = call("run", "contract", "--session", "hard", "--config", config, given=hard)
    (folder / "rows.jsonl").write_text(easy.stdout + fell.stdout)
    return folder


@pytest.fixture
def config(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(ledger)
    return ledger / "qualityroute.toml"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own, current, with nothing in its database."""
    call("init", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fallback(ledger: Path) -> dict[str, Any]:
    return rows((ledger / "rows.jsonl").read_text())[1]


def test_pins_list_shows_who_is_pinned_and_why(config: Path) -> None:
    result = call("pins", "list")
    assert result.exit_code == 0
    assert "hard" in result.output
    assert "easy" not in result.output
    [pin] = json.loads(call("pins", "list", "--json").output)
    assert (pin["session"], pin["state"], pin["held_until_probe"]) == ("hard", "held", 2)


def test_pins_show_tells_the_decision_and_the_check_that_made_it(config: Path, ledger: Path) -> None:
    text = call("pins", "show", "hard").output
    decision = fallback(ledger)["decision"]
    for part in ("held on the performance tier", decision, "practice/small", "after 2 more requests"):
        assert part in text
    pin = json.loads(call("pins", "show", "hard", "--json").output)
    assert pin["decision"] == decision
    assert pin["reason"] == fallback(ledger)["reason"]
    assert pin["check"]


def test_a_session_without_a_pin_is_told_so(config: Path) -> None:
    result = call("pins", "show", "easy")
    assert result.exit_code == 0
    assert "Session easy has no pin: it starts on efficiency." in result.output
    assert json.loads(call("pins", "show", "easy", "--json").output) is None


def test_pins_are_kept_apart_by_tenant(config: Path) -> None:
    assert "has no pin" in call("pins", "show", "hard", "--tenant", "acme").output
    assert json.loads(call("pins", "list", "--tenant", "acme", "--json").output) == []


def test_a_task_is_a_mistake_where_pins_hold_for_the_whole_session(config: Path) -> None:
    result = call("pins", "show", "hard", "--task", "contract")
    assert result.exit_code == 2
    assert "leave the task out" in one_line_error(result)


def test_pins_need_no_key_and_add_makes_the_database(own: Path) -> None:
    added = call("pins", "add", "user-1", "--for", "2h", "--reason", "asked by phone")
    assert added.exit_code == 0, added.output
    assert "pinned by hand" in added.output
    [pin] = json.loads(call("pins", "list", "--json").output)
    assert (pin["reason"], pin["message"]) == ("manual", "asked by phone")


def test_a_released_session_has_no_pin(own: Path) -> None:
    call("pins", "add", "user-1")
    assert "user-1 is released" in call("pins", "release", "user-1").output
    assert json.loads(call("pins", "list", "--json").output) == []
    assert "has no pin" in call("pins", "release", "user-1").output
    assert json.loads(call("pins", "release", "user-1", "--json").output) is None


def test_release_with_json_says_which_pin_it_was(own: Path) -> None:
    call("pins", "add", "user-1")
    assert json.loads(call("pins", "release", "user-1", "--json").output)["session"] == "user-1"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("add", "s" * 10_000), "session has 10,000 characters"),
        (("add", "a\x07b"), "holds control characters"),
        (("add", "x", "--for", "soon"), "--for: 'soon' is not a duration"),
        (("add", "x", "--for", "0s"), "is no time at all"),
        (("show",), "Missing argument 'SESSION'"),
    ],
)
def test_a_mistake_in_a_pins_command_is_named(own: Path, arguments: tuple[str, ...], told: str) -> None:
    result = call("pins", *arguments)
    assert result.exit_code == 2
    assert told in one_line_error(result)


def test_pins_export_is_lines_of_json_or_csv(own: Path) -> None:
    call("pins", "add", "user-1")
    call("pins", "add", "=1+1", "--reason", "@cmd")
    exported = rows(call("pins", "export").output)
    assert {row["session"] for row in exported} == {"user-1", "=1+1"}
    assert call("pins", "export", "--json").output == call("pins", "export").output
    table = list(csv.DictReader(io.StringIO(call("pins", "export", "--format", "csv").output)))
    assert {row["session"] for row in table} == {"user-1", "'=1+1"}
    assert {row["message"] for row in table} == {"", "'@cmd"}


def test_an_export_of_no_pins_is_empty_but_for_the_heading(own: Path) -> None:
    call("pins", "add", "x")
    call("pins", "release", "x")
    assert call("pins", "export").output == ""
    assert call("pins", "export", "--format", "csv").output.startswith("tenant,session,task,")


def test_a_database_named_by_db_needs_no_configuration(
    ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    database = ledger / "qualityroute.db"
    assert "hard" in call("pins", "list", "--db", database).output
    assert call("explain", fallback(ledger)["decision"], "--db", f"sqlite:///{database}").exit_code == 0
    assert call("pins", "show", "hard", "--task", "contract", "--db", database).exit_code == 0


@pytest.mark.parametrize("command", [("pins", "list"), ("report",), ("explain", "abc"), ("pins", "release", "x")])
def test_a_database_that_is_not_there_is_told_and_not_made(own: Path, command: tuple[str, ...]) -> None:
    result = call(*command, "--db", "typo.db")
    assert result.exit_code == 3
    assert "there is no database" in one_line_error(result)
    assert not (own / "typo.db").exists()


@pytest.mark.parametrize("command", [("pins", "list"), ("report",), ("explain", "abc")])
def test_a_file_that_is_no_database_is_exit_three(own: Path, command: tuple[str, ...]) -> None:
    (own / "garbage.db").write_bytes(b"this is no database" * 100)
    result = call(*command, "--db", "garbage.db")
    assert result.exit_code == 3
    assert "garbage.db" in one_line_error(result)


def test_a_database_of_a_newer_version_is_exit_three(own: Path) -> None:
    import sqlite3

    call("pins", "add", "x")
    with sqlite3.connect(own / "qualityroute.db") as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE name LIKE '%migrations%'")]
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({tables[0]})")] if tables else []
        if "name" not in columns:
            pytest.skip("migrations are kept in another way")
        database.execute(
            f"INSERT INTO {tables[0]} ({', '.join(columns)})"
            f" SELECT {', '.join(_future(column) for column in columns)} FROM {tables[0]} LIMIT 1"
        )
    database.close()
    result = call("pins", "list")
    assert result.exit_code == 3
    assert "newer" in one_line_error(result)


def _future(column: str) -> str:
    return {"name": "'m9999_of_the_future'", "id": "9999"}.get(column, column)


def test_the_report_counts_and_its_json_has_the_documented_keys(config: Path) -> None:
    text = call("report").output
    assert "contract" in text
    assert "100 %" in text
    value = json.loads(call("report", "--json").output)
    assert value["version"] == 1
    assert set(value["tasks"]) == {"contract", "invoice"}
    contract = value["tasks"]["contract"]
    assert (contract["attempts"], contract["fallbacks"], contract["pins_created"]) == (1, 1, 1)


def test_the_report_of_one_task_or_of_no_time_leaves_the_rest_out(config: Path) -> None:
    assert set(json.loads(call("report", "--task", "invoice", "--json").output)["tasks"]) == {"invoice"}
    assert json.loads(call("report", "--since", "2999-01-01", "--json").output)["tasks"] == {}
    assert "Nothing is recorded since 2999-01-01" in call("report", "--since", "2999-01-01").output
    assert "invoice" in call("report", "--since", "7d").output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--task", "invioce"), "no task 'invioce'; did you mean 'invoice'?"),
        (("--since", "yesterday"), "'yesterday' is neither a date"),
        (("--config", "nothing.toml"), "no configuration 'nothing.toml'"),
    ],
)
def test_a_mistake_in_the_report_is_named(config: Path, arguments: tuple[str, ...], told: str) -> None:
    result = call("report", *arguments)
    assert result.exit_code == 2
    assert told in one_line_error(result)


def test_explain_tells_the_decision_of_a_row(config: Path, ledger: Path) -> None:
    row = fallback(ledger)
    text = call("explain", row["decision"]).output
    for part in (
        "task contract, session hard",
        "Attempt 1, efficiency tier: rejected",
        "Attempt 2, performance tier: accepted",
    ):
        assert part in text
    assert "Pin: the session was pinned to performance" in text
    value = json.loads(call("explain", row["decision"], "--json").output)
    assert (value["outcome"], value["cost"], value["pin"]) == ("fallback", row["cost"], "created")
    assert value["metadata"]["input"] == "-"


def test_explain_of_an_unknown_decision_is_named(config: Path) -> None:
    result = call("explain", "nothing")
    assert result.exit_code == 2
    assert "no decision 'nothing'" in one_line_error(result)


def test_piped_output_has_no_colour_and_no_spaces_at_the_end(config: Path) -> None:
    for command in (("report",), ("pins", "list"), ("pins", "show", "hard")):
        text = call(*command).output
        assert "\x1b" not in text
        assert all(line == line.rstrip() for line in text.splitlines())
