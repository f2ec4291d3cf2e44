"""A judge's health: what is counted, what is not, and which kept answers it is found on."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import INVOICE_SCHEMA, RUBRIC, config_with
from hypothesis import given
from hypothesis import strategies as st

from qualityroute import Engine, Reason, Rubric, Ruling, Verdict
from qualityroute.corruption import Corruption, Twin
from qualityroute.judge_health import Asked, repeated, self_test
from qualityroute.store import open_store
from qualityroute.testing import ScriptedClient

RULES = Rubric.model_validate(RUBRIC)
TROUBLE = Verdict("judge", Ruling.UNDECIDED, Reason.JUDGE_ERROR, details={"cause": "timeout"})
FREE = Verdict("schema", Ruling.REJECTED, Reason.SCHEMA)


def verdict(points: float = 1.0, **yes: float) -> Verdict:
    said = {"supported": 1.0, "complete": 1.0, **yes}
    accepted = points >= RULES.threshold
    ruling, reason = (Ruling.ACCEPTED, None) if accepted else (Ruling.REJECTED, Reason.JUDGED)
    return Verdict("judge", ruling, reason, score=points, details={"yes": said})


YES, NO = verdict(), verdict(0.0, supported=0.0)
VERDICTS = st.sampled_from([YES, NO, TROUBLE, verdict(0.75, complete=0.5), verdict(0.9, complete=0.4)])
ASKED = st.builds(
    Asked, st.builds(Twin, st.just(0), st.sampled_from(Corruption), st.none()), st.sampled_from([None, FREE]), VERDICTS
)


def asked(corruption: Corruption, said: Verdict, objection: Verdict | None = None) -> Asked:
    return Asked(Twin(0, corruption, None), objection, said)


@given(st.lists(st.lists(VERDICTS, min_size=1, max_size=4), max_size=6), st.lists(ASKED, max_size=30))
def test_every_twin_is_counted_once_and_the_gate_sees_no_less_than_its_parts(
    originals: list[list[Verdict]], twins: list[Asked]
) -> None:
    found = self_test(originals, twins, RULES)
    assert sum(one.twins for one in found.detections) == len(twins)
    for one in found.detections:
        undecided = one.twins - one.judge.of
        assert one.free.count <= one.gate.count <= one.gate.of <= one.twins
        assert one.judge.count - one.gate.count <= 0
        assert one.left_to_judge.of + one.free.count + undecided >= one.twins
        assert one.outvoted <= one.judge.of - one.judge.count
    assert found.weak == bool(found.warnings)


def test_a_judge_in_trouble_is_in_no_rate() -> None:
    found = self_test([[YES, TROUBLE, YES]], [asked(Corruption.DIGIT, TROUBLE), asked(Corruption.DIGIT, NO)], RULES)
    [digit] = [one for one in found.detections if one.corruption is Corruption.DIGIT]
    assert (digit.judge.count, digit.judge.of, digit.gate.of) == (1, 1, 1)
    assert found.troubles == {"timeout": 2}
    assert (found.flips.count, found.flips.of) == (0, 1)


@pytest.mark.parametrize(("caught", "warned"), [(8, 0), (7, 1)])
def test_below_four_of_five_is_weak(caught: int, warned: int) -> None:
    twins = [asked(Corruption.SWAP, NO if number < caught else YES) for number in range(10)]
    warnings = self_test([[YES]], twins, RULES).warnings
    assert len([warning for warning in warnings if warning.startswith("swap")]) == warned


def test_what_only_free_checks_see_is_a_note_and_no_weakness() -> None:
    found = self_test([[YES]], [asked(Corruption.ALL_NULL, YES, FREE)] * 5, RULES)
    assert found.warnings == ()
    assert found.notes == (
        "all_null (every value null): the judge alone said no to 0 of 5; with the free checks the gate rejects 5 of 5",
    )


def test_a_criterion_is_dead_weight_only_when_blind_to_its_own_corruption() -> None:
    blind = [asked(Corruption.DROP, NO), asked(Corruption.DIGIT, NO)]
    [told] = self_test([[YES]], blind, RULES).warnings
    assert told == "criterion 'complete' is dead weight: it said no to 0 of 1 that it should see (drop)"
    seen = [asked(Corruption.DROP, verdict(0.0, complete=0.2)), asked(Corruption.DIGIT, NO)]
    assert self_test([[YES]], seen, RULES).warnings == ()


@given(st.lists(st.lists(VERDICTS, min_size=2, max_size=5), max_size=8))
def test_near_and_far_are_all_and_two_verdicts_differ_no_oftener_than_rulings_flip(groups: list[list[Verdict]]) -> None:
    found = repeated(groups, RULES)
    assert found.near.of + found.far.of == found.flips.of
    assert found.near.count + found.far.count == found.flips.count
    if found.changes is not None and found.flips.rate is not None:
        assert 0 <= found.changes <= found.flips.rate


async def kept(script: dict[str, Any], inputs: list[str], *, accepted: bool, most: int = 9) -> list[tuple[str, str]]:
    task = {"schema": INVOICE_SCHEMA, "rubric": RUBRIC, "gate": ["judge"]}
    store = open_store("sqlite://", folder=config_with().folder)
    async with Engine(
        config_with(task, store={"payloads": "all"}), client=ScriptedClient(script), store=store
    ) as engine:
        for text in inputs:
            await engine.run("invoice", text)
        found = await store.judged_answers("invoice", most=most, accepted=accepted)
        assert await store.judged_answers("another", most=most, accepted=accepted) == []
    return [(one.input.split('"content": ')[1].rstrip("}]").strip('"'), one.answer) for one in found]


def answer(total: int) -> str:
    return f'{{"number": "A", "total": {total}}}'


@pytest.mark.anyio
async def test_kept_answers_are_the_newest_of_each_input_newest_first() -> None:
    script = {"efficiency": [answer(1), answer(2), answer(3)], "judge": ["yes"], "performance": [answer(9)]}
    inputs = ["one", "two", "one"]
    assert await kept(script, inputs, accepted=True) == [("one", answer(3)), ("two", answer(2))]
    assert await kept(script, inputs, accepted=True, most=1) == [("one", answer(3))]


@pytest.mark.anyio
async def test_rejected_answers_are_kept_for_who_asks_and_performance_answers_for_nobody() -> None:
    script = {"efficiency": [answer(1), answer(2), "{}"], "judge": ["yes", "no"], "performance": [answer(9)]}
    inputs = ["one", "two", "three"]
    assert await kept(script, inputs, accepted=True) == [("one", answer(1))]
    assert await kept(script, inputs, accepted=False) == [("two", answer(2)), ("one", answer(1))]
