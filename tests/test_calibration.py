from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import comb, inf, isclose, log, nan
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from conftest import NOW
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qualityroute.calibration import (
    Certificate,
    Certified,
    Compared,
    Confusion,
    Cusum,
    Look,
    Pipeline,
    Point,
    Refused,
    Scored,
    accepted_needed,
    any_look,
    anytime_look,
    apgr,
    binomial_cdf,
    certify,
    certify_anytime,
    changed,
    level_left,
    one_look,
    pgr,
    promise,
    quality_curve,
    spent,
    threshold_grid,
    upper_bound,
)
from qualityroute.calibration.certificate import percent
from qualityroute.calibration.grid import accepted_ranks
from qualityroute.calibration.looks import Test
from qualityroute.calibration.proof import Claim, Proof, log_evidence

ROOT = Path(__file__).parent.parent

counted = st.integers(0, 300).flatmap(lambda m: st.tuples(st.integers(0, m), st.just(m)))
rates = st.floats(0.001, 0.999)
alphas = st.floats(0.01, 0.5)
deltas = st.floats(0.01, 0.5)
proofs = st.sampled_from([one_look, any_look])
# Few different scores, so that many are equal.
scored = st.builds(Scored, st.sampled_from([0.0, 0.25, 0.5, 0.75, 0.9, 1.0]) | st.floats(0, 1), st.booleans())
mostly_good = st.builds(Scored, st.floats(0, 1), st.sampled_from([False] * 12 + [True]))
labelled = st.lists(scored, max_size=80) | st.lists(mostly_good, min_size=20, max_size=150)
THRESHOLDS = (0.9, 0.6, 0.3, 0.0)


def alike(score: float, good: int, bad: int = 0) -> list[Scored]:
    return [Scored(score, False)] * good + [Scored(score, True)] * bad


def accepted_by(answer: Certified | Refused) -> int:
    return answer.accepted if isinstance(answer, Certified) else 0


# The binomial distribution


@given(st.integers(0, 40).flatmap(lambda m: st.tuples(st.integers(0, m), st.just(m))), st.fractions(0, 1))
def test_the_distribution_equals_its_sum_in_fractions(counts: tuple[int, int], rate: Fraction) -> None:
    bad, accepted = counts
    rate = Fraction(float(rate))
    exact = sum(comb(accepted, k) * rate**k * (1 - rate) ** (accepted - k) for k in range(bad + 1))
    assert isclose(binomial_cdf(bad, accepted, float(rate)), float(exact), rel_tol=1e-9, abs_tol=1e-300)


def test_the_distribution_neither_overflows_nor_vanishes_for_many_labels() -> None:
    assert isclose(binomial_cdf(50_000, 1_000_000, 0.05), 0.5009, abs_tol=0.001)
    assert binomial_cdf(0, 100_000, 0.5) == 0.0
    assert binomial_cdf(99_999, 100_000, 0.5) == 1.0


def test_the_distribution_is_whole_at_the_ends() -> None:
    assert binomial_cdf(3, 3, 0.9) == 1.0
    assert binomial_cdf(0, 0, 0.5) == 1.0
    assert binomial_cdf(0, 9, 0.0) == 1.0
    assert binomial_cdf(8, 9, 1.0) == 0.0


@pytest.mark.parametrize(("bad", "accepted", "rate"), [(-1, 3, 0.5), (4, 3, 0.5), (1, 3, 1.5), (1, 3, nan)])
def test_impossible_counts_and_rates_are_named(bad: int, accepted: int, rate: float) -> None:
    with pytest.raises(ValueError, match="right is"):
        binomial_cdf(bad, accepted, rate)


# Proofs and bounds


def test_the_bound_is_the_one_of_textbooks() -> None:
    assert isclose(upper_bound(0, 45, delta=0.10), 1 - 0.1 ** (1 / 45))
    assert isclose(upper_bound(10, 100, delta=0.05), 0.163721, abs_tol=1e-5)
    assert upper_bound(5, 5, delta=0.10) == upper_bound(0, 0, delta=0.10) == 1.0


