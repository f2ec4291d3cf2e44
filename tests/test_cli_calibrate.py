"""`calibrate`: what it promises, what it refuses, and what the next request makes of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from command_line import call, one_line_error

from qualityroute import Attempt, Config, Decision, Outcome, Route, Ruling, Tier, Verdict
from qualityroute.commands.exits import Exit
from qualityroute.config import resolve
from qualityroute.labels import Label, Origin
from qualityroute.pipelines import pipeline_of
from qualityroute.store import Entry, open_store

BEGAN = datetime.now(UTC) - timedelta(days=1)
PROMISE = (
    "at most 5 % of accepted answers differ from the performance tier's, with confidence 90 %, on traffic like the "
    "calibration's"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    call("init", tmp_path, "--practice")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def key(task: str = "invoice") -> str:
    config = Config.load("qualityroute.toml")
    return pipeline_of(config, resolve(config)[task]).key


def add_labels(scores: list[float | None], bad: set[int] = frozenset(), **more: Any) -> None:  # type: ignore[assignment]
    """Decisions with a label each, as audits leave them."""
    pipeline = more.pop("pipeline", None) or key()
    start = more.pop("start", 0)

    async def write() -> None:
        store = open_store("qualityroute.db", folder=Path())
        await store.open()
        for number, score in enumerate(scores, start):
            at = BEGAN + timedelta(minutes=number)
            attempt = Attempt(Tier.EFFICIENCY, Ruling.ACCEPTED, None, verdicts=(Verdict("judge", Ruling.ACCEPTED),))
            decision = Decision(
                f"d{number}", at, "default", f"user-{number}", "invoice", Route.CASCADE, Outcome.ACCEPTED,
                attempts=(attempt,), cost=Decimal("0.001"),
            )  # fmt: skip
            label = Label(decision.id, "invoice", at, pipeline, score, accepted=True, bad=number in bad, **more)
            await store.record(Entry(decision, facts=(label,)))
        await store.aclose()

    anyio.run(write)


def test_clean_labels_certify_the_task_and_the_promise_is_printed_and_no_more(folder: Path) -> None:
    add_labels([0.9] * 60)
    result = call("calibrate", "invoice")
    assert result.exit_code == Exit.GOOD, result.output
    first, *rest = result.stdout.splitlines()
    assert first == f"invoice is certified: {PROMISE}."
    assert "Threshold 0.9 (the rubric's is 0.8)" in rest[0]
    assert (
        "Of 60 labelled answers it accepts 60 (100 %), of which 0 differ: at most 3.77 %, by the exact test." in rest[1]
    )
    assert "critical field" in rest[2]


def test_the_certificate_is_stored_with_its_counts_bound_date_and_pipeline(folder: Path) -> None:
    add_labels([0.9] * 60)
    told = json.loads(call("calibrate", "invoice", "--json").stdout)
    assert told["certified"] and told["promise"] == PROMISE
    certificate = told["certificate"]
    assert (certificate["accepted"], certificate["bad"], certificate["cases"]) == (60, 0, 60)
    assert certificate["upper_bound"] == pytest.approx(0.0377, abs=1e-4)
    assert certificate["pipeline"] == key()
    report = json.loads(call("report", "--json").stdout)["tasks"]["invoice"]
    assert report["certificate"]["in_force"] and "UNCERTIFIED" not in report["flags"]
    assert "At most 5 % of accepted answers" in call("report").stdout.replace("\n", " ")


def test_too_few_labels_are_refused_with_the_number_still_needed(folder: Path) -> None:
    add_labels([0.9] * 20)
    result = call("calibrate", "invoice")
    assert result.exit_code == Exit.REJECTED
    assert "invoice is not certified" in result.stdout and "at least 25 more are needed" in result.stdout
    told = json.loads(call("calibrate", "invoice", "--json").stdout)
    assert (told["certified"], told["labels_needed"]) == (False, 25)


def test_a_useless_judge_is_refused_and_a_second_look_too(folder: Path) -> None:
    add_labels([0.9] * 100, bad=set(range(0, 100, 5)))
    first = call("calibrate", "invoice")
    assert first.exit_code == Exit.REJECTED and "a better judge or rubric would help" in first.stdout
    second = call("calibrate", "invoice")
    assert second.exit_code == Exit.REJECTED and "looked at before" in second.stdout


def test_a_certificate_there_already_is_told_and_no_look_is_taken(folder: Path) -> None:
    add_labels([0.9] * 60)
    call("calibrate", "invoice")
    again = call("calibrate", "invoice")
    assert again.exit_code == Exit.GOOD and f"certified already: {PROMISE}" in again.stdout
    renewed = call("calibrate", "invoice", "--renew")
    assert renewed.exit_code == Exit.REJECTED and "there are 0 labelled answers" in renewed.stdout


def test_a_changed_pipeline_is_uncertified_and_its_labels_are_not_used(folder: Path) -> None:
    add_labels([0.9] * 60)
    call("calibrate", "invoice")
    path = folder / "qualityroute.toml"
    path.write_text(path.read_text().replace('instructions = "', 'instructions = "Please: ', 1))
    assert key() != "" and "UNCERTIFIED" in call("report").stdout
    result = call("calibrate", "invoice")
    assert result.exit_code == Exit.REJECTED
    assert "Not used: 60 labels of another pipeline" in result.stdout
    assert "Changed since the last certificate: efficiency_prompt." in result.stdout


def test_peoples_labels_are_told_apart(folder: Path) -> None:
    add_labels([0.9] * 50, origin=Origin.PERSON)
    assert "50 of the labels are people's" in call("calibrate", "invoice").stdout


def test_alpha_and_delta_come_from_the_task_unless_given(folder: Path) -> None:
    add_labels([0.9] * 60)
    result = call("calibrate", "invoice", "--alpha", "0.1", "--delta", "0.05")
    assert "at most 10 % of accepted answers" in result.stdout and "confidence 95 %" in result.stdout


def test_the_anytime_test_may_be_asked_again(folder: Path) -> None:
    add_labels([0.9] * 70, bad={0, 1})
    assert call("calibrate", "invoice", "--anytime").exit_code == Exit.REJECTED
    add_labels([0.9] * 300, start=70)
    result = call("calibrate", "invoice", "--anytime")
    assert result.exit_code == Exit.GOOD and "by the anytime test" in result.stdout


@pytest.mark.parametrize("arguments", [["--alpha", "0"], ["--alpha", "nan"], ["--alpha", "0.5"], ["--delta", "1"]])
def test_shares_that_make_no_sense_are_refused(folder: Path, arguments: list[str]) -> None:
    add_labels([0.9])
    result = call("calibrate", "invoice", *arguments)
    assert result.exit_code == Exit.USAGE and arguments[0] in one_line_error(result)


def test_an_unknown_task_and_a_missing_database_are_named(folder: Path) -> None:
    assert "no task 'invioce'; there are: " in one_line_error(call("calibrate", "invioce"))
    result = call("calibrate", "invoice")
    assert result.exit_code == Exit.DOWN and "there is no database" in one_line_error(result)


def test_looks_and_anytime_exclude_each_other(folder: Path) -> None:
    assert call("calibrate", "invoice", "--anytime", "--looks", "2").exit_code == Exit.USAGE
