"""What a label says of an answer: pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from qualityroute import Attempt, Completion, FieldRule, Reason, Ruling, Tier, Verdict
from qualityroute.labels import LONGEST_COMPARED_TEXT, first_efficiency, held_against, input_key, plain_output, score_of

MONEY = {"total": FieldRule(compare="money", critical=True), "note": FieldRule()}


class Invoice(BaseModel):
    total: Decimal
    note: str | None = None


def attempt(ruling: Ruling = Ruling.ACCEPTED, *verdicts: Verdict, tier: Tier = Tier.EFFICIENCY) -> Attempt:
    return Attempt(tier, ruling, None, verdicts=verdicts, completion=Completion("{}"))


def scored(score: float | None, ruling: Ruling = Ruling.ACCEPTED) -> Verdict:
    return Verdict("judge", ruling, score=score)


def test_only_critical_fields_decide_where_there_are_any() -> None:
    assert held_against({"total": "12.50", "note": "a"}, {"total": 12.5, "note": "b"}, MONEY).bad is False
    assert held_against({"total": "12.50"}, {"total": 12.6}, MONEY).bad is True


def test_every_field_decides_where_none_is_critical() -> None:
    assert held_against({"total": 1, "note": "a"}, {"total": 1, "note": "b"}, {}).bad is True


def test_what_differs_is_told() -> None:
    (difference,) = held_against({"total": 1}, {"total": 2}, MONEY).differences
    assert (difference.text, difference.place) == ("total: 1 against 2 (money, critical)", "total (money, critical)")


def test_a_pydantic_object_is_compared_as_its_json() -> None:
    assert plain_output(Invoice(total=Decimal("12.50"))) == {"total": "12.50", "note": None}
    assert held_against(Invoice(total=Decimal("12.50")), {"total": 12.5}, MONEY).bad is False


def test_long_prose_that_differs_is_for_a_person_to_tell() -> None:
    long = "word " * LONGEST_COMPARED_TEXT
    assert held_against(long, "other " + long, {}).bad is None
    assert held_against(long, f"  {long.upper()}", {}).bad is False
    assert held_against("invoice", "receipt", {}).bad is True


def test_the_score_of_an_attempt_is_its_judges() -> None:
    assert score_of(attempt(Ruling.ACCEPTED, Verdict("schema", Ruling.ACCEPTED), scored(0.83))) == 0.83
    assert score_of(attempt(Ruling.REJECTED, scored(0.0, Ruling.REJECTED))) == 0.0


def test_without_a_judge_an_accepted_answer_scores_one_and_a_rejected_one_has_no_score() -> None:
    assert score_of(attempt(Ruling.ACCEPTED, Verdict("schema", Ruling.ACCEPTED))) == 1.0
    assert score_of(attempt(Ruling.REJECTED, Verdict("schema", Ruling.REJECTED, Reason.SCHEMA))) is None


def test_a_judge_in_trouble_gives_no_score() -> None:
    assert score_of(attempt(Ruling.UNDECIDED, scored(None, Ruling.UNDECIDED))) is None


def test_only_an_efficiency_attempt_with_an_answer_can_be_labelled() -> None:
    assert first_efficiency([]) is None
    assert first_efficiency([attempt(tier=Tier.PERFORMANCE)]) is None
    assert first_efficiency([Attempt(Tier.EFFICIENCY, Ruling.UNDECIDED, Reason.TIMEOUT)]) is None
    assert first_efficiency([attempt(), attempt(tier=Tier.PERFORMANCE)]) is not None


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), min_size=1, max_size=4))
def test_the_key_of_an_input_does_not_depend_on_the_order_of_its_parts(message: dict[str, Any]) -> None:
    turned = dict(reversed(message.items()))
    assert input_key([message]) == input_key([turned])
    assert len(input_key([message])) == 24


@pytest.mark.parametrize("other", [[{"role": "user", "content": "b"}], [{"role": "system", "content": "a"}], []])
def test_other_inputs_have_other_keys(other: list[dict[str, str]]) -> None:
    assert input_key([{"role": "user", "content": "a"}]) != input_key(other)
