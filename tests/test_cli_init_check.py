"""`init` and `check`: what is written works, and what is wrong is named."""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from command_line import call, one_line_error, rows, spawn
from conftest import config_with

from qualityroute.commands.not_in_force import not_in_force
from qualityroute.commands.places import called, near
from qualityroute.config import Accept, Agreement, Budget, Cache, Config, Provider, Task


@pytest.fixture
def practice(tmp_path: Path) -> Path:
    """A folder made by `init --practice`."""
    assert call("init", tmp_path, "--practice").exit_code == 0
    return tmp_path


def edit(folder: Path, old: str, new: str) -> Path:
    config = folder / "qualityroute.toml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new, 1))
    return config


def test_init_writes_a_configuration_that_check_accepts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    result = call("init", tmp_path / "new")
    assert result.exit_code == 0
    config = tmp_path / "new" / "qualityroute.toml"
    for name in ("qualityroute.toml", "schemas/invoice.json", "rubrics/invoice.toml", "documents/invoice.txt"):
        assert (tmp_path / "new" / name).read_text()
    checked = call("check", "--config", config)
    assert checked.exit_code == 0, checked.output
    assert "warning" not in checked.output


def test_every_line_of_the_starter_that_is_commented_out_names_a_key_that_exists(tmp_path: Path) -> None:
    call("init", tmp_path)
    text = (tmp_path / "qualityroute.toml").read_text()
    options = [line[2:].split("=")[0].strip() for line in text.splitlines() if line.startswith("# ") and " = " in line]
    sections = (Provider, Task, Accept, Agreement, Budget, Cache)
    known = {name for section in sections for name in section.model_fields}
    assert options and set(options) <= known


def test_what_init_practice_writes_runs_as_its_next_steps_say(tmp_path: Path) -> None:
    made = spawn("init", "--practice", cwd=tmp_path)
    steps = [line.strip() for line in made.stdout.partition("Next:")[2].splitlines() if line.strip()]
    assert len(steps) == 3
    for step in steps:
        ended = subprocess.run(step, shell=True, cwd=tmp_path, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
    assert "invoice" in ended.stdout


def test_next_steps_for_another_folder_name_its_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = call("init", "my work", "--practice").output
    assert "--config 'my work/qualityroute.toml'" in said
    assert "run invoice 'my work/documents/invoice.txt'" in said


def test_init_never_writes_over_a_file_and_names_it(tmp_path: Path) -> None:
    (tmp_path / "rubrics").mkdir()
    (tmp_path / "rubrics" / "invoice.toml").write_text("mine")
    result = call("init", tmp_path)
    assert result.exit_code == 2
    assert str(tmp_path / "rubrics" / "invoice.toml") in one_line_error(result)
    assert not (tmp_path / "qualityroute.toml").exists()
    assert (tmp_path / "rubrics" / "invoice.toml").read_text() == "mine"


def test_init_force_writes_over(tmp_path: Path) -> None:
    (tmp_path / "qualityroute.toml").write_text("mine")
    assert call("init", tmp_path, "--force").exit_code == 0
    assert "version = 1" in (tmp_path / "qualityroute.toml").read_text()


def test_init_into_a_file_is_named_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    result = call("init", tmp_path / "file")
    assert result.exit_code == 2
    assert "cannot be written" in one_line_error(result)


def test_check_tells_each_task_provider_and_the_store(practice: Path) -> None:
    result = call("check", "--config", practice / "qualityroute.toml")
    assert result.exit_code == 0
    for what in ("configuration", "task 'invoice'", "task 'contract'", "provider 'practice'", "store"):
        assert f"ok      {what}" in result.output
    assert "schema > grounded > judge" in result.output


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[pins]\n", "[pins]\nafterr = 1\n", "pins.afterr: unknown key; did you mean 'after'?"),
        ("schemas/invoice.json", "schemas/nothing.json", "tasks.invoice.schema: no file"),
        ("rubrics/invoice.toml", "rubrics/nothing.toml", "tasks.invoice.rubric"),
        ("rubrics/invoice.toml", "invoices", "no built-in rubric 'invoices'"),
        ("practice/small", "small", "names no model"),
        ("practice/small", "practise/small", "no provider 'practise'"),
        ("[tasks.invoice]", '[tasks.invoice]\nchecks = ["nowhere:total"]', "no module 'nowhere'"),
        ("version = 1", "version = ", "is not TOML"),
        ("version = 1", "version = 2", "version"),
    ],
)
def test_check_names_a_mistake_of_the_configuration(practice: Path, old: str, new: str, told: str) -> None:
    result = call("check", "--config", edit(practice, old, new))
    assert result.exit_code == 2
    assert "mistake " in result.output
    assert told in result.output
    assert "Traceback" not in result.output


