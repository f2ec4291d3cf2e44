"""What a certificate is about: any change that could move a score or a label gives another key."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import INVOICE_SCHEMA, RUBRIC, config_with

from qualityroute import Config, Judgement
from qualityroute.calibration import Pipeline, changed
from qualityroute.config import resolve
from qualityroute.pipelines import pipeline_keys, pipeline_of, reference_key

TASK: dict[str, Any] = {"schema": INVOICE_SCHEMA, "rubric": RUBRIC, "gate": ["judge"]}
PEERS = {"peers": ["practice/other"]}


class MyJudge:
    async def judge(self, rubric: Any, source: str, candidate: str) -> Judgement:
        return Judgement({})


def of(config: Config) -> Pipeline:
    return pipeline_of(config, resolve(config)["invoice"])


def total_adds_up(output: Any, source: str) -> str | None:
    return None


@pytest.mark.parametrize(
    ("part", "task", "sections"),
    [
        ("efficiency_prompt", {"instructions": "Read it."}, {}),
        ("rubric", {"rubric": {**RUBRIC, "threshold": 0.9}}, {}),
        ("normalisers", {"rubric": {**RUBRIC, "fields": {"total": {"compare": "money"}}}}, {}),
        ("schema", {"schema": {**INVOICE_SCHEMA, "title": "Invoice"}}, {}),
        ("gate", {"checks": [total_adds_up]}, {}),
        ("gate", {"repairs": 1}, {}),
        ("gate", {"gate": ["agreement", "judge"], "agreement": PEERS}, {}),
        ("judge_models", {}, {"judge": {"model": "practice/another"}}),
        ("judge_models", {}, {"judge": {"object": MyJudge()}}),
        ("judge_mode", {}, {"judge": {"model": "practice/checker", "mode": "logprob"}}),
        ("judge_samples", {}, {"judge": {"model": "practice/checker", "samples": "1..3"}}),
        ("judge_parameters", {}, {"judge": {"model": "practice/checker", "parameters": {"seed": 1}}}),
    ],
)
def test_a_change_is_named_by_its_part(part: str, task: dict[str, Any], sections: dict[str, Any]) -> None:
    before, after = of(config_with(TASK)), of(config_with({**TASK, **task}, **sections))
    assert part in changed(before, after)
    assert before.key != after.key


@pytest.mark.parametrize("tier", ["efficiency", "performance"])
def test_a_tiers_models_belong_to_it(tier: str) -> None:
    models = {"efficiency": {"models": ["practice/small"]}, "performance": {"models": ["practice/careful"]}}
    after = of(config_with(TASK, tiers={**models, tier: {"models": ["practice/new"]}}))
    assert f"{tier}_models" in changed(of(config_with(TASK)), after)


def test_what_moves_no_score_changes_no_key() -> None:
    before = of(config_with(TASK))
    assert of(config_with({**TASK, "accept": {"alpha": 0.2}, "deadline": "5s"}, pins={"after": 3})).key == before.key


@pytest.mark.parametrize(("gate", "matters"), [(["agreement"], True), (["judge"], False)])
def test_the_settings_of_a_check_matter_while_the_gate_has_it(gate: list[str], matters: bool) -> None:
    one, other = (
        of(config_with({**TASK, "gate": gate, "agreement": {**PEERS, "on_difference": settled}}))
        for settled in ("reject", "judge")
    )
    assert (one.key != other.key) is matters


def test_a_judge_that_is_not_asked_does_not_matter() -> None:
    task = {"schema": INVOICE_SCHEMA, "gate": ["schema"]}
    assert of(config_with(task)).key == of(config_with(task, judge={"model": "practice/another"})).key


def test_a_judge_that_settles_differences_matters() -> None:
    task = {"schema": INVOICE_SCHEMA, "gate": ["agreement"], "agreement": {**PEERS, "on_difference": "judge"}}
    assert of(config_with(task)).judge_models == ("practice/checker",)


def test_a_reference_belongs_to_what_performance_was_asked() -> None:
    def key(task: dict[str, Any]) -> str:
        config = config_with(task)
        return reference_key(config, resolve(config)["invoice"])

    assert key(TASK) == key({**TASK, "rubric": {**RUBRIC, "threshold": 0.9}})
    assert key(TASK) != key({**TASK, "instructions": "Read it."})


def test_a_pipeline_that_cannot_be_read_has_no_key() -> None:
    assert pipeline_keys(config_with({**TASK, "schema": "missing.json"})) == {}
