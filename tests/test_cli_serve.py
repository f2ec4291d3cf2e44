"""`qualityroute serve`: a process of its own, what it refuses, and the signals it obeys."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fault_server import FaultServer

from qualityroute.cli import main
from qualityroute.commands.stand_in import listens

pytestmark = pytest.mark.usefixtures("plain_loopback")
CONFIG = """
tiers = {{efficiency = {{models = ["local/a"]}}, performance = {{models = ["local/b"]}}}}
[providers.local]
base_url = "{url}"
[tasks.one]
"""


def written(folder: Path, url: str = "http://127.0.0.1:9/v1") -> Path:
    path = folder / "qualityroute.toml"
    path.write_text(CONFIG.format(url=url))
    return path


def test_an_address_that_others_can_reach_needs_keys_first(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["serve", "--config", str(written(tmp_path)), "--host", "0.0.0.0"])
    assert done.exit_code == 2
    assert done.output.count("\n") == 1
    assert "qualityroute keys add" in done.output


def test_without_the_extra_one_line_says_how_to_get_it(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "qualityroute.gateway.serving", None)
    done = CliRunner().invoke(main, ["serve", "--config", str(written(tmp_path))])
    assert done.exit_code == 2
    assert "pip install 'qualityroute[server]'" in done.output


def test_a_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    with FaultServer() as other:
        done = CliRunner().invoke(main, ["serve", "--config", str(written(tmp_path)), "--port", str(other.port)])
    assert done.exit_code == 2
    assert f"127.0.0.1:{other.port} cannot be used" in done.output


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_a_practice_configuration_is_served_with_a_practice_provider_of_its_own(tmp_path: Path) -> None:
    CliRunner().invoke(main, ["init", str(tmp_path), "--practice"])
    path, practice, port = tmp_path / "qualityroute.toml", free_port(), free_port()
    path.write_text(path.read_text().replace(":8399/", f":{practice}/"))
    answers: list[Any] = []
    ended = threading.Event()

    def ask_and_end() -> None:
        while not listens("127.0.0.1", port):
            if ended.wait(0.02):
                return
        text = (tmp_path / "documents" / "invoice.txt").read_text()
        body = {"model": "smart-select/invoice", "messages": [{"role": "user", "content": text}]}
        try:
            answers.append(asked(f"http://127.0.0.1:{port}/v1/chat/completions", body))
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    asking = threading.Thread(target=ask_and_end)
    asking.start()
    done = CliRunner().invoke(main, ["serve", "--config", str(path), "--port", str(port)])
    ended.set()
    asking.join()
    assert json.loads(answers[0]["choices"][0]["message"]["content"])["total"] == 369.6
    assert f"Nothing listens at http://127.0.0.1:{practice}/v1: a practice provider (a stand-in) runs" in done.stderr
    assert f"Dashboard: http://127.0.0.1:{port}/dashboard\n" in done.stdout
    assert not listens("127.0.0.1", practice)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no SIGHUP")
def test_a_server_answers_reads_its_configuration_again_and_ends(tmp_path: Path) -> None:
    with FaultServer() as provider:
        path = written(tmp_path, provider.url)
        command = [
            sys.executable,
            "-m",
            "qualityroute",
            "serve",
            "--config",
            str(path),
            "--port",
            "0",
        ]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            try:
                assert process.stdout is not None
                said = process.stdout.readline()
                found = re.search(r"http://\S+/v1", said)
                assert found is not None, said
                assert "smart-select/one" in process.stdout.readline()
                told = asked(
                    found[0] + "/chat/completions",
                    {"model": "smart-select", "messages": [{"role": "user", "content": "x"}]},
                )
                assert told["choices"][0]["message"]["content"] == "hello"
                path.write_text(path.read_text() + "[tasks.two]\n")
                process.send_signal(signal.SIGHUP)
                for _ in range(600):
                    listed = {model["id"] for model in asked(found[0] + "/models")["data"]}
                    if "smart-select/two" in listed:
                        break
                    time.sleep(0.05)
                assert "smart-select/two" in listed
                process.send_signal(signal.SIGTERM)
                assert process.wait(60) == -signal.SIGTERM
            finally:
                process.kill()


def asked(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=60) as reply:
        return json.load(reply)
