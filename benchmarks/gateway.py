"""Gateways on one core: requests a second, CPU time, memory, and what they add to an answer of 50 ms, in one run.

    python benchmarks/gateway.py [--quick] [--data FOLDER] [--litellm VENV] [--firstpass PROGRAM] [--json FILE]

wrk asks (package `wrk`); it and the upstream have the first core, the gateway the second. All gateways run throughout,
take turns in rounds, and each is compared with the passthrough of its own round. `--data` is the folder of recorded
answers: with it, gated requests carry a different real JSON Schema each, and a judge is asked about every answer.
`--litellm` names a virtual environment with `litellm[proxy]` and `opentelemetry-sdk`, `--firstpass` its program.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_peers import Gateway, Running, firstpass, litellm, ours, passthrough, running
from gateway_validator import validating
from overhead import take_a_core
from replay_records import GPT4, Case, correct, read_bfcl, valid
from results import Row as Figure
from results import begin, command
from upstream import running_upstream

PASSTHROUGH = "Starlette + AsyncOpenAI"
FULL, QUICK = (5, 4.0), (2, 1.0)
"""Rounds, and seconds of each gateway in each."""

SCRIPT = """
local bodies, turn = {}, 0
for line in io.lines("%s") do bodies[#bodies + 1] = line end
local headers = %s
function request()
  turn = turn %% #bodies + 1
  return wrk.format("POST", nil, headers, bodies[turn])
end
function done(summary, latency, requests)
  io.write(string.format('RESULT {"requests": %%d, "us": %%d, "p50": %%d, "p99": %%d, "failed": %%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.status + summary.errors.timeout + summary.errors.read + summary.errors.write))
end
"""


@dataclass(frozen=True)
class Load:
    name: str
    bodies: Sequence[dict[str, Any]]
    connections: int


@dataclass(frozen=True)
class Taken:
    """What one gateway did in one round."""

    rps: float
    p50: float
    """Milliseconds."""
    p99: float
    cpu: float
    """Microseconds a request."""


@dataclass(frozen=True)
class Row:
    gateway: str
    load: str
    connections: int
    rounds: Sequence[Taken]
    against: Sequence[Taken]
    """The passthrough, in the same rounds; empty where it does other work."""

    def figures(self) -> Iterator[Figure]:
        name = f"{self.gateway}, {self.load}, {self.connections} at once"
        for figure, words, unit in (("rps", "requests", "/s"), ("p50", "p50", "ms"), ("p99", "p99", "ms")):
            yield Figure.of(f"{name}: {words}", self._each(figure), unit)
        yield Figure.of(f"{name}: CPU", self._each("cpu"), "us")
        if self.against and self.against is not self.rounds:
            rates = [taken.rps for taken in self.against]
            yield Figure.ratio(f"{name}: requests a second", self._each("rps"), rates, PASSTHROUGH)

    def _each(self, figure: str) -> list[float]:
        return [getattr(taken, figure) for taken in self.rounds]


def asked(model: str, text: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def gated_bodies(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Each with its own schema. The upstream finds its answer by the number."""
    return [
        asked(
            "smart-select",
            f"case-{number}: {case['messages'][-1]['content']}",
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "call", "schema": case["response_schema"]},
            },
        )
        for number, case in enumerate(cases)
    ]


def round_of(gateway: Running, load: Load, seconds: float, folder: Path, core: int | None) -> Taken:
    bodies, script = folder / "bodies.jsonl", folder / "load.lua"
    model = gateway.gateway.model
    bodies.write_text("".join(json.dumps({**body, "model": model}) + "\n" for body in load.bodies))
    headers = {"content-type": "application/json", "authorization": "Bearer none", **gateway.gateway.headers}
    lua = "{" + ", ".join(f'["{name}"] = "{value}"' for name, value in headers.items()) + "}"
    script.write_text(SCRIPT % (bodies, lua))
    command = [
        "wrk",
        "-t1",
        f"-c{load.connections}",
        f"-d{seconds:g}s",
        "--timeout",
        "30s",
        "-s",
        str(script),
        gateway.url,
    ]
    if core is not None:
        command = ["taskset", "-c", str(core), *command]
    before = gateway.cpu()
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    cpu = gateway.cpu() - before
    told = json.loads(said.partition("RESULT ")[2])
    if told["failed"] or not told["requests"]:
        raise SystemExit(f"{gateway.gateway.name}: {told['failed']} of {told['requests']} requests failed:\n{said}")
    rps = told["requests"] / told["us"] * 1e6
    return Taken(rps, told["p50"] / 1e3, told["p99"] / 1e3, 1e6 * cpu / told["requests"])


def compare(
    gateways: Sequence[Running], load: Load, rounds: int, seconds: float, folder: Path, core: int | None
) -> list[Row]:
    for gateway in gateways:
        round_of(gateway, load, min(seconds, 1), folder, core)  # fills pools and caches, and is not counted
    taken: dict[str, list[Taken]] = {gateway.gateway.name: [] for gateway in gateways}
    for _ in range(rounds):
        for gateway in gateways:
            taken[gateway.gateway.name].append(round_of(gateway, load, seconds, folder, core))
    against = taken.get(PASSTHROUGH, [])
    return [Row(name, load.name, load.connections, rows, against) for name, rows in taken.items()]


def memory(gateways: Sequence[Running]) -> Iterator[Figure]:
    """After the rounds."""
    for gateway in gateways:
        yield Figure(f"{gateway.gateway.name}: ready after", gateway.ready, "s")
        yield Figure(f"{gateway.gateway.name}: resident after the rounds", gateway.resident(), "MiB")


def measure(options: argparse.Namespace, folder: Path, cores: tuple[int | None, int | None]) -> list[Figure]:
    """All loads."""
    rounds, seconds = QUICK if options.quick else FULL
    upstream_core, gateway_core = cores
    rows: list[Row] = []
    with ExitStack() as stack:
        cases = gated_cases(options.data) if options.data else []
        answers = [case["answers"][GPT4]["content"] for case in cases]
        upstream = stack.enter_context(running_upstream(upstream_core, answers))

        def start(gateway: Gateway) -> Running:
            print(f"starting {gateway.name}", flush=True)
            return stack.enter_context(running(gateway, gateway_core))

        plain = [start(passthrough(upstream)), start(ours(folder, upstream))]
        if options.litellm:
            plain.append(start(litellm(folder, upstream, options.litellm)))
        for connections in (1, 16, 64):
            load = Load("plain", [asked("", "Read the invoice. " * 45)], connections)
            rows += compare(plain, load, rounds, seconds, folder, upstream_core)
        resident = list(memory(plain))
        slow = upstream.replace("/v1", "/slow/v1")
        (folder / "slow").mkdir()
        late = [start(passthrough(slow)), start(ours(folder / "slow", slow))]
        rows += compare(
            late, Load("upstream of 50 ms", [asked("", "Read it.")], 1), rounds, seconds, folder, upstream_core
        )
        if cases:
            gated = [start(ours(folder, upstream, gated=True))]
            if options.firstpass:
                daemon = stack.enter_context(validating(cases, upstream_core))
                gated.append(start(firstpass(folder, upstream, options.firstpass, daemon)))
            load = Load("a schema each, and a judge", gated_bodies(cases), 16)
            rows += compare(gated, load, rounds, seconds, folder, upstream_core)
    return [*(figure for row in rows for figure in row.figures()), *resident]


def gated_cases(folder: Path) -> list[Case]:
    """Those with a schema that the recorded answer keeps to, so that every request takes the same two calls."""
    return [case for case in read_bfcl(folder) if case["response_schema"] and valid(case, GPT4) and correct(case, GPT4)]


def main() -> None:
    parser = command(__doc__, quick="under a minute: fewer and shorter rounds")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="of recorded answers, for gated requests")
    parser.add_argument("--litellm", type=Path, metavar="VENV", help="with litellm[proxy] and opentelemetry-sdk")
    parser.add_argument("--firstpass", type=Path, metavar="PROGRAM", help="of the closest rival")
    run = begin("gateway", parser)
    if shutil.which("wrk") is None:
        print("wrk is not installed (apt-get install wrk): nothing is measured")
        return
    upstream_core = take_a_core()
    cores = (upstream_core, None if upstream_core is None else upstream_core + 1)
    with tempfile.TemporaryDirectory() as folder:
        run.tell(measure(run.options, Path(folder), cores))


if __name__ == "__main__":
    main()
