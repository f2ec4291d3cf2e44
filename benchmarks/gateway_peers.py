"""The gateways that are compared: each a process of its own, on one core, before one upstream."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import tomlkit

PATIENCE = 120.0
"""Seconds for a gateway's first answer; LiteLLM's has taken forty on a busy machine."""
TICKS = os.sysconf("SC_CLK_TCK")
PRICE = {"effective_from": "2026-01-01", "input": "0.10", "output": "0.40"}
SESSION = "held"
"""It is pinned to the performance tier."""


@dataclass(frozen=True)
class Gateway:
    name: str
    command: Sequence[str]
    """`{port}` in it is the port to listen at."""
    model: str
    headers: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    """`{port}` too."""


@dataclass(frozen=True)
class Running:
    gateway: Gateway
    port: int
    ready: float
    """Seconds from start to first answer."""
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/chat/completions"

    def cpu(self) -> float:
        """Seconds of CPU time so far, children included, also those that have ended."""
        return sum(_cpu_of(pid) for pid in _family(self.pid))

    def resident(self) -> float:
        """MiB, children included."""
        return sum(_resident_of(pid) for pid in _family(self.pid))


def passthrough(upstream: str) -> Gateway:
    program = Path(__file__).with_name("gateway_passthrough.py")
    return Gateway("Starlette + AsyncOpenAI", (sys.executable, str(program), upstream, "{port}"), "small")


def ours(folder: Path, upstream: str, *, gated: bool = False) -> Gateway:
    """With its ledger on a file. `gated`: each request's own schema, and a judge; otherwise pinned."""
    name = "qualityroute, gated" if gated else "qualityroute, pinned"
    models = ("upstream/small", "upstream/large", "upstream/judge")
    config = {
        "version": 1,
        "providers": {"upstream": {"base_url": upstream, "max_concurrency": 256}},
        "tiers": {"efficiency": {"models": [models[0]]}, "performance": {"models": [models[1]]}},
        "judge": {"model": models[2]},
        "tasks": {"chat": {"rubric": "extraction", "gate": ["judge"]}},
        "pins": {"probe": "never"},
        "store": {"url": f"sqlite:///{folder / name.split()[-1]}.db", "payloads": "none"},
        "prices": [{"model": model, **PRICE} for model in models],
    }
    path = folder / f"{name.split()[-1]}.toml"
    path.write_text(tomlkit.dumps(config).replace('"2026-01-01"', "2026-01-01"))
    program = (sys.executable, "-m", "qualityroute")
    if not gated:
        subprocess.run([*program, "pins", "add", SESSION, "--config", str(path)], check=True, capture_output=True)
    command = (*program, "serve", "--config", str(path), "--port", "{port}")
    return Gateway(name, command, "smart-select", {} if gated else {"x-session-id": SESSION})


def litellm(folder: Path, upstream: str, venv: Path) -> Gateway:
    """Its proxy in its fair form: `venv` has opentelemetry-sdk as well."""
    model = {"model": "openai/small", "api_base": upstream, "api_key": "none"}
    path = folder / "litellm.yaml"
    path.write_text(json.dumps({"model_list": [{"model_name": "small", "litellm_params": model}]}))
    command = (str(venv / "bin" / "litellm"), "--config", str(path), "--host", "127.0.0.1", "--port", "{port}")
    environment = {
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    return Gateway("LiteLLM proxy", command, "small", environment=environment)


def firstpass(folder: Path, upstream: str, program: Path, daemon: str) -> Gateway:
    """The closest rival: an own schema gate is a command, here curl to a validator that stays loaded at `daemon`."""
    path = folder / "firstpass.toml"
    path.write_text(
        f"""
[escalation]
max_rungs_per_request = 2
[[provider]]
id = "upstream"
dialect = "openai"
base_url = "{upstream.removesuffix("/v1")}"
[[route]]
match = {{}}
mode = "enforce"
ladder = ["upstream/small", "upstream/large"]
gates = ["schema", "judge"]
[[gate]]
id = "schema"
cmd = ["curl", "-s", "--data-binary", "@-", "{daemon}"]
[[gate]]
id = "judge"
judge = {{ model = "upstream/judge", threshold = 0.5 }}
[[price]]
model = "upstream/small"
input_per_mtok = 0.1
output_per_mtok = 0.4
[[price]]
model = "upstream/large"
input_per_mtok = 1.0
output_per_mtok = 4.0
[[price]]
model = "upstream/judge"
input_per_mtok = 0.1
output_per_mtok = 0.4
"""
    )
    environment = {
        "FIRSTPASS_MODE": "enforce",
        "FIRSTPASS_CONFIG": str(path),
        "FIRSTPASS_BIND": "127.0.0.1:{port}",
        "FIRSTPASS_DB": str(folder / "firstpass.db"),
        "OPENAI_API_KEY": "none",
        "RUST_LOG": "error",
    }
    return Gateway("firstpass", (str(program), "up"), "upstream/small", environment=environment)


@contextmanager
def running(gateway: Gateway, core: int | None) -> Iterator[Running]:
    """The gateway, from its first answer on. Raises `SystemExit` with its last words where there is none."""
    port, started = _free_port(), time.monotonic()
    command = [part.replace("{port}", str(port)) for part in gateway.command]
    if core is not None and shutil.which("taskset"):
        command = ["taskset", "-c", str(core), *command]
    environment = {name: value.replace("{port}", str(port)) for name, value in gateway.environment.items()}
    said = Path(f"{os.environ.get('TMPDIR', '/tmp')}/gateway-{port}.log")
    with said.open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)
    try:
        _wait_for_answer(gateway, port, process, said, started)
        yield Running(gateway, port, time.monotonic() - started, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        said.unlink(missing_ok=True)


def _wait_for_answer(gateway: Gateway, port: int, process: subprocess.Popen[bytes], said: Path, started: float) -> None:
    body = json.dumps({"model": gateway.model, "messages": [{"role": "user", "content": "case-0: ready?"}]}).encode()
    headers = {"content-type": "application/json", "authorization": "Bearer none", **gateway.headers}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", body, headers)
    problem: object = "no answer"
    while process.poll() is None and time.monotonic() - started < PATIENCE:
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                reply.read()
            return
        except urllib.error.HTTPError as error:
            problem = f"{error}: {error.read(300)!r}"
            break
        except OSError as error:
            problem = error
        time.sleep(0.02)
    raise SystemExit(f"{gateway.name} does not answer ({problem}):\n{said.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _family(pid: int) -> list[int]:
    family = [pid]
    for member in family:
        for children in Path(f"/proc/{member}/task").glob("*/children"):
            with suppress(OSError):  # it has ended meanwhile
                family.extend(map(int, children.read_text().split()))
    return family


def _cpu_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # a child that has ended meanwhile, and is its parent's to count
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS


def _resident_of(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
