from __future__ import annotations

import json
import random
from dataclasses import FrozenInstanceError, asdict
from decimal import Decimal
from itertools import pairwise, product
from math import exp, inf, isclose, log, prod
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qualityroute.records import Tier
from qualityroute.signal import (
    BUCKET,
    Change,
    Flag,
    SessionCounts,
    State,
    always_valid,
    assess,
    break_even,
    bucket_failures,
    find_changes,
    forecast,
    log_evidence_of_gain,
    log_evidence_of_loss,
    persistence,
    wilson,
)
from qualityroute.signal.betting import KINDS, NEEDED, savings

trials = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
rates = st.floats(0.02, 0.98)
kinds = st.sampled_from(KINDS)
# Up to 512 stories for each example take longer than the usual deadline on a busy machine.
whole_enumeration = settings(deadline=None, max_examples=40)
counted = st.lists(st.integers(0, 300), min_size=8, max_size=8).map(lambda counts: SessionCounts(tuple(counts)))


def counts_of(*rows: tuple[int, int, int]) -> SessionCounts:
    return SessionCounts.of(rows)


def played(*sessions: tuple[int, int]) -> SessionCounts:
    return SessionCounts.of((attempts, failed, 1) for attempts, failed in sessions)


# Break-even


def test_break_even_is_one_less_the_share_of_a_performance_call_that_an_attempt_costs() -> None:
    assert break_even(efficiency=1, judge=1, performance=10) == pytest.approx(0.8)
    assert break_even(efficiency=Decimal("1"), judge=Decimal("2"), performance=Decimal("10"), judged=0.5) == 0.8
    assert break_even(efficiency=1, judge=0, performance=10, audited=0.5) == pytest.approx(0.8)


@pytest.mark.parametrize("unknown", ["efficiency", "judge", "performance"])
def test_a_cost_that_is_not_known_makes_break_even_unknown(unknown: str) -> None:
    costs: dict[str, float | None] = {"efficiency": 1, "judge": 1, "performance": 10}
    costs[unknown] = None
    assert break_even(**costs) is None  # type: ignore[arg-type]  # a dict of costs, not of shares


def test_the_price_of_a_judge_that_is_never_called_does_not_matter() -> None:
    assert break_even(efficiency=1, judge=None, performance=10, judged=0) == 0.9


@pytest.mark.parametrize(("performance", "audited"), [(0, 0.0), (10, 1.0)])
def test_there_is_no_break_even_where_there_is_nothing_to_save(performance: float, audited: float) -> None:
    assert break_even(efficiency=1, judge=1, performance=performance, audited=audited) is None


@given(st.floats(0, 5), st.floats(0, 5), st.floats(0.1, 10), st.floats(0, 1), st.floats(0, 0.9))
def test_at_break_even_the_cascade_costs_what_performance_costs(
    efficiency: float, judge: float, performance: float, judged: float, audited: float
) -> None:
    rate = break_even(efficiency=efficiency, judge=judge, performance=performance, judged=judged, audited=audited)
    assert rate is not None
    cascade = efficiency + judged * judge + rate * performance + (1 - rate) * audited * performance
    assert cascade == pytest.approx(performance)


# Intervals


@given(trials)
def test_both_intervals_contain_the_rate_that_was_seen(trial: tuple[int, int]) -> None:
    failures, attempts = trial
    for interval in (wilson(failures, attempts), always_valid(failures, attempts)):
        assert failures / attempts in interval
        assert 0 <= interval.low < interval.high <= 1


@given(trials, st.floats(0.5, 0.99), st.floats(0.001, 0.009))
def test_both_intervals_widen_with_confidence(trial: tuple[int, int], confidence: float, more: float) -> None:
    for interval in (wilson, always_valid):
        narrow, wide = interval(*trial, confidence=confidence), interval(*trial, confidence=confidence + more)
        assert wide.low <= narrow.low <= narrow.high <= wide.high
        assert wide != narrow


@given(trials)
def test_the_interval_of_the_passes_mirrors_that_of_the_failures(trial: tuple[int, int]) -> None:
    failures, attempts = trial
    for interval in (wilson, always_valid):
        there, back = interval(failures, attempts), interval(attempts - failures, attempts)
        assert (there.low, there.high) == pytest.approx((1 - back.high, 1 - back.low), abs=1e-9)


@given(trials)
def test_the_price_of_looking_at_any_time_is_a_wider_interval(trial: tuple[int, int]) -> None:
    fixed, anytime = wilson(*trial), always_valid(*trial)
    assert anytime.high - anytime.low > fixed.high - fixed.low


