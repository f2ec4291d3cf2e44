"""Keys at the gateway's door: who is let in, how soon a revoked key is not, and what a flood costs."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.errors import StoreError
from qualityroute.gateway import keyring as module
from qualityroute.gateway.bucket import Bucket
from qualityroute.gateway.keyring import LASTS, MOST_STRANGERS, Keyring
from qualityroute.gateway.recent import Recent
from qualityroute.keys import Key, digest_of, hint_of, token_of
from qualityroute.store import SessionStore, SQLiteStore, open_store

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
REVOKED_WITHIN = 5.0


def token(number: int = 0) -> str:
    return token_of(number.to_bytes(32, "big"))


def a_key(number: int = 0, **more: Any) -> Key:
    shown = token(number)
    told: dict[str, Any] = {"id": f"k{number}", "name": f"key-{number}", "tenant": "acme", "created_at": NOON}
    return Key(**{**told, "digest": digest_of(shown), "hint": hint_of(shown), **more})


class Ticking:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Counted(SQLiteStore):
    """A real store that counts how often it is looked into, and lets something happen after a look."""

    looks = 0
    after: Callable[[], Any] | None = None

    async def key_by_digest(self, digest: str) -> Key | None:
        self.looks += 1
        found = await super().key_by_digest(digest)
        after, self.after = self.after, None
        if after is not None:
            await after()
        return found

    async def has_keys(self) -> bool:
        self.looks += 1
        return await super().has_keys()


class House:
    """A store in a file, a keyring on it, and a clock."""

    def __init__(self, store: Counted) -> None:
        self.store, self.clock = store, Ticking()
        self.ring = self.another_ring(store)

    def another_ring(self, store: SessionStore) -> Keyring:
        return Keyring(store, lambda: NOON, self.clock)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "q.db"


@pytest.fixture
async def house(path: Path) -> AsyncIterator[House]:
    store = Counted(path)
    await store.open()
    yield House(store)
    await store.aclose()


@pytest.fixture
async def elsewhere(path: Path, house: House) -> AsyncIterator[SessionStore]:
    """The same file as another process has it."""
    async with AsyncExitStack() as stack:
        store = open_store(str(path), folder=Path())
        await store.open()
        stack.push_async_callback(store.aclose)
        yield store


# Who is let in


async def test_a_token_opens_its_own_key_and_no_other(house: House) -> None:
    for number in range(3):
        await house.store.add_key(a_key(number))
    assert [await house.ring.verify(token(number)) for number in range(4)] == [a_key(0), a_key(1), a_key(2), None]


@pytest.mark.parametrize(
    "shown", ["", "qr-", "sk-something", token()[:-1], token() + "=", digest_of(token()), "é\ud800"]
)
async def test_what_is_no_token_is_refused_without_a_look_into_the_store(house: House, shown: str) -> None:
    await house.store.add_key(a_key())
    assert await house.ring.verify(shown) is None
    assert house.store.looks == 0


async def test_a_key_added_by_another_process_works_at_once(house: House, elsewhere: SessionStore) -> None:
    await house.store.add_key(a_key(1))
    assert await house.ring.verify(token(1)) == a_key(1)
    await elsewhere.add_key(a_key(2))
    assert await house.ring.verify(token(2)) == a_key(2)


async def test_many_requests_cost_one_look(house: House) -> None:
    await house.store.add_key(a_key())
    for _ in range(100):
        assert await house.ring.verify(token())
        assert await house.ring.verify(token(9)) is None
        assert await house.ring.any_exist()
    assert house.store.looks == 3


async def test_a_key_is_found_by_its_id_while_it_is_in_force(house: House) -> None:
    await house.store.add_key(a_key())
    assert await house.ring.key("k0") == a_key()
    assert await house.ring.key("k1") is None
    await house.store.revoke_key("key-0", NOON)
    assert await house.ring.key("k0") is None


async def test_a_store_that_cannot_be_read_lets_nobody_in(house: House) -> None:
    await house.store.add_key(a_key())
    await house.ring.verify(token())
    await house.store.aclose()
    house.clock.seconds += LASTS
    for ask in (house.ring.verify(token()), house.ring.any_exist(), house.ring.key("k0")):
        with pytest.raises(StoreError) as caught:
            await ask
        assert token() not in str(caught.value) and digest_of(token()) not in str(caught.value)


# Revoked


async def test_a_key_revoked_by_another_process_stops_within_five_seconds(
    house: House, elsewhere: SessionStore
) -> None:
    await house.store.add_key(a_key())
    assert await house.ring.verify(token())
    await elsewhere.revoke_key("key-0", NOON)
    assert await house.ring.verify(token())  # what was known a moment ago is relied on
    house.clock.seconds += REVOKED_WITHIN
    assert await house.ring.verify(token()) is None


async def test_using_a_revoked_key_all_the_time_does_not_keep_it_alive(house: House, elsewhere: SessionStore) -> None:
    await house.store.add_key(a_key())
    await house.ring.verify(token())
    await elsewhere.revoke_key("key-0", NOON)
    for _ in range(50):
        house.clock.seconds += REVOKED_WITHIN / 50
        await house.ring.verify(token())
    assert await house.ring.verify(token()) is None


async def test_a_key_revoked_here_stops_at_once(house: House) -> None:
    await house.store.add_key(a_key())
    assert await house.ring.verify(token())
    assert await house.ring.revoke("key-0") == a_key(revoked_at=NOON)
    assert await house.ring.verify(token()) is None
    assert await house.ring.revoke("key-0") is None


async def test_a_key_revoked_while_it_is_looked_up_is_not_let_in(house: House) -> None:
    await house.store.add_key(a_key())
    house.store.after = lambda: house.ring.revoke("key-0")
    assert await house.ring.verify(token()) is None
    assert await house.ring.verify(token()) is None


async def test_a_look_that_took_long_is_relied_on_from_its_beginning(house: House, elsewhere: SessionStore) -> None:
    async def slow() -> None:
        await elsewhere.revoke_key("key-0", NOON)
        house.clock.seconds += LASTS

    await house.store.add_key(a_key())
    house.store.after = slow
    assert await house.ring.verify(token())
    assert await house.ring.verify(token()) is None


async def test_a_store_that_had_a_key_never_serves_without_one_again(house: House) -> None:
    assert not await house.ring.any_exist()
    await house.store.add_key(a_key())
    house.clock.seconds += LASTS
    assert await house.ring.any_exist()
    await house.ring.revoke("key-0")
    house.clock.seconds += LASTS
    assert await house.ring.any_exist()


async def test_the_first_key_closes_the_gateway_of_another_process_within_five_seconds(
    house: House, elsewhere: SessionStore
) -> None:
    assert not await house.ring.any_exist()
    await elsewhere.add_key(a_key())
    house.clock.seconds += REVOKED_WITHIN
    assert await house.ring.any_exist()


# Floods


async def test_a_flood_of_wrong_keys_fills_no_memory_and_pushes_out_no_key(house: House) -> None:
    await house.store.add_key(a_key())
    await house.ring.verify(token())
    for number in range(1, MOST_STRANGERS + 500):
        assert await house.ring.verify(token(number)) is None
    assert len(house.ring._strangers) == MOST_STRANGERS
    looks = house.store.looks
    assert await house.ring.verify(token()) == a_key()
    assert house.store.looks == looks


async def test_buckets_that_nobody_needs_are_thrown_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BUCKETS", 10)
    ring = house.another_ring(house.store)
    for number in range(1000):
        ring.admit(a_key(number, requests_per_minute=60))
        house.clock.seconds += 1
    assert len(ring._buckets) <= 11


names = st.sampled_from("abcdefgh")


@given(st.lists(st.tuples(names, st.integers(0, 3), st.booleans())), st.integers(1, 4))
def test_what_is_remembered_is_bounded_and_never_older_than_it_may_be(
    steps: list[tuple[str, int, bool]], most: int
) -> None:
    recent, written, now = Recent[float](lasts=3, most=most), dict[str, float](), 0.0
    for name, pause, put in steps:
        now += pause
        if put:
            recent.put(name, now, now)
            written[name] = now
        found = recent.get(name, now)
        assert found is None or (found == written[name] and now - found < 3)
        assert not put or found == now
        assert len(recent) <= most


async def test_neither_keys_nor_tokens_are_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await house.store.add_key(a_key(requests_per_minute=1))
    for shown in (token(), token(1), "qr-nonsense"):
        await house.ring.verify(shown)
    house.ring.admit(a_key(requests_per_minute=1))
    await house.ring.revoke("key-0")
    for secret in (token(), token(1), digest_of(token())):
        assert secret not in caplog.text


# Limits


async def test_a_key_without_a_limit_is_always_admitted(house: House) -> None:
    assert {house.ring.admit(a_key()) for _ in range(10_000)} == {None}
    assert not house.ring._buckets


async def test_a_key_waits_as_long_as_it_is_told_and_is_then_admitted(house: House) -> None:
    key = a_key(requests_per_minute=7)
    assert [house.ring.admit(key) for _ in range(7)] == [None] * 7
    wait = house.ring.admit(key)
    assert wait is not None and timedelta(seconds=8) < wait <= timedelta(seconds=60 / 7 + 0.001)
    house.clock.seconds += wait.total_seconds() / 2
    assert house.ring.admit(key) is not None
    house.clock.seconds += wait.total_seconds() / 2 + 1e-6
    assert house.ring.admit(key) is None
    assert house.ring.admit(key) is not None


async def test_each_key_has_a_limit_of_its_own(house: House) -> None:
    one, other = a_key(1, requests_per_minute=1), a_key(2, requests_per_minute=1)
    assert (house.ring.admit(one), house.ring.admit(other)) == (None, None)
    assert house.ring.admit(one) is not None


@given(st.integers(1, 5000), st.lists(st.floats(0, 30), max_size=60))
def test_no_minute_has_more_than_what_was_saved_up_and_what_came_back(limit: int, pauses: list[float]) -> None:
    bucket, now, admitted = Bucket(limit, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        for _ in range(3):
            bucket, wait = bucket.take(now)
            admitted += wait == 0
            assert 0 <= bucket.used <= limit + 1e-6
            assert 0 <= wait <= 60 / limit + 1e-6
    assert admitted <= limit + now * limit / 60 + 1e-6


@given(st.integers(1, 1000), st.floats(0, 59))
def test_a_full_bucket_holds_exactly_its_limit(limit: int, at: float) -> None:
    bucket = Bucket(limit, at)
    for _ in range(limit):
        bucket, wait = bucket.take(at)
        assert wait == 0
    assert bucket.take(at)[1] > 0


async def test_requests_that_come_together_are_let_in_together_and_look_only_a_few_times(house: House) -> None:
    await house.store.add_key(a_key())
    found = list[Key | None]()

    async def ask() -> None:
        found.append(await house.ring.verify(token()))

    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(ask)
    assert found == [a_key()] * 100
    assert house.store.looks == 1