def test_check_names_a_schema_that_is_no_schema_and_looks_at_the_rest(practice: Path) -> None:
    (practice / "schemas" / "invoice.json").write_text('{"type": "objekt"}')
    result = call("check", "--config", practice / "qualityroute.toml")
    assert result.exit_code == 2
    assert "mistake task 'invoice': tasks.invoice.schema" in result.output
    assert "ok      task 'receipt'" in result.output


def test_check_names_a_schema_with_a_remote_reference(practice: Path) -> None:
    (practice / "schemas" / "invoice.json").write_text('{"$ref": "https://example.com/schema.json"}')
    result = call("check", "--config", practice / "qualityroute.toml")
    assert result.exit_code == 2
    assert "mistake task 'invoice'" in result.output


def test_check_names_a_rubric_with_duplicate_ids(practice: Path) -> None:
    rubric = practice / "rubrics" / "invoice.toml"
    rubric.write_text(rubric.read_text() + '\n[[criteria]]\nid = "supported"\nask = "Again?"\n')
    result = call("check", "--config", practice / "qualityroute.toml")
    assert result.exit_code == 2
    assert "criterion id 'supported' is used twice" in result.output


def test_check_names_a_key_variable_that_is_not_set(tmp_path: Path) -> None:
    call("init", tmp_path)
    result = call("check", "--config", tmp_path / "qualityroute.toml")
    assert result.exit_code == 2
    assert "'OPENAI_API_KEY' is not set" in result.output
    assert "ok      task 'invoice'" in result.output


def test_check_names_a_store_that_is_a_directory(practice: Path) -> None:
    result = call("check", "--config", practice / "qualityroute.toml", "--db", practice)
    assert result.exit_code == 2
    assert "mistake store" in result.output
    assert "is a directory" in result.output


def test_check_names_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    result = call("check", "--config", tmp_path / "nothing.toml")
    assert result.exit_code == 2
    assert "`qualityroute init` writes one" in result.output


def test_check_warns_of_what_is_read_but_not_in_force(practice: Path) -> None:
    config = edit(practice, "[pins]\n", '[budget]\non_exhausted = "serve_best"\n\n[pins]\n')
    result = call("check", "--config", config)
    assert result.exit_code == 0
    assert "warning budget.on_exhausted changes nothing: no budget is set" in result.output


def test_every_setting_without_effect_is_warned_of() -> None:
    task = {
        "tier": "auto",
        "explore": 0.1,
        "agreement": {"peers": ["practice/small"]},
    }
    config: Config = config_with(task, cache={"ttl": "1h"}, prices=[])
    told = "\n".join(not_in_force(config, date(2026, 11, 23)))
    for key in ("explore", "agreement"):
        assert f"tasks.invoice.{key}" in told
    assert "tasks.invoice.tier" not in told  # `auto` is in force
    assert "cache changes nothing: no task has cache = 'exact'" in told
    assert "no [[prices]] row for 'practice/careful'" in told


@pytest.mark.parametrize(("payloads", "lost"), [("none", "no reference is kept"), ("rejected", "without their inputs")])
def test_a_baseline_that_keeps_too_little_is_warned_of(payloads: str, lost: str) -> None:
    config = config_with(routing={"mode": "baseline"}, store={"payloads": payloads})
    (told,) = not_in_force(config, date(2026, 11, 23))
    assert lost in told


def test_audits_of_a_task_on_performance_are_warned_of() -> None:
    (told,) = not_in_force(config_with({"tier": "performance", "accept": {"audit": 0.1}}), date(2026, 11, 23))
    assert told.startswith("tasks.invoice.accept.audit changes nothing")


def test_a_plain_configuration_is_warned_of_nothing() -> None:
    assert list(not_in_force(config_with(), date(2026, 11, 23))) == []


def test_the_program_says_how_to_call_it_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    beside = Path(sys.executable).with_name("qualityroute")
    if not beside.exists():
        pytest.skip("the package is not installed beside this Python")
    monkeypatch.setenv("PATH", str(beside.parent))
    assert called() == "qualityroute"
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(beside.parent.parent.parent)
    assert called() == ".venv/bin/qualityroute" or shlex.split(called())[0] == near(beside)
    monkeypatch.chdir(tmp_path)
    assert shlex.split(called())[0] == str(beside)


def test_a_program_that_is_not_installed_is_called_as_a_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert called() == "python -m qualityroute"


def test_run_after_init_practice_just_works(practice: Path) -> None:
    with socket.socket() as taken:  # its port is ours and nobody listens there; at the template's somebody may
        taken.bind(("127.0.0.1", 0))
        edit(practice, "127.0.0.1:8399", f"127.0.0.1:{taken.getsockname()[1]}")
        ended = spawn("run", "invoice", "documents/invoice.txt", cwd=practice)
    assert ended.returncode == 0
    [row] = rows(ended.stdout)
    assert row["outcome"] == "accepted"
    assert "a practice provider (a stand-in) runs for this command" in ended.stderr
