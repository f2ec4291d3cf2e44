"""The same policies by arithmetic on the recorded flags, with the records' own normalisation of values.

Our comparison differs from it on purpose: it keeps punctuation inside texts apart, and takes a field that says nothing
for a field that is not there. And an answer of the performance tier that fails its schema is an error of the engine's,
where the arithmetic serves it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from replay_policies import Policy
from replay_records import Case, Records, Served, answer_of, correct, valid


def recorded(records: Records, policy: Policy, case: Case) -> Served:
    """How the request ends by schema validity, recorded agreement, and equality as the records normalise."""
    own = records.pair.efficiency
    cost = records.cost(case, own)
    if policy.judge is not None:
        return _judged(records, case, cost, *policy.judge)
    ballots = [own] if valid(case, own) else []
    if policy.rule is None:
        return Served(own, cost) if ballots else _fallen_back(records, case, cost)
    needed = 2 + policy.one_more(case)
    asked = 0
    for place, peer in enumerate(policy.peers):
        left = len(policy.peers) - place
        if _most(case, ballots, policy, own) + left < needed or (policy.rule == "confirm" and not ballots):
            break
        cost += records.cost(case, peer)
        asked += 1
        if valid(case, peer):
            ballots.append(peer)
        if _most(case, ballots, policy, own) >= needed:
            winner = next(model for model in ballots if _votes(case, ballots, model) >= needed)
            return Served(winner if policy.rule == "majority" else own, cost, asked=asked)
    return _fallen_back(records, case, cost, asked)


def oracle(records: Records, case: Case) -> Served:
    """The performance tier is asked exactly where only it is right."""
    own, performance = records.pair.efficiency, records.pair.performance
    cost = records.cost(case, own)
    worth_it = correct(case, performance) and not correct(case, own)
    return _fallen_back(records, case, cost) if worth_it else Served(own, cost)


def recorded_equal(case: Case, left: str, right: str) -> bool:
    if left == right:
        return True
    signal = case["answers"][left].get("judge", {}).get(f"agreement:{right}")
    if signal is not None:
        return float(signal) == 1.0
    return bool(_normal(answer_of(case, left)) == _normal(answer_of(case, right)))


def _judged(records: Records, case: Case, cost: float, peer: str, threshold: float) -> Served:
    own = records.pair.efficiency
    if not valid(case, own):
        return _fallen_back(records, case, cost)
    cost += records.cost(case, peer)
    score = case["answers"][own]["judge"][f"agreement:{peer}"]
    return Served(own, cost, asked=1) if score >= threshold else _fallen_back(records, case, cost, 1)


def _most(case: Case, ballots: list[str], policy: Policy, own: str) -> int:
    """The most votes for one answer; to confirm, those for the efficiency tier's."""
    models = ballots if policy.rule == "majority" else [model for model in ballots if model == own]
    return max((_votes(case, ballots, model) for model in models), default=0)


def _votes(case: Case, ballots: list[str], model: str) -> int:
    return sum(recorded_equal(case, model, other) for other in ballots)


def _fallen_back(records: Records, case: Case, cost: float, asked: int = 0) -> Served:
    performance = records.pair.performance
    return Served(performance, cost + records.cost(case, performance), asked=asked)


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