@given(counted, deltas, proofs)
def test_the_bound_lies_above_the_rate_seen_and_is_where_the_proof_begins(
    counts: tuple[int, int], delta: float, proof: Proof
) -> None:
    bad, accepted = counts
    bound = upper_bound(bad, accepted, delta=delta, proof=proof)
    assert accepted == 0 or bound >= bad / accepted
    if bad < accepted:
        assert proof(bad, accepted, bound + 1e-9 * (1 - bound), delta)
        assert not proof(bad, accepted, bound * (1 - 1e-9), delta)


@given(counted, deltas, proofs)
def test_the_bound_grows_with_bad_labels_and_falls_with_good_ones(
    counts: tuple[int, int], delta: float, proof: Proof
) -> None:
    bad, accepted = counts
    bound = upper_bound(bad, accepted, delta=delta, proof=proof)
    assert upper_bound(bad, accepted + 1, delta=delta, proof=proof) <= bound
    assert upper_bound(bad + 1, accepted + 1, delta=delta, proof=proof) >= bound
    assert upper_bound(bad, accepted, delta=delta / 2, proof=proof) >= bound


@given(counted, alphas, deltas)
def test_what_holds_at_every_look_holds_at_one(counts: tuple[int, int], alpha: float, delta: float) -> None:
    bad, accepted = counts
    assert not any_look(bad, accepted, alpha, delta) or one_look(bad, accepted, alpha, delta)


@given(counted.filter(lambda counts: counts[1] < 60), st.fractions(Fraction(1, 100), Fraction(1, 2)))
def test_the_evidence_equals_its_sum_in_fractions(counts: tuple[int, int], alpha: Fraction) -> None:
    bad, accepted = counts
    alpha = Fraction(float(alpha))
    shares = [Fraction(step, 16) for step in range(16)]
    bets = [share**bad * ((1 - alpha * share) / (1 - alpha)) ** (accepted - bad) for share in shares]
    assert isclose(log_evidence(bad, accepted, float(alpha)), log(sum(bets) / 16), rel_tol=1e-9, abs_tol=1e-9)


@given(st.integers(0, 60), alphas)
def test_the_purse_is_a_fair_game_when_the_risk_is_exactly_alpha(accepted: int, alpha: float) -> None:
    chances = [comb(accepted, bad) * alpha**bad * (1 - alpha) ** (accepted - bad) for bad in range(accepted + 1)]
    purses = [2.718281828459045 ** log_evidence(bad, accepted, alpha) for bad in range(accepted + 1)]
    assert isclose(sum(chance * purse for chance, purse in zip(chances, purses, strict=True)), 1, rel_tol=1e-6)


@pytest.mark.parametrize(
    ("alpha", "delta", "needed", "anytime"),
    [
        (0.01, 0.05, [299, 473, 628, 773], 433),
        (0.01, 0.10, [230, 388, 531, 667], 346),
        (0.05, 0.05, [59, 93, 124, 153], 85),
        (0.05, 0.10, [45, 77, 105, 132], 68),
        (0.10, 0.05, [29, 46, 61, 76], 41),
        (0.10, 0.10, [22, 38, 52, 65], 33),
    ],
)
def test_the_labels_needed_are_those_of_the_table(alpha: float, delta: float, needed: list[int], anytime: int) -> None:
    assert [accepted_needed(alpha, delta, bad) for bad in range(4)] == needed
    assert accepted_needed(alpha, delta, proof=any_look) == anytime


def test_a_chance_of_exactly_delta_is_still_a_proof() -> None:
    assert one_look(0, 1, 0.5, 0.5)
    assert not one_look(0, 1, 0.5, 0.499999)


@given(alphas, deltas, st.integers(0, 20), proofs)
def test_one_label_less_than_needed_proves_nothing(alpha: float, delta: float, bad: int, proof: Proof) -> None:
    needed = accepted_needed(alpha, delta, bad, proof=proof)
    assert proof(bad, needed, alpha, delta)
    assert not proof(bad, needed - 1, alpha, delta) or needed == bad


