"""The recorded answers through the real engine over HTTP: the known figures come out, and each token is told."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from replay_arithmetic import oracle
from replay_engine import config_for, decide, run_policy, task_of
from replay_frontier import Measure
from replay_gsm8k import ends_in_a_marked_number, is_finished, sums_are_right
from replay_policies import Policy, bfcl_policies, peers_for
from replay_records import (
    GPT4_TURBO,
    GPT35,
    HAIKU,
    MINI,
    MIXTRAL,
    NEMO,
    NEMO_PROMPTED,
    PAIR,
    SONNET,
    Pair,
    Records,
    Served,
    read_bfcl,
    read_gsm8k,
    read_prices,
    valid,
)
from replay_server import judge_name, replay_server
from replay_splits import Labelled, over_splits
from replay_table import frontier_table

from qualityroute.calibration import Scored

DATA = Path(os.environ.get("QUALITYROUTE_REPLAY") or Path(__file__).resolve().parents[2] / "shared" / "replay")


@pytest.fixture(scope="module")
def records() -> Records:
    if not DATA.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"no recorded answers in {DATA}")
        pytest.skip("no recorded answers here")
    return Records(read_bfcl(DATA), read_prices(DATA), PAIR)


@pytest.fixture(scope="module")
def measure(records: Records) -> Measure:
    return Measure(records)


def named(records: Records, name: str) -> Policy:
    return next(policy for policy in bfcl_policies(records) if policy.name == name)


def percent(share: float) -> float:
    return round(100 * share, 1)


def test_the_schema_gate_alone_is_as_good_and_as_cheap_as_the_records_say(measure: Measure) -> None:
    engine, flags = measure.engine(named(measure.records, "schema gate alone"), flags=True)
    assert engine.cases == 529
    assert (percent(engine.taken), percent(engine.cost), percent(engine.fallback)) == (92.4, 6.8, 3.8)
    assert (flags.taken, flags.cost, flags.fallback) == (engine.taken, pytest.approx(engine.cost), engine.fallback)
    # One of the performance tier's answers that the source calls right fails its schema: the engine refuses it.
    assert (percent(engine.right), engine.errors, engine.otherwise, engine.asked) == (92.2, 3, 0, 0)


def test_a_recorded_judge_reaches_the_arithmetic_and_is_asked_about_nothing_it_need_not_see(measure: Measure) -> None:
    policy = named(measure.records, "judge: haiku's recorded agreement >= 1")
    (engine,) = measure.engine(policy, flags=False)
    assert (percent(engine.taken), percent(engine.cost), percent(engine.fallback)) == (96.0, 34.9, 23.6)
    assert engine.asked == 509 == sum(valid(case, MINI) for case in measure.records.cases)


def test_the_oracle_and_both_tiers_are_those_of_the_readme(measure: Measure) -> None:
    rows = [*measure.tiers(), measure.oracle()]
    assert [(percent(row.right), percent(row.cost)) for row in rows] == [(89.6, 2.7), (94.7, 100.0), (97.4, 10.7)]


def test_the_table_fits_a_terminal_and_tells_what_an_error_costs(measure: Measure) -> None:
    refused = [Served(None, 1.0, refused=SONNET, asked=4) for _ in measure.records.cases]
    row = measure.row("x" * 46, "engine", refused)
    assert (row.right, percent(row.taken), row.errors, row.fallback) == (0, 94.7, 529, 1)
    assert max(map(len, frontier_table([*measure.tiers(), row]).splitlines())) <= 120


@pytest.mark.anyio
async def test_the_server_answers_what_the_ledger_says_was_asked_to_the_last_token(
    records: Records, tmp_path: Path, anyio_backend: str
) -> None:
    cases = records.cases[::17]
    policy = Policy("all at once", "confirm", peers_for(records)[:2], judge=(HAIKU, 1.0))
    ledger = tmp_path / "ledger.db"
    with replay_server(cases) as server:
        config = config_for(policy, cases, records.prices, PAIR, server.url)
        decisions = await decide(config, cases, f"sqlite:///{ledger}")
    with sqlite3.connect(ledger) as connection:
        rows = connection.execute(
            "select model, count(*), sum(input_tokens), sum(output_tokens) from calls group by model"
        ).fetchall()
    tally = server.tally
    told = {model: (n, tally.prompt_tokens[model], tally.completion_tokens[model]) for model, n in tally.calls.items()}
    assert {model.removeprefix("replay/"): (n, into, out) for model, n, into, out in rows} == told
    assert {MINI, NEMO, HAIKU, SONNET, judge_name(HAIKU, 1.0)} == set(told)
    assert told[MINI][0] == len(cases)
    assert [decision.task for decision in decisions] == [task_of(case) for case in cases]


def test_a_lower_threshold_lets_more_answers_pass(records: Records) -> None:
    some = Records(records.cases[::17], records.prices, PAIR)
    kept = {
        threshold: sum(end.model == MINI for end in run_policy(Policy("judged", judge=(HAIKU, threshold)), some))
        for threshold in (1.0, 0.5, 0.0)
    }
    assert kept[1.0] < kept[0.5] <= kept[0.0] == sum(valid(case, MINI) for case in some.cases)


def test_the_oracle_asks_the_performance_tier_only_where_it_alone_is_right(records: Records) -> None:
    for case in records.cases:
        end = oracle(records, case)
        own, other = (case["answers"][model]["correct"] for model in (MINI, SONNET))
        assert (end.model == SONNET) == (other and not own)


def test_peers_of_makers_without_a_voice_come_first_and_the_same_weights_last(records: Records) -> None:
    assert peers_for(records) == (NEMO, HAIKU, GPT35, NEMO_PROMPTED)
    prompted = Records(records.cases, records.prices, Pair(NEMO_PROMPTED, SONNET))
    assert peers_for(prompted) == (MINI, HAIKU, GPT35, NEMO)


def test_a_code_check_finds_more_of_the_gap_on_sums_than_the_best_router_at_that_rate(records: Records) -> None:
    sums = Records(read_gsm8k(DATA)[::4], records.prices, Pair(MIXTRAL, GPT4_TURBO))
    (row,) = Measure(sums).engine(Policy("both", checks=(is_finished, sums_are_right)), flags=False)
    assert row.fallback < 0.125
    assert row.pgr is not None
    assert row.pgr > 0.22


@pytest.mark.parametrize(
    "text",
    [
        "2 + 3 = 5, so <<2+3=5>>5 apples.\n#### 5",
        "Half of 1,000 is 1,000 / 2 = $500.",
        "It is 1350 + 6 * 350 = 1350 + 2100 = 3450.",
        "3 * 15 - 5 = 45 - 5 = 40 days",
        "2x - 5 + 3 = 7",
        "(5 + 3) * 2 = 16",
        "10 / 3 = 3.33 hours",
        "6 x $6,000 = $36,000",
        "1 / 0 = 0",
        "__import__('os').abort() = 1 and <<__import__('os').abort()=1>>",
    ],
)
def test_a_right_sum_or_what_is_none_passes(text: str) -> None:
    assert sums_are_right(text, "") is None


@pytest.mark.parametrize("text", ["2 + 3 = 6", "It is <<12*3=35>>35.", "there were 7 - 9 = 2 left", "4 × 5 = 21"])
def test_a_wrong_sum_is_seen(text: str) -> None:
    assert sums_are_right(text, "") is not None


def test_an_answer_that_was_cut_off_is_not_finished() -> None:
    assert is_finished("So she has 16 - 3 = <<16-", "")
    assert is_finished("She has some left.", "")
    assert is_finished("She has 13 eggs left.", "") is None
    assert is_finished("She has 13.\n#### 13 eggs", "") is None
    assert ends_in_a_marked_number("She has 13 eggs left.", "")
    assert ends_in_a_marked_number("So.\n#### 13", "") is None


def scored(scores: list[tuple[float, bool]]) -> list[Labelled]:
    return [Labelled(f"{place:03}", Scored(score, bad)) for place, (score, bad) in enumerate(scores)]


def test_a_score_that_knows_is_proven_and_holds_in_every_split() -> None:
    row = over_splits(scored([(1.0, False)] * 300 + [(0.0, True)] * 100), "known", "bad", 0.05, 20)
    assert (row.proven, row.holds, row.observed, row.refuted) == (20, 20, 20, 0)
    assert row.coverage == pytest.approx(0.75, abs=0.05)


def test_a_score_that_knows_nothing_is_refused_and_a_refusal_is_not_counted_as_proof() -> None:
    row = over_splits(scored([(place % 7 / 7, place % 3 == 0) for place in range(400)]), "noise", "bad", 0.05, 20)
    assert (row.proven, row.holds, row.coverage) == (0, 20, None)
