"""The common form of what benchmarks find, their command lines, and the soak's verdict."""

from __future__ import annotations

import argparse
import importlib
import json
import random
import re
import socket
from getpass import getuser
from pathlib import Path

import pytest
from results import Row, Run, begin, command, machine, shown, table_of
from rich.console import Console
from soak_plot import write_pictures
from soak_slope import medians, slope_of
from soak_verdict import figures, flat

ROOT = Path(__file__).parent.parent
NAMES = re.findall(r"\S+", re.findall(r"^BENCHMARKS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0])


def run_of(path: Path | None = None, *, quick: bool = False) -> Run:
    return Run("store", argparse.Namespace(json=path, quick=quick))


def test_a_row_of_rounds_has_their_median_and_its_extremes() -> None:
    row = Row.of("pins", [3.0, 1.0, 2.0], "us")
    assert (row.value, row.min, row.max, row.rounds) == (2.0, 1.0, 3.0, 3)


def test_a_ratio_compares_each_round_with_the_other_of_its_own() -> None:
    row = Row.ratio("pins", [2.0, 30.0, 4.0], [1.0, 10.0, 4.0], "plain SELECT")
    assert (row.value, row.min, row.max, row.ratio_to) == (2.0, 1.0, 3.0, "plain SELECT")


def test_rounds_that_do_not_pair_make_no_ratio() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Row.ratio("pins", [1.0, 2.0], [1.0], "plain SELECT")


@pytest.mark.parametrize(("value", "met"), [(1.0, True), (1.08, True), (1.09, False)])
def test_a_limit_is_met_up_to_itself(value: float, met: bool) -> None:
    assert Row("call", value, "x").at_most(1.08).met is met
    assert Row("rows", -value, "/s").at_least(-1.08).met is met


def test_the_json_has_the_common_form_and_leaves_out_what_is_unknown(tmp_path: Path) -> None:
    run_of(tmp_path / "found.json", quick=True).write([Row.of("pins", [1.0, 2.0], "us").at_most(1), Row("bare", 0, "")])
    told = json.loads((tmp_path / "found.json").read_text())
    assert set(told) == {"benchmark", "version", "at", "machine", "quick", "rows"}
    assert (told["benchmark"], told["quick"]) == ("store", True)
    assert {"cpu", "cores", "memory", "os", "python", "packages"} <= set(told["machine"])
    pins, bare = told["rows"]
    assert bare == {"what": "bare", "value": 0, "unit": ""}
    assert pins == {**bare, "what": "pins", "unit": "us", "value": 1.5, "min": 1, "max": 2, "rounds": 2} | {
        "limit": "at most 1",
        "met": False,
    }


def test_the_description_of_the_machine_names_no_host_user_or_path() -> None:
    told = json.dumps(run_of().told([]))
    assert machine()["cores"] >= 1
    for secret in (socket.gethostname(), getuser(), str(Path.home()), str(ROOT)):
        assert not re.search(rf"(?<![\w.]){re.escape(secret)}(?![\w.])", told) or secret in ("/", "root")
    assert "/" not in json.dumps(told)


def test_a_missed_promise_is_seen_in_the_table() -> None:
    console = Console(width=150)
    with console.capture() as shown_text:
        console.print(table_of([Row("pins [red]", 2.0, "us").at_most(1), Row("rows", 1.0, "/s").at_most(1)]))
    text = shown_text.get()
    assert "pins [red]" in text
    assert text.count("MISSED") == 1
    assert "rounds" not in text


@pytest.mark.parametrize(
    ("value", "words"), [(0.0, "0"), (1.0812, "1.08"), (123_456.7, "123,457"), (1e-7, "1e-07"), (0.5, "0.5")]
)
def test_figures_are_shown_with_the_digits_they_deserve(value: float, words: str) -> None:
    assert shown(value) == words


def test_the_makefile_runs_every_program_that_begins_a_run() -> None:
    files = (ROOT / "benchmarks").glob("*.py")
    programs = [path.stem for path in files if f'begin("{path.stem}"' in path.read_text()]
    assert sorted(programs) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_has_a_quick_form_and_writes_json(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = importlib.import_module(name)
    monkeypatch.setattr("sys.argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "--quick" in said
    assert "--json FILE" in said
    assert f'begin("{name}"' in Path(str(program.__file__)).read_text()


def test_the_options_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.argv", ["store.py", "--quick", "--json", str(tmp_path / "found.json")])
    run = begin("store", command("What.", quick="less"))
    assert (run.options.quick, run.options.json) == (True, tmp_path / "found.json")


# --- the soak


def test_a_slope_is_not_moved_by_a_few_wild_values() -> None:
    points = [(float(x), 5.0 + 2.0 * x) for x in range(50)]
    wild = [(x, 1e6) if x in (7.0, 31.0) else (x, y) for x, y in points]
    assert slope_of(wild).value == pytest.approx(2.0)


def test_a_slopes_interval_holds_about_as_often_as_it_says() -> None:
    chance = random.Random(3)
    held = 0
    for _ in range(200):
        found = slope_of([(float(x), 0.1 * x + chance.gauss(0, 1)) for x in range(30)])
        held += found.low <= 0.1 <= found.high
    assert 180 <= held <= 199


def test_two_points_have_no_interval() -> None:
    with pytest.raises(ValueError, match="3 points"):
        slope_of([(0.0, 0.0), (1.0, 1.0)])


def test_medians_keep_the_order_and_lose_a_wild_value() -> None:
    points = [(float(x), 1.0) for x in range(9)]
    points[4] = (4.0, 99.0)
    assert medians(points, 3) == [(1.0, 1.0), (4.0, 1.0), (7.0, 1.0)]


def samples(mib_a_minute: float, minutes: int = 60) -> list[dict[str, object]]:
    chance = random.Random(1)
    return [
        flat(
            {
                "minute": number / 12, "requests": 70 * number, "cpu": 0.5 * number, "store": 1.0, "wal": 4.0,
                "resident": 110 + mib_a_minute * number / 12 + chance.random(), "anonymous": 80.0, "files": 30,
                "threads": 9, "p50": 20.0, "p99": 90.0, "outcomes": {"200": 69, "502 provider_error": 1},
                "inside": {"tasks": 5, "objects": 150_000, "heap": {"used": 2**25, "free": 2**22}},
            }
        )
        for number in range(1, 12 * minutes + 1)
    ]  # fmt: skip


@pytest.mark.parametrize(("mib_a_minute", "met"), [(0.0, True), (0.2, False)])
def test_a_soak_is_flat_only_if_memory_is(mib_a_minute: float, met: bool) -> None:
    rows = {row.what: row for row in figures(samples(mib_a_minute), {"500": 3})}
    assert rows["resident memory grows over 10,000 requests"].met is met
    assert rows["requests that ended with 502 provider_error"].value == 720


def test_a_short_soak_promises_nothing() -> None:
    rows = {row.what: row for row in figures(samples(0.0, minutes=2), {})}
    assert rows["resident memory grows over 10,000 requests"].met is None


def test_the_soaks_picture_is_drawn(tmp_path: Path) -> None:
    write_pictures(samples(0.0, minutes=1), "a soak", tmp_path / "soak.svg", tmp_path / "soak.png")
    assert "Memory, MiB" in (tmp_path / "soak.svg").read_text()
    assert (tmp_path / "soak.png").read_bytes().startswith(b"\x89PNG")