@pytest.mark.parametrize(("alpha", "quarter", "half"), [(0.01, 667, 1658), (0.05, 132, 330), (0.10, 65, 152)])
def test_four_in_five_calibrations_succeed_from_the_published_numbers_on(alpha: float, quarter: int, half: int) -> None:
    claim = Claim(alpha, 0.10)
    for labels, rate in ((quarter, alpha / 4), (half, alpha / 2)):
        assert claim.chance(labels - 1, rate) < 0.8
        assert all(claim.chance(more, rate) >= 0.8 for more in range(labels, labels + 60))


def test_too_few_labels_have_no_chance_at_all() -> None:
    assert Claim(0.05, 0.10).chance(44, 0.0) == 0.0
    assert Claim(0.05, 0.10).chance(45, 0.0) == 1.0


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 5, nan, inf])
def test_alpha_and_delta_outside_of_0_to_1_are_named(share: float) -> None:
    cases = alike(1.0, 50)
    with pytest.raises(ValueError, match=r"alpha = .*such as 0\.05"):
        certify(cases, alpha=share, delta=0.1)
    with pytest.raises(ValueError, match=r"delta = .*such as 0\.05"):
        certify(cases, alpha=0.05, delta=share)
    with pytest.raises(ValueError, match="alpha = "):
        certify_anytime([0.5], cases, alpha=share, delta=0.1)
    with pytest.raises(ValueError, match="delta = "):
        upper_bound(0, 9, delta=share)
    with pytest.raises(ValueError, match="alpha = "):
        accepted_needed(share, 0.1)
    with pytest.raises(ValueError, match="delta = "):
        accepted_needed(0.05, share)


# The grid


def test_the_grid_starts_with_three_times_the_labels_needed_but_at_most_two_fifths() -> None:
    assert accepted_ranks(500, 45) == [*range(135, 500, 25), 500]
    assert accepted_ranks(200, 45) == [*range(80, 200, 10), 200]
    assert accepted_ranks(10_000, 45)[0] == 500


def test_a_small_grid_starts_with_what_can_prove_something() -> None:
    assert accepted_ranks(100, 45)[0] == 54
    assert accepted_ranks(50, 45) == [50]
    assert accepted_ranks(1, 45) == [1]
    assert accepted_ranks(0, 45) == []


@given(st.integers(1, 5000), st.integers(1, 500))
def test_each_step_of_the_grid_accepts_more_and_the_last_everything(cases: int, clean_needed: int) -> None:
    ranks = accepted_ranks(cases, clean_needed)
    assert ranks[-1] == cases and ranks[0] >= min(cases, clean_needed)
    assert ranks == sorted(ranks) and len(ranks) <= 20
    assert all(later - earlier <= cases / 20 + 1 for earlier, later in pairwise(ranks))


def test_equal_scores_share_a_threshold() -> None:
    assert threshold_grid([1.0] * 60 + [0.5] * 40, alpha=0.05, delta=0.10) == (1.0, 0.5)


@given(st.lists(st.floats(0, 1), max_size=200), alphas, deltas)
def test_thresholds_are_scores_and_the_strictest_comes_first(scores: list[float], alpha: float, delta: float) -> None:
    grid = threshold_grid(scores, alpha=alpha, delta=delta)
    assert set(grid) <= set(scores)
    assert list(grid) == sorted(set(grid), reverse=True)


# Certificates


def test_a_certificate_says_what_its_test_saw() -> None:
    answer = certify(alike(1.0, 99, 1) + alike(0.2, 0, 50), alpha=0.05, delta=0.10)
    assert isinstance(answer, Certified)
    assert (answer.threshold, answer.accepted, answer.bad, answer.cases) == (1.0, 100, 1, 150)
    assert isclose(answer.upper_bound, upper_bound(1, 100, delta=0.10))
    assert answer.coverage == 100 / 150


def test_a_certificate_promises_this_and_no_more() -> None:
    answer = certify(alike(1.0, 60), alpha=0.05, delta=0.10)
    assert isinstance(answer, Certified)
    assert answer.promise == (
        "at most 5 % of accepted answers differ from the performance tier's, "
        "with confidence 90 %, on traffic like the calibration's"
    )
    assert promise(0.025, 0.07).startswith("at most 2.5 % of") and "confidence 93 %," in promise(0.025, 0.07)
    assert percent(0.0123) == "1.23 %"


