"""Audits, certificates in force, and references: what is known to be right, and what it does to requests."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from command_line import call
from conftest import INVOICE_SCHEMA, PRICES, RUBRIC, config_with
from worlds import BAD, BETTER, GOOD, TEXT, World, Worlds, client_with

from qualityroute import Config, ConfigError, Engine, Outcome, ProviderError, Reason, Route
from qualityroute import audit as audit_module
from qualityroute.calibration import Certificate, Look
from qualityroute.labels import Origin
from qualityroute.signal import Flag

pytestmark = pytest.mark.anyio
JUDGED: dict[str, Any] = {"schema": INVOICE_SCHEMA, "rubric": RUBRIC, "gate": ["judge"]}
ALL = {"audit": 1.0}


def audited(accept: dict[str, Any] | None = None, **sections: Any) -> Config:
    return config_with({**JUDGED, "accept": {**ALL, **(accept or {})}}, **sections)


async def finished(w: World) -> None:
    """Close and open again, so that everything in the background is done."""
    await w.engine.aclose()
    await w.engine.aopen()


async def certify(w: World, threshold: float = 0.5, *, until: timedelta = timedelta(days=90), **other: Any) -> str:
    pipeline = w.engine._setup.pipelines["invoice"]
    now = w.clock()
    told = {
        "id": "certificate-1", "task": "invoice", "at": now, "until": now + until, "pipeline": pipeline,
        "parts": "{}", "threshold": threshold, "alpha": 0.05, "delta": 0.10, "accepted": 60, "bad": 0, "cases": 60,
        "upper_bound": 0.04, "test": "exact", **other,
    }  # fmt: skip
    await w.engine._store.issue(Look("invoice", pipeline, now, "exact", 0.1, 60), Certificate(**told))
    return str(told["id"])


# Audits


async def test_an_accepted_answer_is_asked_again_of_performance_and_compared(world: Worlds) -> None:
    w = await world(config=audited())
    answer = await w.run()
    assert answer.output == {"number": "A-1", "total": 12.5}
    await finished(w)
    assert w.used() == {"efficiency": 1, "judge": 1, "performance": 1}
    assert w.rows("select decision_id, task, agrees from audits") == [(answer.decision.id, "invoice", 0)]
    assert w.rows("select decision_id, score, accepted, bad, origin from labels") == [
        (answer.decision.id, 1.0, 1, 1, "performance")
    ]


async def test_an_audit_that_finds_the_same_says_so(world: Worlds) -> None:
    w = await world(client_with(performance=GOOD), audited())
    await w.run()
    await finished(w)
    assert w.rows("select agrees from audits") == [(1,)]
    assert w.rows("select bad from labels") == [(0,)]


async def test_nobody_waits_for_an_audit(world: Worlds) -> None:
    begun, go_on = anyio.Event(), anyio.Event()

    async def slow(messages: Any) -> str:
        begun.set()
        await go_on.wait()
        return GOOD

    w = await world(client_with(performance=slow), audited())
    assert (await w.run()).decision.outcome is Outcome.ACCEPTED  # while performance cannot have answered
    await begun.wait()
    assert w.rows("select count(*) from audits") == [(0,)]
    go_on.set()
    await finished(w)
    assert w.rows("select agrees from audits") == [(1,)]


async def test_only_the_first_request_of_a_session_is_audited(world: Worlds) -> None:
    w = await world(config=audited())
    for _ in range(3):
        await w.run()
        await finished(w)
    assert w.rows("select count(*) from audits") == [(1,)]
    await w.run("another")
    await finished(w)
    assert w.rows("select count(*) from audits") == [(2,)]


async def test_a_session_with_many_requests_at_once_is_audited_once(world: Worlds) -> None:
    w = await world(config=audited())
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(w.run)
    await finished(w)
    assert w.rows("select count(*) from audits") == [(1,)]


async def test_requests_without_a_session_are_each_audited(world: Worlds) -> None:
    w = await world(config=audited())
    for _ in range(3):
        await w.run(None)
    await finished(w)
    assert w.rows("select count(*) from audits") == [(3,)]


@pytest.mark.parametrize("tier", ["efficiency", "performance"])
async def test_a_tier_that_the_caller_asked_for_is_not_audited(world: Worlds, tier: str) -> None:
    w = await world(config=audited())
    await w.run(tier=tier)
    await finished(w)
    assert w.rows("select count(*) from audits") == [(0,)]


async def test_without_a_share_nothing_is_audited(world: Worlds) -> None:
    w = await world(config=config_with(JUDGED))
    await w.run()
    await finished(w)
    assert w.used() == {"efficiency": 1, "judge": 1}


async def test_a_rejected_answer_whose_coin_had_fallen_is_labelled_without_a_further_call(world: Worlds) -> None:
    w = await world(client_with(judge="no"), audited())
    await w.run()
    await finished(w)
    assert w.used() == {"efficiency": 1, "judge": 1, "performance": 1}
    assert w.rows("select count(*) from audits") == [(0,)]
    assert w.rows("select score, accepted, bad from labels") == [(0.0, 0, 1)]


async def test_an_answer_that_a_free_check_refused_is_labelled_bad_and_has_no_score(world: Worlds) -> None:
    w = await world(client_with(efficiency=BAD), audited())
    await w.run()
    await finished(w)
    assert w.rows("select score, accepted, bad from labels") == [(None, 0, 1)]


async def test_an_audit_belongs_to_no_rate_and_its_cost_is_told_apart(world: Worlds) -> None:
    w = await world(config=audited())
    await w.run()
    await finished(w)
    task = (await w.engine.report()).tasks["invoice"]
    assert (task.requests, task.attempts, task.fallbacks) == (1, 1, 0)
    assert task.cost.performance == 0 and task.cost.audit is not None and task.cost.audit > 0
    assert task.cost.total == sum(
        Decimal(str(cost)) for (cost,) in w.rows("select cost from calls")
    )  # fmt: skip
    assert w.rows("select role, tier from calls where role = 'audit'") == [("audit", "performance")]
    assert w.rows("select route, outcome from decisions where route = 'audit'") == [("audit", "performance")]


async def test_an_audit_that_gets_no_answer_is_written_down_as_such(world: Worlds) -> None:
    w = await world(client_with(performance=ProviderError("down")), audited())
    await w.run()
    await finished(w)
    assert w.rows("select agrees, details from audits") == [(None, "[]")]
    assert w.rows("select bad from labels") == [(None,)]


async def test_each_finished_audit_has_its_decision_and_the_other_way_round(world: Worlds) -> None:
    w = await world(config=audited())
    for number in range(5):
        await w.run(f"user-{number}")
    await finished(w)
    assert w.rows("select count(*) from audits join decisions on decisions.id = audit_id") == [(5,)]
    assert w.rows("select count(*) from decisions where route = 'audit'") == [(5,)]


async def test_values_of_accepted_answers_are_not_kept_where_their_contents_are_not(world: Worlds) -> None:
    w = await world(config=audited())
    await w.run()
    await finished(w)
    assert w.rows("select details from audits") == [('["total (number)"]',)]


async def test_values_are_kept_where_all_contents_are(world: Worlds) -> None:
    w = await world(config=audited(store={"payloads": "all"}))
    await w.run()
    await finished(w)
    assert w.rows("select details from audits") == [('["total: 12.5 against 13.5 (number)"]',)]


async def test_the_money_for_audits_ends_with_the_day(world: Worlds) -> None:
    w = await world(config=audited({"audit_budget_per_day": "0.0012"}))
    for number in range(4):
        await w.run(f"user-{number}")
        await finished(w)
    (count, spent), *_ = w.rows("select count(*), sum(cost) from audits")
    assert count == 2 and 0.0008 < spent <= 0.0012
    w.clock.advance(days=1)
    await w.run("tomorrow")
    await finished(w)
    assert w.rows("select count(*) from audits") == [(3,)]


async def test_an_audit_of_unknown_cost_counts_as_the_dearest(world: Worlds) -> None:
    w = await world(
        client_with(performance=[BETTER, TimeoutError("slow"), BETTER]), audited({"audit_budget_per_day": "0.0012"})
    )
    for number in range(4):
        await w.run(f"user-{number}")
        await finished(w)
    assert w.rows("select count(*), count(cost) from audits") == [(2, 1)]


async def test_audits_under_way_count_against_the_money(world: Worlds) -> None:
    w = await world(config=audited({"audit_budget_per_day": "0.0007"}))
    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(w.run, f"user-{number}")
    await finished(w)
    assert w.rows("select sum(cost) <= 0.0007 from audits") == [(1,)]


def test_a_budget_for_audits_needs_prices() -> None:
    prices = [row for row in PRICES if row["model"] != "practice/careful"]
    with pytest.raises(ConfigError, match=r"audit_budget_per_day: there is no .*'practice/careful'"):
        audited({"audit_budget_per_day": 1}, prices=prices)


async def test_no_more_audits_wait_than_there_is_room_for(world: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "MOST_AUDITS", 2)
    go_on = anyio.Event()

    async def slow(messages: Any) -> str:
        await go_on.wait()
        return GOOD

    w = await world(client_with(performance=slow), audited())
    for number in range(5):
        await w.run(f"user-{number}")
    go_on.set()
    await finished(w)
    assert w.rows("select count(*) from audits") == [(2,)]


async def test_a_request_that_is_cancelled_gives_its_place_back(world: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "MOST_AUDITS", 1)
    w = await world(client_with(efficiency=[lambda messages: anyio.sleep(60), GOOD]), audited())
    with anyio.move_on_after(0.1):
        await w.run("left")
    await w.run("stayed")
    await finished(w)
    assert w.rows("select count(*) from audits") == [(1,)]


# Certificates in force


async def test_a_certified_threshold_takes_the_place_of_the_rubrics(world: Worlds) -> None:
    w = await world(client_with(judge={"complete": "no"}), config_with(JUDGED))
    assert (await w.run("before")).decision.reason is Reason.JUDGED  # .5 is below the rubric's .8
    await certify(w, 0.5)
    answer = await w.run("after")
    assert answer.decision.outcome is Outcome.ACCEPTED
    assert answer.decision.attempts[0].verdicts[-1].details["threshold"] == 0.5


async def test_a_certified_threshold_can_be_stricter(world: Worlds) -> None:
    w = await world(
        client_with(judge={"complete": "unsure"}), config_with({**JUDGED, "rubric": {**RUBRIC, "threshold": 0.7}})
    )
    assert (await w.run("before")).decision.outcome is Outcome.ACCEPTED  # .75
    await certify(w, 0.9)
    assert (await w.run("after")).decision.reason is Reason.JUDGED


@pytest.mark.parametrize("end", ["expired", "of another pipeline", "revoked"])
async def test_a_certificate_that_is_not_in_force_changes_nothing(world: Worlds, end: str) -> None:
    w = await world(client_with(judge={"complete": "no"}), config_with(JUDGED))
    if end == "expired":
        await certify(w)
        w.clock.advance(days=91)
    elif end == "revoked":
        await certify(w, revoked_at=w.clock())
    else:
        await certify(w, pipeline="0" * 64)
    assert (await w.run()).decision.reason is Reason.JUDGED


async def test_any_change_of_the_pipeline_makes_the_task_uncertified_again(world: Worlds) -> None:
    w = await world(config=config_with(JUDGED))
    await certify(w)
    await w.run()
    report = (await w.engine.report()).tasks["invoice"]
    assert Flag.UNCERTIFIED not in report.flags and report.certificate is not None and report.certificate.in_force
    changed = config_with({**JUDGED, "instructions": "Read the invoice."})
    async with Engine(changed, client=client_with(), store=str(w.path), now=w.clock) as other:
        report = (await other.report()).tasks["invoice"]
        assert Flag.UNCERTIFIED in report.flags
        assert report.certificate is not None and "another pipeline" in report.certificate.sentence


async def test_audits_that_differ_revoke_the_certificate_and_the_report_says_so(world: Worlds) -> None:
    w = await world(client_with(judge={"complete": "no"}), audited())
    await certify(w, 0.5)
    for number in range(14):  # ln 10^4 / ln 2 = 13.3
        assert w.rows("select revoked_at is null from certificates") == [(1,)], number
        assert (await w.run(f"user-{number}")).decision.outcome is Outcome.ACCEPTED
        await finished(w)
        w.clock.advance(minutes=1)
    assert w.rows("select revoked_why from certificates") == [
        ("14 of 14 audited answers differ from the performance tier's",)
    ]
    assert (await w.run("after")).decision.reason is Reason.JUDGED
    report = (await w.engine.report()).tasks["invoice"]
    assert Flag.REVOKED in report.flags
    assert report.certificate is not None and report.certificate.sentence.startswith("Revoked on 2026-11-23: 14 of 14")
    assert report.audits is not None and (report.audits.compared, report.audits.differing) == (14, 14)


async def test_audits_that_agree_revoke_nothing(world: Worlds) -> None:
    w = await world(client_with(performance=GOOD), audited())
    await certify(w)
    for number in range(20):
        await w.run(f"user-{number}")
    await finished(w)
    assert w.rows("select revoked_at from certificates") == [(None,)]
    assert w.rows("select count(*) from audits where certificate = 'certificate-1'") == [(20,)]


async def test_audits_of_answers_accepted_without_a_certificate_revoke_none(world: Worlds) -> None:
    w = await world(config=audited())
    for number in range(20):
        await w.run(f"user-{number}")
    await finished(w)
    await certify(w)
    await w.run("under the certificate")
    await finished(w)
    assert w.rows("select revoked_at from certificates") == [(None,)]


async def test_without_a_certificate_a_careful_task_is_answered_by_performance(world: Worlds) -> None:
    w = await world(config=config_with({**JUDGED, "accept": {"on_uncertified": "fallback"}}))
    answer = await w.run()
    assert (answer.decision.route, answer.decision.outcome) == (Route.UNCERTIFIED, Outcome.PERFORMANCE)
    await finished(w)
    assert w.used() == {"performance": 1}
    await certify(w)
    assert (await w.run()).decision.outcome is Outcome.ACCEPTED


async def test_a_careful_task_still_collects_labels_for_its_certificate(world: Worlds) -> None:
    w = await world(config=audited({"on_uncertified": "fallback"}))
    answer = await w.run()
    assert answer.decision.outcome is Outcome.PERFORMANCE
    for _ in range(100):
        if w.rows("select count(*) from labels") == [(1,)]:
            break
        await anyio.sleep(0.02)
    assert w.rows("select score, accepted, bad from labels") == [(1.0, 1, 1)]


# References


async def test_a_reference_is_performances_answer_under_the_callers_id(world: Worlds) -> None:
    w = await world()
    answer = await w.engine.baseline.refer("invoice", TEXT, input_id="invoice-17")
    assert (answer.decision.route, answer.output) == (Route.BASELINE, {"number": "A-1", "total": 13.5})
    (reference,) = await w.engine._store.references("invoice")
    assert (reference.input_id, reference.origin, reference.output) == ("invoice-17", Origin.PERFORMANCE, answer.output)
    assert reference.decision_id == answer.decision.id and reference.cost == answer.decision.cost


async def test_an_answer_is_held_against_its_reference_and_nobody_is_served_or_pinned(world: Worlds) -> None:
    w = await world(client_with(judge="no"))
    await w.engine.baseline.refer("invoice", TEXT, input_id="17")
    (reference,) = await w.engine._store.references("invoice")
    decision = await w.engine.baseline.compare("invoice", TEXT, reference, performance=reference, session="user-1")
    assert (decision.route, decision.reason) == (Route.COMPARE, Reason.JUDGED)
    (label,) = await w.engine._store.labels("invoice")
    assert (label.score, label.accepted, label.bad, label.input_id) == (0.0, False, True, "17")
    assert label.attempt_cost == decision.cost and label.reference_cost == reference.cost
    assert await w.engine.pins.list() == []
    assert (await w.engine.report()).tasks["invoice"].attempts == 0
    assert (await w.engine.explain(decision.id)).outcome is Outcome.REJECTED


async def test_the_baseline_mode_keeps_a_reference_of_live_traffic(world: Worlds) -> None:
    w = await world(config=config_with(JUDGED, routing={"mode": "baseline"}, store={"payloads": "all"}))
    answer = await w.run()
    assert answer.decision.route is Route.BASELINE
    (reference,) = await w.engine._store.references("invoice")
    assert reference.output == answer.output
    assert reference.messages == ({"role": "user", "content": TEXT},)
    assert reference.input_id == reference.input_key


async def test_the_input_of_a_reference_is_kept_only_with_all_contents(world: Worlds) -> None:
    w = await world(config=config_with(JUDGED, routing={"mode": "baseline"}))
    await w.run()
    (reference,) = await w.engine._store.references("invoice")
    assert reference.messages is None


async def test_no_reference_is_kept_where_no_contents_may_be(world: Worlds) -> None:
    w = await world(config=config_with(JUDGED, routing={"mode": "baseline"}, store={"payloads": "none"}))
    assert (await w.run()).decision.route is Route.BASELINE
    assert await w.engine._store.references("invoice") == []


async def test_explain_tells_what_an_audit_found(world: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    w = await world(config=audited(store={"payloads": "all"}))
    answer = await w.run()
    await finished(w)
    told = await anyio.to_thread.run_sync(lambda: call("explain", answer.decision.id, "--db", w.path))
    assert "Held against the performance tier's answer: differs: total: 12.5 against 13.5 (number)" in " ".join(
        told.output.split()
    )
    told = await anyio.to_thread.run_sync(lambda: call("explain", answer.decision.id, "--db", w.path, "--json"))
    assert json.loads(told.output)["label"]["good"] is False


def test_a_killed_process_loses_no_finished_audit(tmp_path: Path) -> None:
    """Each audit that a listener was told of is in the file, with its decision and its label, after `kill -9`."""
    path = tmp_path / "q.db"
    for kill in range(4):
        command = [sys.executable, str(Path(__file__).with_name("audit_forever.py")), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            told = [child.stdout.readline().strip() for _ in range(5 + 7 * kill)]
            child.kill()
            told += child.stdout.read().split("\n")[:-1]  # a last line may be cut
        with closing(sqlite3.connect(path)) as connection:
            there = {row[0] for row in connection.execute("SELECT audit_id FROM audits")}
            assert all(told) and set(told) <= there
            unlabelled = "SELECT COUNT(*) FROM audits LEFT JOIN labels USING (decision_id) WHERE labels.bad IS NULL"
            assert connection.execute(unlabelled).fetchone() == (0,)
            orphans = "SELECT COUNT(*) FROM decisions WHERE route = 'audit' AND id NOT IN (SELECT audit_id FROM audits)"
            assert connection.execute(orphans).fetchone() == (0,)
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
