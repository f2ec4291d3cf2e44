"""Recorded answers of real models, replayed over loopback HTTP through the real engine.

    python benchmarks/replay.py --data FOLDER [--quick] [--json FILE]

gpt-4o-mini-FC is the efficiency tier, claude-3.5-sonnet the performance tier, over function calls of BFCL. Each case
is a task of its own, with its own schema. An answer is right when the source says so; a request that ends in an error
is not. `recorded` is the same policy by arithmetic on the recorded flags, with the records' own normalisation of
values. Our comparison differs on purpose: it keeps punctuation inside texts apart, and takes a field that says nothing
for a field that is not there; and an answer of the performance tier that fails its schema is an error, where the
arithmetic serves it. `otherwise` counts the requests that so ended otherwise than by the recorded flags. `coin` is a
coin flip between the two tiers at the same cost; the oracle asks the performance tier where only that one is right.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio

from qualityroute import AnswerRejected, Config, Decision, Engine, Tier

EFFICIENCY = "gpt-4o-mini-2024-07-18-FC"
PERFORMANCE = "claude-3-5-sonnet-20240620"
NEMO, HAIKU = "open-mistral-nemo-2407-FC-Any", "claude-3-haiku-20240307"
FILES = ("bfcl-simple", "bfcl-multiple", "bfcl-parallel")
QUICK = 5
"""Every so many cases."""
AT_ONCE = 8
PROVIDER = "replay"

Case = Mapping[str, Any]
Prices = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Policy:
    name: str
    rule: str | None = None
    peers: tuple[str, ...] = ()


POLICIES = (
    Policy("schema gate alone"),
    Policy("+ confirm by haiku", "confirm", (HAIKU,)),
    Policy("+ confirm by nemo, then haiku: quorum 1", "confirm", (NEMO, HAIKU)),
    Policy("+ majority with nemo, then haiku", "majority", (NEMO, HAIKU)),
)


@dataclass(frozen=True)
class Served:
    """One request's end: whose answer the caller got, and what it cost in USD."""

    model: str | None
    cost: float


@dataclass(frozen=True)
class Row:
    policy: str
    how: str
    right: float
    cost: float
    """Of the all-performance cost."""
    fallback: float
    """The share that efficiency and its peers did not answer."""
    coin: float
    errors: int = 0
    otherwise: int = 0


class Records:
    """The cases, and what follows from them alone."""

    def __init__(self, cases: Sequence[Case], prices: Prices) -> None:
        self.cases, self._prices = cases, prices
        self._all_efficiency, self._all_performance = self.spent(EFFICIENCY), self.spent(PERFORMANCE)

    def cost(self, case: Case, model: str) -> float:
        into, out = self._prices[model]
        answer = case["answers"][model]
        return float(answer["prompt_tokens"] * into + answer["completion_tokens"] * out) / 1e6

    def spent(self, model: str) -> float:
        return sum(self.cost(case, model) for case in self.cases)

    def right(self, model: str) -> float:
        return sum(correct(case, model) for case in self.cases) / len(self.cases)

    def row(self, policy: str, how: str, served: Sequence[Served]) -> Row:
        count = len(self.cases)
        right = sum(correct(case, end.model) for case, end in zip(self.cases, served, strict=True)) / count
        cost = sum(end.cost for end in served) / self._all_performance
        fallback = sum(end.model in (PERFORMANCE, None) for end in served) / count
        errors = sum(end.model is None for end in served)
        return Row(policy, how, right, cost, fallback, self._coin(cost), errors)

    def plain(self, name: str, served: Callable[[Case], Served]) -> Row:
        return self.row(name, "arithmetic", [served(case) for case in self.cases])

    def _coin(self, cost: float) -> float:
        cheapest = self._all_efficiency / self._all_performance
        share = min(1.0, max(0.0, (cost - cheapest) / (1 - cheapest)))
        return self.right(EFFICIENCY) + share * (self.right(PERFORMANCE) - self.right(EFFICIENCY))


