"""Which reference and which label count for an input today."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from conftest import NOW

from qualityroute.ground_truth import GroundTruth, Standing
from qualityroute.labels import Label, Origin, Reference

LATER, LATEST = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)


def reference(**changes: Any) -> Reference:
    made = {"origin": Origin.PERFORMANCE, "at": NOW, "output": 1, "input_key": "key", "fingerprint": "today"}
    return Reference(task="t", input_id="a", **{**made, **changes})


def by_person(**changes: Any) -> Reference:
    return reference(origin=Origin.PERSON, fingerprint="", output=2, **changes)


def label(**changes: Any) -> Label:
    made = {"at": LATER, "pipeline": "now", "score": 0.9, "accepted": True, "bad": False, "input_id": "a"}
    return Label(decision_id="d", task="t", **{**made, **changes})


def known(*facts: Reference | Label) -> GroundTruth:
    references = [fact for fact in facts if isinstance(fact, Reference)]
    labels = [fact for fact in facts if isinstance(fact, Label)]
    return GroundTruth.of(references, labels, fingerprint="today", pipeline="now")


@pytest.mark.parametrize(
    ("facts", "standing"),
    [
        ([], Standing.NEW),
        ([reference()], Standing.THERE),
        ([reference(input_key="other")], Standing.CHANGED),
        ([reference(fingerprint="yesterday")], Standing.OUTDATED),
        ([reference(fingerprint="yesterday", input_key="other")], Standing.CHANGED),
        ([by_person()], Standing.NEW),
    ],
)
def test_performance_is_asked_again_unless_it_answered_this_input_as_it_is_asked_today(
    facts: list[Reference], standing: Standing
) -> None:
    assert known(*facts).standing("a", "key") is standing


def test_a_persons_reference_wins_and_performances_own_is_still_there_for_its_cost() -> None:
    truth = known(reference(), by_person(at=LATER))
    assert truth.reference("a", "key") == by_person(at=LATER)
    assert truth.answer("a", "key") == reference()


def test_a_persons_reference_of_another_input_under_the_same_id_does_not_count() -> None:
    truth = known(reference(input_key="new"), by_person(input_key="old"))
    assert truth.reference("a", "new") == reference(input_key="new")
    assert known(by_person(input_key="old")).reference("a", "new") is None


def test_a_persons_reference_outlives_the_models_that_answered_beside_it() -> None:
    truth = known(reference(fingerprint="yesterday"), by_person())
    assert truth.reference("a", "key") == by_person()
    assert truth.answer("a", "key") is None


def test_a_label_counts_only_of_todays_pipeline_and_of_the_reference_that_counts() -> None:
    assert known(reference(), label()).label("a", "key") == label()
    assert known(reference(), label(pipeline="then")).label("a", "key") is None
    assert known(reference(), label(), by_person(at=LATEST)).label("a", "key") is None
    assert known(reference(at=LATEST), label()).label("a", "key") is None
    assert known(reference(input_key="other"), label()).label("a", "key") is None
    assert known(label()).label("a", "key") is None


def test_of_several_labels_the_newest_counts() -> None:
    newer = label(at=LATEST, bad=True)
    assert known(reference(), label(), newer).label("a", "key") == newer
