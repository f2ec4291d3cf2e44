"""After a reload: the old client lives as long as a request may use it, and no longer."""

from __future__ import annotations

from datetime import timedelta

import anyio
import pytest

from qualityroute import retired
from qualityroute.retired import AFTERWARDS, RetiredClients

pytestmark = pytest.mark.anyio


class Closing:
    closed = 0

    async def complete(self, request: object) -> object:
        raise AssertionError

    async def aclose(self) -> None:
        self.closed += 1


async def test_a_client_is_closed_once_and_only_after_the_longest_deadline() -> None:
    old, clients = Closing(), RetiredClients(lambda: 100.0)
    clients.add(old, timedelta(seconds=5), timedelta(seconds=60))
    due = 100.0 + 60 + AFTERWARDS.total_seconds()
    await clients.close_due(due - 0.001)
    assert old.closed == 0
    await clients.close_due(due)
    await clients.close_due(due + 1)
    await clients.aclose()
    assert old.closed == 1


async def test_who_ends_closes_those_that_still_wait() -> None:
    old, clients = Closing(), RetiredClients(lambda: 0.0)
    clients.add(old, timedelta(hours=1))
    await clients.aclose()
    assert old.closed == 1


async def test_those_that_are_due_are_closed_while_the_engine_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retired, "LOOK", timedelta(milliseconds=1))
    now = [0.0]
    old, clients = Closing(), RetiredClients(lambda: now[0])
    clients.add(old, timedelta(seconds=1))
    async with anyio.create_task_group() as group:
        group.start_soon(clients.run)
        await anyio.sleep(0.02)
        assert old.closed == 0
        now[0] = 1 + AFTERWARDS.total_seconds()
        with anyio.fail_after(10):
            while not old.closed:
                await anyio.sleep(0.001)
        group.cancel_scope.cancel()
