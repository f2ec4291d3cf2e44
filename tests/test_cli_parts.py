"""The parts that commands are made of: lanes, the stand-in, the practice command, the progress bar."""

from __future__ import annotations

import io
import signal
import socket
import subprocess
import sys
import urllib.request
from collections import defaultdict
from pathlib import Path

import anyio
import pytest
from command_line import call, one_line_error
from conftest import config_with
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from qualityroute.commands.progress import progress_on
from qualityroute.commands.stand_in import practice_kept_up, with_practice
from qualityroute.errors import ConfigError
from qualityroute.lanes import work_through
from qualityroute.practice import PracticeServer

Item = tuple[str | None, int]


def worked(
    items: list[Item], concurrency: int, backend: str = "asyncio", pause: float = 0.0
) -> tuple[dict[str | None, list[int]], int]:
    """What was done in each session, in order, and how much was under way at once."""
    done: dict[str | None, list[int]] = defaultdict(list)
    now, most, waiting = set[Item](), 0, iter(items)

    async def draw() -> Item | None:
        return next(waiting, None)

    async def work(item: Item) -> None:
        nonlocal most
        assert item[0] is None or all(other[0] != item[0] for other in now)
        now.add(item)
        most = max(most, len(now))
        await anyio.sleep(pause)
        now.discard(item)
        done[item[0]].append(item[1])

    async def everything() -> None:
        await work_through(draw, work, session_of=lambda item: item[0], concurrency=concurrency)

    anyio.run(everything, backend=backend)
    return done, most


@given(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=25), st.integers(1, 6))
def test_a_session_is_worked_on_in_its_order_and_never_twice_at_once(
    sessions: list[str | None], concurrency: int
) -> None:
    items = [(session, number) for number, session in enumerate(sessions)]
    done, most = worked(items, concurrency)
    assert most <= concurrency
    for session in set(sessions) - {None}:
        assert done[session] == [number for name, number in items if name == session]
    assert sorted(done[None]) == [number for name, number in items if name is None]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_work_without_a_session_waits_for_nobody(backend: str) -> None:
    _, most = worked([(None, number) for number in range(8)], 4, backend, pause=0.02)
    assert most == 4


def test_a_practice_provider_is_started_only_where_nobody_listens() -> None:
    with PracticeServer() as server:
        there = config_with(providers={"practice": {"base_url": server.base_url}})
        with with_practice(there) as config:
            assert config is there
    with with_practice(there) as config:
        url = config.providers["practice"].base_url
        assert url != server.base_url
        with urllib.request.urlopen(url + "/models", timeout=5) as answer:
            assert answer.status == 200


@pytest.mark.parametrize("url", ["http://10.0.0.1:8399/v1", "https://example.com/v1"])
def test_a_practice_provider_elsewhere_is_left_alone(url: str) -> None:
    elsewhere = config_with(providers={"practice": {"base_url": url}})
    with with_practice(elsewhere) as config:
        assert config is elsewhere


def test_a_practice_provider_for_a_server_listens_where_the_configuration_says_while_it_is_needed() -> None:
    with PracticeServer() as server:
        there = config_with(providers={"practice": {"base_url": server.base_url}})
        with practice_kept_up(there):
            pass
    with practice_kept_up(there), urllib.request.urlopen(server.base_url + "/models", timeout=5) as answer:
        assert answer.status == 200


def test_a_port_that_no_practice_provider_can_have_is_a_mistake() -> None:
    with socket.socket() as taken:  # and listens at nothing
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        config = config_with(providers={"practice": {"base_url": url}})
        with pytest.raises(ConfigError, match="no practice provider can"), practice_kept_up(config):
            pass


def test_practice_serves_until_ctrl_c_and_says_that_it_is_a_stand_in() -> None:
    command = [sys.executable, "-u", "-m", "qualityroute", "practice", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "a stand-in, no language model" in line
        with urllib.request.urlopen(line.split()[3].rstrip(":") + "/models", timeout=5) as answer:
            assert b"careful" in answer.read()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0


def test_a_port_that_is_taken_is_named() -> None:
    with PracticeServer() as server:
        port = server.base_url.split(":")[2].split("/")[0]
        result = call("practice", "--port", port)
    assert result.exit_code == 2
    assert f"port {port} cannot be used" in one_line_error(result)


@pytest.mark.parametrize("looked_at", [True, False])
def test_a_bar_is_drawn_only_when_somebody_looks(looked_at: bool, tmp_path: Path) -> None:
    screen = io.StringIO()
    with progress_on(Console(file=screen, force_terminal=looked_at, width=80), 2) as progress:
        progress.advance()
        progress.advance()
    assert ("2/2" in screen.getvalue()) is looked_at