def test_the_search_ends_at_the_first_threshold_that_fails() -> None:
    # With all 600 accepted 20 are bad, which would prove 5 % by itself; with the first 240 it is 20 as well.
    cases = [Scored(1 - place / 1000, 200 <= place < 220) for place in range(600)]
    assert one_look(20, 600, 0.05, 0.10) and not one_look(20, 240, 0.05, 0.10)
    answer = certify(cases, alpha=0.05, delta=0.10)
    assert isinstance(answer, Certified)
    assert (answer.accepted, answer.bad) == (195, 0)


def test_a_strictest_threshold_that_fails_certifies_nothing_however_good_the_rest() -> None:
    cases = [Scored(1 - place / 1000, place < 20) for place in range(900)]
    assert one_look(20, 900, 0.05, 0.10)
    assert isinstance(certify(cases, alpha=0.05, delta=0.10), Refused)


@given(labelled, alphas, deltas)
@example(alike(0.0, 45), 0.05, 0.10)
def test_a_certified_threshold_passes_its_own_test(cases: list[Scored], alpha: float, delta: float) -> None:
    answer = certify(cases, alpha=alpha, delta=delta)
    if isinstance(answer, Certified):
        accepted = [case.bad for case in cases if case.score >= answer.threshold]
        assert (answer.accepted, answer.bad) == (len(accepted), sum(accepted))
        assert one_look(answer.bad, answer.accepted, alpha, delta)
        assert answer.upper_bound <= alpha
        assert answer.threshold in threshold_grid([case.score for case in cases], alpha=alpha, delta=delta)


@given(labelled.flatmap(lambda cases: st.tuples(st.just(cases), st.permutations(cases))), alphas, deltas)
def test_the_order_of_cases_changes_nothing(
    both: tuple[list[Scored], list[Scored]], alpha: float, delta: float
) -> None:
    cases, shuffled = both
    assert certify(cases, alpha=alpha, delta=delta) == certify(shuffled, alpha=alpha, delta=delta)
    anytime = [certify_anytime(THRESHOLDS, order, alpha=alpha, delta=delta) for order in both]
    assert anytime[0] == anytime[1]


@given(labelled.filter(bool), st.data(), alphas, deltas)
def test_a_label_turned_bad_never_certifies_more(
    cases: list[Scored], data: st.DataObject, alpha: float, delta: float
) -> None:
    place = data.draw(st.integers(0, len(cases) - 1))
    worse = [*cases[:place], replace(cases[place], bad=True), *cases[place + 1 :]]
    before, after = certify(cases, alpha=alpha, delta=delta), certify(worse, alpha=alpha, delta=delta)
    assert accepted_by(after) <= accepted_by(before)
    before = certify_anytime(THRESHOLDS, cases, alpha=alpha, delta=delta)
    assert accepted_by(certify_anytime(THRESHOLDS, worse, alpha=alpha, delta=delta)) <= accepted_by(before)


@given(labelled, alphas, deltas)
def test_a_larger_alpha_refuses_no_more_at_fixed_thresholds(cases: list[Scored], alpha: float, delta: float) -> None:
    before = certify_anytime(THRESHOLDS, cases, alpha=alpha, delta=delta)
    after = certify_anytime(THRESHOLDS, cases, alpha=alpha + 0.1, delta=delta)
    assert accepted_by(after) >= accepted_by(before)


@pytest.mark.parametrize("score", [nan, inf, -inf])
def test_a_score_that_is_no_number_is_refused_where_it_is_made(score: float) -> None:
    with pytest.raises(ValueError, match="right is a finite number"):
        Scored(score, False)
    with pytest.raises(ValueError, match="right is a finite number"):
        threshold_grid([0.5, score], alpha=0.05, delta=0.10)


# Labels that keep arriving


