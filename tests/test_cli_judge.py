"""`judge selftest` and `judge repeat`: what a judge sees and misses, told with its cost, and bad input refused."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from command_line import call, one_line_error
from fault_server import FaultServer, Play, failing, good

from qualityroute.practice import PracticeServer, documents

CONFIG = """
version = 1

[providers.scripted]
base_url = "{url}"
retries = 0

[tiers.efficiency]
models = ["scripted/small"]

[tiers.performance]
models = ["scripted/careful"]

[judge]
model = "scripted/checker"
timeout = "60s"

[tasks.order]
instructions = "Extract the order."
schema = "order.json"
rubric = "extraction"
gate = {gate}

[tasks.letter]
instructions = "Sum it up."
rubric = "summary"
gate = ["judge"]

[store]
payloads = "all"

[[prices]]
model = "scripted/small"
input = 1
output = 1

[[prices]]
model = "scripted/checker"
input = 1
output = 1
"""
SCHEMA = {
    "type": "object",
    "required": ["name", "paid", "open", "note"],
    "properties": {
        "name": {"type": "string"},
        "paid": {"type": "number"},
        "open": {"type": "number"},
        "note": {"type": ["string", "null"]},
    },
}
Judging = Callable[[str, str], Mapping[str, str] | str]
"""From source and candidate to verdicts by criterion, or one for all; what is left out is yes."""


def answering(judging: Judging) -> Callable[[Mapping[str, Any]], Play]:
    """An endpoint whose small model copies its input, and whose checker judges as told."""

    def play(body: Mapping[str, Any]) -> Play:
        content = body["messages"][-1]["content"]
        if body["model"] != "checker":
            return good(content)
        ids = body["response_format"]["json_schema"]["schema"]["properties"]["checks"]["items"]["properties"]["id"]
        source, candidate = map(json.loads, re.findall(r"^-----BEGIN [A-Z]+ \w+-----\n(.*)$", content, re.MULTILINE))
        said = judging(source, candidate)
        verdicts = {name: said if isinstance(said, str) else said.get(name, "yes") for name in ids["enum"]}
        entries = [{"id": name, "evidence": "", "verdict": verdict} for name, verdict in verdicts.items()]
        return good(json.dumps({"checks": entries, "instructions_in_data": "no"}))

    return play


def always_yes(source: str, candidate: str) -> str:
    return "yes"


def careful(source: str, candidate: str) -> str:
    """Knows that a right answer is its input."""
    return "yes" if source == candidate else "no"


def down(body: Mapping[str, Any]) -> Play:
    """A provider whose checker is out of order."""
    return failing(503, "out of order") if body["model"] == "checker" else answering(always_yes)(body)


def orders(number: int) -> str:
    """Inputs that are their own right answers."""
    answers = ({"name": f"Person {n}", "paid": 100 + n, "open": 300 + n, "note": None} for n in range(number))
    return "".join(json.dumps({"input": json.dumps(answer)}) + "\n" for answer in answers)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "order.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "orders.jsonl").write_text(orders(22))
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "three.jsonl").write_text(orders(3))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def judge(url: str, *arguments: object, gate: str = '["schema", "judge"]') -> Result:
    Path("qualityroute.toml").write_text(CONFIG.format(url=url, gate=gate))
    return call("judge", *arguments)


def found(result: Result, exit_code: int = 0) -> dict[str, Any]:
    assert result.exit_code == exit_code, result.output
    read: dict[str, Any] = json.loads(result.stdout)
    return read


def test_a_judge_that_always_says_yes_is_weak_and_its_criteria_are_dead_weight(folder: Path) -> None:
    with FaultServer(answering(always_yes)) as server:
        report = found(judge(server.url, "selftest", "order", "orders.jsonl", "--json"), exit_code=1)
    assert (report["answers"], report["repeats"], report["weak"]) == (22, 3, True)
    dead = {match[1] for warning in report["warnings"] if (match := re.match(r"criterion '(\w+)' is dead", warning))}
    assert dead == {"supported", "own_record", "complete"}
    assert report["untested_criteria"] == ["every_record", "units", "inference"]
    blind = {warning.split()[0] for warning in report["warnings"]} - {"criterion"}
    # What the free checks see anyway, here the schema, is no weakness.
    assert blind == {"swap", "digit", "invent", "other_document", "injected_answer", "injected_source"}
    assert any(note.startswith("all_null (every value null): the judge alone said no to 0") for note in report["notes"])
    nulls = report["corruptions"]["all_null"]
    assert (nulls["judge"]["count"], nulls["free_checks"]["count"], nulls["gate"]["count"]) == (0, 22, 22)
    assert report["false_alarms"] == pytest.approx(
        {"rate": 0, "low": 0, "high": 0.1487, "count": 0, "of": 22}, abs=1e-4
    )


def test_the_calls_are_announced_before_they_are_made_and_paid_for_after(folder: Path) -> None:
    with FaultServer(answering(always_yes)) as server:
        result = judge(server.url, "selftest", "order", "orders.jsonl", "--json")
        asked = [body for body in server.bodies if body["model"] == "checker"]
    report = found(result, exit_code=1)
    announced = re.search(r"22 answers and (\d+) spoiled twins: about (\d+) calls of the judge", result.stderr)
    assert announced is not None
    assert int(announced[2]) == 66 + int(announced[1]) == report["cost"]["judging"]["calls"] == len(asked) - 22
    assert report["cost"]["judging"]["total"] == f"{int(announced[2]) * 18 / 1e6:f}".rstrip("0")
    assert report["cost"]["answering"]["calls"] == 44


def test_most_bounds_the_answers_that_are_tested(folder: Path) -> None:
    with FaultServer(answering(always_yes)) as server:
        report = found(judge(server.url, "selftest", "order", "orders.jsonl", "--most", 20, "--json"), exit_code=1)
        assert not [body for body in server.bodies if body["model"] == "careful"]
    assert report["answers"] == 20


def test_a_judge_that_sees_every_mistake_is_good_and_its_false_alarms_and_flips_are_told(folder: Path) -> None:
    turns = iter(["yes", "no", "yes", "yes"])

    def moody(source: str, candidate: str) -> str:
        """Once it has accepted the last order, it is not sure of it any more."""
        return next(turns) if source == candidate and "Person 21" in source else careful(source, candidate)

    with FaultServer(answering(moody)) as server:
        result = judge(server.url, "selftest", "order", "orders.jsonl", "--concurrency", 1, "--json")
    report = found(result)
    assert (report["weak"], report["warnings"], report["notes"]) == (False, [], [])
    rates = [one["judge"]["rate"] for one in report["corruptions"].values() if one["twins"]]
    assert rates == [1.0] * 8
    assert (report["false_alarms"]["count"], report["flips"]["count"], report["flips"]["of"]) == (1, 1, 22)
    assert report["false_alarms_by_criterion"]["supported"]["count"] == 1


def test_a_criterion_that_is_outvoted_is_pointed_out(folder: Path) -> None:
    def lenient(source: str, candidate: str) -> Mapping[str, str]:
        return {"complete": careful(source, candidate)}

    with FaultServer(answering(lenient)) as server:
        report = found(judge(server.url, "selftest", "order", "orders.jsonl", "--json"), exit_code=1)
    [told] = [warning for warning in report["warnings"] if warning.startswith("digit")]
    assert told.endswith("said no to 0 of 22 that the free checks let through; in 22 a criterion said no, "
                         "and the score still passed")  # fmt: skip
    assert "complete" not in {warning.split("'")[1] for warning in report["warnings"] if "dead weight" in warning}


def test_answers_in_prose_are_spoiled_as_prose(folder: Path) -> None:
    texts = (f"Room {n} was let for {500 + n} euros. Its tenant is called Anna Berg{n}." for n in range(20))
    (folder / "letters.jsonl").write_text("".join(json.dumps({"input": text}) + "\n" for text in texts))
    with FaultServer(answering(careful)) as server:
        report = found(judge(server.url, "selftest", "letter", "letters.jsonl", "--json"))
    applied = {name for name, one in report["corruptions"].items() if one["twins"]}
    assert applied == set(report["corruptions"]) - {"drop_record", "all_null"}
    assert all(report["corruptions"][name]["judge"]["rate"] == 1 for name in applied)


def test_repeat_tells_flips_near_the_threshold_from_others_and_how_far_scores_move(folder: Path) -> None:
    turns = count()

    def moody(source: str, candidate: str) -> Mapping[str, str] | str:
        """Of the first order .83 and .75 in turn, just above the threshold and just below."""
        if "Person 0" not in source:
            return "yes"
        return {"complete": "no", "units": "unsure" if next(turns) % 2 else "yes"}

    with FaultServer(answering(moody)) as server:
        report = found(judge(server.url, "repeat", "order", "three.jsonl", "-k", 4, "--json"))
    assert (report["answers"], report["times"], report["threshold"]) == (3, 4, 0.8)
    counts = {name: (rate["count"], rate["of"]) for name, rate in report["flips"].items()}
    assert counts == {"all": (1, 3), "near": (1, 1), "far": (0, 2)}
    assert report["chance_of_change"] == pytest.approx(2 / 9)
    assert report["score"]["widest"] == pytest.approx(1 / 12)
    assert report["criteria"]["units"]["flips"]["count"] == 0  # unsure is no no
    assert report["criteria"]["units"]["spread"] == pytest.approx(0.25 / 3)
    assert report["cost"]["judging"]["calls"] == 12


def test_repeat_takes_answers_that_the_judge_rejected_too(folder: Path) -> None:
    with FaultServer(answering(lambda source, candidate: "no")) as server:
        report = found(judge(server.url, "repeat", "order", "three.jsonl", "--json"))
        call("run", "order", "three.jsonl", "--input-format", "jsonl")
        kept = found(judge(server.url, "repeat", "order", "--json"))
    assert report["rejected"]["count"] == report["rejected"]["of"] == 15
    assert kept["answers"] == 3


def test_answers_that_were_kept_are_tested_without_answering_again(folder: Path) -> None:
    with FaultServer(answering(always_yes)) as server:
        judge(server.url, "repeat", "order", "three.jsonl")
        assert not (folder / "qualityroute.db").exists()  # what a test asks is in no ledger
        call("run", "order", "orders.jsonl", "--input-format", "jsonl")
        call("run", "order", "orders.jsonl", "--input-format", "jsonl")
        before = len(server.bodies)
        report = found(judge(server.url, "selftest", "order", "--json"), exit_code=1)
        assert {body["model"] for body in server.bodies[before:]} == {"checker"}
    assert report["answers"] == 22  # each input once
    assert report["cost"]["answering"] == {"calls": 0, "total": "0", "calls_at_unknown_cost": 0}
    database = sqlite3.connect(folder / "qualityroute.db")
    assert database.execute("SELECT COUNT(*) FROM decisions").fetchone() == (44,)  # the test itself is no request
    database.close()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (("selftest", "ordre", "orders.jsonl"), 2, "no task 'ordre'; did you mean 'order'?"),
        (("selftest", "order", "empty.jsonl"), 2, "'empty.jsonl' holds 0 different inputs; at least 20 are needed"),
        (("selftest", "order", "three.jsonl"), 2, "'three.jsonl' holds 3 different inputs; at least 20 are needed"),
        (("selftest", "order", "missing.jsonl"), 2, "'missing.jsonl' does not exist"),
        (("selftest", "order", "order.json"), 2, "has an unknown key 'type'"),
        (("selftest", "order", "orders.jsonl", "--most", 5), 2, "needs at least 20 answers"),
        (("repeat", "order", "empty.jsonl"), 2, "'empty.jsonl' holds 0 different inputs; at least 1 is needed"),
        (("selftest", "order"), 3, "there is no database"),
        (("repeat", "order", "three.jsonl", "-k", 1), 2, "-k"),
    ],
)
def test_a_mistake_is_told_before_anything_is_asked(
    folder: Path, arguments: tuple[object, ...], exit_code: int, told: str
) -> None:
    with FaultServer(answering(always_yes)) as server:
        result = judge(server.url, *arguments)
        assert server.requests == []
    assert result.exit_code == exit_code
    assert told in one_line_error(result)


def test_a_task_without_a_judge_is_told_what_its_gate_is(folder: Path) -> None:
    result = judge("http://127.0.0.1:1/v1", "selftest", "order", "orders.jsonl", gate='["schema"]')
    assert result.exit_code == 2
    assert "task 'order' has no judge: its gate is schema; add \"judge\"" in one_line_error(result)


def test_too_few_kept_answers_are_counted_and_how_to_keep_more_is_told(folder: Path) -> None:
    with FaultServer(answering(always_yes)) as server:
        judge(server.url, "repeat", "order", "three.jsonl")
        call("run", "order", "three.jsonl", "--input-format", "jsonl")
        result = judge(server.url, "selftest", "order")
    assert result.exit_code == 2
    assert "holds 3 accepted answers of task 'order'; at least 20 are needed" in one_line_error(result)
    assert 'payloads = "all"' in one_line_error(result)


def test_too_few_accepted_answers_to_the_inputs_are_the_inputs_fault(folder: Path) -> None:
    with FaultServer(answering(lambda source, candidate: "no")) as server:
        result = judge(server.url, "selftest", "order", "orders.jsonl")
    assert result.exit_code == 2
    assert "0 of 22 inputs in 'orders.jsonl' gave accepted answers" in one_line_error(result)


def test_a_judge_that_is_down_is_exit_three_and_few_inputs_are_wasted_on_it(folder: Path) -> None:
    with FaultServer(down) as server:
        result = judge(server.url, "selftest", "order", "orders.jsonl", "--concurrency", 1)
        assert len(server.requests) == 10
    assert result.exit_code == 3
    assert "5 of 5 inputs could not be answered and judged" in one_line_error(result)
    assert "out of order" in one_line_error(result)


def test_a_judge_that_is_down_is_exit_three_with_kept_answers_too(folder: Path) -> None:
    with FaultServer(answering(always_yes)) as server:
        judge(server.url, "repeat", "order", "three.jsonl")
        call("run", "order", "orders.jsonl", "--input-format", "jsonl")
    with FaultServer(down) as server:
        for command in ("selftest", "repeat"):
            result = judge(server.url, command, "order")
            assert result.exit_code == 3
            assert "the judge gave none of" in one_line_error(result)


def test_a_bad_line_is_left_out_and_told(folder: Path) -> None:
    (folder / "orders.jsonl").write_text(orders(22) + "no json\n")
    with FaultServer(answering(careful)) as server:
        result = judge(server.url, "selftest", "order", "orders.jsonl")
    assert result.exit_code == 0
    assert "Left out (1 bad, such as line 23 of 'orders.jsonl' is not JSON" in result.stderr


def test_the_tables_say_what_the_json_says(folder: Path) -> None:
    with FaultServer(answering(always_yes)) as server:
        result = judge(server.url, "selftest", "order", "orders.jsonl")
    assert result.exit_code == 1
    for told in (
        "two values swapped",
        "0/22",
        "(0–15 %)",
        "weak  ",
        "note  all_null",
        "untested",
        "calls of the judge",
    ):
        assert told in result.stdout


@pytest.fixture(scope="module")
def practice() -> Iterator[PracticeServer]:
    with PracticeServer() as running:
        yield running


def test_the_practice_checker_is_honest_and_reported_as_it_is(
    tmp_path: Path, practice: PracticeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("init", tmp_path, "--practice")
    config = tmp_path / "qualityroute.toml"
    config.write_text(config.read_text().replace("http://127.0.0.1:8399/v1", practice.base_url))
    monkeypatch.chdir(tmp_path)
    inputs = (document.input + end for end in ("", "\n--\n") for document in documents("receipt"))
    (tmp_path / "receipts.jsonl").write_text("".join(json.dumps({"input": text}) + "\n" for text in inputs))
    report = found(call("judge", "selftest", "receipt", "receipts.jsonl", "--most", 20, "--json"))
    seen = {name: one["gate"]["rate"] for name, one in report["corruptions"].items() if one["twins"]}
    assert set(seen) >= {"swap", "digit", "drop", "drop_record", "other_document", "injected_source"}
    assert min(seen.values()) >= 0.8
    assert report["false_alarms"]["count"] == report["flips"]["count"] == 0
    assert report["corruptions"]["injected_source"]["injections"] == 20