def test_wilson_gives_the_textbook_values() -> None:
    assert wilson(3, 10) == pytest.approx((0.1078, 0.6032), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)


def test_the_always_valid_interval_ends_where_the_mixture_is_twenty_times_as_likely() -> None:
    # B(1/2, n + 1/2) / B(1/2, 1/2) for n = 1 is 1/2, so the rate p with (1/2) / (1 - p) = 20 is the edge.
    assert always_valid(0, 1) == pytest.approx((0.0, 0.975))
    assert always_valid(300_000, 1_000_000) == pytest.approx((0.29794, 0.30207), abs=1e-5)


def test_nothing_seen_leaves_every_rate_possible() -> None:
    assert wilson(0, 0) == always_valid(0, 0) == (0.0, 1.0)


def test_more_failures_than_attempts_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="3 failures in 2 attempts; right is"):
        wilson(3, 2)


# Session betting


def test_counts_know_their_sessions_attempts_and_failures() -> None:
    counts = counts_of((1, 1, 2), (4, 0, 3), (1, 1, 1))
    assert (counts.sessions, counts.attempts, counts.failures) == (6, 15, 3)
    assert counts.rate == 0.2
    assert SessionCounts().rate is None


@pytest.mark.parametrize("row", [(0, 0, 1), (5, 0, 1), (1, 2, 1)])
def test_a_session_of_an_impossible_kind_is_a_mistake(row: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="right is 1 to 4 attempts"):
        counts_of(row)


def test_counts_below_zero_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="whole numbers from 0 up"):
        counts_of((1, 0, -1))


@given(st.lists(kinds, max_size=60), rates, st.randoms(use_true_random=False))
def test_the_order_of_sessions_does_not_matter(
    sessions: list[tuple[int, int]], border: float, chance: random.Random
) -> None:
    shuffled = chance.sample(sessions, len(sessions))
    assert assess(played(*sessions), border) == assess(played(*shuffled), border)


@whole_enumeration
@given(rates, st.lists(st.floats(0.01, 1), min_size=8, max_size=8), st.integers(1, 3))
def test_at_the_true_border_the_expected_purse_is_not_above_one(
    border: float, weights: list[float], length: int
) -> None:
    chances = at_border(border, weights)
    for evidence in (log_evidence_of_loss, log_evidence_of_gain):
        expected = sum(
            prod(chance for _, chance in story) * exp(evidence(played(*(kind for kind, _ in story)), border))
            for story in product(chances, repeat=length)
        )
        assert expected <= 1 + 1e-9


def at_border(border: float, weights: list[float]) -> list[tuple[tuple[int, int], float]]:
    """Chances of every kind of session, tilted so that nothing is lost or saved on average."""
    stakes = dict(zip(KINDS, savings(border), strict=True))
    up = sum(weight * max(stake, 0) for weight, stake in zip(weights, stakes.values(), strict=True))
    down = sum(weight * max(-stake, 0) for weight, stake in zip(weights, stakes.values(), strict=True))
    tilted = [weight * (down if stakes[kind] > 0 else up) for kind, weight in zip(KINDS, weights, strict=True)]
    return [(kind, weight / sum(tilted)) for kind, weight in zip(KINDS, tilted, strict=True)]


@whole_enumeration
@given(rates, st.floats(0.5, 6), st.integers(1, 3))
def test_with_a_rate_on_the_worse_side_the_expected_purse_is_not_above_one_either(
    border: float, odds: float, length: int
) -> None:
    rate = border / (border + (1 - border) * odds)
    evidence = log_evidence_of_gain if rate >= border else log_evidence_of_loss
    chances = [((4, 0), (1 - rate) ** 4)]
    chances += [((attempts, 1), (1 - rate) ** (attempts - 1) * rate) for attempts in range(1, 5)]
    expected = sum(
        prod(chance for _, chance in story) * exp(evidence(played(*(kind for kind, _ in story)), border))
        for story in product(chances, repeat=length)
    )
    assert expected <= 1 + 1e-9


@given(counted, st.floats(-1, 2))
def test_loss_and_gain_are_never_both_likely(counts: SessionCounts, border: float) -> None:
    loss, gain = log_evidence_of_loss(counts, border), log_evidence_of_gain(counts, border)
    assert min(loss, gain) <= 1e-9


@given(counted, rates, rates)
def test_a_price_change_is_only_another_break_even_over_the_same_counts(
    counts: SessionCounts, old: float, new: float
) -> None:
    assess(counts, old)
    one_by_one = sum_of_purses(counts, new)
    assert exp(log_evidence_of_gain(counts, new) - one_by_one) == pytest.approx(1, rel=1e-6)