def correct(case: Case, model: str | None) -> bool:
    return model is not None and bool(case["answers"][model]["correct"])


def read_cases(folder: Path, *, quick: bool) -> list[Case]:
    cases: list[Case] = []
    for name in FILES:
        with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            cases.extend(json.loads(line) for line in lines)
    return cases[::QUICK] if quick else cases


def recorded(records: Records, policy: Policy, case: Case) -> Served:
    """The policy by the recorded flags: schema validity, and equality as the records normalise."""
    cost = records.cost(case, EFFICIENCY)
    valid = bool(case["answers"][EFFICIENCY]["schema_valid"])
    if policy.rule is None:
        return Served(EFFICIENCY, cost) if valid else _fallen_back(records, case, cost)
    ballots = [EFFICIENCY] if valid else []
    for place, peer in enumerate(policy.peers):
        hopeless = len(ballots) + len(policy.peers) - place < 2
        if hopeless or (not valid and policy.rule == "confirm"):
            break
        cost += records.cost(case, peer)
        if not case["answers"][peer]["schema_valid"]:
            continue
        against = ballots if policy.rule == "majority" else [EFFICIENCY]
        winner = next((model for model in against if recorded_equal(case, model, peer)), None)
        if winner is not None:
            return Served(winner, cost)
        ballots.append(peer)
    return _fallen_back(records, case, cost)


def _fallen_back(records: Records, case: Case, cost: float) -> Served:
    return Served(PERFORMANCE, cost + records.cost(case, PERFORMANCE))


def recorded_equal(case: Case, left: str, right: str) -> bool:
    signal = case["answers"][left].get("judge", {}).get(f"agreement:{right}")
    if signal is not None:
        return float(signal) == 1.0
    one, other = (json.loads(case["answers"][model]["content"]) for model in (left, right))
    return bool(_normal(one) == _normal(other))


