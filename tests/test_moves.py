"""What is done after a reply is decided by values alone, and never asks more often than the budget of a call."""

from __future__ import annotations

from typing import Any

from asking import SCHEMA, ask
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.openai_client.dialects import MAX_STEPS, STEPS, Dialect, spoken
from qualityroute.openai_client.ladder import Rung
from qualityroute.openai_client.moves import Ask, GiveUp, Keep, Tries, next_move
from qualityroute.openai_client.trouble import Trouble
from qualityroute.records import Completion, Reason

REFUSALS = [
    "unsupported parameter: 'temperature'",
    "unsupported parameter: 'max_tokens'",
    "unsupported parameter: 'max_completion_tokens'",
    "unsupported parameter: 'seed'",
    "response_format: invalid schema",
    "json_schema is not supported",
    "content must be a string",
    "only one system message",
    "missing reasoning_content",
    "tool_choice is not supported",
]
OUTCOMES = st.one_of(
    st.sampled_from(REFUSALS).map(lambda words: Trouble("no", status=400, retryable=False, words=words)),
    st.sampled_from([408, 429, 500, 503, None, 401, 200]).map(lambda status: Trouble("no", status=status)),
    st.just(Trouble("late", Reason.TIMEOUT)),
    st.sampled_from(["", "{}", "prose"]).map(Completion),
)
REQUEST = ask(
    response_schema=SCHEMA,
    max_output_tokens=9,
    temperature=0.0,
    parameters={"seed": 1},
    messages=({"role": "user", "content": [{"type": "text", "text": "hi"}]},),
)


@given(st.lists(OUTCOMES, max_size=40), st.integers(0, 4), st.sampled_from(Rung))
def test_a_call_never_asks_more_often_than_its_budget(outcomes: list[Any], retries: int, rung: Rung) -> None:
    tries, dialect, sent = Tries(), Dialect(rung=rung), 0
    for outcome in [*outcomes, Completion("{}")]:
        sent += 1
        move = next_move(
            outcome,
            request=REQUEST,
            body=spoken(REQUEST, dialect),
            dialect=dialect,
            tries=tries,
            retries=retries,
            remaining=100.0,
            chance=0.5,
        )
        if not isinstance(move, Ask):
            break
        assert (move.tries.steps, move.tries.repeats) <= (MAX_STEPS, retries)
        tries, dialect = move.tries, move.dialect
    assert isinstance(move, Keep | GiveUp)
    assert sent <= 1 + retries + MAX_STEPS + 1
    if isinstance(move, GiveUp):
        assert not any(isinstance(outcome, Completion) for outcome in outcomes[:sent])  # what was paid for is kept


@given(st.sets(st.sampled_from([step.name for step in STEPS])), st.sampled_from(Rung))
def test_every_dialect_makes_a_body_that_asks_for_the_same_thing(steps: set[str], rung: Rung) -> None:
    body = spoken(REQUEST, Dialect(tuple(steps), rung))
    assert body["model"] == "model"
    assert "hi" in str(body["messages"])
    assert not {"max_tokens", "max_completion_tokens"} <= body.keys()
    assert not {"tools", "response_format"} <= body.keys()
