"""When time is up: an error, or the best answer there is, if the task says so."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import anyio
import pytest
from asking import Ear as Listener
from conftest import INVOICE_SCHEMA, RUBRIC, config_with
from test_head_start import AUTO, ROUTING, Foreseeing, forever
from worlds import BAD, BETTER, GOOD, World, Worlds, client_with

from qualityroute import Config, DeadlineExceeded, Outcome, Reason, Tier

pytestmark = pytest.mark.anyio
DEADLINE = "1s"
JUDGED: dict[str, Any] = {"schema": INVOICE_SCHEMA, "rubric": RUBRIC, "gate": ["judge"], "deadline": DEADLINE}
BEST = {"on_deadline": "serve_best"}


@pytest.fixture(autouse=True)
def enough_of_a_last_moment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that is busy with other tests takes its pauses; so does a search of all their memory for garbage."""
    monkeypatch.setattr("qualityroute.cascade.LAST_MOMENT", timedelta(milliseconds=100))
    gc.disable()
    yield
    gc.enable()


def serving_best(task: Mapping[str, Any] | None = None, **sections: Any) -> Config:
    return config_with({**JUDGED, **BEST, **(task or {})}, **sections)


async def late(world: World, **options: Any) -> Any:
    with pytest.raises(DeadlineExceeded) as caught:
        await world.run(**options)
    return caught.value.decision


async def test_an_answer_that_the_judge_had_no_time_for_is_served_as_unproven_within_the_deadline(
    world: Worlds,
) -> None:
    w = await world(client_with(judge=forever), serving_best())
    answer = await w.run()
    decision = answer.decision
    assert answer.output == json.loads(GOOD)
    assert (decision.outcome, decision.reason, decision.failed) == (Outcome.UNPROVEN, Reason.DEADLINE, None)
    assert decision.latency < w.engine.config.tasks["invoice"].deadline  # type: ignore[operator]
    assert decision.attempts[0].verdicts[-1].reason is Reason.DEADLINE
    assert w.rows("SELECT role, error FROM calls ORDER BY position") == [("answer", None), ("judge", "cancelled")]
    assert w.rows("SELECT COUNT(*) FROM pins") == [(0,)]


async def test_it_is_an_error_unless_the_task_says_otherwise(world: Worlds) -> None:
    w = await world(client_with(judge=forever), config_with(JUDGED))
    decision = await late(w)
    assert (decision.outcome, decision.reason) == (Outcome.FAILED, Reason.DEADLINE)


async def test_all_tasks_can_be_told_at_once_and_each_has_its_own_word(world: Worlds) -> None:
    w = await world(client_with(judge=forever), config_with(JUDGED, routing=BEST))
    assert (await w.run()).decision.outcome is Outcome.UNPROVEN
    w = await world(client_with(judge=forever), config_with({**JUDGED, "on_deadline": "error"}, routing=BEST))
    await late(w)


async def test_an_answer_that_only_the_judge_rejected_stands_in_for_one_that_does_not_come(world: Worlds) -> None:
    w = await world(client_with(judge="no", performance=forever), serving_best())
    decision = (await w.run()).decision
    assert (decision.outcome, decision.reason, decision.tier) == (Outcome.UNPROVEN, Reason.DEADLINE, Tier.EFFICIENCY)
    assert [attempt.reason for attempt in decision.attempts] == [Reason.JUDGED, Reason.DEADLINE]
    assert decision.failed is True


@pytest.mark.parametrize(
    ("efficiency", "performance"), [(BAD, forever), (forever, BETTER)], ids=["a bad one", "none at all"]
)
async def test_what_did_not_pass_the_free_checks_is_never_served(
    world: Worlds, efficiency: Any, performance: Any
) -> None:
    w = await world(client_with(efficiency=efficiency, performance=performance), serving_best())
    assert (await late(w)).outcome is Outcome.FAILED


async def test_no_other_answer_is_served_once_the_beginning_of_one_was_heard(world: Worlds) -> None:
    class Slow(Listener):
        async def __call__(self, delta: Mapping[str, Any]) -> None:
            await super().__call__(delta)
            await anyio.sleep_forever()

    w = await world(client_with(judge="no"), serving_best())
    listener = Slow()
    await late(w, hear=listener)
    assert listener.heard


async def test_a_performance_answer_that_was_begun_early_is_better_than_one_that_nobody_judged(world: Worlds) -> None:
    config = config_with({**AUTO, **BEST, "deadline": DEADLINE}, routing=ROUTING)
    w = await world(client_with(judge=forever), config)
    w.engine._learner = Foreseeing()  # type: ignore[assignment]
    answer = await w.run()
    assert answer.output == json.loads(BETTER)
    assert (answer.decision.outcome, answer.decision.reason) == (Outcome.FAILOVER, Reason.DEADLINE)
    assert answer.decision.spare is None


async def test_a_tier_that_hangs_leaves_room_for_an_answer_that_was_begun_early(world: Worlds) -> None:
    config = config_with({**AUTO, **BEST, "deadline": DEADLINE}, routing=ROUTING)
    w = await world(client_with(efficiency=forever), config)
    w.engine._learner = Foreseeing()  # type: ignore[assignment]
    answer = await w.run()
    assert answer.output == json.loads(BETTER)
    assert answer.decision.outcome is Outcome.FAILOVER
