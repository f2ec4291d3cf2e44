"""A policy through the real engine: its configuration, and how its requests end over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import anyio
from replay_policies import Policy
from replay_records import Case, Pair, Prices, Records, Served
from replay_server import judge_name, replay_server

from qualityroute import AnswerRejected, Config, Decision, Engine, Tier
from qualityroute.records import Role

AT_ONCE = 8
PROVIDER = "replay"


def config_for(policy: Policy, cases: Sequence[Case], prices: Prices, pair: Pair, url: str) -> Config:
    judged = policy.judge and judge_name(*policy.judge)
    priced = {**prices, judged: prices[policy.judge[0]]} if policy.judge and judged else prices
    rows = [{"model": f"{PROVIDER}/{name}", "input": str(i), "output": str(o)} for name, (i, o) in priced.items()]
    return Config.model_validate(
        {
            "providers": {PROVIDER: {"base_url": url, "max_concurrency": AT_ONCE}},
            "tiers": {
                "efficiency": {"models": [f"{PROVIDER}/{pair.efficiency}"]},
                "performance": {"models": [f"{PROVIDER}/{pair.performance}"]},
            },
            "judge": {"model": f"{PROVIDER}/{judged}", "mode": "evidence"} if judged else None,
            "tasks": {task_of(case): _task(policy, case) for case in cases},
            "prices": rows,
        }
    )


def task_of(case: Case) -> str:
    """A case with a schema is a task of its own."""
    return str(case["task"] if case["response_schema"] is None else case["id"]).replace("/", "-")


def _task(policy: Policy, case: Case) -> dict[str, Any]:
    schema = case["response_schema"]
    gate = ["schema"] if schema is not None else []
    task: dict[str, Any] = {"schema": schema, "checks": policy.checks}
    if policy.rule is not None:
        gate.append("agreement")
        peers = [f"{PROVIDER}/{peer}" for peer in policy.peers]
        task["agreement"] = {"peers": peers, "rule": policy.rule, "quorum": 1 + policy.one_more(case)}
    if policy.judge is not None:
        gate.append("judge")
    if policy.judge is not None or policy.required_decide:
        task["rubric"] = _rubric(case, required_decide=policy.required_decide)
    if policy.checks:
        gate.append("checks")
    return {**task, "gate": gate}


def _rubric(case: Case, *, required_decide: bool) -> dict[str, Any]:
    ask = "Is it the call that another good model would make?"
    paths = required_paths(case["response_schema"]) if required_decide else ()
    fields = {path: {"critical": True} for path in paths}
    return {"name": "call", "criteria": [{"id": "agrees", "ask": ask, "critical": True}], "fields": fields}


def required_paths(schema: Mapping[str, Any]) -> Iterator[str]:
    """The name of a call, and the paths of the arguments that its function requires."""
    call = schema.get("items", schema)
    yield "name"
    for function in call.get("anyOf", [call]):
        yield from (f"arguments.{name}" for name in function["properties"]["arguments"].get("required", ()))


def run_policy(policy: Policy, records: Records) -> list[Served]:
    """Each case through a new engine, asked over HTTP; checked to the last token against what was answered."""
    with replay_server(records.cases) as server:
        config = config_for(policy, records.cases, records.prices, records.pair, server.url)
        decisions = anyio.run(decide, config, records.cases)
    calls = [call for decision in decisions for attempt in decision.attempts for call in attempt.all_calls]
    assert len(calls) == server.tally.calls.total()
    assert sum(call.usage.input_tokens or 0 for call in calls) == server.tally.prompt_tokens.total()
    assert sum(call.usage.output_tokens or 0 for call in calls) == server.tally.completion_tokens.total()
    return [_served(decision, records.pair) for decision in decisions]


async def decide(config: Config, cases: Sequence[Case], store: str = "sqlite://") -> list[Decision]:
    """The decision of each case, a few at once."""
    decisions: dict[int, Decision] = {}
    turn = anyio.CapacityLimiter(AT_ONCE)
    async with Engine(config, store=store) as engine, anyio.create_task_group() as group:

        async def one(place: int, case: Case) -> None:
            async with turn:
                decisions[place] = await _decision(engine, case)

        for place, case in enumerate(cases):
            group.start_soon(one, place, case)
    return [decisions[place] for place in range(len(cases))]


async def _decision(engine: Engine, case: Case) -> Decision:
    try:
        return (await engine.run(task_of(case), case["messages"])).decision
    except AnswerRejected as error:
        if error.decision is None:
            raise
        return error.decision


def _served(decision: Decision, pair: Pair) -> Served:
    assert decision.cost is not None
    roles = [call.role for attempt in decision.attempts for call in attempt.all_calls]
    last = decision.attempts[-1]
    assert decision.model is not None or last.tier is Tier.PERFORMANCE
    return Served(
        decision.model and decision.model.removeprefix(f"{PROVIDER}/"),
        float(decision.cost),
        refused=None if decision.model else pair.performance,
        asked=sum(role in (Role.PEER, Role.JUDGE) for role in roles),
    )
