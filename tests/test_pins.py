"""When a session is held, and when it may try again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from conftest import NOW
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.config import Pins
from qualityroute.pins import (
    Accepted,
    Held,
    Pin,
    PinEffect,
    PinEvent,
    PinKey,
    PinState,
    Probed,
    Rejected,
    Transition,
    alive,
    key_for,
    manual_pin,
    pin_after,
    probe_due,
    transition,
)
from qualityroute.records import Attempt, ModelCall, Reason, ReasonKind, Role, Route, Ruling, Tier, Verdict

KEY = PinKey("default", "user-42")
REJECTED = Rejected(Reason.JUDGED, "judge", "supported: no", "practice/small")


def step(pin: Pin | None, event: PinEvent, policy: Pins = Pins(), now: datetime = NOW) -> Transition:
    return transition(pin, event, key=KEY, decision_id="d1", policy=policy, now=now)


def pinned(policy: Pins = Pins()) -> Pin:
    pin = step(None, REJECTED, policy).pin
    assert pin is not None
    return pin


def probing(policy: Pins = Pins()) -> Pin:
    return replace(pinned(policy), remaining=0, probe_token="t", probe_expires=NOW + timedelta(minutes=1))


def attempt(ruling: Ruling, reason: Reason | None = None, tier: Tier = Tier.EFFICIENCY) -> Attempt:
    return Attempt(tier, ruling, reason)


def test_a_rejected_answer_pins_the_session_with_its_reason() -> None:
    result = step(None, REJECTED)
    assert result.effect is PinEffect.CREATED
    assert result.pin is not None
    assert (result.pin.reason, result.pin.check, result.pin.remaining, result.pin.decision_id) == (
        Reason.JUDGED, "judge", 2, "d1",
    )  # fmt: skip
    assert result.pin.state is PinState.HELD
    assert (result.pin.tenant, result.pin.session, result.pin.task) == ("default", "user-42", "")


def test_after_two_means_the_first_rejection_is_only_watched() -> None:
    policy = Pins(after=2)
    first = step(None, REJECTED, policy)
    assert first.effect is PinEffect.WATCHED
    assert first.pin is not None
    assert first.pin.state is PinState.WATCHING
    second = step(first.pin, REJECTED, policy)
    assert second.effect is PinEffect.CREATED
    assert second.pin is not None
    assert second.pin.held


def test_an_accepted_answer_clears_the_strikes_but_never_a_pin() -> None:
    watching = step(None, REJECTED, Pins(after=2)).pin
    assert step(watching, Accepted(), Pins(after=2)) == Transition(None, PinEffect.CLEARED)
    assert step(pinned(), Accepted()).pin == pinned()
    assert step(None, Accepted()) == Transition(None, None)


def test_a_second_rejection_of_a_concurrent_request_leaves_the_pin_as_it_is() -> None:
    assert step(pinned(), REJECTED) == Transition(pinned(), None)


def test_held_requests_are_counted_down_to_half_open() -> None:
    pin: Pin | None = pinned()
    for left in (1, 0, 0):
        pin = step(pin, Held()).pin
        assert pin is not None
        assert pin.remaining == left
    assert pin.served == 3
    assert pin.state is PinState.HALF_OPEN


def test_a_held_request_does_not_bring_back_a_released_pin() -> None:
    assert step(None, Held()) == Transition(None, None)


def test_two_accepted_probes_in_a_row_release() -> None:
    once = step(probing(), Probed("t", True))
    assert once.effect is PinEffect.PROBE_PASSED
    assert once.pin is not None
    assert (once.pin.passed_probes, once.pin.remaining, once.pin.probe_token) == (1, 0, None)
    again = step(replace(once.pin, probe_token="u"), Probed("u", True))
    assert again == Transition(None, PinEffect.RELEASED)


def test_a_rejected_probe_holds_twice_as_many_up_to_the_cap() -> None:
    pin = probing(Pins(cap=6))
    held = []
    for _ in range(3):
        result = step(pin, Probed("t", False), Pins(cap=6))
        assert result.effect is PinEffect.PROBE_FAILED
        assert result.pin is not None
        held.append(result.pin.hold)
        pin = replace(result.pin, probe_token="t")
    assert held == [4, 6, 6]
    assert pin.failed_probes == 3


def test_a_probe_without_a_word_on_quality_frees_the_lease_and_changes_nothing_else() -> None:
    result = step(probing(), Probed("t", None))
    assert result.effect is PinEffect.PROBE_VOID
    assert result.pin is not None
    assert (result.pin.probe_token, result.pin.hold, result.pin.remaining, result.pin.failed_probes) == (None, 2, 2, 0)


def test_a_probe_whose_lease_was_lost_is_ignored() -> None:
    assert step(probing(), Probed("other", True)) == Transition(probing(), None)
    assert step(None, Probed("t", True)) == Transition(None, None)


def test_a_pin_past_its_date_counts_as_none() -> None:
    later = NOW + timedelta(hours=25)
    assert not alive(pinned(), later)
    assert not alive(None, later)
    fresh = step(pinned(), REJECTED, now=later).pin
    assert fresh is not None
    assert fresh.since == later


def test_idle_time_ends_a_pin_and_use_extends_it_to_its_age_at_most() -> None:
    pin = pinned()
    assert pin.until == NOW + timedelta(minutes=30)
    used = step(pin, Held(), now=NOW + timedelta(minutes=20)).pin
    assert used is not None
    assert used.until == NOW + timedelta(minutes=50)
    old = replace(pin, since=NOW - timedelta(hours=23, minutes=50))
    assert step(old, Held()).pin.until == old.since + timedelta(hours=24)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("probe", "pin", "due"),
    [
        ("requests", replace(pinned(), remaining=1), False),
        ("requests", replace(pinned(), remaining=0), True),
        ("never", replace(pinned(), remaining=0), False),
        ("idle", replace(pinned(), remaining=0), False),
        ("idle", replace(pinned(), last_used=NOW - timedelta(minutes=31)), True),
        ("idle", replace(pinned(), passed_probes=1), True),
        ("requests", probing(), False),
    ],
)
def test_when_a_probe_is_due(probe: str, pin: Pin, due: bool) -> None:
    assert probe_due(pin, Pins(probe=probe), NOW) is due  # type: ignore[arg-type]


def test_a_crashed_probe_does_not_stay_for_ever() -> None:
    assert probe_due(probing(), Pins(), NOW + timedelta(minutes=2))


def test_a_pin_made_by_hand_is_never_probed_and_keeps_its_date() -> None:
    pin = manual_pin(KEY, message="a promise", policy=Pins(), now=NOW)
    assert pin.state is PinState.HELD
    assert not probe_due(pin, Pins(), NOW)
    used = step(pin, Held(), now=NOW + timedelta(hours=1)).pin
    assert used is not None
    assert used.until == NOW + timedelta(hours=24)


def test_under_idle_probing_only_age_ends_a_pin() -> None:
    assert pinned(Pins(probe="idle")).until == NOW + timedelta(hours=24)


def test_the_key_holds_the_task_only_when_pins_are_by_task() -> None:
    assert key_for(Pins(), "t", "s", "invoice") == PinKey("t", "s", "")
    assert key_for(Pins(scope="task"), "t", "s", "invoice") == PinKey("t", "s", "invoice")


@pytest.mark.parametrize("reason", [r for r in Reason if r.kind is not ReasonKind.HAND])
def test_only_quality_pins(reason: Reason) -> None:
    ruling = Ruling.REJECTED if reason.counts else Ruling.UNDECIDED
    event = pin_after(Route.CASCADE, [attempt(ruling, reason)])
    assert isinstance(event, Rejected) is (reason.kind is ReasonKind.QUALITY)


def test_what_a_finished_request_means_for_its_pin() -> None:
    accepted, rejected = attempt(Ruling.ACCEPTED), attempt(Ruling.REJECTED, Reason.SCHEMA)
    assert pin_after(Route.CASCADE, [accepted]) == Accepted()
    assert pin_after(Route.CASCADE, []) is None
    assert pin_after(Route.PINNED, [attempt(Ruling.ACCEPTED, tier=Tier.PERFORMANCE)]) == Held()
    assert pin_after(Route.PROBE, [accepted], "t") == Probed("t", True)
    assert pin_after(Route.PROBE, [rejected], "t") == Probed("t", False)
    assert pin_after(Route.PROBE, [attempt(Ruling.REJECTED, Reason.TRUNCATED)], "t") == Probed("t", None)
    assert pin_after(Route.PROBE, [attempt(Ruling.UNDECIDED, Reason.TIMEOUT)], "t") == Probed("t", None)
    assert pin_after(Route.PROBE, []) == Probed("", None)
    for route in (Route.TASK, Route.ASKED, Route.BASELINE):
        assert pin_after(route, [rejected]) is None


def test_a_pin_says_which_check_and_model_earned_it() -> None:
    verdict = Verdict("schema", Ruling.REJECTED, Reason.SCHEMA, "total: is not of type number")
    event = pin_after(
        Route.CASCADE,
        [Attempt(Tier.EFFICIENCY, Ruling.REJECTED, Reason.SCHEMA, (), (verdict,), message=verdict.message)],
    )
    assert event == Rejected(Reason.SCHEMA, "schema", "total: is not of type number", "")


events = st.one_of(
    st.builds(Rejected, st.sampled_from([r for r in Reason if r.pins])),
    st.just(Accepted()),
    st.just(Held()),
    st.builds(Probed, st.sampled_from(["t", "u"]), st.sampled_from([True, False, None])),
)
policies = st.builds(
    Pins,
    after=st.integers(1, 3),
    first=st.integers(0, 5),
    cap=st.integers(5, 20),
    probe=st.sampled_from(["requests", "idle", "never"]),
)


@given(policies, st.lists(st.tuples(events, st.integers(0, 7200), st.booleans()), max_size=40))
def test_a_pin_never_outlives_its_date_and_its_counts_stay_in_bounds(
    policy: Pins, story: list[tuple[PinEvent, int, bool]]
) -> None:
    pin: Pin | None = None
    now = NOW
    for event, seconds, lease in story:
        now += timedelta(seconds=seconds)
        if lease and pin is not None:
            pin = replace(pin, probe_token="t", probe_expires=now)
        pin = step(pin, event, policy, now).pin
        if pin is not None:
            assert pin.until <= pin.since + policy.max_age
            assert 0 <= pin.remaining <= max(1, pin.hold)
            assert pin.hold <= max(policy.cap, policy.first)
            assert pin.passed_probes < 2
            assert pin.held is (pin.strikes >= policy.after)


LATER = NOW + timedelta(minutes=7)


def test_a_new_pin_is_known_to_its_last_field() -> None:
    assert step(None, REJECTED).pin == Pin(
        key=KEY, reason=Reason.JUDGED, check="judge", message="supported: no", decision_id="d1", model="practice/small",
        since=NOW, last_used=NOW, until=NOW + timedelta(minutes=30), strikes=1, held=True, hold=2, remaining=2,
    )  # fmt: skip


def test_a_pin_made_by_hand_is_known_to_its_last_field() -> None:
    made = manual_pin(KEY, message="a customer we must not fail", policy=Pins(), now=NOW)
    assert made == Pin(
        key=KEY, reason=Reason.MANUAL, message="a customer we must not fail", since=NOW, last_used=NOW, strikes=0,
        until=NOW + timedelta(hours=24),
    )  # fmt: skip


def test_a_date_and_a_lease_are_over_at_their_very_moment() -> None:
    assert not alive(pinned(), pinned().until)
    leased = replace(pinned(), remaining=0, probe_token="t", probe_expires=LATER)
    assert not probe_due(leased, Pins(), LATER - timedelta(microseconds=1))
    assert probe_due(leased, Pins(), LATER)


def test_an_idle_pin_is_due_when_it_has_rested_just_so_long() -> None:
    policy = Pins(probe="idle", idle_ttl=timedelta(minutes=7))
    assert probe_due(pinned(policy), policy, LATER)
    assert not probe_due(pinned(policy), policy, LATER - timedelta(microseconds=1))


def test_a_held_request_is_told_where_there_is_a_pin_and_uses_it() -> None:
    result = step(pinned(), Held(), now=LATER)
    assert result == Transition(
        replace(pinned(), served=1, remaining=1, last_used=LATER, until=LATER + timedelta(minutes=30)), PinEffect.HELD
    )


def test_a_pinned_request_without_money_for_performance_holds_nothing() -> None:
    assert pin_after(Route.PINNED, [attempt(Ruling.UNDECIDED, Reason.BUDGET, Tier.PERFORMANCE)]) is None
    assert pin_after(Route.PINNED, [attempt(Ruling.ACCEPTED, None, Tier.PERFORMANCE)]) == Held()
    assert pin_after(Route.PINNED, []) == Held()


def test_a_rejection_says_by_what_and_of_whom_it_is() -> None:
    verdict = Verdict("schema", Ruling.REJECTED, Reason.SCHEMA, "total: missing")
    call = ModelCall(Role.ANSWER, Tier.EFFICIENCY, "practice", "small")
    said = replace(
        attempt(Ruling.REJECTED, Reason.SCHEMA), message="total: missing", calls=(call,), verdicts=(verdict,)
    )
    assert pin_after(Route.CASCADE, [said]) == Rejected(Reason.SCHEMA, "schema", "total: missing", "practice/small")
    bare = replace(said, calls=(), verdicts=())
    assert pin_after(Route.CASCADE, [bare]) == Rejected(Reason.SCHEMA, "", "total: missing", "")


def test_a_probe_leaves_of_its_pin_what_it_did_not_change() -> None:
    pin = replace(probing(), passed_probes=1, hold=1, served=4)
    freed = replace(pin, probe_token=None, probe_expires=None, last_used=LATER, until=LATER + timedelta(minutes=30))
    assert step(pin, Probed("t", None), now=LATER).pin == replace(freed, remaining=1)
    assert step(pin, Probed("t", False), now=LATER).pin == replace(
        freed, hold=2, remaining=2, passed_probes=0, failed_probes=1
    )
    once = replace(pin, passed_probes=0, remaining=3)
    assert step(once, Probed("t", True), now=LATER).pin == replace(freed, passed_probes=1, remaining=0)


def test_a_policy_that_holds_no_request_holds_one_after_a_failed_probe() -> None:
    pin = replace(probing(Pins(first=0)), hold=0)
    result = step(pin, Probed("t", False), Pins(first=0))
    assert result.pin is not None
    assert (result.pin.hold, result.pin.remaining) == (1, 1)


def test_a_probe_moves_the_date_of_a_pin_but_of_none_made_by_hand() -> None:
    by_hand = manual_pin(KEY, message="", policy=Pins(), now=NOW)
    probed = replace(by_hand, probe_token="t", hold=2)
    result = step(probed, Probed("t", False), now=LATER)
    assert result.pin is not None
    assert result.pin.until == by_hand.until
