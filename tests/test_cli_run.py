"""`run`: each input gets one line, bad ones too, and the exit code tells how it went."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import call, one_line_error, rows, spawn
from kill_resume import kill_and_resume

from qualityroute.commands.row_files import open_rows
from qualityroute.errors import ConfigError
from qualityroute.practice import PracticeServer, documents


@pytest.fixture(scope="module")
def server() -> Iterator[PracticeServer]:
    with PracticeServer() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, server: PracticeServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, current, whose practice provider is running."""
    call("init", tmp_path, "--practice")
    config = tmp_path / "qualityroute.toml"
    config.write_text(config.read_text().replace("http://127.0.0.1:8399/v1", server.base_url))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(*values: object) -> str:
    return "".join(f"{json.dumps(value)}\n" for value in values)


def _has_a_row(path: Path) -> bool:
    return path.exists() and "\n" in path.read_text()


def decisions(folder: Path) -> dict[str, str]:
    """Ids and outcomes of what the ledger holds."""
    database = sqlite3.connect(folder / "qualityroute.db")
    try:
        return dict(database.execute("SELECT id, outcome FROM decisions"))
    finally:
        database.close()


HARD = documents("contract")[4].input


def test_a_row_has_the_documented_keys_and_its_decision_is_in_the_ledger(folder: Path) -> None:
    result = call("run", "invoice", "documents/invoice.txt", "--session", "user-1")
    assert result.exit_code == 0, result.output
    [row] = rows(result.stdout)
    assert list(row) == [
        *("id", "index", "file", "task", "input_key"),
        *("outcome", "reason", "tier", "model", "cost", "decision", "output"),
    ]
    assert row["id"] == row["file"] == "documents/invoice.txt"
    assert (row["index"], row["outcome"], row["tier"], row["model"]) == (0, "accepted", "efficiency", "practice/small")
    assert row["output"]["total"] == 369.6
    assert decisions(folder) == {row["decision"]: "accepted"}
    assert result.stderr.startswith("1 input: 1 accepted; $0.000")


def test_a_dash_or_no_file_reads_one_text_from_standard_input(folder: Path) -> None:
    text = (folder / "documents" / "invoice.txt").read_text()
    for arguments in (("-",), ()):
        [row] = rows(call("run", "invoice", *arguments, given=text).stdout)
        assert row["id"] == "-"
        assert "file" not in row
        assert row["outcome"] == "accepted"


def test_lines_of_json_bring_their_own_id_and_session(folder: Path) -> None:
    text = (folder / "documents" / "invoice.txt").read_text()
    given = lines({"input": text, "id": "a", "session": "s1"}, {"input": text})
    found = {row["id"]: row for row in rows(call("run", "invoice", "--input-format", "jsonl", given=given).stdout)}
    assert set(found) == {"a", "-:2"}
    assert found["-:2"]["index"] == 1


def test_an_id_that_two_lines_have_is_refused_in_the_later_one(folder: Path) -> None:
    text = (folder / "documents" / "invoice.txt").read_text()
    result = call(
        "run", "invoice", "--input-format", "jsonl", given=lines({"input": text, "id": "a"}, {"input": "x", "id": "a"})
    )
    assert result.exit_code == 1
    found = {row["id"]: row for row in rows(result.stdout)}
    assert found["a"]["outcome"] == "accepted"
    assert "line 2 of standard input has the id 'a' of an earlier input" in found["a#2"]["error"]


def test_files_that_are_named_so_are_lines_of_json_and_a_format_says_otherwise(folder: Path) -> None:
    text = (folder / "documents" / "invoice.txt").read_text()
    for name in ("in.jsonl", "in.NDJSON"):
        (folder / name).write_text(lines({"input": text, "id": "a"}))
    (folder / "lines.txt").write_text(lines({"input": text, "id": "b"}))
    found = rows(call("run", "invoice", "in.jsonl", "documents/invoice.txt").stdout)
    assert sorted(row["id"] for row in found) == ["a", "documents/invoice.txt"]
    assert [row["id"] for row in rows(call("run", "invoice", "in.NDJSON").stdout)] == ["a"]
    for name, form, told in (("in.jsonl", "text", "in.jsonl"), ("lines.txt", "jsonl", "b")):
        [row] = rows(call("run", "invoice", name, "--input-format", form).stdout)
        assert row["id"] == told


