"""What a comparison comes to: shares, costs and curves by plain values, and laws that hold for any labels."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from conftest import NOW
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.labels import Label, Origin
from qualityroute.records import Reason
from qualityroute.tier_comparison import NEVER, Case, compare_tiers

CENT = Decimal("0.01")


def case(
    score: float | None = 0.9,
    *,
    accepted: bool = True,
    bad: bool | None = False,
    reason: Reason | None = None,
    cost: Decimal | None = CENT,
    reference_cost: Decimal | None = 10 * CENT,
    **label: Any,
) -> Case:
    settings = {"decision_id": "d", "task": "t", "at": NOW, "pipeline": "p", "input_id": "i", **label}
    found = Label(score=score, accepted=accepted, bad=bad, attempt_cost=cost, reference_cost=reference_cost, **settings)
    return Case(found, reason if accepted or reason else Reason.JUDGED)


GOOD, WRONG = case(0.9), case(0.9, bad=True)
KEPT_OUT, WASTED = case(0.2, accepted=False, bad=True), case(0.2, accepted=False)


def test_each_share_is_of_what_its_name_says() -> None:
    found = compare_tiers([GOOD] * 6 + [WRONG] * 2 + [KEPT_OUT] * 3 + [WASTED])
    assert found.confusion.risk == 2 / 8
    assert found.confusion.false_accept_rate == 2 / 5
    assert found.confusion.false_reject_rate == 1 / 7
    assert found.confusion.coverage == 8 / 12
    assert (found.efficiency_quality, found.cascade_quality, found.performance_quality) == (7 / 12, 10 / 12, 1)


def test_a_rejected_answer_costs_the_attempt_and_the_performance_answer() -> None:
    spending = compare_tiers([GOOD, GOOD, GOOD, KEPT_OUT]).spending
    assert spending.efficiency == CENT
    assert spending.cascade == (4 * CENT + 10 * CENT) / 4
    assert spending.performance == 10 * CENT
    assert spending.saved == pytest.approx(0.65)


@pytest.mark.parametrize("unknown", [{"cost": None}, {"reference_cost": None}])
def test_an_unknown_cost_is_never_nothing(unknown: dict[str, None]) -> None:
    found = compare_tiers([GOOD, case(0.2, accepted=False, **unknown)])
    assert found.spending.cascade is None
    assert found.spending.saved is None
    assert any(point.cost is None for point in found.curve)


def test_an_accepted_answer_needs_no_known_cost_of_performance() -> None:
    assert compare_tiers([case(reference_cost=None)]).spending.cascade == CENT


def test_answers_that_could_not_be_compared_are_counted_apart() -> None:
    found = compare_tiers([GOOD, case(bad=None), case(bad=None)])
    assert (len(found.cases), found.uncompared) == (1, 2)
    assert found.confusion.cases == 1


def test_nothing_compared_is_nothing_known() -> None:
    found = compare_tiers([case(bad=None)])
    assert found.cases == found.curve == found.reasons == ()
    shares = (found.pgr, found.apgr, found.excess_error, found.cascade_quality, found.spending.saved)
    assert shares == (None,) * 5


def test_a_perfect_gate_recovers_the_whole_gap_and_a_gate_that_accepts_all_recovers_nothing() -> None:
    assert compare_tiers([GOOD] * 10 + [KEPT_OUT] * 10).pgr == 1
    assert compare_tiers([GOOD] * 10 + [WRONG] * 10).pgr == 0


def test_a_score_that_knows_the_wrong_answers_beats_a_coin_flip_over_all_thresholds() -> None:
    apgr = compare_tiers([GOOD] * 10 + [KEPT_OUT] * 10).apgr
    assert apgr is not None
    assert apgr > 0.7


@pytest.mark.parametrize(("wrong", "of"), [(1, 100), (3, 40), (0, 10)])
def test_without_a_gap_that_is_seen_the_excess_error_is_told_instead(wrong: int, of: int) -> None:
    found = compare_tiers([WRONG] * wrong + [GOOD] * (of - wrong))
    assert found.pgr is None
    assert found.apgr is None
    assert found.excess_error == pytest.approx(wrong / of)


def test_a_gap_that_chance_alone_could_make_is_none() -> None:
    """Of 40 cases that performance wins 12 and loses 8, the interval reaches below 0."""
    lost = case(reference_right=False)
    assert not compare_tiers([WRONG] * 12 + [lost] * 8 + [GOOD] * 20).gap_is_seen
    assert compare_tiers([WRONG] * 16 + [lost] * 4 + [GOOD] * 20).gap_is_seen


def test_where_performance_is_wrong_sending_an_answer_there_does_not_make_it_right() -> None:
    found = compare_tiers([GOOD, case(0.1, accepted=False, bad=True, reference_right=False)])
    assert found.cascade_quality == found.performance_quality == 0.5


def test_what_a_free_check_rejected_is_accepted_at_no_threshold() -> None:
    unjudged = case(None, accepted=False, bad=True, reason=Reason.SCHEMA)
    hostile = case(0.95, accepted=False, bad=True, reason=Reason.INJECTION)
    assert unjudged.score == hostile.score == NEVER
    at = compare_tiers([GOOD, unjudged, hostile]).at(0.0)
    assert at is not None
    assert at.performance_share == pytest.approx(2 / 3)


def test_what_the_judge_rejected_would_be_accepted_at_a_lower_threshold() -> None:
    point = compare_tiers([GOOD, KEPT_OUT]).at(0.1)
    assert point is not None
    assert point.performance_share == 0


def test_reasons_are_told_the_commonest_first() -> None:
    schema = case(None, accepted=False, bad=True, reason=Reason.SCHEMA)
    assert compare_tiers([schema, KEPT_OUT, KEPT_OUT, GOOD]).reasons == ((Reason.JUDGED, 2), (Reason.SCHEMA, 1))


def test_wrong_answers_that_were_accepted_are_told_before_those_that_were_caught() -> None:
    caught = case(0.2, accepted=False, bad=True, input_id="a")
    served = case(bad=True, input_id="b")
    assert [label.input_id for label in compare_tiers([caught, GOOD, served]).differing] == ["b", "a"]


def test_right_means_agreement_until_one_person_says_something() -> None:
    assert compare_tiers([GOOD, KEPT_OUT]).agreement_only
    found = compare_tiers([GOOD, case(origin=Origin.PERSON)])
    assert not found.agreement_only
    assert found.by_people == 1


def _cases() -> st.SearchStrategy[Case]:
    costs = st.one_of(st.none(), st.decimals(0, 1, places=4))

    def make(score: float | None, accepted: bool, bad: bool | None, right: bool, *costs: Any) -> Case:
        accepted = accepted and score is not None
        return case(
            score,
            accepted=accepted,
            bad=bad,
            reason=None if accepted else Reason.JUDGED if score is not None else Reason.SCHEMA,
            cost=costs[0],
            reference_cost=costs[1],
            reference_right=right,
            decision_id=costs[2],
        )

    return st.builds(
        make,
        st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.5, 0.8, 1.0])),
        st.booleans(),
        st.sampled_from([True, False, None]),
        st.booleans(),
        costs,
        costs,
        st.uuids().map(str),
    )


@given(st.lists(_cases(), max_size=30))
def test_every_case_is_counted_once(cases: list[Case]) -> None:
    found = compare_tiers(cases)
    assert found.confusion.cases + found.uncompared == len(cases)
    rejected = found.confusion.rejected_good + found.confusion.rejected_bad
    assert sum(count for _, count in found.reasons) == rejected
    assert len(found.differing) == found.confusion.accepted_bad + found.confusion.rejected_bad


@given(st.lists(_cases(), min_size=1, max_size=30))
def test_the_cascade_is_no_better_than_either_tier_right_and_no_worse_than_both(cases: list[Case]) -> None:
    found = compare_tiers(cases)
    if found.cascade_quality is None:
        return
    pairs = [(not one.label.bad, one.label.reference_right) for one in found.cases]
    for quality in (found.cascade_quality, *(point.quality for point in found.curve)):
        assert sum(map(all, pairs)) / len(pairs) <= quality <= sum(map(any, pairs)) / len(pairs)
    assert found.curve[0].quality == found.efficiency_quality
    assert found.curve[-1].quality == found.performance_quality


@given(st.lists(_cases(), max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_the_cases_changes_nothing(cases: list[Case], chance: random.Random) -> None:
    other = list(cases)
    chance.shuffle(other)
    found, again = compare_tiers(cases), compare_tiers(other)
    for name in ("confusion", "reasons", "spending", "pgr", "apgr", "excess_error", "curve", "differing", "uncompared"):
        assert getattr(found, name) == getattr(again, name), name
