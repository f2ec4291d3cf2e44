"""`check --live`: its costs and its question first, then the table, what is kept, and the exit code."""

from __future__ import annotations

import json
import os
import pty
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import Result
from command_line import call, one_line_error
from fault_server import FaultServer, Play, failing
from whole_model import Script, refusing, whole, without

from qualityroute.openai_client.probes import CALLS, PROBES
from qualityroute.practice import PracticeServer

KEY = "sk-secret-0123456789"
CONFIG = """
version = 1

[providers.scripted]
base_url = "{url}"
api_key_env = "SCRIPTED_KEY"
timeout = "{timeout}"

[tiers.efficiency]
models = ["scripted/small"]

[tiers.performance]
models = ["scripted/big"]

[tasks.letter]
instructions = "Sum it up."

[[prices]]
model = "scripted/small"
effective_from = "2026-01-01"
input = 1
output = 1
"""

pytestmark = pytest.mark.usefixtures("plain_loopback")


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRIPTED_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "160")  # whoever runs the tests may have set it


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(whole) as server:
        yield server


def written(folder: Path, url: str, *, timeout: str = "20s") -> Path:
    config = folder / "qualityroute.toml"
    config.write_text(CONFIG.format(url=url, timeout=timeout))
    return config


def live(folder: Path, server: FaultServer, *options: str, timeout: str = "20s") -> Result:
    return call("check", "--live", "--config", written(folder, server.url, timeout=timeout), *options)


def row(result: Result, model: str) -> list[str]:
    return next(line.split() for line in result.stdout.splitlines() if line.startswith(f"{model} "))


def kept(folder: Path) -> dict[tuple[str, str], str]:
    with sqlite3.connect(folder / "qualityroute.db") as connection:
        return {
            (model, name): value
            for model, name, value in connection.execute("SELECT model, name, value FROM capabilities")
        }


def test_a_table_has_a_row_for_each_model_and_a_column_for_each_probe(tmp_path: Path, server: FaultServer) -> None:
    result = live(tmp_path, server, "--yes")
    assert result.exit_code == 0, result.output
    for model in ("scripted/small", "scripted/big"):
        assert sorted(row(result, model)[1:]) == ["accepted"] + ["honoured"] * (len(PROBES) - 1)
    assert "scripted/small, temperature accepted: one answer cannot show" in result.stdout
    assert len(server.requests) == 2 * CALLS