def sum_of_purses(counts: SessionCounts, border: float) -> float:
    """ln E_gain by its definition: each bet's purse followed session by session."""
    ends = []
    for step in range(8):
        share = 0.02 * (0.95 / 0.02) ** (step / 7) / (1 - border)
        ends.append(
            sum(
                count * log(1 + share * (border * attempts - failed))
                for (attempts, failed), count in zip(KINDS, counts.counts, strict=True)
            )
        )
    top = max(ends)
    return top + log(sum(exp(end - top) for end in ends) / 8)


@given(counted, st.floats(0.05, 0.5), st.floats(0.01, 0.45))
def test_a_higher_break_even_never_turns_a_saving_into_a_loss(
    counts: SessionCounts, border: float, more: float
) -> None:
    if assess(counts, border).state is State.HEALTHY:
        assert assess(counts, border + more).state is not State.MISCLASSIFIED


@given(counted, st.floats(0.03, 0.97), st.integers(1, 30))
def test_a_forecast_is_the_growth_of_the_counts_at_which_a_side_is_proven(
    counts: SessionCounts, border: float, times: int
) -> None:
    wait = forecast(counts, border)
    grown = SessionCounts(tuple(times * count for count in counts.counts))
    evidence = max(log_evidence_of_loss(grown, border), log_evidence_of_gain(grown, border))
    if not isclose(evidence, log(NEEDED), abs_tol=1e-6):
        assert (evidence > log(NEEDED)) is (wait is not None and (times - 1) * counts.sessions >= wait)


def test_what_would_go_on_like_this_for_ever_has_no_forecast() -> None:
    assert forecast(counts_of((1, 0, 9), (1, 1, 9)), 0.5) is None
    assert forecast(SessionCounts(), 0.5) is None


@given(st.floats(-1e6, 0), st.lists(kinds, min_size=5, max_size=20))
def test_where_an_attempt_costs_a_performance_call_the_first_loss_is_proof(
    border: float, sessions: list[tuple[int, int]]
) -> None:
    counts = played(*sessions)
    loses = border < 0 or counts.failures > 0
    assert log_evidence_of_loss(counts, border) == (inf if loses else 0)
    assert log_evidence_of_gain(counts, border) <= 0
    assert assess(counts, border).state is (State.MISCLASSIFIED if loses else State.INSUFFICIENT)


def test_a_loss_by_arithmetic_says_that_no_rate_lets_it_pay() -> None:
    verdict = assess(counts_of((4, 0, 5)), -0.25)
    assert verdict.why == (
        "0 of 20 attempts failed (0.000) in 5 closed sessions, each up to its first failure; "
        "at break-even -0.250 an attempt costs at least the performance call it could save, "
        "so no fallback rate lets it pay"
    )
    assert verdict.saving == -1


def test_a_free_attempt_saves_with_its_first_success_and_never_loses() -> None:
    assert assess(counts_of((1, 1, 100)), 1).state is State.INSUFFICIENT
    verdict = assess(counts_of((1, 1, 100), (2, 1, 1)), 1)
    assert verdict.state is State.HEALTHY
    assert "costs nothing" in verdict.why


