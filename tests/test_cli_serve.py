"""`qualityroute serve`: a process of its own, what it refuses, and the signals it obeys."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fault_server import FaultServer

from qualityroute.cli import main

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
