"""Endpoints that fail are left alone, probed by one request, and asked again; limits of ours are kept beforehand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import anyio
import pytest
from asking import Naps, ask, failure, made, served, timed_failure, together
from fault_server import FaultServer, Play, completion, failing, good
from hypothesis import example, given
from hypothesis import strategies as st

from qualityroute.errors import ProviderError
from qualityroute.failover import Failed, Next, next_model
from qualityroute.openai_client.health import (
    FAILURES,
    FIRST_REST,
    HANG,
    LONGEST_ASKED,
    LONGEST_REST,
    Health,
    after,
    asked,
)
from qualityroute.openai_client.pacing import MINUTE, ROUNDING, Window
from qualityroute.openai_client.trouble import Trouble
from qualityroute.records import Reason, Role

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_loopback")]

DOWN = Trouble("down", status=503)


def rested(failures: int, now: float = 0.0) -> Health:
    health = Health()
    for _ in range(failures):
        health = after(asked(health), DOWN, now)
    return health


class TestHealth:
    def test_an_endpoint_is_left_alone_after_enough_failures_in_a_row(self) -> None:
        assert rested(FAILURES - 1).may_be_asked(0)
        assert rested(FAILURES).rest(0) == FIRST_REST

    def test_a_good_answer_between_failures_starts_the_count_anew(self) -> None:
        health = after(rested(FAILURES - 1), None, 0)
        assert after(health, DOWN, 0).may_be_asked(0)

    def test_half_open_one_request_probes_and_the_others_wait(self) -> None:
        health = rested(FAILURES)
        assert health.may_be_asked(FIRST_REST)
        assert not asked(health).may_be_asked(FIRST_REST)

    def test_a_good_probe_closes_the_breaker_and_a_bad_one_doubles_the_rest(self) -> None:
        probing = asked(rested(FAILURES))
        assert after(probing, None, FIRST_REST) == Health()
        again = after(probing, DOWN, FIRST_REST)
        assert again.rest(FIRST_REST) == 2 * FIRST_REST
        for _ in range(20):
            again = after(asked(again), DOWN, again.until)
        assert again.rests == 22
        assert again.rest(again.until - LONGEST_REST) == LONGEST_REST

    def test_calls_that_were_under_way_when_it_opened_do_not_prolong_the_rest(self) -> None:
        health = rested(FAILURES)
        assert after(health, DOWN, 4.0).until == health.until

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
    def test_what_is_wrong_with_a_request_is_not_the_endpoints_fault(self, status: int) -> None:
        health = Health()
        for _ in range(3 * FAILURES):
            health = after(health, Trouble("no", status=status, retryable=False), 0)
        assert health.may_be_asked(0)

    @pytest.mark.parametrize("status", [429, 503])
    def test_retry_after_keeps_everybody_away_at_once(self, status: int) -> None:
        wish = Trouble("slow", Reason.RATE_LIMITED, status, retry_after=timedelta(seconds=30))
        health = after(Health(), wish, 100)
        assert health.rest(100) == 30
        assert health.may_be_asked(130)

    def test_a_retry_after_of_a_year_is_not_believed(self) -> None:
        health = after(Health(), Trouble("x", status=429, retry_after=timedelta(days=365)), 0)
        assert health.rest(0) == LONGEST_ASKED


@pytest.mark.parametrize("role", [Role.JUDGE, Role.PEER])
async def test_a_judge_or_peer_that_rests_is_not_waited_for(role: Role) -> None:
    async with served(failing(503), retries=0) as (client, server):
        asked_ = [(await failure(client, ask(role=role, tier=None))).asked for _ in range(FAILURES + 3)]
    assert asked_ == [True] * FAILURES + [False] * 3
    assert len(server.requests) == FAILURES


class TestWindow:
    @example(1, [(1.113354937436786, 1), (7.0, 1)])  # a sum of floats just below the minute
    @given(st.integers(1, 20), st.lists(st.tuples(st.floats(0, 30), st.integers(1, 9)), max_size=40))
    def test_no_minute_holds_more_than_the_limit(self, limit: int, wishes: list[tuple[float, int]]) -> None:
        window, now, taken = Window(limit), 0.0, []
        for pause, amount in wishes:
            now += pause
            now += window.wait(now, amount)
            assert window.wait(now, amount) == 0
            window.take(now, amount)
            taken.append((now, amount))
        for start, first in taken:
            within = [amount for at, amount in taken if start <= at < start + MINUTE - 2 * ROUNDING]
            assert sum(within) <= limit or within == [first]  # more than the limit is taken alone

    def test_a_wait_is_no_longer_than_it_must_be(self) -> None:
        window = Window(10)
        window.take(0, 4), window.take(20, 6)
        assert window.wait(30, 4) == 30
        assert window.wait(30, 5) == 50

    def test_what_a_request_really_took_counts(self) -> None:
        window = Window(10)
        taken = window.take(0, 9)
        window.settle(taken, 2)
        assert window.wait(1, 8) == 0
        assert window.wait(MINUTE, 1) == 0
        window.settle(taken, 9)  # too late to matter
        assert window.wait(MINUTE, 10) == 0

    def test_without_a_limit_nobody_waits(self) -> None:
        assert Window(None).wait(0, 10**9) == 0


def cooling(seconds: float | None) -> ProviderError:
    return ProviderError("cools", asked=False, retry_after=None if seconds is None else timedelta(seconds=seconds))


class TestNextModel:
    def test_a_model_that_is_alone_is_waited_for(self) -> None:
        assert next_model(["a"], []) == Next("a", waits=True)
        assert next_model(["a"], [Failed(Next("a", True), cooling(9))]) is None

    def test_a_cooling_model_is_passed_over_and_waited_for_when_all_have_failed(self) -> None:
        models = ["a", "b", "c"]
        first = Failed(Next("a", False), cooling(9))
        second = Failed(Next("b", False), ProviderError("down"))
        third = Failed(Next("c", False), cooling(3))
        assert next_model(models, [first]) == Next("b", waits=False)
        assert next_model(models, [first, second]) == Next("c", waits=False)
        assert next_model(models, [first, second, third]) == Next("c", waits=True)
        assert next_model(models, [first, second, third, Failed(Next("c", True), cooling(3))]) is None

    @given(st.lists(st.sampled_from([None, 0.5, 3.0, "failed"]), min_size=1, max_size=5))
    def test_each_model_is_asked_once_at_most(self, fates: list[Any]) -> None:
        models = [f"m{number}" for number in range(len(fates))]
        failed: list[Failed] = []
        while (turn := next_model(models, failed)) is not None:
            fate = fates[models.index(turn.model)]
            failed.append(Failed(turn, ProviderError("down") if fate == "failed" else cooling(fate)))
            assert len(failed) <= len(models) + 1
        assert {one.turn.model for one in failed} == set(models)
        asked_models = [one.turn.model for one in failed if one.error.asked]
        assert len(asked_models) == len(set(asked_models))


class TestClient:
    async def test_an_open_breaker_is_waited_for_and_one_request_probes(self) -> None:
        script = [*[failing(500)] * FAILURES, Play(completion(), delay=0.1), Play(completion(), delay=0.01)]
        naps = Naps()
        async with served(*script, retries=0, sleep=naps) as (client, server):
            for _ in range(FAILURES):
                await failure(client)
            assert naps.taken == []
            await naps(FIRST_REST)
            assert len(await together(client, 8)) == 8
        assert len(server.requests) == FAILURES + 8
        assert server.most_at_once > 1
        # The probe was alone until it was back.
        assert server.at_once[FAILURES : FAILURES + 2] == [1, 1]

    async def test_a_call_waits_out_the_rest_of_an_endpoint(self) -> None:
        naps = Naps()
        async with served(*[failing(500)] * FAILURES, good(), retries=0, sleep=naps) as (client, _):
            for _ in range(FAILURES):
                await failure(client)
            await client.complete(ask())
        assert [round(nap) for nap in naps.taken] == [FIRST_REST]

    async def test_a_request_that_does_not_wait_is_told_when_and_sends_nothing(self) -> None:
        async with served(failing(503, "busy"), retries=0) as (client, server):
            for _ in range(FAILURES):
                await failure(client)
            error = await failure(client, ask(waits=False))
            other = await failure(client, ask(waits=False, model="other"))  # each model has a breaker of its own
        assert len(server.requests) == FAILURES + 1
        assert (error.asked, error.may_be_billed, error.retryable, error.reason) == (
            False, False, True, Reason.PROVIDER_ERROR,
        )  # fmt: skip
        assert error.retry_after is not None
        assert timedelta(seconds=4) < error.retry_after <= timedelta(seconds=5)
        assert "'test/model' is not asked for another" in str(error)
        assert "busy" in str(error)
        assert other.asked

    async def test_a_rest_that_does_not_fit_the_deadline_fails_at_once(self) -> None:
        async with served(failing(503), retries=0) as (client, server):
            for _ in range(FAILURES):
                await failure(client)
            error, seconds = await timed_failure(client, ask(timeout=timedelta(seconds=2)))
            assert seconds < 2
            with anyio.move_on_after(2):
                assert not (await failure(client)).asked
        assert not error.asked
        assert len(server.requests) == FAILURES

    async def test_retry_after_holds_for_calls_that_come_later(self) -> None:
        naps = Naps()
        async with served(failing(429, headers={"retry-after": "30"}), good(), retries=0, sleep=naps) as (client, _):
            assert (await failure(client)).reason is Reason.RATE_LIMITED
            assert (await failure(client, ask(waits=False))).reason is Reason.RATE_LIMITED
            await client.complete(ask())
        assert [round(nap) for nap in naps.taken] == [30]

    async def test_a_probe_whose_caller_goes_away_leaves_the_next_to_probe(self) -> None:
        naps = Naps()
        script = [*[failing(500)] * FAILURES, Play(delay=30), good()]
        async with served(*script, retries=0, sleep=naps) as (client, server):
            for _ in range(FAILURES):
                await failure(client)
            await naps(FIRST_REST)
            with anyio.move_on_after(0.2) as scope:
                await client.complete(ask())
            assert scope.cancelled_caught
            with anyio.fail_after(5):
                assert (await client.complete(ask())).content == "hello"
        assert len(server.requests) == FAILURES + 2

    async def test_those_who_wait_for_a_probe_wait_no_longer_than_they_may(self) -> None:
        naps = Naps()
        async with served(*[failing(500)] * FAILURES, Play(delay=30), retries=0, sleep=naps) as (client, _):
            for _ in range(FAILURES):
                await failure(client)
            await naps(FIRST_REST)
            errors: list[ProviderError] = []

            async def impatient() -> None:
                await anyio.sleep(0.1)
                errors.append(await failure(client, ask(timeout=timedelta(seconds=0.3))))

            async with anyio.create_task_group() as group:
                group.start_soon(impatient)
                with anyio.move_on_after(1):
                    await client.complete(ask())
        assert [error.asked for error in errors] == [False]
        assert "until a probe is back" in str(errors[0])

    async def test_hangs_count_for_more_than_failures_that_come_at_once(self) -> None:
        async with served(Play(delay=30), timeout="300ms", retries=0) as (client, server):
            for _ in range(FAILURES // HANG):
                await failure(client)
            assert not (await failure(client, ask(waits=False))).asked
        assert len(server.requests) == FAILURES // HANG

    async def test_waiting_for_a_cooling_model_takes_no_place_from_another(self) -> None:
        def one_is_down(body: Any) -> Play:
            return failing(500) if body["model"] == "model" else good()

        with FaultServer(one_is_down) as server:
            async with made(server.url, retries=0, max_concurrency=1, sleep=Sleeps()) as client:
                for _ in range(FAILURES):
                    await failure(client)
                async with anyio.create_task_group() as group:
                    group.start_soon(client.complete, ask())
                    await anyio.sleep(0.05)
                    with anyio.fail_after(2):
                        await client.complete(ask(model="other"))
                    group.cancel_scope.cancel()

    async def test_rpm_is_kept_for_each_model_with_every_retry_counted(self) -> None:
        naps = Naps()
        async with served(failing(500), good(), rpm=3, sleep=naps) as (client, server):
            await together(client, 2)
            assert (await failure(client, ask(waits=False))).reason is Reason.RATE_LIMITED
            assert (await client.complete(ask(model="other"))).content == "hello"
            naps.taken.clear()
            await client.complete(ask())
        assert len(server.requests) == 5
        assert [round(nap) for nap in naps.taken] == [60]

    async def test_tpm_is_kept_by_what_the_provider_counted(self) -> None:
        naps = Naps()
        async with served(good(), tpm=40, sleep=naps) as (client, _):
            for _ in range(2):  # 18 tokens each
                await client.complete(ask())
            assert naps.taken == []
            error = await failure(client, ask(waits=False, max_output_tokens=20))
            assert "your rpm or tpm" in str(error)
            await client.complete(ask(max_output_tokens=20))
        assert [round(nap) for nap in naps.taken] == [60]


class Sleeps:
    """Sleeps for real."""

    async def __call__(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    def clock(self) -> float:
        return anyio.current_time()