def test_an_id_given_twice_is_told_apart(folder: Path) -> None:
    found = rows(call("run", "invoice", "documents/invoice.txt", "documents/invoice.txt").stdout)
    assert sorted(row["id"] for row in found) == ["documents/invoice.txt", "documents/invoice.txt#2"]


def test_inputs_of_one_session_are_answered_in_their_order_and_meet_its_pin(folder: Path) -> None:
    given = lines(*({"input": HARD, "id": str(number)} for number in range(3)))
    result = call("run", "contract", "--input-format", "jsonl", "--session", "u", given=given)
    found = rows(result.stdout)
    assert [row["id"] for row in found] == ["0", "1", "2"]
    assert [row["outcome"] for row in found] == ["fallback", "pinned", "pinned"]


def test_inputs_of_other_sessions_start_on_efficiency(folder: Path) -> None:
    given = lines(*({"input": HARD, "session": str(number)} for number in range(3)))
    found = rows(call("run", "contract", "--input-format", "jsonl", given=given).stdout)
    assert [row["outcome"] for row in found] == ["fallback"] * 3


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("missing.txt", None, "'missing.txt' does not exist"),
        ("documents", None, "'documents' is a directory"),
        ("empty.txt", b"", "'empty.txt' is empty"),
        ("blank.txt", b" \n\n", "'blank.txt' is empty"),
        ("latin.txt", "Café".encode("latin-1"), "'latin.txt' is not UTF-8 text (byte 3)"),
        ("large.txt", b"x" * 20_000_000, "'large.txt' is larger than max_input allows (4,000,000 characters)"),
        ("long.txt", b"x" * 5_000_000, "input has 5,000,000 characters; max_input allows 4,000,000"),
        ("nul\0name", None, "cannot be read"),
    ],
)
def test_a_bad_file_gets_a_line_that_names_it_and_the_others_go_on(
    folder: Path, name: str, content: bytes | None, told: str
) -> None:
    if content is not None:
        (folder / name).write_bytes(content)
    result = call("run", "invoice", name, "documents/invoice.txt")
    assert result.exit_code == 1
    found = {row["index"]: row for row in rows(result.stdout)}
    assert told in found[0]["error"]
    assert found[0]["decision"] is None
    assert "output" not in found[0]
    assert found[1]["outcome"] == "accepted"
    assert "1 bad input" in result.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"not json", "line 1 of standard input is not JSON: expecting value (column 1)"),
        (b'{"input": "x"', "line 1 of standard input is not JSON: expecting ',' delimiter (column 14)"),
        (b"[1]", 'has no "input"'),
        (b'{"session": "x"}', 'has no "input"'),
        (b'{"inptu": "x"}', "has an unknown key 'inptu'; did you mean 'input'?"),
        (b'{"input": "x", "sesion": "s"}', "has an unknown key 'sesion'; did you mean 'session'?"),
        (b'{"input": "x", "expected": 1}', "has an unknown key 'expected'; there are: id, input, session"),
        (b'{"input": "x", "input": "y"}', "cannot be read: the key 'input' stands twice in one object (column 16)"),
        (b'{"input": "x", "id": {}}', "has an id or session that is no text"),
        (b'{"input": "caf\xe9"}', "line 1 of standard input is not UTF-8 text"),
        (b'{"input": ""}', "input is empty"),
        (b'{"input": [{"role": "wizard"}]}', "has no valid 'role'"),
        (b'{"input": "x", "session": "' + b"s" * 10_000 + b'"}', "session has 10,000 characters"),
        (b'{"input": "x", "session": "a\\u0007b"}', "holds control characters"),
        (b'{"input": "' + b"x" * 60_000_000 + b'"}', "line 1 of standard input is larger than max_input"),
        (b"[" * 100_000, "nested deeper than 128 levels (column 129)"),
    ],
)
def test_a_bad_line_gets_a_line_that_says_why_and_the_others_go_on(folder: Path, line: bytes, told: str) -> None:
    good = json.dumps({"input": (folder / "documents" / "invoice.txt").read_text(), "id": "good"}).encode()
    result = call("run", "invoice", "--input-format", "jsonl", given=line + b"\n\n" + good)
    assert result.exit_code == 1, result.output
    found = {row["id"]: row for row in rows(result.stdout)}
    assert told in found["-:1"]["error"]
    assert found["good"]["outcome"] == "accepted"