def test_the_price_of_any_number_of_looks_is_68_clean_labels_in_place_of_45() -> None:
    assert isinstance(certify(alike(1.0, 45), alpha=0.05, delta=0.10), Certified)
    assert isinstance(certify_anytime([0.5], alike(1.0, 67), alpha=0.05, delta=0.10), Refused)
    answer = certify_anytime([0.5], alike(1.0, 68), alpha=0.05, delta=0.10)
    assert isinstance(answer, Certified)
    assert answer.threshold == 0.5 and 0.049 < answer.upper_bound <= 0.05


def test_fixed_thresholds_are_tried_strictest_first_and_the_first_failure_ends_it() -> None:
    cases = alike(0.9, 100) + alike(0.6, 0, 30) + alike(0.1, 3000)
    answer = certify_anytime([0.8, 0.5, 0.0], cases, alpha=0.05, delta=0.10)
    assert isinstance(answer, Certified)
    assert answer.threshold == 0.8


@pytest.mark.parametrize("thresholds", [[], [0.5, 0.8], [0.8, 0.8], [nan], [0.8, inf]])
def test_thresholds_that_are_not_fixed_strictest_first_are_named(thresholds: list[float]) -> None:
    with pytest.raises(ValueError, match="right is"):
        certify_anytime(thresholds, alike(1.0, 100), alpha=0.05, delta=0.10)


# Refusals


def test_without_labels_the_refusal_says_how_many_it_takes() -> None:
    answer = certify([], alpha=0.05, delta=0.10)
    assert isinstance(answer, Refused)
    assert (answer.cases, answer.accepted, answer.bad, answer.upper_bound) == (0, 0, 0, 1.0)
    assert (answer.clean_needed, answer.clean_to_go, answer.cases_to_go) == (45, 45, None)
    assert answer.why.endswith(
        "no fewer than 45 accepted ones, even if none is bad, can prove 5 % with confidence 90 %; "
        "label more answers first"
    )


def test_clean_labels_that_are_too_few_lack_only_the_rest() -> None:
    answer = certify(alike(1.0, 40), alpha=0.05, delta=0.10)
    assert isinstance(answer, Refused)
    assert (answer.clean_needed, answer.clean_to_go, answer.cases_to_go) == (45, 5, 5)
    assert "it takes about 5 more labelled cases" in answer.why


def test_one_bad_label_costs_32_more() -> None:
    answer = certify(alike(1.0, 44, 1), alpha=0.05, delta=0.10)
    assert isinstance(answer, Refused)
    assert (answer.accepted, answer.bad, answer.clean_to_go) == (45, 1, 77 - 45)
    assert "that proves at most 8.38 %, not 5 %, with confidence 90 %" in answer.why


def test_a_hopeless_judge_gets_no_number() -> None:
    answer = certify([Scored(place / 500, place % 5 == 0) for place in range(500)], alpha=0.05, delta=0.10)
    assert isinstance(answer, Refused)
    assert answer.cases_to_go is None
    assert answer.why.endswith("no number of labels is in sight: a better judge or rubric would help")


def test_a_judge_that_knows_its_best_answers_gets_a_number_although_the_rate_of_all_is_too_high() -> None:
    cases = [Scored(1 - place / 45, place in (30, 35, 40, 44)) for place in range(45)]
    answer = certify(cases, alpha=0.05, delta=0.10)
    assert isinstance(answer, Refused)
    assert answer.bad / answer.accepted > 0.05
    assert answer.cases_to_go is not None and answer.cases_to_go < 100


