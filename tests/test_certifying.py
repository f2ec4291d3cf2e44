"""From labels to a certificate: pure, and honest about how often one looked."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from conftest import NOW
from hypothesis import given
from hypothesis import strategies as st
from test_calibration import PIPELINE

from qualityroute.calibration import Certificate, Certified, Look, Refused, level_left, spent
from qualityroute.certifying import (
    Calibration,
    Cases,
    LookedBefore,
    TooFew,
    Wish,
    calibrate,
    cases_of,
    certificate_from,
    labels_since,
    promises_already,
)
from qualityroute.labels import Label, Origin

WISH = Wish(0.05, 0.10)
KEY = PIPELINE.key


def label(number: int = 0, score: float | None = 0.9, bad: bool | None = False, **more: Any) -> Label:
    told: dict[str, Any] = {"at": NOW + timedelta(minutes=number), "pipeline": KEY, "accepted": True, **more}
    return Label(decision_id=f"d{number}", task="invoice", score=score, bad=bad, **told)


def labels(count: int, bad: int = 0) -> list[Label]:
    return [label(number, bad=number < bad) for number in range(count)]


def tried(count: int, bad: int = 0, looks: list[Look] | None = None, wish: Wish = WISH) -> Calibration:
    return calibrate(cases_of(labels(count, bad), KEY), looks or [], wish, PIPELINE, NOW)


def certificate(**changes: Any) -> Certificate:
    found = tried(100).finding
    assert isinstance(found, Certified)
    made = certificate_from(found, PIPELINE, WISH, identity="c1", now=NOW, max_age=timedelta(days=90))
    return replace(made, **changes)


# Which labels count


def test_only_scored_comparable_labels_of_this_pipeline_count_and_the_others_are_told_apart() -> None:
    cases = cases_of(
        [label(1), label(2, score=None), label(3, bad=None), label(4, pipeline="0" * 64), label(5, at=NOW)], KEY,
        since=NOW + timedelta(seconds=1),
    )  # fmt: skip
    assert [one.decision_id for one in cases.usable] == ["d1"]
    assert (cases.unscored, cases.incomparable, cases.other_pipelines, cases.outdated) == (1, 1, 1, 1)


def test_of_a_session_only_the_first_label_counts() -> None:
    cases = cases_of([label(1, session="a"), label(2, session="a", bad=True), label(3), label(4)], KEY)
    assert [one.decision_id for one in cases.usable] == ["d1", "d3", "d4"]
    assert cases.repeated == 1


def test_whose_word_the_labels_are_is_known() -> None:
    assert cases_of([label(1, origin=Origin.PERSON), label(2)], KEY).by_people == 1


# One look


def test_forty_five_clean_labels_prove_five_per_cent_and_forty_four_do_not() -> None:
    enough = tried(45)
    assert isinstance(enough.finding, Certified)
    assert (enough.finding.accepted, enough.finding.bad) == (45, 0)
    few = tried(44)
    assert isinstance(few.finding, TooFew) and few.look is None
    assert (few.finding.needed, few.finding.to_go) == (45, 1)
    assert "at least 1 more are needed" in few.finding.why


def test_too_few_labels_are_not_looked_at_so_that_nothing_is_spent() -> None:
    assert tried(44, bad=44).finding == tried(44, bad=0).finding


def test_a_refusal_says_how_many_labels_are_missing_and_took_the_look() -> None:
    refused = tried(60, bad=1)
    assert isinstance(refused.finding, Refused)
    assert refused.finding.clean_to_go == 17 and "more labelled cases" in refused.finding.why
    assert refused.look == Look("invoice", KEY, NOW, "exact", 0.10, 60)


def test_a_second_look_needs_confidence_that_is_left() -> None:
    first = tried(60, bad=1)
    assert first.look is not None
    again = tried(500, looks=[first.look])
    assert isinstance(again.finding, LookedBefore) and again.look is None
    assert "looked at before" in again.finding.why
    wider = tried(500, looks=[first.look], wish=Wish(0.05, 0.15))
    assert isinstance(wider.finding, Certified) and wider.look is not None
    assert wider.look.level == pytest.approx(0.05)


def test_planned_looks_share_the_confidence() -> None:
    wish = Wish(0.05, 0.10, looks=2)
    first = tried(60, bad=1, wish=wish)
    assert first.look is not None and first.look.level == pytest.approx(0.05)
    second = tried(500, looks=[first.look])
    assert isinstance(second.finding, Certified) and second.look is not None
    assert second.look.level == pytest.approx(0.05)


# Any number of looks


def test_the_anytime_test_costs_its_level_once_and_keeps_its_thresholds() -> None:
    wish = Wish(0.05, 0.10, "anytime")
    first = tried(70, bad=2, wish=wish)
    assert isinstance(first.finding, Refused) and first.look is not None and first.look.thresholds == (0.9,)
    second = tried(500, bad=2, looks=[first.look], wish=wish)
    assert isinstance(second.finding, Certified)
    assert second.look is not None and spent([first.look, second.look]) == pytest.approx(0.10)


def test_the_anytime_test_after_a_look_that_took_everything_is_refused() -> None:
    look = tried(60, bad=1).look
    assert look is not None
    assert isinstance(tried(500, looks=[look], wish=Wish(0.05, 0.10, "anytime")).finding, LookedBefore)


def test_sixty_eight_clean_labels_are_the_price_of_looking_at_any_time() -> None:
    assert isinstance(tried(68, wish=Wish(0.05, 0.10, "anytime")).finding, Certified)
    assert isinstance(tried(67, wish=Wish(0.05, 0.10, "anytime")).finding, TooFew)


@given(
    st.lists(st.tuples(st.sampled_from(["exact", "anytime"]), st.floats(0.001, 0.05)), max_size=6),
    st.floats(0.01, 0.3),
    st.integers(1, 5),
)
def test_all_looks_together_never_take_more_than_delta(
    past: list[tuple[Any, float]], delta: float, planned: int
) -> None:
    looks = [Look("invoice", KEY, NOW, test, level, 50) for test, level in past]
    level = level_left(looks, delta, planned=planned)
    if level is None:
        assert spent(looks) > delta - 1e-5
    else:
        assert spent([*looks, *[Look("invoice", KEY, NOW, "exact", level, 50)] * planned]) <= delta + 1e-9


def test_looking_again_and_again_keeps_its_promise() -> None:
    """A useless judge at a risk just above alpha: two planned looks certify it in at most delta of the runs."""
    chance, wrong, runs = random.Random(7), 0, 200
    for _ in range(runs):
        drawn = [label(n, score=chance.random(), bad=chance.random() < 0.0501) for n in range(400)]
        looks: list[Look] = []
        for count, planned in ((200, 2), (400, 1)):
            found = calibrate(cases_of(drawn[:count], KEY), looks, replace(WISH, looks=planned), PIPELINE, NOW)
            looks += [found.look] if found.look else []
            if isinstance(found.finding, Certified):
                wrong += 1
                break
    assert wrong / runs <= 0.10 + 3 * (0.1 * 0.9 / runs) ** 0.5


# When a certificate ends


def test_a_certificate_in_force_promises_what_is_wished_for_or_less() -> None:
    there = certificate()
    assert promises_already(there, KEY, WISH, NOW)
    assert promises_already(there, KEY, Wish(0.10, 0.20), NOW)
    assert not promises_already(there, KEY, Wish(0.01, 0.10), NOW)
    assert not promises_already(there, KEY, WISH, NOW + timedelta(days=91))
    assert not promises_already(there, "0" * 64, WISH, NOW)
    assert not promises_already(None, KEY, WISH, NOW)


def test_the_next_certificate_is_made_of_the_labels_since() -> None:
    there, later = certificate(), NOW + timedelta(days=91)
    assert labels_since(None, KEY, NOW, renew=False) is None
    assert labels_since(there, KEY, NOW, renew=False) is None
    assert labels_since(there, KEY, NOW, renew=True) == NOW
    assert labels_since(there, KEY, later, renew=False) == NOW
    revoked = certificate(revoked_at=NOW, labels_from=NOW - timedelta(days=3))
    assert labels_since(revoked, KEY, later, renew=False) == NOW - timedelta(days=3)
    assert labels_since(revoked, "0" * 64, later, renew=False) is None


def test_a_certificate_says_what_was_tested() -> None:
    there = certificate()
    assert (there.threshold, there.accepted, there.bad, there.cases, there.test) == (0.9, 100, 0, 100, "exact")
    assert there.upper_bound <= 0.05 and there.coverage == 1.0
    assert there.promise == (
        "at most 5 % of accepted answers differ from the performance tier's, with confidence 90 %, on traffic like the "
        "calibration's"
    )


def test_no_labels_are_too_few() -> None:
    found = calibrate(Cases(()), [], WISH, PIPELINE, NOW).finding
    assert isinstance(found, TooFew) and found.to_go == 45