def _normal(value: Any) -> Any:
    """Numbers as floats, strings without case, space and `,./-_*^`; calls in any order."""
    if isinstance(value, Mapping):
        return {key: _normal(item) for key, item in value.items()}
    if isinstance(value, list):
        items = [_normal(item) for item in value]
        calls = bool(value) and all(isinstance(item, Mapping) and "arguments" in item for item in value)
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True)) if calls else items
    if isinstance(value, str):
        return re.sub(r"[ ,./\-_*^]", "", value).lower()
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Replay(ThreadingHTTPServer):
    """Answers chat completions from the records: the model by its name, the case by its messages."""

    daemon_threads = True

    def __init__(self, cases: Sequence[Case]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._answers = {_asked(case["messages"], case["response_schema"]): case["answers"] for case in cases}

    def find(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        system, *messages = body["messages"]
        schema = json.loads(system["content"].partition("\n")[2])
        found: Mapping[str, Any] = self._answers[_asked(messages, schema)][body["model"]]
        return found


def _asked(messages: Any, schema: Any) -> str:
    return json.dumps([messages, schema], sort_keys=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    server: Replay

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = self.server.find(body)
        usage = {"prompt_tokens": answer["prompt_tokens"], "completion_tokens": answer["completion_tokens"]}
        message = {"role": "assistant", "content": answer["content"]}
        reply = {
            "id": "replay", "object": "chat.completion", "created": 0, "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {**usage, "total_tokens": sum(usage.values())},
        }  # fmt: skip
        content = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Said nothing: the table is the output."""


@contextmanager
def replay_server(cases: Sequence[Case]) -> Iterator[str]:
    with Replay(cases) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def config_for(policy: Policy, cases: Sequence[Case], prices: Prices, url: str) -> Config:
    peers = [f"{PROVIDER}/{peer}" for peer in policy.peers]
    agreement: dict[str, Any] = {}
    if policy.rule is not None:
        agreement = {"gate": ["schema", "agreement"], "agreement": {"peers": peers, "rule": policy.rule}}
    rows = [{"model": f"{PROVIDER}/{name}", "input": str(i), "output": str(o)} for name, (i, o) in prices.items()]
    return Config.model_validate(
        {
            "providers": {PROVIDER: {"base_url": url, "max_concurrency": AT_ONCE}},
            "tiers": {
                "efficiency": {"models": [f"{PROVIDER}/{EFFICIENCY}"]},
                "performance": {"models": [f"{PROVIDER}/{PERFORMANCE}"]},
            },
            "tasks": {_task(case): {"schema": case["response_schema"], **agreement} for case in cases},
            "prices": rows,
        }
    )


def _task(case: Case) -> str:
    return str(case["id"]).replace("/", "-")


async def through_engine(config: Config, cases: Sequence[Case]) -> list[Served]:
    ends: list[Served | None] = [None] * len(cases)
    turn = anyio.CapacityLimiter(AT_ONCE)
    async with Engine(config, store="sqlite://") as engine, anyio.create_task_group() as group:

        async def one(place: int, case: Case) -> None:
            async with turn:
                ends[place] = await _served(engine, case)

        for place, case in enumerate(cases):
            group.start_soon(one, place, case)
    return [end for end in ends if end is not None]


async def _served(engine: Engine, case: Case) -> Served:
    try:
        answer = await engine.run(_task(case), case["messages"])
    except AnswerRejected as error:
        if error.decision is None:
            raise
        return Served(None, _cost(error.decision))
    model = answer.decision.model or ""
    assert (model == f"{PROVIDER}/{PERFORMANCE}") == (answer.decision.tier is Tier.PERFORMANCE)
    return Served(model.removeprefix(f"{PROVIDER}/"), _cost(answer.decision))


def _cost(decision: Decision) -> float:
    assert decision.cost is not None
    return float(decision.cost)


def measure(records: Records, prices: Prices) -> list[Row]:
    rows = [
        records.plain("all efficiency", lambda case: Served(EFFICIENCY, records.cost(case, EFFICIENCY))),
        records.plain("all performance", lambda case: Served(PERFORMANCE, records.cost(case, PERFORMANCE))),
    ]
    with replay_server(records.cases) as url:
        for policy in POLICIES:
            served = anyio.run(through_engine, config_for(policy, records.cases, prices, url), records.cases)
            by_flags = [recorded(records, policy, case) for case in records.cases]
            otherwise = sum(one.model != other.model for one, other in zip(served, by_flags, strict=True))
            rows += [
                replace(records.row(policy.name, "engine", served), otherwise=otherwise),
                records.row(policy.name, "recorded", by_flags),
            ]
    return [*rows, records.plain("oracle cascade", lambda case: _oracle(records, case))]


def _oracle(records: Records, case: Case) -> Served:
    cost = records.cost(case, EFFICIENCY)
    worth_it = correct(case, PERFORMANCE) and not correct(case, EFFICIENCY)
    return _fallen_back(records, case, cost) if worth_it else Served(EFFICIENCY, cost)


def table(rows: Sequence[Row]) -> str:
    head = f"{'policy':<42}{'how':<12}{'right':>8}{'cost':>8}{'fallback':>10}{'coin':>8}{'errors':>8}{'otherwise':>11}"
    return "\n".join([head, *map(_line, rows)])


def _line(row: Row) -> str:
    return (
        f"{row.policy:<42}{row.how:<12}{row.right:>8.1%}{row.cost:>8.1%}{row.fallback:>10.1%}{row.coin:>8.1%}"
        f"{row.errors:>8}{row.otherwise:>11}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of recorded answers")
    parser.add_argument("--quick", action="store_true", help=f"every {QUICK}th case")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()
    prices = json.loads((options.data / "prices.json").read_text(encoding="utf-8"))["prices"]
    records = Records(read_cases(options.data, quick=options.quick), prices)
    rows = measure(records, prices)
    print(f"{len(records.cases)} cases, {EFFICIENCY} -> {PERFORMANCE}\n{table(rows)}")
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