def test_chat_messages_are_an_input_too(folder: Path) -> None:
    text = (folder / "documents" / "invoice.txt").read_text()
    given = lines({"input": [{"role": "user", "content": text}]})
    [row] = rows(call("run", "invoice", "--input-format", "jsonl", given=given).stdout)
    assert row["outcome"] == "accepted"


def test_an_answer_that_no_tier_got_right_is_an_error_line_with_its_decision_and_exit_one(folder: Path) -> None:
    result = call("run", "invoice", given="Hello, how are you?")
    assert result.exit_code == 1
    [row] = rows(result.stdout)
    assert row["outcome"] == "rejected"
    assert "no answer passed its checks" in row["error"]
    assert decisions(folder) == {row["decision"]: "rejected"}


def test_an_unknown_task_is_a_mistake_that_suggests_the_nearest(folder: Path) -> None:
    result = call("run", "invioce", "documents/invoice.txt")
    assert result.exit_code == 2
    assert "no task 'invioce'; did you mean 'invoice'?" in one_line_error(result)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--session", "s" * 10_000), "session has 10,000 characters"),
        (("--session", "a\x07b"), "holds control characters"),
        (("--session", ""), "session is empty"),
        (("--tenant", ""), "tenant is empty"),
        (("--resume",), "--resume needs --out"),
        (("--out", "."), "--out: '.' cannot be written"),
        (("--out", "nowhere/out.jsonl"), "cannot be written: No such file"),
        (("--concurrency", "0"), "'--concurrency'"),
        (("--config", "nothing.toml"), "no configuration 'nothing.toml'"),
        (("--db", "mysql://host/db"), "has an unknown scheme 'mysql'"),
    ],
)
def test_a_mistake_of_the_call_is_told_before_any_model_is_asked(
    folder: Path, server: PracticeServer, arguments: tuple[str, ...], told: str
) -> None:
    asked = server.calls
    result = call("run", "invoice", "documents/invoice.txt", *arguments)
    assert result.exit_code == 2
    assert told in one_line_error(result)
    assert server.calls == asked


def test_a_provider_that_is_down_is_exit_three_with_a_row_and_a_decision(folder: Path) -> None:
    config = folder / "qualityroute.toml"
    text = (
        config.read_text()
        .replace("[providers.practice]", "[providers.gone]\nretries = 0")
        .replace('"practice/', '"gone/')
    )
    import re

    config.write_text(re.sub(r"http://127.0.0.1:\d+", "http://127.0.0.1:9", text))
    result = call("run", "invoice", "documents/invoice.txt", "missing.txt")
    assert result.exit_code == 3
    found = {row["index"]: row for row in rows(result.stdout)}
    assert found[0]["outcome"] == "failed"
    assert "no endpoint of tier" in found[0]["error"]
    assert decisions(folder) == {found[0]["decision"]: "failed"}


@pytest.mark.parametrize("what", ["directory", "no database"])
def test_a_store_that_cannot_be_opened_is_exit_three(folder: Path, server: PracticeServer, what: str) -> None:
    (folder / "garbage.db").write_bytes(b"this is no database" * 100)
    asked = server.calls
    result = call("run", "invoice", "documents/invoice.txt", "--db", "." if what == "directory" else "garbage.db")
    assert result.exit_code == 3
    assert one_line_error(result)
    assert server.calls == asked


def test_a_missing_key_is_a_mistake_of_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("init", tmp_path)
    monkeypatch.chdir(tmp_path)
    result = call("run", "invoice", "documents/invoice.txt")
    assert result.exit_code == 2
    assert "'OPENAI_API_KEY' is not set" in one_line_error(result)


def test_db_takes_the_place_of_the_configurations_store(folder: Path) -> None:
    call("run", "invoice", "documents/invoice.txt", "--db", "other.db")
    assert (folder / "other.db").exists()
    assert not (folder / "qualityroute.db").exists()


def test_a_row_never_carries_a_character_that_a_terminal_obeys(folder: Path) -> None:
    result = call("run", "invoice", "--input-format", "jsonl", given=lines({"input": "x", "id": "a\x1b[2J\x9b\u202e"}))
    assert not any(char in result.stdout for char in "\x1b\x9b\u202e")
    assert rows(result.stdout)[0]["id"] == "a\x1b[2J\x9b\u202e"