@pytest.mark.parametrize("anytime", [False, True])
def test_a_forecast_comes_true_when_cases_go_on_as_before(anytime: bool) -> None:
    def judged(copies: int) -> Certified | Refused:
        cases = (alike(1.0, 59, 1) + alike(0.5, 30, 10)) * copies
        if anytime:
            return certify_anytime([1.0, 0.5], cases, alpha=0.05, delta=0.10)
        return certify(cases, alpha=0.05, delta=0.10)

    now = judged(1)
    assert isinstance(now, Refused)
    assert now.cases_to_go is not None
    assert isinstance(judged(-(-(100 + now.cases_to_go) // 100)), Certified)


def test_no_accepted_case_gives_no_rate_and_so_no_forecast() -> None:
    answer = certify_anytime([0.9], alike(0.5, 100), alpha=0.05, delta=0.10)
    assert isinstance(answer, Refused)
    assert (answer.cases, answer.accepted, answer.cases_to_go, answer.clean_to_go) == (100, 0, None, 68)


@given(labelled, alphas, deltas)
@settings(max_examples=40)
def test_a_refusal_is_never_silent_and_never_carries_a_threshold(
    cases: list[Scored], alpha: float, delta: float
) -> None:
    answer = certify(cases, alpha=alpha, delta=delta)
    if isinstance(answer, Refused):
        assert answer.why and not hasattr(answer, "threshold")
        assert answer.clean_to_go > 0 and answer.upper_bound > alpha
        assert answer.cases_to_go is None or answer.cases_to_go > 0


# Audits


def audited(alpha: float, bads: str) -> Cusum:
    return Cusum(alpha).add_all(mark == "x" for mark in bads)


def test_fourteen_bad_audits_in_a_row_raise_the_alarm_and_thirteen_do_not() -> None:
    assert not audited(0.05, "x" * 13).alarm
    assert audited(0.05, "x" * 14).alarm


def test_good_audits_hide_no_bad_ones_that_follow() -> None:
    after_good = audited(0.05, "." * 1000 + "x" * 14)
    assert after_good.alarm
    assert (after_good.audits, after_good.since_zero) == (1014, 14)


def test_a_level_moves_by_the_published_steps() -> None:
    assert isclose(audited(0.05, "x").level, log(2))
    assert isclose(audited(0.05, "x.").level, log(2) + log(0.9 / 0.95))
    assert isclose(audited(0.05, "...").level, log(0.9 / 0.95))


def test_an_alarm_stays_and_keeps_the_audits_it_was_made_of() -> None:
    alarmed = audited(0.05, "..." + "x" * 14)
    assert alarmed.add_all([False] * 1000) == alarmed
    assert alarmed.since_zero == 14


def test_a_state_is_a_fact() -> None:
    state = Cusum(0.05)
    assert state.add(True) is not state and state.level == 0.0
    with pytest.raises(FrozenInstanceError):
        state.level = 5.0  # type: ignore[misc]


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.9, nan])
def test_an_alpha_that_audits_cannot_double_is_named(alpha: float) -> None:
    with pytest.raises(ValueError, match=r"between 0 and 0\.5"):
        Cusum(alpha)


def test_audits_find_three_times_the_risk_in_about_150_and_leave_half_of_it_alone() -> None:
    chance = random.Random(4)
    waits = []
    for _ in range(200):
        state = Cusum(0.05)
        while not state.alarm:
            state = state.add(chance.random() < 0.15)
        waits.append(state.audits)
    assert 125 < median(waits) < 175
    assert not Cusum(0.05).add_all(chance.random() < 0.025 for _ in range(20_000)).alarm


# Looks and certificates


def look(test: Test, level: float, *thresholds: float) -> Look:
    return Look("invoice", "key", NOW, test, level, 50, thresholds)


def test_each_exact_look_takes_its_level_and_the_anytime_test_takes_its_own_once() -> None:
    exact, first, again = look("exact", 0.02), look("anytime", 0.05, 0.9), look("anytime", 0.05, 0.8)
    assert spent([]) == 0
    assert spent([exact, exact]) == 0.04
    assert spent([exact, first, again, exact]) == pytest.approx(0.09)
    assert anytime_look([exact, first, again]) == first
    assert anytime_look([exact]) is None


def test_the_looks_planned_share_what_is_left_of_delta() -> None:
    looks = [look("exact", 0.02)]
    assert level_left([], 0.10) == 0.10
    assert level_left(looks, 0.10) == pytest.approx(0.08)
    assert level_left(looks, 0.10, planned=4) == pytest.approx(0.02)
    assert level_left([look("exact", 0.10)], 0.10) is None
    # Three times a third is a little less than all of it, which is nothing to look with.
    assert level_left([look("exact", 0.10 / 3 - 1e-9)] * 3, 0.10) is None


def issued(**changes: Any) -> Certificate:
    made = Certificate(
        id="c1", task="invoice", at=NOW, until=NOW + timedelta(days=90), pipeline="key", parts="{}", threshold=0.9,
        alpha=0.05, delta=0.10, accepted=60, bad=0, cases=80, upper_bound=0.038, test="exact",
    )  # fmt: skip
    return replace(made, **changes)


def test_a_certificate_is_in_force_for_its_own_pipeline_until_its_date_or_its_end() -> None:
    assert issued().in_force("key", NOW)
    assert issued().in_force("key", NOW + timedelta(days=89))
    assert not issued().in_force("key", NOW + timedelta(days=90))
    assert not issued().in_force("another", NOW)
    assert not issued(revoked_at=NOW).in_force("key", NOW)


def test_an_issued_certificate_promises_what_was_proven() -> None:
    assert issued().promise == promise(0.05, 0.10)
    assert issued().coverage == 0.75


# The key of a pipeline


PIPELINE = Pipeline(
    task="invoice",
    rubric='name = "invoice"\n',
    judge_prompt="1",
    judge_models=("openai/gpt-5-nano",),
    judge_parameters={"temperature": 0, "max_output_tokens": 300},
    judge_mode="evidence",
    judge_samples="1",
    efficiency_models=("openai/gpt-5-nano", "mistral/small"),
    efficiency_prompt="Extract the invoice's fields.",
    efficiency_parameters={},
    gate={"checks": ["schema", "judge"]},
    schema={"type": "object"},
    normalisers={"total": "money"},
    performance_models=("openai/gpt-5.2",),
)
OTHERS: dict[str, Any] = {
    "task": "receipt",
    "rubric": 'name = "invoice"\n# a comment\n',
    "judge_prompt": "2",
    "judge_models": ("openai/gpt-5-mini",),
    "judge_parameters": {"temperature": 1, "max_output_tokens": 300},
    "judge_mode": "logprob",
    "judge_samples": "1..3",
    "efficiency_models": ("mistral/small", "openai/gpt-5-nano"),
    "efficiency_prompt": "Extract the fields.",
    "efficiency_parameters": {"seed": 1},
    "schema": None,
    "gate": {"checks": ["schema", "grounded", "judge"]},
    "normalisers": {"total": "number"},
    "performance_models": (),
}


@pytest.mark.parametrize("part", sorted(OTHERS))
def test_any_part_changes_the_key_and_is_named(part: str) -> None:
    other = replace(PIPELINE, **{part: OTHERS[part]})
    assert other.key != PIPELINE.key
    assert changed(PIPELINE, other) == changed(other, PIPELINE) == [part]


def test_every_part_has_a_test() -> None:
    assert changed(PIPELINE, replace(PIPELINE, **OTHERS)) == list(OTHERS)
    assert set(OTHERS) == set(json.loads(PIPELINE.to_json()))


def test_the_order_of_parameters_changes_no_key() -> None:
    turned = replace(PIPELINE, judge_parameters={"max_output_tokens": 300, "temperature": 0})
    assert turned.key == PIPELINE.key
    assert changed(PIPELINE, turned) == []


def test_a_key_is_the_hash_of_canonical_json_and_the_same_for_ever() -> None:
    canonical = json.dumps(json.loads(PIPELINE.to_json()), sort_keys=True, separators=(",", ":"))
    assert PIPELINE.to_json() == canonical
    assert len(PIPELINE.key) == 64 and int(PIPELINE.key, 16)
    assert PIPELINE.key.startswith("c12361c90841")


def test_a_pipeline_comes_back_from_its_json() -> None:
    back = Pipeline.from_json(PIPELINE.to_json())
    assert back == PIPELINE and back.key == PIPELINE.key


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "a pipeline of list; right are the parts"),
        ('{"task": "invoice"}', r"a pipeline of \['task'\]; right are the parts"),
        ("{", "Expecting"),
        ('"x"', "a pipeline of str; right are"),
    ],
)
def test_json_of_another_kind_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        Pipeline.from_json(text)