def test_a_narrow_terminal_gets_a_row_for_each_probe(
    tmp_path: Path, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = live(tmp_path, server, "--yes")
    assert row(result, "json_schema") == ["json_schema", "honoured", "honoured"]
    assert row(result, "temperature") == ["temperature", "accepted", "accepted"]
    assert all(len(line) <= 80 for line in result.stdout.partition("probe ")[2].splitlines())


def test_what_was_found_is_kept_for_the_client_and_dated(tmp_path: Path) -> None:
    def play(body: dict[str, object]) -> Play:
        return (
            refusing("temperature", script=without("response_format"))(body) if body["model"] == "big" else whole(body)
        )

    with FaultServer(play) as server:
        assert live(tmp_path, server, "--yes").exit_code == 0
    found = kept(tmp_path)
    assert found["small", "structured output"] == "json_schema"
    assert found["big", "structured output"] == "prompt"
    assert found["big", "no temperature"] == "yes"
    assert found["big", "probe: temperature"].startswith("refused: ")
    assert ("small", "no temperature") not in found


def test_json_has_every_finding_and_nothing_else_on_stdout(tmp_path: Path, server: FaultServer) -> None:
    result = live(tmp_path, server, "--yes", "--json")
    told = json.loads(result.stdout)
    assert (told["version"], told["calls"], told["most_cost"]) == (1, 2 * CALLS, None)
    small, big = told["models"]
    assert 0 < Decimal(small["most_cost"]) < Decimal("0.01")
    assert big["most_cost"] is None
    assert small["answers"] is True
    assert small["probes"].keys() == {probe.name for probe in PROBES}
    assert small["probes"]["tools"] == {"standing": "honoured", "reason": ""}
    assert "ok      task 'letter'" in result.stderr


def test_costs_are_told_before_anything_is_asked(tmp_path: Path, server: FaultServer) -> None:
    result = live(tmp_path, server)
    assert result.exit_code == 2
    assert f"scripted/small: {CALLS} tiny calls, about $0.00" in result.stderr
    assert f"scripted/big: {CALLS} tiny calls, cost unknown" in result.stderr
    assert f"in all: {2 * CALLS} calls, cost unknown" in result.stderr
    assert "with --yes it is done without asking" in one_line_error(result)
    assert server.requests == []


@pytest.mark.parametrize(("typed", "asked"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_at_a_terminal_it_asks_first(tmp_path: Path, server: FaultServer, typed: str, asked: bool) -> None:
    written(tmp_path, server.url)
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    command = [sys.executable, "-m", "qualityroute", "check", "--live"]
    done = subprocess.run(command, cwd=tmp_path, stdin=theirs, capture_output=True, text=True, timeout=60)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0, done.stderr
    assert "Proceed? [y/N]" in done.stderr
    assert ("Nothing was asked." in done.stderr) is not asked
    assert bool(server.requests) is asked


DOWN: dict[str, Script | Play] = {
    "closes": Play(cut=-1),
    "hangs": Play(delay=3_600),
    "lies": Play("<html>hello</html>"),
    "has lost the model": failing(404, "no such model"),
    "is broken": failing(500),
    "refuses the key and tells it": failing(401, f"bad key {KEY} \x1b[31m"),
    "refuses everything": failing(400, "no"),
}


@pytest.mark.parametrize("how", DOWN)
def test_a_model_that_does_not_answer_ends_with_3(tmp_path: Path, how: str) -> None:
    with FaultServer(DOWN[how]) as server:
        result = live(tmp_path, server, "--yes", timeout="0.3s")
    assert result.exit_code == 3, result.output
    assert set(row(result, "scripted/big")[1:]) == {"unknown"}
    assert "Traceback" not in result.output
    assert KEY not in result.output
    assert "\x1b" not in result.output
    assert not any(name == "structured output" for _, name in kept(tmp_path))


def test_one_model_that_is_down_leaves_the_others_findings(tmp_path: Path) -> None:
    with FaultServer(lambda body: whole(body) if body["model"] == "small" else failing(503)) as server:
        result = live(tmp_path, server, "--yes")
    assert result.exit_code == 3
    assert "honoured" in row(result, "scripted/small")
    assert "honoured" not in row(result, "scripted/big")
    reasons = [line for line in result.stdout.splitlines() if line.startswith("scripted/big, ")]
    assert len(reasons) == 2, reasons  # that it does not answer, and that the rest was not asked


def test_a_mistake_of_the_configuration_is_told_and_nothing_is_asked(
    tmp_path: Path, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCRIPTED_KEY")
    result = live(tmp_path, server, "--yes")
    assert result.exit_code == 2
    assert "the environment variable 'SCRIPTED_KEY' is not set" in result.stdout
    assert server.requests == []


@pytest.mark.parametrize("option", ["--yes", "--json"])
def test_options_of_live_without_it_are_a_usage_error(tmp_path: Path, server: FaultServer, option: str) -> None:
    result = call("check", "--config", written(tmp_path, server.url), option)
    assert result.exit_code == 2
    assert f"{option} goes with --live." in result.stderr


def test_check_without_live_asks_no_model(tmp_path: Path, server: FaultServer) -> None:
    assert call("check", "--config", written(tmp_path, server.url)).exit_code == 0
    assert server.requests == []


def test_the_practice_provider_fills_schemas_and_calls_tools_and_gives_no_logprobs(tmp_path: Path) -> None:
    with PracticeServer() as practice:
        config = tmp_path / "qualityroute.toml"
        text = CONFIG.format(url=practice.base_url, timeout="20s").replace("scripted/big", "scripted/careful")
        config.write_text(text)
        result = call("check", "--live", "--yes", "--json", "--config", config)
    assert result.exit_code == 0, result.output
    for model in json.loads(result.stdout)["models"]:
        told = {name: found["standing"] for name, found in model["probes"].items()}
        expected = {"json_schema": "honoured", "tools": "honoured", "stream usage": "honoured", "logprobs": "ignored"}
        assert told | expected == told
    assert kept(tmp_path)["careful", "structured output"] == "json_schema"


def test_a_practice_configuration_is_probed_without_a_provider_that_runs(tmp_path: Path) -> None:
    assert call("init", tmp_path, "--practice").exit_code == 0
    result = call("check", "--live", "--yes", "--config", tmp_path / "qualityroute.toml")
    assert result.exit_code == 0, result.output
    assert "honoured" in row(result, "practice/small")