def test_out_that_has_rows_is_not_written_over(folder: Path) -> None:
    (folder / "out.jsonl").write_text(lines({"id": "x", "outcome": "accepted"}))
    result = call("run", "invoice", "documents/invoice.txt", "--out", "out.jsonl")
    assert result.exit_code == 2
    assert "has rows already; go on with --resume" in one_line_error(result)


def test_resume_does_only_the_rest(folder: Path, server: PracticeServer) -> None:
    call("run", "invoice", "documents/invoice.txt", "--out", "out.jsonl")
    asked = server.calls["small"]
    again = ("run", "invoice", "documents/invoice.txt", "documents/receipt.txt", "--out", "out.jsonl", "--resume")
    assert call(*again).exit_code in (0, 1)
    assert server.calls["small"] == asked + 1
    found = rows((folder / "out.jsonl").read_text())
    assert [row["id"] for row in found] == ["documents/invoice.txt", "documents/receipt.txt"]
    told = call(*again).stderr
    assert told.startswith("0 inputs: none")
    assert told.endswith("; 2 were there already\n")


def test_resume_goes_on_with_no_rows_of_another_task(folder: Path, server: PracticeServer) -> None:
    call("run", "invoice", "documents/invoice.txt", "--out", "out.jsonl")
    before, asked = (folder / "out.jsonl").read_bytes(), server.calls
    result = call("run", "contract", "documents/invoice.txt", "--out", "out.jsonl", "--resume")
    assert result.exit_code == 2
    assert "line 1 of 'out.jsonl' is a row of task 'invoice', not of 'contract'" in one_line_error(result)
    assert ((folder / "out.jsonl").read_bytes(), server.calls) == (before, asked)


def test_resume_takes_no_changed_input_for_finished_and_says_which(folder: Path, server: PracticeServer) -> None:
    text = (folder / "documents" / "invoice.txt").read_text()
    resume = ("run", "invoice", "--input-format", "jsonl", "--out", "out.jsonl", "--resume")
    call(*resume, given=lines({"input": text, "id": "same"}, {"input": text, "id": "other"}))
    before, asked = (folder / "out.jsonl").read_bytes(), server.calls
    result = call(*resume, given=lines({"input": text, "id": "same"}, {"input": f"{text}!", "id": "other"}))
    assert result.exit_code == 1
    assert "1 input has changed since a row was written: other; take those rows out" in one_line_error(result)
    assert result.stderr.splitlines()[0].endswith("; 1 was there already")
    assert ((folder / "out.jsonl").read_bytes(), server.calls) == (before, asked)


def test_resume_takes_older_rows_by_their_ids_alone(folder: Path, server: PracticeServer) -> None:
    (folder / "out.jsonl").write_text(lines({"id": "documents/invoice.txt", "outcome": "accepted"}))
    asked = server.calls
    assert call("run", "invoice", "documents/invoice.txt", "--out", "out.jsonl", "--resume").exit_code == 0
    assert server.calls == asked


def test_resume_cuts_a_torn_line_off_and_does_that_input_again(folder: Path) -> None:
    call("run", "invoice", "documents/invoice.txt", "--out", "out.jsonl")
    whole = (folder / "out.jsonl").read_text()
    (folder / "out.jsonl").write_text(whole + '{"id": "documents/receipt.txt", "outcome": "acc')
    call("run", "invoice", "documents/invoice.txt", "documents/receipt.txt", "--out", "out.jsonl", "--resume")
    text = (folder / "out.jsonl").read_text()
    assert text.startswith(whole)
    assert [row["id"] for row in rows(text)] == ["documents/invoice.txt", "documents/receipt.txt"]


def test_resume_does_inputs_again_that_got_no_answer(folder: Path) -> None:
    arguments = ("run", "invoice", "later.txt", "documents/invoice.txt", "--out", "out.jsonl", "--concurrency", "1")
    assert call(*arguments).exit_code == 1
    assert [row["outcome"] for row in rows((folder / "out.jsonl").read_text())] == [None, "accepted"]
    (folder / "later.txt").write_text((folder / "documents" / "invoice.txt").read_text())
    assert call(*arguments, "--resume").exit_code == 0
    found = rows((folder / "out.jsonl").read_text())
    assert {row["id"]: row["outcome"] for row in found} == {
        "documents/invoice.txt": "accepted",
        "later.txt": "accepted",
    }
    assert len(found) == 2
    assert not (folder / "out.jsonl.new").exists()


