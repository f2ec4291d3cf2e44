"""The examples are programs that work, and say what their first lines promise."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import runpy
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from qualityroute.practice import TASKS, PracticeServer, documents

EXAMPLES = Path(__file__).parents[1] / "examples"
PROGRAMS = (
    "certified_batch", "extract_invoice", "fastapi_service", "folder_to_table", "local_models", "many_documents",
    "own_judge", "own_rubric", "pins",
)  # fmt: skip


class Said(NamedTuple):
    stdout: str
    stderr: str


def run(name: str, *arguments: str, code: int = 0) -> Said:
    """The program as `python` runs it, in this process, which has imported what it needs already."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        patch.syspath_prepend(str(EXAMPLES))
        patch.setattr(sys, "argv", [f"{name}.py", *arguments])
        try:
            runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
            ended = 0
        except SystemExit as error:
            ended = error.code if isinstance(error.code, int) else 1
    assert ended == code, out.getvalue() + err.getvalue()
    return Said(out.getvalue(), err.getvalue())


def run_process(name: str, *arguments: str) -> Said:
    """The same as a process of its own, where each warning is an error."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return Said(done.stdout, done.stderr)


def test_every_program_of_the_folder_is_tested_here() -> None:
    programs = {path.stem for path in EXAMPLES.glob("*.py") if "__main__" in path.read_text(encoding="utf-8")}
    assert programs == set(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_short_and_says_how_to_run_it(name: str) -> None:
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 100
    assert f"python examples/{name}.py" in (ast.get_docstring(ast.parse(text)) or "")


def test_extract_invoice_serves_the_total_that_the_cheap_model_got_wrong() -> None:
    said = run_process("extract_invoice").stdout
    assert re.search(r"^total +69\.0$", said, re.MULTILINE)
    assert re.search(r"^due_date +None$", said, re.MULTILINE)
    assert "Outcome: fallback, answered by practice/careful" in said
    assert "efficiency: rejected" in said
    assert re.search(r"^Cost: \$0\.00\d+ in 3 model calls$", said, re.MULTILINE)


def test_extract_invoice_keeps_the_cheap_answer_of_a_clear_document() -> None:
    said = run("extract_invoice", str(EXAMPLES / "documents" / "clear.txt")).stdout
    assert re.search(r"^total +300\.0$", said, re.MULTILINE)
    assert "Outcome: accepted, answered by practice/small" in said


def test_extract_invoice_reads_by_a_configuration_of_ones_own(tmp_path: Path) -> None:
    with PracticeServer() as server:
        config = tmp_path / "qualityroute.toml"
        config.write_text(own_config(server.base_url), encoding="utf-8")
        said = run("extract_invoice", "--config", str(config), "--task", "amounts").stdout
        assert server.calls == {"careful": 1}
    assert re.search(r"^total +69$", said, re.MULTILINE)
    assert "Outcome: performance, answered by practice/careful" in said
    assert "Cost: unknown in 1 model call\n" in said
    assert (tmp_path / "qualityroute.db").is_file()


def own_config(base_url: str) -> str:
    return f"""