@pytest.mark.parametrize("value", [{"at": {1, 2}}, {"temperature": nan}])
def test_a_part_that_is_no_json_is_named(value: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='part "judge_parameters" of the pipeline'):
        _ = replace(PIPELINE, judge_parameters=value).key


# Metrics


def test_a_confusion_counts_both_kinds_of_error() -> None:
    seen = Confusion(accepted_good=6, accepted_bad=2, rejected_good=3, rejected_bad=1)
    assert (seen.cases, seen.accepted, seen.coverage, seen.risk) == (12, 8, 8 / 12, 0.25)
    assert (seen.false_accept_rate, seen.false_reject_rate) == (2 / 3, 3 / 9)
    assert isclose(seen.risk_bound(0.10), upper_bound(2, 8, delta=0.10))


def test_a_share_of_nothing_is_unknown() -> None:
    nothing = Confusion()
    assert nothing.coverage is nothing.risk is nothing.false_accept_rate is nothing.false_reject_rate is None
    assert nothing.risk_bound(0.10) == 1.0


def test_the_gap_recovered_is_unknown_where_there_is_hardly_a_gap() -> None:
    assert isclose(pgr(0.9, efficiency=0.8, performance=1.0) or 0, 0.5)
    assert isclose(pgr(0.01, efficiency=0.0, performance=0.02) or 0, 0.5)
    assert pgr(0.9, efficiency=0.89, performance=0.90) is None
    assert pgr(0.9, efficiency=0.95, performance=0.90) is None
    better = pgr(1.0, efficiency=0.5, performance=0.9)
    assert better is not None and better > 1