def test_resume_into_a_file_that_run_did_not_write_is_refused(folder: Path) -> None:
    (folder / "notes.txt").write_text("dear diary\n")
    result = call("run", "invoice", "documents/invoice.txt", "--out", "notes.txt", "--resume")
    assert result.exit_code == 2
    assert "line 1 of 'notes.txt' was not written by `run`" in one_line_error(result)
    assert (folder / "notes.txt").read_text() == "dear diary\n"


def test_two_runs_never_write_one_file_at_once(tmp_path: Path) -> None:
    first, _ = open_rows(tmp_path / "out.jsonl", "invoice", resume=True)
    try:
        with pytest.raises(ConfigError, match="another `run` is writing"):
            open_rows(tmp_path / "out.jsonl", "invoice", resume=True)
    finally:
        first.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_stops_the_run_with_exit_three(folder: Path) -> None:
    result = call("run", "invoice", "documents/invoice.txt", "--out", "/dev/full")
    assert result.exit_code == 3
    assert "stopped: '/dev/full' cannot be written: No space left on device" in one_line_error(result)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_keeps_finished_rows_and_says_how_to_go_on(folder: Path, number: int, code: int) -> None:
    with PracticeServer(latency={"small": 0.2}) as slow:
        config = folder / "qualityroute.toml"
        import re

        config.write_text(re.sub(r"http://127.0.0.1:\d+/v1", slow.base_url, config.read_text()))
        text = (folder / "documents" / "invoice.txt").read_text()
        (folder / "in.jsonl").write_text(lines(*({"input": text, "id": str(n)} for n in range(40))))
        options = ["--input-format", "jsonl", "--out", "out.jsonl", "--concurrency", "2"]
        command = [sys.executable, "-m", "qualityroute", "run", "invoice", "in.jsonl", *options]
        process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not _has_a_row(folder / "out.jsonl"):
            time.sleep(0.01)
        process.send_signal(number)
        _, told = process.communicate(timeout=20)
    assert process.returncode == code
    assert "interrupted; the same command with --resume does the rest" in told
    assert "Traceback" not in told
    done = rows((folder / "out.jsonl").read_text())
    assert 0 < len(done) < 40
    ledger = decisions(folder)
    assert all(ledger[row["decision"]] == "accepted" for row in done)
    assert set(ledger.values()) <= {"accepted", "cancelled"}
    assert "cancelled" in ledger.values()


def test_ctrl_c_ends_a_run_that_waits_for_standard_input(folder: Path) -> None:
    command = [sys.executable, "-m", "qualityroute", "run", "invoice", "--input-format", "jsonl"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines({"input": (folder / "documents" / "invoice.txt").read_text()}))
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["outcome"] == "accepted"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130


@pytest.mark.slow
def test_kill_nine_loses_and_doubles_nothing_that_was_printed(tmp_path: Path) -> None:
    findings = kill_and_resume(tmp_path, kills=2, inputs=80)
    assert findings.good, findings
    assert findings.kills >= 1


def test_a_practice_provider_that_runs_is_used_and_no_second_one_started(folder: Path, server: PracticeServer) -> None:
    asked = server.calls.get("small", 0)
    result = call("run", "invoice", "documents/invoice.txt")
    assert "stand-in" not in result.stderr
    assert server.calls["small"] == asked + 1


def test_two_runs_at_once_each_have_a_practice_provider(tmp_path: Path) -> None:
    call("init", tmp_path, "--practice")
    command = [sys.executable, "-m", "qualityroute", "run", "invoice", "documents/invoice.txt"]
    both = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        out, _ = process.communicate(timeout=60)
        assert json.loads(out)["outcome"] == "accepted"
        assert process.returncode == os.EX_OK


def test_a_run_as_a_process_of_its_own_prints_nothing_but_rows(folder: Path) -> None:
    ended = spawn("run", "invoice", "documents/invoice.txt", cwd=folder)
    assert len(rows(ended.stdout)) == 1
    assert ended.stderr.count("\n") == 1