[providers.practice]
base_url = "{base_url}"
[tiers.efficiency]
models = ["practice/small"]
[tiers.performance]
models = ["practice/careful"]
[tasks.amounts]
tier = "performance"
schema = {{ type = "object", properties = {{ total = {{ type = "number" }} }}, required = ["total"] }}
"""


def test_own_judge_keeps_the_right_total_and_sees_the_wrong_one() -> None:
    clear, _, subtotal, _ = lines = run("own_judge").stdout.splitlines()
    assert (clear, subtotal) == (
        "clear.txt: total=300.0, outcome: accepted",
        "subtotal.txt: total=69.0, outcome: fallback",
    )
    assert [line.split("score: ")[1] for line in lines[1::2]] == [
        "1.0, its call: own/TotalLine",
        "0.0, its call: own/TotalLine",
    ]


def test_own_rubric_shows_an_accepted_a_mended_and_a_rejected_answer() -> None:
    clear, subtotal, wrong_sum = run("own_rubric").stdout.strip().split("\n\n")
    assert "net=250.0 vat=50.0 total=300.0, outcome: accepted" in clear
    assert "net=57.5 vat=11.5 total=69.0, outcome: fallback" in subtotal
    assert "efficiency: rejected by 'checks': total_adds_up: net 57.5 and VAT 11.5 make 69.0, not 57.5" in subtotal
    assert "no answer is served" in wrong_sum
    assert "performance: rejected by 'checks': total_adds_up: net 120.0 and VAT 24.0 make 144.0, not 154.0" in wrong_sum


def test_pins_shows_a_pin_made_kept_released_and_added_by_hand() -> None:
    said = run("pins").stdout
    told = re.findall(r"^(\w+\.txt): (\w+), (\d) model call", said, re.MULTILINE)
    assert told == [
        ("subtotal.txt", "fallback", "3"),
        ("clear.txt", "pinned", "1"),
        ("clear.txt", "accepted", "2"),
        ("clear.txt", "pinned", "1"),
    ]
    assert "session gorse-hill is pinned until" in said
    assert "because: manual, a customer we must not fail" in said
    assert "released: gorse-hill" in said


def test_many_documents_answers_each_and_adds_them_up() -> None:
    done = run_process("many_documents")
    rows = {row.split()[0]: row.split() for row in done.stdout.splitlines() if row.split()[:1] and row[0].isalpha()}
    for task in TASKS:
        count = len(documents(task))
        assert int(rows[task][1]) == count
        assert 0 < int(rows[task][3]) <= int(rows[task][2]) <= count
        assert f"{task}: {count} of {count}" in done.stderr
    assert re.search(r"^\d+ sessions are pinned to the performance tier now\.$", done.stdout, re.MULTILINE)


def test_many_documents_does_one_task_alone() -> None:
    rows = run("many_documents", "--task", "triage", "--concurrency", "4").stdout
    assert re.search(r"^triage +16", rows, re.MULTILINE)
    assert "invoice" not in rows


def test_many_documents_names_its_tasks_when_one_is_unknown() -> None:
    said = run("many_documents", "--task", "invioce", code=2).stderr
    assert "invalid choice: 'invioce'" in said


def test_a_folder_becomes_a_table_and_what_is_there_is_not_read_again(tmp_path: Path) -> None:
    folder, database = tmp_path / "inbox", tmp_path / "table.db"
    folder.mkdir()
    for name, known in (("clear.txt", 0), ("subtotal.txt", 1)):
        (folder / name).write_text((EXAMPLES / "documents" / name).read_text(encoding="utf-8"), encoding="utf-8")
        told = run("folder_to_table", str(folder), "--out", str(database)).stderr
        assert told == f"1 to read, {known} read before\n1 of 1\n"
    with closing(sqlite3.connect(database)) as opened:
        assert opened.execute("SELECT file, total, outcome FROM documents ORDER BY file").fetchall() == [
            ("clear.txt", 300.0, "accepted"),
            ("subtotal.txt", 69.0, "fallback"),
        ]


def test_a_table_of_csv_comes_back_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    program = runpy.run_path(str(EXAMPLES / "folder_to_table.py"))
    rows = [dict.fromkeys(program["COLUMNS"], "") | {"file": "a.txt", "vendor": 'Tern, "Ltd"\nLondon', "total": "3.5"}]
    program["write"](rows, tmp_path / "table.csv")
    assert program["before"](tmp_path / "table.csv") == rows


def test_a_batch_ends_in_a_certificate_or_says_how_many_labels_are_missing() -> None:
    said = run("certified_batch").stdout
    assert re.findall(r"^\$ qualityroute (\w+(?: \w+)?) ", said, re.MULTILINE) == [
        "baseline run",
        "baseline compare",
        "calibrate invoice",
    ]
    assert "invoice is certified: at most 10 % of accepted answers differ from the performance tier's" in said


def test_a_local_model_answers_first_and_what_it_gets_wrong_falls_back() -> None:
    with PracticeServer() as local:
        said = run("local_models", "--server", "vllm", "--address", local.base_url, "--model", "small").stdout
    told = re.findall(r"^(\w+\.txt): (\w+), answered by (\S+),", said, re.MULTILINE)
    assert told[:2] == [
        ("clear.txt", "accepted", "local/small"),
        ("subtotal.txt", "fallback", "practice/careful"),
    ]


def test_the_service_holds_its_caller_after_a_wrong_answer() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(EXAMPLES / "fastapi_service.py"), "--port", str(port)]
    with subprocess.Popen(command) as service:
        try:
            outcomes = [ask_service(port, name) for name in ("subtotal.txt", "clear.txt")]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/sessions/ada", timeout=30) as reply:
                pinned = json.load(reply)["pinned"]
        finally:
            service.terminate()
    assert outcomes == ["fallback", "pinned"]
    assert pinned


def ask_service(port: int, name: str) -> str:
    """Asks until the service is there."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/invoices", (EXAMPLES / "documents" / name).read_bytes(), {"x-user": "ada"}
    )
    for _ in range(300):
        try:
            with urllib.request.urlopen(asked, timeout=30) as reply:
                return str(json.load(reply)["outcome"])
        except ConnectionError:
            pass
        except urllib.error.URLError as error:
            assert isinstance(error.reason, ConnectionError)
        time.sleep(0.1)
    raise AssertionError("the service did not start")


def test_the_notebook_runs_and_its_gate_is_better_than_a_coin(capsys: pytest.CaptureFixture[str]) -> None:
    notebook = json.loads((EXAMPLES / "cost_quality.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    shown: list[dict[str, Any]] = []
    names: dict[str, Any] = {"display": lambda data, raw: shown.append(data)}

    async def run_all() -> None:
        for cell in cells:
            found = eval(compile(cell, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
            if found is not None:
                await found

    asyncio.run(run_all())
    cheap, *gated, dear = names["points"]
    slope = (dear["right"] - cheap["right"]) / (dear["cost"] - cheap["cost"])
    assert any(point["right"] > cheap["right"] + slope * (point["cost"] - cheap["cost"]) for point in gated)
    assert not any(cell.get("outputs") for cell in notebook["cells"])
    (chart,) = shown
    assert len(chart["application/vnd.vegalite.v6+json"]["layer"]) == 3
