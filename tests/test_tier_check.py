"""Is performance truly better? Pairs that people decided, and nothing else, say so."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_ground_truth import LATEST, by_person, label, reference

from qualityroute.ground_truth import GroundTruth
from qualityroute.labels import Label, Origin, Reference
from qualityroute.tier_check import FEWEST_PAIRS, Standing, TierCheck, check_tiers, sentence

counts = st.integers(0, 60)


def checked(*facts: Reference | Label) -> TierCheck:
    references = [fact for fact in facts if isinstance(fact, Reference)]
    labels = [fact for fact in facts if isinstance(fact, Label)]
    return check_tiers(GroundTruth.of(references, labels, fingerprint="today", pipeline="now"), labels, {})


PERSONS = label(origin=Origin.PERSON, at=LATEST)


def test_a_pair_is_an_input_that_people_and_both_tiers_answered() -> None:
    found = checked(reference(output=1), by_person(), replace(PERSONS, bad=False))  # the person says 2
    assert (found.pairs, found.only_efficiency) == (1, 1)
    assert checked(reference(output=2), by_person(), replace(PERSONS, bad=True)).only_performance == 1
    assert checked(reference(output=2), by_person(), replace(PERSONS, bad=False)).both_right == 1
    assert checked(reference(output=3), by_person(), replace(PERSONS, bad=True)).both_wrong == 1


@pytest.mark.parametrize(
    "facts",
    [
        (by_person(), PERSONS),
        (reference(), PERSONS),
        (reference(), by_person()),
        (reference(fingerprint="yesterday"), by_person(), PERSONS),
        (reference(), by_person(), replace(PERSONS, bad=None)),
        (reference(), by_person(), replace(PERSONS, pipeline="before")),
        (reference(), by_person(at=LATEST + timedelta(minutes=1)), PERSONS),
    ],
    ids=[
        "no performance answer", "no person", "no efficiency answer", "performance of yesterday", "not comparable",
        "efficiency of yesterday", "a person's answer that is younger than the label",
    ],
)  # fmt: skip
def test_what_is_not_known_of_one_side_is_no_pair(facts: tuple[Reference | Label, ...]) -> None:
    assert checked(*facts).standing is Standing.UNKNOWN
    assert checked(*facts).difference is None


def test_agreement_with_performance_is_told_apart_and_proves_nothing() -> None:
    found = checked(*[replace(label(), decision_id=f"d{number}", bad=number == 0) for number in range(40)])
    assert (found.agreement.count, found.agreement.of) == (39, 40)
    assert found.standing is Standing.UNKNOWN
    assert "nobody has said" in sentence(found, "t")


def test_a_few_pairs_show_nothing_and_many_do() -> None:
    assert TierCheck(only_performance=FEWEST_PAIRS - 1).standing is Standing.NOT_SHOWN
    assert TierCheck(80, 20, 5, 5).standing is Standing.BETTER
    assert TierCheck(80, 5, 20, 5).standing is Standing.WORSE
    assert TierCheck(80, 12, 9, 5).standing is Standing.NOT_SHOWN
    assert "WORSE" in sentence(TierCheck(80, 5, 20, 5), "t")


@given(counts, counts, counts, counts)
def test_turning_the_tiers_round_turns_the_finding_round(right: int, b: int, c: int, wrong: int) -> None:
    one, other = TierCheck(right, b, c, wrong), TierCheck(right, c, b, wrong)
    turned = {Standing.BETTER: Standing.WORSE, Standing.WORSE: Standing.BETTER}
    assert other.standing is turned.get(one.standing, one.standing)
    if one.difference is not None and other.difference is not None:
        told, low, high = one.difference
        assert -1 <= low <= told <= high <= 1 or (b + c) * 4 < one.pairs or one.pairs < FEWEST_PAIRS
        assert other.difference == pytest.approx((-told, -high, -low))


def test_falling_back_repairs_some_wrong_answers_and_breaks_some_right_ones() -> None:
    found = TierCheck(both_right=90, only_performance=6, only_efficiency=10, both_wrong=4)
    assert (found.repairs.rate, found.breaks.rate) == (0.6, 0.1)
    assert found.repairs.low < 0.6 < found.repairs.high
    assert TierCheck().repairs.rate is None


@pytest.mark.parametrize("discordant", [0.04, 0.2])
def test_equal_tiers_are_called_different_about_as_often_as_is_promised(discordant: float) -> None:
    """2.5 % on each side; of 1,000 seeded samples of 150 pairs no more than 50 on one side, more than 5 sigmas."""
    rng = random.Random(7)
    found = dict.fromkeys(Standing, 0)
    for _ in range(1000):
        moved = [rng.random() for _ in range(150)]
        b = sum(draw < discordant / 2 for draw in moved)
        c = sum(discordant / 2 <= draw < discordant for draw in moved)
        found[TierCheck(150 - b - c, b, c, 0).standing] += 1
    assert found[Standing.BETTER] <= 50
    assert found[Standing.WORSE] <= 50
