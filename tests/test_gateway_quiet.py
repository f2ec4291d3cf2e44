"""The gateway gives back what a peak left behind, once, and only when it is quiet again."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import anyio
import pytest
from conftest import config_with

from qualityroute import Engine
from qualityroute.gateway import build_app, lifespan, quiet
from qualityroute.gateway.flights import Flights
from qualityroute.testing import ScriptedClient

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "LOOKS", 0.0)


@contextmanager
def under_way(flights: Flights, count: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(flights.one())
        yield


async def looks(count: int = 5) -> None:
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


async def given_back(*counts: int) -> list[int]:
    """How often something had been given back while so many requests were under way, one number after the other."""
    flights, given, seen = Flights(config_with().gateway), list[None](), list[int]()
    async with anyio.create_task_group() as group:
        group.start_soon(quiet.give_back_after_peaks, flights, lambda: given.append(None))
        for count in counts:
            with under_way(flights, count):
                await looks()
                seen.append(len(given))
        group.cancel_scope.cancel()
    return seen


async def test_once_after_each_peak_something_is_given_back() -> None:
    assert await given_back(200, 20, 0, quiet.PEAK, 0) == [0, 1, 1, 1, 2]


async def test_nothing_is_given_back_while_many_are_still_under_way() -> None:
    assert await given_back(200, 21, 0) == [0, 0, 1]


async def test_nothing_is_given_back_where_there_was_no_peak() -> None:
    assert await given_back(quiet.PEAK - 1, 0) == [0, 0]


async def test_a_peak_between_two_looks_is_seen() -> None:
    flights = Flights(config_with().gateway)
    with under_way(flights, 7):
        pass
    with under_way(flights, 2):
        assert flights.most_lately() == 7
        assert flights.most_lately() == 2


async def test_to_give_back_finds_garbage_that_has_grown_old() -> None:
    class Cycle:
        me: Any = None

    gc.disable()
    try:
        cycle = Cycle()
        cycle.me, left = cycle, weakref.ref(cycle)
        gc.collect()  # it is old from now on
        del cycle
        gc.collect(1)
        assert left() is not None
        quiet.give_back()
        assert left() is None
    finally:
        gc.enable()


async def test_an_application_looks_out_for_peaks_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[None] = []
    monkeypatch.setattr(lifespan, "give_back", lambda: given.append(None))
    app = build_app(Engine(config_with(), client=ScriptedClient({}), store="sqlite://"))
    state, sent, told = dict[str, Any](), list[str](), anyio.Event()

    async def receive() -> dict[str, Any]:
        if sent:
            await told.wait()
        return {"type": "lifespan.shutdown" if sent else "lifespan.startup"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async with anyio.create_task_group() as group:
        group.start_soon(app, {"type": "lifespan", "state": state}, receive, send)
        while not sent:
            await anyio.lowlevel.checkpoint()
        with under_way(state[lifespan.FLIGHTS], quiet.PEAK):
            await looks()
        await looks()
        told.set()
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert len(given) == 1