@given(counted, st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_an_assessment_is_always_finite_and_goes_into_json(counts: SessionCounts, border: float) -> None:
    json.dumps(asdict(assess(counts, border)), allow_nan=False)


# Changes


def test_only_full_buckets_are_counted() -> None:
    assert bucket_failures([True] * 25 + [False] * 20) == [20, 5]
    assert bucket_failures([True] * 19) == []


def test_a_change_is_dated_at_the_bucket_where_it_began() -> None:
    (change,) = find_changes([2] * 50 + [8] * 10)
    assert (change.bucket, change.attempt, change.before, change.after) == (50, 1000, 0.1, 0.4)
    assert change.worse
    assert 50 < change.seen < 55
    assert change.strength >= 11


def test_two_buckets_are_enough_where_everything_changed() -> None:
    (change,) = find_changes([0, BUCKET])
    assert (change.bucket, change.seen, change.before, change.after) == (1, 1, 0.0, 1.0)


def test_each_change_of_a_stream_is_found_after_the_other() -> None:
    changes = find_changes([2] * 40 + [10] * 40 + [4] * 40)
    assert [(change.bucket, change.worse) for change in changes] == [(40, True), (80, False)]


def test_a_new_epoch_begins_at_the_change_not_at_its_alarm() -> None:
    first, second = find_changes([2] * 40 + [9, 9, 12] + [1] * 40)
    assert (first.bucket, first.seen) == (40, 41)
    assert (second.bucket, second.before) == (43, 0.5)


@given(st.lists(st.lists(st.integers(0, BUCKET), min_size=1, max_size=2).map(lambda few: few * 8), max_size=6))
def test_both_rates_are_those_of_the_buckets_from_the_last_change_to_the_alarm(stretches: list[list[int]]) -> None:
    failures = [count for stretch in stretches for count in stretch]
    epoch = 0
    for change in find_changes(failures):
        assert change.before == pytest.approx(mean(failures[epoch : change.bucket]) / BUCKET)
        assert change.after == pytest.approx(mean(failures[change.bucket : change.seen + 1]) / BUCKET)
        epoch = change.bucket


@given(st.lists(st.integers(0, BUCKET), max_size=60))
def test_passes_change_when_failures_do(failures: list[int]) -> None:
    there, back = find_changes(failures), find_changes([BUCKET - count for count in failures])
    assert [change.bucket for change in there] == [change.bucket for change in back]
    assert [change.before for change in there] == pytest.approx([1 - change.before for change in back])


@given(st.lists(st.integers(0, BUCKET), max_size=60), st.integers(0, 60))
def test_what_was_found_does_not_change_when_more_is_seen(failures: list[int], length: int) -> None:
    earlier = find_changes(failures[:length])
    assert find_changes(failures)[: len(earlier)] == earlier


@given(st.lists(st.integers(0, BUCKET), max_size=60))
def test_changes_are_in_order_and_never_small(failures: list[int]) -> None:
    changes = find_changes(failures)
    assert all(first.bucket < second.bucket for first, second in pairwise(changes))
    assert all(change.strength >= 11 and abs(change.after - change.before) >= 0.05 for change in changes)


@pytest.mark.parametrize("failures", [[], [3], [10, 9], [6] * 500])
def test_a_steady_or_short_stream_has_no_change(failures: list[int]) -> None:
    assert find_changes(failures) == ()


def test_a_step_too_small_to_matter_is_no_change() -> None:
    assert find_changes([0] * 150 + [1] * 50) != ()
    assert find_changes([0] * 150 + [0, 1] * 25) == ()
    assert find_changes([1] * 100 + [1, *[2] * 9] * 15) == ()


def test_nothing_older_than_two_hundred_buckets_is_looked_at() -> None:
    failures = [4] * 300 + [4, 5] * 95 + [12] * 10
    (change,) = find_changes(failures)
    looked_at = failures[change.seen + 1 - 200 : change.bucket]
    assert change.bucket == 490
    assert change.before == pytest.approx(sum(looked_at) / len(looked_at) / BUCKET)


def test_a_bucket_with_more_failures_than_attempts_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="right is 0 to 20 failures"):
        find_changes([21])


# Persistence


def test_failures_that_say_nothing_of_the_next_request_have_no_correlation() -> None:
    assert persistence(probes=100, failed=20, difficulty=0.2, break_even=0.8).correlation == 0


def test_pins_pay_only_where_failures_persist_above_break_even() -> None:
    lasting = persistence(probes=50, failed=47, difficulty=0.1, break_even=0.6)
    assert lasting.correlation == pytest.approx((0.94 - 0.1) / 0.9)
    assert lasting.pins_pay is True
    assert persistence(probes=50, failed=5, difficulty=0.1, break_even=0.6).pins_pay is False


def test_a_few_probes_do_not_tell_whether_pins_pay() -> None:
    few = persistence(probes=3, failed=3, difficulty=0.1, break_even=0.6)
    assert (few.rate, few.pins_pay) == (1.0, None)
    assert few.interval == always_valid(3, 3)


def test_without_probes_prices_or_a_first_pass_nothing_is_made_up() -> None:
    nothing = persistence(probes=0, failed=0, difficulty=0.1, break_even=0.5)
    assert (nothing.rate, nothing.correlation, nothing.pins_pay) == (None, None, None)
    assert persistence(probes=90, failed=80, difficulty=0.1, break_even=None).pins_pay is None
    assert persistence(probes=90, failed=80, difficulty=1.0, break_even=0.1).correlation is None
    assert persistence(probes=90, failed=80, difficulty=None, break_even=0.1).correlation is None


# States


