"""What every session store must do: each goes through the same functions, as one more `store_url`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qualityroute.complexity import Cell, CellKey, Choice, Forecast, Foretold, Regression
from qualityroute.complexity.cells import growth, lineage
from qualityroute.config import Pins
from qualityroute.errors import StoreError
from qualityroute.keys import Key, digest_of
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
    manual_pin,
)
from qualityroute.records import (
    Attempt,
    Decision,
    ModelCall,
    Outcome,
    Reason,
    Role,
    Route,
    Ruling,
    Tier,
    Usage,
    Verdict,
)
from qualityroute.store import CostSummary, Entry, FirstAttempt, Place, Search, SessionStore, open_store

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEY = PinKey("default", "user-42")
POLICY = Pins(first=2)
REJECTED = Rejected(Reason.SCHEMA, "schema", "total: missing", "openai/nano")


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **time: float) -> datetime:
        self.time += timedelta(**time)
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(store_url: str, clock: Clock) -> AsyncIterator[SessionStore]:
    opened = open_store(store_url, folder=Path(), now=clock)
    await opened.open()
    yield opened
    await opened.aclose()


def call(
    role: Role = Role.ANSWER, tier: Tier | None = Tier.EFFICIENCY, cost: str | None = "0.001", **more: Any
) -> ModelCall:
    return ModelCall(
        role, tier, "openai", "nano", Usage(100, 10, 20, 5), None if cost is None else Decimal(cost), **more
    )


def attempt(tier: Tier = Tier.EFFICIENCY, reason: Reason | None = None, judge: bool = False, **more: Any) -> Attempt:
    ruling = Ruling.ACCEPTED
    if reason is not None:
        ruling = Ruling.REJECTED if reason.counts else Ruling.UNDECIDED
    check = "judge" if judge else "schema"
    calls = (call(Role.JUDGE, None, "0.0002"),) if judge else ()
    verdict = Verdict(check, ruling, reason, "no" if reason else "", 0.5 if judge else None, calls, {"a": [1, None]})
    told = {"calls": (call(tier=tier),), "verdicts": (verdict,), "latency": timedelta(milliseconds=12.345)}
    return Attempt(tier, ruling, reason, **{**told, **more})


def decision(number: int | str = 1, *attempts: Attempt, **more: Any) -> Decision:
    told: dict[str, Any] = {
        "at": NOON, "tenant": "default", "session": "user-42", "task": "invoice", "route": Route.CASCADE,
        "outcome": Outcome.ACCEPTED, "attempts": attempts or (attempt(),), "cost": Decimal("0.001"),
        "latency": timedelta(seconds=1),
    }  # fmt: skip
    return Decision(f"d{number}", **{**told, **more})


def entry(
    number: int | str = 1, event: PinEvent | None = None, *, key: PinKey = KEY, policy: Pins = POLICY, **more: Any
) -> Entry:
    told = decision(number, *more.pop("attempts", ()), **{"tenant": key.tenant, "session": key.session, **more})
    return Entry(told, key if event is not None else None, event, policy)


def stored_pin(**more: Any) -> Pin:
    told: dict[str, Any] = {
        "key": KEY, "reason": Reason.JUDGED, "since": NOON, "last_used": NOON, "until": NOON + timedelta(minutes=30)
    }  # fmt: skip
    return Pin(**{**told, **more})


async def test_a_decision_comes_out_as_it_went_in(store: SessionStore) -> None:
    told = decision(
        1,
        attempt(reason=Reason.JUDGED, judge=True, message="supported: no", repaired=True),
        attempt(Tier.PERFORMANCE, calls=(call(error=Reason.TIMEOUT, message="none", cost=None, retries=2), call())),
        outcome=Outcome.FALLBACK, reason=Reason.JUDGED, message="supported: no", tier=Tier.PERFORMANCE,
        model="openai/big", metadata={"order": 7, "ünï": None}, fingerprint="f1", cost=None,
    )  # fmt: skip
    await store.record(Entry(told))
    assert await store.decision("d1") == told


async def test_completions_and_outputs_are_left_out(store: SessionStore) -> None:
    told = decision(1, attempt(output={"total": 1}))
    await store.record(Entry(told))
    found = await store.decision("d1")
    assert found is not None and found.attempts[0].output is None


async def test_a_decision_that_was_never_recorded_is_none(store: SessionStore) -> None:
    assert await store.decision("nobody") is None


async def ledger(store: SessionStore, count: int = 12) -> None:
    """One decision a minute: every second of the task `receipt`, every third fell back, every fourth of `user-7`."""
    for number in range(count):
        fell = number % 3 == 0
        told = decision(
            f"{number:02d}", at=NOON + timedelta(minutes=number), task="invoice" if number % 2 else "receipt",
            session="user-7" if number % 4 == 0 else None, tenant="acme" if number % 5 == 0 else "default",
            outcome=Outcome.FALLBACK if fell else Outcome.ACCEPTED, reason=Reason.JUDGED if fell else None,
            model="openai/big" if fell else "openai/nano",
        )  # fmt: skip
        await store.record(Entry(told))


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Search(), range(12)),
        (Search(session="user-7"), (0, 4, 8)),
        (Search(task="invoice"), range(1, 12, 2)),
        (Search(outcome=Outcome.FALLBACK), range(0, 12, 3)),
        (Search(reason=Reason.JUDGED), range(0, 12, 3)),
        (Search(tenant="acme"), (0, 5, 10)),
        (Search(model="openai/big"), range(0, 12, 3)),
        (Search(since=NOON + timedelta(minutes=9)), (9, 10, 11)),
        (Search(session="user-7", reason=Reason.JUDGED, tenant="acme", task="receipt"), (0,)),
        (Search(session="user-7", outcome=Outcome.FALLBACK, since=NOON + timedelta(minutes=1)), ()),
        (Search(reason=Reason.SCHEMA), ()),
        (Search(session="user-7' OR '1'='1"), ()),
    ],
)
async def test_decisions_are_found_by_what_they_are_the_newest_first(
    store: SessionStore, wanted: Search, numbers: Any
) -> None:
    await ledger(store)
    found = await store.decisions(wanted, limit=50)
    assert [one.id for one in found.decisions] == [f"d{number:02d}" for number in sorted(numbers, reverse=True)]
    assert found.rest is None
    whole = [await store.decision(one.id) for one in found.decisions]
    assert [replace(one, attempts=()) for one in whole if one is not None] == list(found.decisions)


@pytest.mark.parametrize("wanted", [Search(), Search(task="invoice"), Search(tenant="default", task="receipt")])
async def test_pages_of_decisions_together_are_all_of_them_once(store: SessionStore, wanted: Search) -> None:
    await ledger(store)
    everything = (await store.decisions(wanted, limit=50)).decisions
    pages, before = list[Decision](), None
    for _ in range(12):
        page = await store.decisions(wanted, before=before, limit=2)
        pages += page.decisions
        before = page.rest
        if before is None:
            break
    assert tuple(pages) == everything


async def test_decisions_of_one_moment_are_paged_by_their_ids(store: SessionStore) -> None:
    for number in range(5):
        await store.record(entry(number))
    first = await store.decisions(Search(), limit=3)
    second = await store.decisions(Search(), before=first.rest, limit=3)
    assert [one.id for one in (*first.decisions, *second.decisions)] == ["d4", "d3", "d2", "d1", "d0"]


async def test_a_search_ends_after_a_bounded_look_and_says_where_to_go_on(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qualityroute.store.browsing.MOST_LOOKED_AT", 4)
    await ledger(store)
    found = await store.decisions(Search(tenant="acme"), limit=5)
    assert [one.id for one in found.decisions] == ["d10"]
    assert found.rest == Place(NOON + timedelta(minutes=8), "d08")
    further = await store.decisions(Search(tenant="acme"), before=found.rest, limit=5)
    assert [one.id for one in further.decisions] == ["d05"]


async def test_what_was_kept_of_a_decision_comes_back_by_kind(store: SessionStore) -> None:
    await store.record(replace(entry(), payloads={"input": "[]", "answer.1.efficiency": "{}"}))
    assert await store.payloads("d1") == {"input": "[]", "answer.1.efficiency": "{}"}
    assert await store.payloads("nobody") == {}


async def test_the_days_add_up_to_the_report_and_measuring_stands_apart(store: SessionStore) -> None:
    tomorrow = NOON + timedelta(days=1)
    fell = (attempt(reason=Reason.JUDGED, judge=True), attempt(Tier.PERFORMANCE))
    await store.record(entry(1, attempts=fell))
    await store.record(entry(2, attempts=fell, at=tomorrow))
    await store.record(entry(3, attempts=(attempt(calls=(call(cost=None),)),), at=tomorrow))
    await store.record(entry(4, attempts=(attempt(Tier.PERFORMANCE),), at=tomorrow, route=Route.AUDIT))
    second, first = await store.spending_by_day()
    assert (first.day, second.day) == (NOON.date(), tomorrow.date())
    assert (first.efficiency.total, first.judge.total, first.performance.total) == tuple(
        Decimal(part) for part in ("0.001", "0.0002", "0.001")
    )
    assert (second.efficiency.total, second.efficiency.known) == (None, Decimal("0.001"))
    assert (first.measuring.total, second.measuring.total) == (Decimal(0), Decimal("0.001"))
    (summary,) = await store.summaries()
    assert summary.performance.known == first.performance.known + second.performance.known
    assert await store.spending_by_day(since=tomorrow) == [second]


async def test_a_secret_is_made_once_for_all_who_share_the_store(store_url: str, store: SessionStore) -> None:
    other = open_store(store_url, folder=Path())
    await other.open()
    try:
        made = await store.secret("dashboard")
        assert await other.secret("dashboard") == made == await store.secret("dashboard")
        assert await store.secret("another") != made
        assert len(bytes.fromhex(made)) == 32
    finally:
        await other.aclose()


async def test_no_more_pins_are_listed_than_are_asked_for(store: SessionStore) -> None:
    for number in range(5):
        key = PinKey("default", f"user-{number}")
        await store.put_pin(
            stored_pin(key=key, since=NOON + timedelta(seconds=number), until=NOON + timedelta(hours=1))
        )
    assert [pin.session for pin in await store.pins(now=NOON, most=2)] == ["user-4", "user-3"]


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
TEXTS = NAMES
COSTS = st.none() | st.decimals(0, 1000, places=12)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
LATENCIES = st.timedeltas(timedelta(0), timedelta(days=1))
TOKENS = st.none() | st.integers(0, 2**53)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=3)
REASONS = st.none() | st.sampled_from(Reason)
CALLS = st.builds(
    ModelCall, st.sampled_from(Role), st.none() | st.sampled_from(Tier), TEXTS, TEXTS,
    st.builds(Usage, TOKENS, TOKENS, TOKENS, TOKENS, st.booleans()), COSTS, LATENCIES, REASONS, TEXTS, TEXTS,
    st.integers(0, 9),
)  # fmt: skip
SOME_CALLS = st.lists(CALLS, max_size=2).map(tuple)
VERDICTS = st.builds(
    Verdict, TEXTS, st.sampled_from(Ruling), REASONS, TEXTS, st.none() | st.floats(0, 1), SOME_CALLS, OBJECTS
)  # fmt: skip
ATTEMPTS = st.builds(
    Attempt, st.sampled_from(Tier), st.sampled_from(Ruling), REASONS, SOME_CALLS,
    st.lists(VERDICTS, max_size=3).map(tuple), message=TEXTS, repaired=st.booleans(), latency=LATENCIES,
)  # fmt: skip
DECISIONS = st.builds(
    Decision, NAMES, TIMES, NAMES, st.none() | NAMES, NAMES, st.sampled_from(Route), st.sampled_from(Outcome),
    REASONS, TEXTS, st.none() | st.sampled_from(Tier), st.none() | TEXTS, st.lists(ATTEMPTS, max_size=3).map(tuple),
    COSTS, LATENCIES, TEXTS, OBJECTS,
)  # fmt: skip


def test_whatever_goes_into_the_ledger_comes_out_the_same(store_url: str) -> None:
    store, numbers = open_store(store_url, folder=Path()), count()
    with asyncio.Runner() as runner:

        @settings(max_examples=40, deadline=None)
        @given(told=DECISIONS)
        def there_and_back(told: Decision) -> None:
            told = replace(told, id=f"{next(numbers)}.{told.id}")
            runner.run(store.record(Entry(told)))
            assert runner.run(store.decision(told.id)) == told

        runner.run(store.open())
        there_and_back()
        runner.run(store.aclose())


async def test_a_time_of_another_zone_is_the_same_moment(store: SessionStore) -> None:
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    await store.record(Entry(decision(1, at=tokyo)))
    found = await store.decision("d1")
    assert found is not None and found.at == NOON


async def test_a_time_without_a_zone_is_refused(store: SessionStore) -> None:
    with pytest.raises(StoreError, match="has no time zone"):
        await store.record(Entry(decision(1, at=datetime(2026, 1, 1))))


@pytest.mark.parametrize("cost", ["0", "0.000000000001", "0.1", "12.345678901234", "999.999999999999"])
async def test_money_is_exact_to_a_millionth_of_a_millionth(store: SessionStore, cost: str) -> None:
    await store.record(Entry(decision(1, cost=Decimal(cost))))
    found = await store.decision("d1")
    assert found is not None and found.cost == Decimal(cost)


async def test_texts_that_no_database_keeps_lose_a_character_and_not_the_row(store: SessionStore) -> None:
    bad = attempt(message="half \ud83d and \x00 nul", calls=(call(message="\udc00"),))
    await store.record(replace(Entry(decision(1, bad, message="\ud800")), payloads={"answer": "\ud800!"}))
    found = await store.decision("d1")
    assert found is not None
    assert (found.message, found.attempts[0].message) == ("\ufffd", "half \ufffd and \ufffd nul")


async def test_metadata_with_half_a_character_or_nul_comes_out_the_same(store: SessionStore) -> None:
    await store.record(Entry(decision(1, metadata={"k": "\ud800 \x00 é"})))
    found = await store.decision("d1")
    assert found is not None and found.metadata == {"k": "\ud800 \x00 é"}


async def test_metadata_that_nobody_can_change_is_kept(store: SessionStore) -> None:
    await store.record(Entry(decision(1, metadata=MappingProxyType({"a": MappingProxyType({"b": 1})}))))
    found = await store.decision("d1")
    assert found is not None and found.metadata == {"a": {"b": 1}}


async def test_metadata_json_does_not_know_becomes_text(store: SessionStore) -> None:
    strange: Mapping[str, Any] = {"when": NOON, "share": float("nan"), "all": {2, 1}, "cost": Decimal("0.1")}
    await store.record(Entry(decision(1, metadata=strange)))
    found = await store.decision("d1")
    assert found is not None
    assert found.metadata == {"when": str(NOON), "share": "nan", "all": [1, 2], "cost": "0.1"}


@pytest.mark.parametrize("hostile", ["'); DROP TABLE pins; --", "100 % %s %(a)s %%", "? :hour ?::text", '"x" \\ $1 $$'])
async def test_names_and_texts_that_look_like_sql_are_kept_as_they_are(store: SessionStore, hostile: str) -> None:
    key = PinKey(hostile, hostile, hostile)
    telling = attempt(message=hostile, calls=(call(message=hostile, served_model=hostile),))
    told = decision(1, telling, tenant=hostile, session=hostile, task=hostile, message=hostile, metadata={"a": hostile})
    await store.record(
        Entry(told, key, Rejected(Reason.SCHEMA, hostile, hostile, hostile), payloads={hostile: hostile})
    )
    assert await store.decision("d1") == replace(told, pin=PinEffect.CREATED)
    pin = await store.pin(key)
    assert pin is not None and pin.message == hostile
    assert await store.pins(tenant=hostile, session=hostile, now=NOON) == [pin]
    assert [summary.task for summary in await store.summaries(task=hostile)] == [hostile]


@pytest.mark.parametrize("name", ["a\x00b", "a\ud800"])
async def test_names_that_cannot_be_kept_are_refused_so_that_two_never_become_one(
    store: SessionStore, name: str
) -> None:
    with pytest.raises(StoreError, match="NUL or half a surrogate"):
        await store.record(entry(1, session=name))
    with pytest.raises(StoreError, match="NUL or half a surrogate"):
        await store.put_pin(stored_pin(key=PinKey("default", name)))
    assert await store.decision("d1") is None


async def test_a_pin_comes_out_as_it_went_in(store: SessionStore) -> None:
    told = stored_pin(
        key=PinKey("acme", "s", "invoice"), check="judge", message="no\nreally", decision_id="d1", model="a/b",
        strikes=3, hold=4, remaining=2, served=9, passed_probes=1, failed_probes=2, probe_token="t", probe_expires=NOON,
    )  # fmt: skip
    await store.put_pin(told)
    assert await store.pin(told.key) == told


async def test_a_pin_is_found_by_its_whole_key_only(store: SessionStore) -> None:
    await store.put_pin(stored_pin())
    assert await store.pin(PinKey("other", "user-42")) is None
    assert await store.pin(PinKey("default", "user-42", "invoice")) is None
    assert await store.pin(PinKey("default", "user-4")) is None
    with pytest.raises(StoreError):
        await store.pin(PinKey("default", "\ud800"))


async def test_a_rejection_pins_and_says_why(store: SessionStore) -> None:
    effect = await store.record(entry(1, REJECTED))
    pin, told = await store.pin(KEY), await store.decision("d1")
    assert effect is PinEffect.CREATED and told is not None and told.pin is PinEffect.CREATED
    assert pin == Pin(
        KEY, Reason.SCHEMA, NOON, NOON, NOON + timedelta(minutes=30), "schema", "total: missing", "d1", "openai/nano",
        hold=2, remaining=2,
    )  # fmt: skip


async def test_a_pin_is_dated_by_the_moment_of_recording(store: SessionStore, clock: Clock) -> None:
    later = clock.forward(seconds=90)
    await store.record(entry(1, REJECTED, at=NOON))
    pin = await store.pin(KEY)
    assert pin is not None and pin.since == later


async def test_concurrent_requests_of_a_session_all_count(store: SessionStore) -> None:
    await store.record(entry(0, REJECTED, policy=Pins(first=60)))
    async with anyio.create_task_group() as group:
        for number in range(1, 51):
            group.start_soon(store.record, entry(number, Held(), policy=Pins(first=60)))
    pin = await store.pin(KEY)
    assert pin is not None and (pin.served, pin.remaining) == (50, 10)


async def test_a_watched_session_that_does_well_is_cleared(store: SessionStore) -> None:
    watched = await store.record(entry(1, REJECTED, policy=Pins(after=2)))
    pin = await store.pin(KEY)
    assert pin is not None and pin.state is PinState.WATCHING
    assert await store.pins(now=NOON) == []
    cleared = await store.record(entry(2, Accepted(), policy=Pins(after=2)))
    assert (watched, cleared) == (PinEffect.WATCHED, PinEffect.CLEARED)
    assert await store.pin(KEY) is None


async def test_a_request_without_an_event_leaves_pins_alone(store: SessionStore) -> None:
    await store.put_pin(stored_pin())
    assert await store.record(entry(1)) is None
    assert await store.pin(KEY) == stored_pin()


async def test_two_accepted_probes_release_the_pin(store: SessionStore) -> None:
    half_open = stored_pin(hold=2, remaining=0)
    await store.put_pin(half_open)
    effects = []
    for number in (1, 2):
        pin = await store.pin(KEY)
        assert pin is not None
        assert await store.lease_probe(pin, f"t{number}", now=NOON, expires=NOON + timedelta(minutes=2))
        effects.append(await store.record(entry(number, Probed(f"t{number}", True), route=Route.PROBE)))
    assert effects == [PinEffect.PROBE_PASSED, PinEffect.RELEASED]
    assert await store.pin(KEY) is None


async def test_exactly_one_of_fifty_gets_the_probe(store: SessionStore) -> None:
    pin = stored_pin(remaining=0)
    await store.put_pin(pin)
    won: list[str] = []

    async def try_it(token: str) -> None:
        if await store.lease_probe(pin, token, now=NOON, expires=NOON + timedelta(minutes=2)):
            won.append(token)

    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(try_it, f"t{number}")
    found = await store.pin(KEY)
    assert len(won) == 1
    assert found is not None and found.probe_token == won[0]


async def test_a_lease_that_ran_out_can_be_taken_again(store: SessionStore) -> None:
    pin = stored_pin(remaining=0)
    await store.put_pin(pin)
    soon = NOON + timedelta(minutes=2)
    assert await store.lease_probe(pin, "crashed", now=NOON, expires=soon)
    assert not await store.lease_probe(pin, "too early", now=NOON + timedelta(minutes=1), expires=soon)
    assert await store.lease_probe(pin, "next", now=soon, expires=soon + timedelta(minutes=2))


@pytest.mark.parametrize(
    "moved",
    [{"remaining": 2}, {"failed_probes": 1}, {"passed_probes": 1}, {"since": NOON + timedelta(1)}, {"held": False}],
)
async def test_a_pin_that_moved_on_is_not_leased(store: SessionStore, moved: dict[str, Any]) -> None:
    seen = stored_pin(remaining=0)
    await store.put_pin(replace(seen, **moved))
    assert not await store.lease_probe(seen, "t", now=NOON, expires=NOON + timedelta(minutes=2))


async def test_a_released_or_outdated_pin_is_not_leased(store: SessionStore) -> None:
    pin = stored_pin(remaining=0)
    assert not await store.lease_probe(pin, "t", now=NOON, expires=NOON + timedelta(minutes=2))
    await store.put_pin(pin)
    assert not await store.lease_probe(pin, "t", now=pin.until, expires=pin.until + timedelta(minutes=2))


async def test_a_released_pin_is_told_once(store: SessionStore) -> None:
    by_hand = manual_pin(KEY, message="asked", policy=POLICY, now=NOON)
    await store.put_pin(by_hand)
    assert await store.release_pin(KEY) == by_hand
    assert await store.release_pin(KEY) is None


async def test_pins_that_hold_are_listed_newest_first(store: SessionStore) -> None:
    old = stored_pin(key=PinKey("default", "old"))
    new = stored_pin(key=PinKey("acme", "new"), since=NOON + timedelta(minutes=1))
    gone = stored_pin(key=PinKey("default", "gone"), until=NOON)
    watched = stored_pin(key=PinKey("default", "watched"), held=False)
    for pin in (old, new, gone, watched):
        await store.put_pin(pin)
    assert await store.pins(now=NOON) == [new, old]
    assert await store.pins(tenant="acme", now=NOON) == [new]
    assert await store.pins(tenant="default", session="old", now=NOON) == [old]
    assert await store.pins(session="' OR 1=1 --", now=NOON) == []
    assert await store.pins_active(NOON) == {"": 2}
    assert await store.pins_active(NOON + timedelta(hours=1)) == {}


async def test_two_hundred_concurrent_records_lose_nothing(store: SessionStore) -> None:
    async with anyio.create_task_group() as group:
        for number in range(200):
            group.start_soon(store.record, entry(number, session=f"s{number % 7}"))
    found = [await store.decision(f"d{number}") for number in range(200)]
    assert [one.session if one else None for one in found] == [f"s{number % 7}" for number in range(200)]


async def test_one_bad_entry_fails_alone(store: SessionStore) -> None:
    await store.record(entry("twice"))
    failures: list[str] = []

    async def record(one: Entry) -> None:
        try:
            await store.record(one)
        except StoreError as error:
            assert error.__cause__ is not None
            failures.append(one.decision.id)

    async with anyio.create_task_group() as group:
        for number in ("1", "2", "twice", "3", "4"):
            group.start_soon(record, entry(number, REJECTED))
    assert failures == ["dtwice"]
    assert all([await store.decision(f"d{number}") for number in range(1, 5)])
    assert await store.pin(KEY) is not None


async def test_a_failed_record_leaves_no_half_of_itself(store: SessionStore) -> None:
    too_big = attempt(calls=(call(), replace(call(), usage=Usage(2**70))))
    with pytest.raises(StoreError):
        await store.record(entry(1, REJECTED, attempts=(too_big,)))
    assert await store.decision("d1") is None and await store.pin(KEY) is None
    await store.record(entry(1, REJECTED))
    assert await store.pin(KEY) is not None


async def test_a_cancelled_caller_is_written_all_the_same(store: SessionStore) -> None:
    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(store.record, entry(number))
        await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    assert all([await store.decision(f"d{number}") for number in range(20)])


async def test_a_cancelled_leader_leaves_nobody_waiting(store: SessionStore) -> None:
    scope = anyio.CancelScope()

    async def cancelled() -> None:
        with scope:
            await store.record(entry("leader"))

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(cancelled)
            for number in range(20):
                group.start_soon(store.record, entry(number))
            await anyio.lowlevel.checkpoint()
            scope.cancel()
    await store.record(entry("after"))
    assert all([await store.decision(f"d{number}") for number in ["leader", "after", *range(20)]])


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("turns", range(6))
async def test_a_task_cancelled_in_asyncios_own_way_is_written_and_leaves_nobody_waiting(
    store: SessionStore, turns: int
) -> None:
    keys = [PinKey("default", f"session {number}") for number in range(12)]
    tasks = [asyncio.create_task(store.put_pin(stored_pin(key=key))) for key in keys]
    for _ in range(turns):
        await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    async with asyncio.timeout(20):
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await store.record(entry("after"))
    assert [number for number, result in enumerate(results) if isinstance(result, asyncio.CancelledError)] == [
        0,
        3,
        6,
        9,
    ]
    started = range(12) if turns else [number for number in range(12) if number % 3]
    assert await store.decision("dafter")
    assert all([await store.pin(keys[number]) for number in started])


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_task_cancelled_fifty_times_is_still_written(store: SessionStore) -> None:
    tasks = [asyncio.create_task(store.record(entry(number))) for number in range(5)]
    async with asyncio.timeout(20):
        for _ in range(50):
            await asyncio.sleep(0)
            tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.record(entry("after"))
    assert all([await store.decision(f"d{number}") for number in ["after", *range(5)]])


async def test_closing_waits_for_what_is_being_written(store_url: str) -> None:
    store = open_store(store_url, folder=Path())
    await store.open()
    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(store.record, entry(number))
        for _ in range(2):
            await anyio.lowlevel.checkpoint()
        await store.aclose()
    await store.aclose()
    with pytest.raises(StoreError, match="is not open"):
        await store.pin(KEY)
    await store.open()
    assert all([await store.decision(f"d{number}") for number in range(10)])
    await store.aclose()


async def test_a_second_store_on_the_same_url_sees_a_pin_at_once(store: SessionStore, store_url: str) -> None:
    other = open_store(store_url, folder=Path())
    await other.open()
    assert await other.pin(KEY) is None
    await store.record(entry(1, REJECTED))
    seen = await other.pin(KEY)
    await other.aclose()
    assert seen is not None and seen.decision_id == "d1"


async def test_an_empty_ledger_has_no_summaries(store: SessionStore) -> None:
    assert await store.summaries() == []
    assert await store.summaries(task="invoice", since=NOON) == []


async def test_the_ledger_adds_up(store: SessionStore) -> None:
    judged_bad = attempt(reason=Reason.JUDGED, judge=True)
    large = attempt(Tier.PERFORMANCE, calls=(call(tier=Tier.PERFORMANCE, cost="0.01"),))
    down = attempt(reason=Reason.TIMEOUT, calls=(call(cost=None, error=Reason.TIMEOUT),), verdicts=())
    unsure = attempt(reason=Reason.JUDGE_ERROR, judge=True)
    held: dict[str, Any] = {"attempts": (large,), "route": Route.PINNED, "outcome": Outcome.PINNED}
    for one in [
        entry(1, Accepted(), attempts=(attempt(judge=True),), latency=timedelta(seconds=1)),
        entry(2, REJECTED, attempts=(judged_bad, large), outcome=Outcome.FALLBACK),
        entry(3, Held(), **held),
        entry(4, attempts=(down, large), outcome=Outcome.FAILOVER, cost=None, session="b"),
        entry(5, attempts=(unsure, large), outcome=Outcome.FAILOVER, session="b"),
        entry(6, attempts=(attempt(reason=Reason.TRUNCATED), large), outcome=Outcome.FALLBACK, session="b"),
        entry(7, session="c", latency=timedelta(seconds=3)),
        entry(8, session="c", task="receipt"),
    ]:
        await store.record(one)
    invoice, receipt = await store.summaries()
    assert (invoice.task, receipt.task, receipt.requests) == ("invoice", "receipt", 1)
    assert invoice.requests == 7
    assert invoice.outcomes == {Outcome.ACCEPTED: 2, Outcome.FAILOVER: 2, Outcome.FALLBACK: 2, Outcome.PINNED: 1}
    assert (invoice.attempts, invoice.accepted, invoice.fallbacks) == (4, 2, 2)
    assert invoice.by_reason == {Reason.JUDGED: 1, Reason.TIMEOUT: 1, Reason.JUDGE_ERROR: 1, Reason.TRUNCATED: 1}
    assert (invoice.first_attempts, invoice.first_fallbacks) == (3, 1)
    assert (invoice.judged, invoice.judge_catches) == (2, 1)
    assert invoice.efficiency == CostSummary(5, Decimal("0.005"), 0)
    assert invoice.judge == CostSummary(3, Decimal("0.0006"), 0)
    assert invoice.performance == CostSummary(5, Decimal("0.05"), 0)
    assert (invoice.cut_off, invoice.pins_created, invoice.pinned) == (1, 1, 1)
    assert invoice.latency[Outcome.ACCEPTED].p50 == pytest.approx(1.0, rel=0.05)
    assert invoice.latency[Outcome.ACCEPTED].p95 == pytest.approx(3.0, rel=0.05)
    assert await store.summaries(task="receipt") == [receipt]


async def test_the_judge_is_counted_over_the_same_attempts_as_the_fallback_rate(store: SessionStore) -> None:
    probe = entry(1, attempts=(attempt(judge=True),), route=Route.PROBE)
    unsure = entry(2, attempts=(attempt(reason=Reason.JUDGE_ERROR, judge=True),))
    await store.record(probe)
    await store.record(unsure)
    (invoice,) = await store.summaries()
    assert (invoice.attempts, invoice.judged) == (0, 0)
    assert invoice.judge.count == 2


async def test_only_decisions_since_a_time_are_added_up(store: SessionStore) -> None:
    for number in range(4):
        await store.record(entry(number, at=NOON + timedelta(hours=number)))
    (recent,) = await store.summaries(since=NOON + timedelta(hours=2))
    assert (recent.requests, recent.efficiency.count, recent.attempts) == (2, 2, 2)


@pytest.mark.parametrize("count", [1, 2, 19, 20, 21, 100])
async def test_latencies_are_nearest_ranks_to_a_few_per_cent(store: SessionStore, count: int) -> None:
    for number in range(count):
        await store.record(entry(number, latency=timedelta(seconds=count - number)))
    (invoice,) = await store.summaries()
    median, high = -(-count // 2), -(-count * 95 // 100)
    found = invoice.latency[Outcome.ACCEPTED]
    assert found.count == count
    assert found.p50 == pytest.approx(median, rel=0.05)
    assert found.p95 == pytest.approx(high, rel=0.05)


async def test_money_adds_up_exactly(store: SessionStore) -> None:
    for number in range(300):
        await store.record(entry(number, attempts=(attempt(calls=(call(cost="0.000000100001"),)),)))
    (invoice,) = await store.summaries()
    assert invoice.efficiency.known == Decimal("0.0000300003")


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    assert CostSummary(2, Decimal("0.5"), 1).total is None and CostSummary(2, Decimal("0.5"), 1).mean is None
    assert (CostSummary(2, Decimal("0.5")).total, CostSummary(2, Decimal("0.5")).mean) == (
        Decimal("0.5"),
        Decimal("0.25"),
    )
    assert CostSummary().mean is None


FAILED = attempt(reason=Reason.SCHEMA)
PASSED = attempt()
UNSURE = attempt(reason=Reason.JUDGE_ERROR)


@pytest.mark.parametrize(
    ("attempts", "firsts", "failures"),
    [
        ([PASSED, PASSED, FAILED, PASSED], 1, 0),
        ([FAILED, PASSED, FAILED], 1, 1),
        ([UNSURE, FAILED, PASSED], 1, 1),
        ([UNSURE, UNSURE], 0, 0),
    ],
)
async def test_difficulty_looks_at_the_first_judged_attempt_of_a_session(
    store: SessionStore, attempts: list[Attempt], firsts: int, failures: int
) -> None:
    for number, made in enumerate(attempts):
        await store.record(entry(number, attempts=(made,)))
    (invoice,) = await store.summaries()
    assert (invoice.first_attempts, invoice.first_fallbacks) == (firsts, failures)


async def test_each_request_without_a_session_is_a_first_attempt(store: SessionStore) -> None:
    for number, made in enumerate([FAILED, PASSED, FAILED]):
        await store.record(Entry(decision(number, made, session=None)))
    (invoice,) = await store.summaries()
    assert (invoice.first_attempts, invoice.first_fallbacks) == (3, 2)


async def test_tenants_and_tasks_have_their_own_first_attempts(store: SessionStore) -> None:
    await store.record(entry(1, tenant="a"))
    await store.record(entry(2, tenant="b"))
    await store.record(entry(3, tenant="a", task="receipt"))
    invoice, receipt = await store.summaries()
    assert (invoice.first_attempts, receipt.first_attempts) == (2, 1)


async def test_concurrent_first_attempts_of_one_session_are_numbered_one_by_one(store: SessionStore) -> None:
    async with anyio.create_task_group() as group:
        for number in range(30):
            group.start_soon(store.record, entry(number))
    (invoice,) = await store.summaries()
    assert (invoice.attempts, invoice.first_attempts) == (30, 1)


async def test_an_exploring_try_counts_in_the_rate_and_is_no_request(store: SessionStore) -> None:
    await store.record(entry(1, attempts=(FAILED,), route=Route.EXPLORE, outcome=Outcome.REJECTED))
    (invoice,) = await store.summaries()
    assert (invoice.requests, invoice.attempts, invoice.fallbacks, invoice.explored) == (0, 1, 1, 1)


async def test_what_both_tiers_answered_is_paired_by_size(store: SessionStore) -> None:
    large = attempt(Tier.PERFORMANCE, calls=(call(tier=Tier.PERFORMANCE, cost="0.01"),))
    await store.record(entry(1, attempts=(FAILED, large), outcome=Outcome.FALLBACK))
    await store.record(entry(2))
    (invoice,) = await store.summaries()
    size = call().usage.input_tokens
    assert size is not None
    assert (invoice.pairs.count, invoice.pairs.tokens, invoice.pairs.cost) == (1, size, Decimal("0.01"))
    assert (invoice.pairs.alone, invoice.pairs.alone_tokens) == (1, size)
    assert invoice.pairs.tokens_cost == pytest.approx(size * 0.01)


async def test_rebuilding_the_tallies_changes_nothing(store: SessionStore) -> None:
    for number, made in enumerate([PASSED, FAILED, UNSURE]):
        await store.record(entry(number, attempts=(made,), session=f"s{number}"))
    before = await store.summaries()
    assert await store.rebuild() == 3
    assert await store.summaries() == before


async def test_first_attempts_come_oldest_first_and_only_the_newest(store: SessionStore) -> None:
    for number, made in enumerate([FAILED, PASSED, FAILED]):
        await store.record(entry(number, attempts=(made,), session=f"s{number}", at=NOON + timedelta(minutes=number)))
    assert await store.first_attempts("invoice", most=2) == [
        FirstAttempt(NOON + timedelta(minutes=1), False), FirstAttempt(NOON + timedelta(minutes=2), True),
    ]  # fmt: skip


async def test_sessions_are_counted_once_closed(store: SessionStore) -> None:
    story = {
        "failed at once": [FAILED],
        "failed third": [PASSED, PASSED, FAILED],
        "four": [PASSED] * 5,
        "open": [PASSED],
    }
    number = 0
    for session, made in story.items():
        for one in made:
            number += 1
            await store.record(entry(number, attempts=(one,), session=session))
    soon, later = NOON + timedelta(minutes=5), NOON + timedelta(hours=1)
    assert await store.session_counts("invoice", started=None, now=soon) == [(1, 1, 1), (3, 1, 1), (4, 0, 1)]
    assert await store.session_counts("invoice", started=None, now=later) == [
        (1, 1, 1),
        (1, 0, 1),
        (3, 1, 1),
        (4, 0, 1),
    ]
    assert await store.session_counts("invoice", started=later, now=later) == []


async def test_the_judges_errors_are_counted_by_cause(store: SessionStore) -> None:
    verdict = Verdict("judge", Ruling.UNDECIDED, Reason.JUDGE_ERROR, "no answer", details={"cause": "timeout"})
    await store.record(entry(1, attempts=(attempt(reason=Reason.JUDGE_ERROR, verdicts=(verdict,)),)))
    assert await store.judge_errors("invoice") == {"timeout": 1}
    assert await store.judge_errors("receipt") == {}


# Keys of the gateway


def a_key(name: str = "ci", **more: Any) -> Key:
    told: dict[str, Any] = {
        "id": f"id-{name}", "name": name, "tenant": "acme", "digest": digest_of(name), "hint": "wxyz",
        "created_at": NOON,
    }  # fmt: skip
    return Key(**{**told, **more})


@pytest.mark.parametrize(
    "key",
    [
        a_key(),
        a_key("dear", budget_per_day=Decimal("0.000000000001"), requests_per_minute=60, dashboard=True),
        a_key("x'); DROP TABLE keys --", tenant="köln\u202e", budget_per_day=Decimal("1E+3"), revoked_at=NOON),
    ],
)
async def test_a_key_comes_out_as_it_went_in(store: SessionStore, key: Key) -> None:
    assert not await store.has_keys()
    assert await store.add_key(key)
    assert await store.key(key.id) == await store.key_by_digest(key.digest) == key
    assert await store.keys() == [key]
    assert await store.has_keys()


async def test_a_key_that_was_never_added_is_none(store: SessionStore) -> None:
    await store.add_key(a_key())
    assert await store.key("id-other") is None
    assert await store.key_by_digest(digest_of("ci")[:-1]) is None
    assert await store.revoke_key("other", NOON) is None


async def test_a_name_is_taken_while_its_key_is_in_force_and_free_afterwards(store: SessionStore) -> None:
    first, second = a_key(), a_key(id="id-2", digest=digest_of("second"), created_at=NOON + timedelta(hours=1))
    assert await store.add_key(first)
    assert not await store.add_key(second)
    assert await store.keys() == [first]
    revoked = replace(first, revoked_at=NOON + timedelta(minutes=1))
    assert await store.revoke_key("ci", NOON + timedelta(minutes=1)) == revoked
    assert await store.add_key(second)
    assert await store.keys() == [revoked, second]


async def test_a_key_is_revoked_once_and_stays_in_the_list(store: SessionStore) -> None:
    await store.add_key(a_key())
    assert await store.revoke_key("ci", NOON) == a_key(revoked_at=NOON)
    assert await store.revoke_key("ci", NOON + timedelta(hours=1)) is None
    assert await store.key_by_digest(digest_of("ci")) == a_key(revoked_at=NOON)
    assert await store.has_keys()


async def test_of_many_who_want_one_name_at_once_one_gets_it(store: SessionStore) -> None:
    added = list[bool]()

    async def add(number: int) -> None:
        added.append(await store.add_key(a_key(id=f"id-{number}", digest=digest_of(f"{number}"))))

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(add, number)
    assert sorted(added) == [False] * 19 + [True]
    assert len(await store.keys()) == 1


@pytest.mark.parametrize("broken", [{"id": "id-2"}, {"digest": digest_of("ci")}])
async def test_two_keys_never_share_an_id_or_a_digest(store: SessionStore, broken: dict[str, str]) -> None:
    await store.add_key(a_key(id="id-2"))
    with pytest.raises(StoreError):
        await store.add_key(a_key("other", **broken))
    assert len(await store.keys()) == 1


async def test_a_key_with_a_name_that_cannot_be_kept_is_refused(store: SessionStore) -> None:
    with pytest.raises(StoreError):
        await store.add_key(a_key("a\x00b"))
    assert not await store.has_keys()


# --- what is learned of tasks on `auto`

PIPELINE = CellKey("invoice", "openai/nano", "f1")
FORECAST = Forecast(
    replace(PIPELINE, band=4), 0.25, 0.875, 0.5, Choice.PERFORMANCE, Choice.CASCADE, 0.02, in_use=True,
    features=(1.5, 0.0, -2.25),
)  # fmt: skip


def told(number: int | str, escalated: bool | None, forecast: Forecast = FORECAST, **more: Any) -> Entry:
    """A decision whose outcome is that, with what was predicted of it."""
    reason = {True: Reason.SCHEMA, False: None, None: Reason.TIMEOUT}[escalated]
    return replace(entry(number, attempts=(attempt(reason=reason),), **more), forecast=forecast)


async def test_a_forecast_comes_out_as_it_went_in_with_its_outcome(store: SessionStore) -> None:
    await store.record(told(1, True))
    await store.record(told(2, None, replace(FORECAST, by_regression=None, break_even=None, features=())))
    first, second = await store.forecast("d1"), await store.forecast("d2")
    assert first == Foretold(FORECAST, NOON, True)
    assert second is not None
    assert (second.forecast.by_regression, second.forecast.break_even, second.escalated) == (None, None, None)
    assert await store.forecast("d3") is None


async def test_a_decision_without_a_forecast_adds_to_no_cell(store: SessionStore) -> None:
    await store.record(entry(1))
    assert await store.cells(PIPELINE) == []


@pytest.mark.parametrize("outcomes", ["x", ".", "xx.x.xxx", "x" * 60, "xxx......" * 5])
async def test_cells_hold_what_the_pure_rule_makes_of_the_same_outcomes(store: SessionStore, outcomes: str) -> None:
    keys = lineage(FORECAST.key)
    expected = {key: Cell(key) for key in keys}
    for number, outcome in enumerate(outcomes):
        await store.record(told(number, outcome == "x", session=None))
        for key in keys:
            bet = growth(outcome == "x", 0.5) if key.fingerprint else 1.0
            expected[key] = expected[key].after(outcome == "x", bet)
    found = {cell.key: cell for cell in await store.cells(PIPELINE)}
    assert found.keys() == expected.keys()
    for key, cell in found.items():
        assert cell.observed == len(outcomes)
        assert (cell.passes, cell.escalations, cell.purse) == pytest.approx(
            (expected[key].passes, expected[key].escalations, expected[key].purse)
        )


async def test_cells_of_another_pipeline_or_task_are_not_given(store: SessionStore) -> None:
    await store.record(told(1, True))
    await store.record(told(2, True, replace(FORECAST, key=CellKey("letter", "openai/nano", "f9")), task="letter"))
    keys = {cell.key for cell in await store.cells(PIPELINE)}
    assert keys == set(lineage(FORECAST.key))


async def test_a_new_pipeline_begins_with_ten_outcomes_of_the_one_before(store: SessionStore) -> None:
    for number in range(30):
        await store.record(told(number, number % 2 == 0, session=None))
    later = replace(FORECAST, key=replace(PIPELINE, fingerprint="f2"))
    await store.record(told("new", True, later))
    own = next(cell for cell in await store.cells(later.key) if cell.key.fingerprint)
    assert own.observed == 1
    assert own.passes + own.escalations == pytest.approx(10 * 0.99 + 1)
    assert own.purse == pytest.approx(0.5 * 1.5)


async def test_two_engines_lose_none_of_each_others_outcomes(store: SessionStore, store_url: str) -> None:
    other = open_store(store_url, folder=Path())
    await other.open()

    async def record(where: SessionStore, name: str) -> None:
        for number in range(15):
            await where.record(told(f"{name}{number}", True, session=None))

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(record, store, "a")
            group.start_soon(record, other, "b")
    finally:
        await other.aclose()
    assert {cell.observed for cell in await store.cells(PIPELINE)} == {30}


async def test_forecasts_are_the_newest_of_a_task_or_of_a_pipeline_with_an_outcome(store: SessionStore) -> None:
    for number, escalated in enumerate([True, None, False, True]):
        await store.record(told(number, escalated, session=None, at=NOON + timedelta(minutes=number)))
    other = replace(FORECAST, key=replace(PIPELINE, fingerprint="f2"))
    await store.record(told("new", True, other, at=NOON + timedelta(minutes=9)))
    assert [row.escalated for row in await store.forecasts("invoice", most=9)] == [True, None, False, True, True]
    assert [row.at.minute for row in await store.forecasts("invoice", most=2)] == [3, 9]
    assert [row.at.minute for row in await store.forecasts("invoice", key=PIPELINE, most=9)] == [0, 2, 3]
    since = NOON + timedelta(minutes=3)
    assert [row.at.minute for row in await store.forecasts("invoice", since=since, most=9)] == [3, 9]
    assert await store.forecasts("letter", most=9) == []


async def test_the_regression_of_the_most_outcomes_is_kept(store: SessionStore) -> None:
    fitted = Regression(0.5, (1.0, 2.0), (0.0, 0.1), (1.0, 3.0), 200, in_use=True)
    assert await store.regression(PIPELINE) is None
    await store.keep_regression(PIPELINE, fitted)
    await store.keep_regression(PIPELINE, replace(fitted, outcomes=150))
    assert await store.regression(PIPELINE) == fitted
    await store.keep_regression(PIPELINE, replace(fitted, outcomes=250, in_use=False))
    found = await store.regression(PIPELINE)
    assert found is not None
    assert (found.outcomes, found.in_use) == (250, False)
    assert await store.regression(replace(PIPELINE, fingerprint="f2")) is None


async def test_an_answer_that_was_begun_early_and_not_needed_is_kept_beside_the_attempts(store: Any) -> None:
    spare = attempt(Tier.PERFORMANCE, Reason.CANCELLED, early=True)
    await store.record(entry(1, attempts=(attempt(),), spare=spare))
    await store.record(entry(2, attempts=(attempt(), attempt(Tier.PERFORMANCE, early=True))))
    first, second = await store.decision("d1"), await store.decision("d2")
    assert [one.early for one in first.attempts] == [False]
    assert (first.spare.early, first.spare.reason, len(first.spare.calls)) == (True, Reason.CANCELLED, 1)
    assert ([one.early for one in second.attempts], second.spare) == ([False, True], None)
    [found] = await store.summaries()
    assert (found.head_starts.needed, found.head_starts.spare, found.performance.count) == (1, 1, 1)