def compared(score: float, efficiency: bool, performance: bool = True, cost: str | None = "0.10") -> Compared:
    return Compared(score, efficiency, performance, Decimal("0.01"), None if cost is None else Decimal(cost))


def test_a_curve_has_a_point_for_each_threshold_and_for_accepting_nothing() -> None:
    curve = quality_curve([compared(0.9, True), compared(0.9, True), compared(0.5, False), compared(0.1, False)])
    assert curve == (
        Point(0.1, 0.5, 0.0, Decimal("0.01")),
        Point(0.5, 0.75, 0.25, Decimal("0.035")),
        Point(0.9, 1.0, 0.5, Decimal("0.06")),
        Point(inf, 1.0, 1.0, Decimal("0.11")),
    )
    assert isclose(apgr(curve) or 0, 0.75)


def test_an_unknown_cost_is_unknown_only_where_it_is_paid() -> None:
    curve = quality_curve([compared(0.9, True, cost=None), compared(0.1, False)])
    assert [point.cost for point in curve] == [Decimal("0.01"), Decimal("0.06"), None]
    assert all(point.cost is None for point in quality_curve([Compared(0.5, True, True)]))


def test_a_score_that_knows_nothing_recovers_half_of_the_gap() -> None:
    assert isclose(apgr(quality_curve([compared(0.5, place < 3) for place in range(10)])) or 0, 0.5)
    assert apgr(quality_curve([compared(0.5, True)])) is None


def test_a_curve_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^no cases; right is one or more that both tiers answered$"):
        quality_curve([])
    with pytest.raises(ValueError, match=r"^no points; right is what `quality_curve` gives$"):
        apgr([])
    with pytest.raises(ValueError, match="finite"):
        Compared(nan, True, True)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_a_curve_agrees_with_counting_at_each_threshold(rows: list[tuple[float, bool, bool]]) -> None:
    cases = [compared(*row) for row in rows]
    for point in quality_curve(cases):
        served = [case.efficiency_right if case.score >= point.threshold else case.performance_right for case in cases]
        rejected = sum(case.score < point.threshold for case in cases)
        assert isclose(point.quality, sum(served) / len(cases))
        assert isclose(point.performance_share, rejected / len(cases))
        assert point.cost is not None
        assert isclose(point.cost, Decimal("0.01") + Decimal("0.10") * rejected / len(cases))


def test_the_package_imports_nothing_but_the_standard_library() -> None:
    code = """
import sys, types
before = set(sys.modules)
package = sys.modules["qualityroute"] = types.ModuleType("qualityroute")
package.__path__ = ["qualityroute"]
import qualityroute.calibration
print({name.split(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("{'qualityroute'}\n", "")