@pytest.mark.parametrize(
    ("tier", "rows", "state"),
    [
        (Tier.EFFICIENCY, [(1, 1, 30)], State.MISCLASSIFIED),
        (Tier.EFFICIENCY, [(4, 0, 30)], State.HEALTHY),
        (Tier.EFFICIENCY, [(1, 1, 300), (1, 0, 300)], State.BREAK_EVEN),
        (Tier.EFFICIENCY, [(1, 1, 5), (1, 0, 5)], State.INSUFFICIENT),
        (Tier.PERFORMANCE, [(1, 0, 30)], State.COULD_TRY_EFFICIENCY),
        (Tier.PERFORMANCE, [(1, 1, 30)], State.HEALTHY),
        (Tier.PERFORMANCE, [(1, 1, 300), (1, 0, 300)], State.BREAK_EVEN),
        (Tier.PERFORMANCE, [], State.INSUFFICIENT),
    ],
)
def test_the_state_says_whether_the_task_belongs_on_its_tier(
    tier: Tier, rows: list[tuple[int, int, int]], state: State
) -> None:
    assert assess(counts_of(*rows), 0.5, tier=tier).state is state


@given(counted, st.sampled_from(Tier))
def test_unknown_prices_give_no_state_that_needs_money(counts: SessionCounts, tier: Tier) -> None:
    verdict = assess(counts, None, tier=tier, flags=[Flag.REVOKED])
    assert verdict.state is State.INSUFFICIENT
    assert verdict.flags == (Flag.REVOKED,)
    assert ("is not all known" in verdict.why) is (counts.rate is not None)
    money = (verdict.break_even, verdict.saving, verdict.e_loss, verdict.e_gain, verdict.sessions_to_go)
    assert money == (None,) * 5


@given(counted, st.none() | rates)
def test_an_assessment_tells_what_was_counted_and_at_which_break_even(
    counts: SessionCounts, border: float | None
) -> None:
    verdict = assess(counts, border)
    assert (verdict.sessions, verdict.attempts, verdict.failures) == (counts.sessions, counts.attempts, counts.failures)
    assert (verdict.rate, verdict.break_even) == (counts.rate, border)


@pytest.mark.parametrize("row", [(1, 1, 3), (4, 0, 3), (4, 1, 3)])
@pytest.mark.parametrize("border", [-1.0, 0.001, 0.8, 0.999])
def test_three_sessions_are_never_enough_and_it_says_how_many_more(row: tuple[int, int, int], border: float) -> None:
    verdict = assess(counts_of(row), border)
    assert verdict.state is State.INSUFFICIENT
    assert verdict.sessions_to_go is not None
    assert verdict.sessions_to_go >= 2


@given(counted.filter(lambda counts: counts.sessions > 0), st.floats(0.05, 0.95))
def test_an_open_question_always_has_a_forecast(counts: SessionCounts, border: float) -> None:
    verdict = assess(counts, border)
    assert verdict.sessions_to_go is not None
    assert (verdict.sessions_to_go > 0) is (verdict.state is State.INSUFFICIENT)


def test_a_task_near_its_break_even_waits_for_five_hundred_sessions() -> None:
    assert assess(counts_of((1, 1, 5), (1, 0, 5)), 0.5).sessions_to_go == 490
    assert assess(SessionCounts(), 0.5).sessions_to_go is None


def test_the_reason_is_told_in_plain_numbers() -> None:
    verdict = assess(counts_of((1, 1, 30)), 0.5)
    assert verdict.why.startswith(
        "30 of 30 attempts failed (1.000) in 30 closed sessions, each up to its first failure; "
        "efficiency pays only below 0.500"
    )
    assert verdict.saving == -0.5
    assert verdict.e_loss == pytest.approx(exp(log_evidence_of_loss(counts_of((1, 1, 30)), 0.5)))
    assert verdict.e_gain == pytest.approx(exp(log_evidence_of_gain(counts_of((1, 1, 30)), 0.5)))
    undecided = assess(counts_of((1, 1, 5), (1, 0, 5)), 0.5)
    assert undecided.why.endswith("for a saving, 40 needed")
    assert assess(SessionCounts(), 0.5).why.startswith("no closed session has tried efficiency; undecided")
    assert assess(SessionCounts(), None).why == "no closed session has tried efficiency"


def test_flags_stand_beside_the_state_in_one_order() -> None:
    change = Change(bucket=3, before=0.1, after=0.4, seen=5, strength=12.0)
    verdict = assess(counts_of((4, 0, 30)), 0.5, change=change, flags=[Flag.REVOKED, Flag.UNCERTIFIED])
    assert verdict.state is State.HEALTHY
    assert verdict.flags == (Flag.CHANGED, Flag.UNCERTIFIED, Flag.REVOKED)
    assert assess(SessionCounts(), 0.5).flags == ()


def test_an_assessment_is_a_fact_that_nobody_edits() -> None:
    with pytest.raises(FrozenInstanceError):
        assess(SessionCounts(), 0.5).state = State.HEALTHY  # type: ignore[misc]  # that is the point
