"""What routing before the call is worth on recorded answers of real models, judged by a simulated judge."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from replay_records import (
    GPT4,
    GPT4_TURBO,
    GPT35,
    HAIKU,
    MINI,
    MIXTRAL,
    NEMO,
    NEMO_PROMPTED,
    SONNET,
    Case,
    Pair,
    Records,
    correct,
    read_bfcl,
    read_gsm8k,
    read_prices,
    valid,
)
from routing_streams import Auto, Request, Spent, follow

from qualityroute.complexity import Choice, Economics, features, shape_of
from qualityroute.complexity.heuristic import weak_evidence
from qualityroute.complexity.regression import fit
from qualityroute.complexity.scoring import auroc

CATCHES, ALARMS, JUDGE = 0.8, 0.05, 0.3
FOLDS = 5
BFCL_PAIRS = tuple(
    Pair(cheap, strong) for cheap in (MINI, HAIKU, NEMO, NEMO_PROMPTED, GPT35) for strong in (SONNET, GPT4)
)


def recorded(folder: Path, seeds: range) -> dict[str, Any]:
    prices = read_prices(folder)
    bfcl, gsm8k = read_bfcl(folder), read_gsm8k(folder)
    found: dict[str, Any] = {"rows": [], "auroc": {}}
    sets = [("BFCL", Records(bfcl, prices, pair)) for pair in BFCL_PAIRS]
    sets.append(("GSM8K", Records(gsm8k, prices, Pair(MIXTRAL, GPT4_TURBO))))
    for label, ratio in (("recorded prices", None), ("prices 1:3", 3.0), ("prices 1:20", 20.0)):
        for name in ("BFCL", "GSM8K"):
            rows = [
                row for data, records in sets if data == name
                for row in recorded_rows(f"{name}, {label}", records, seeds, ratio)
            ]  # fmt: skip
            table(rows, f"{name}, {label}")
            found["rows"] += rows
    found["judge"] = [
        row for name, records in sets if records.pair.performance != GPT4 for row in judge_rows(name, records, seeds)
    ]  # fmt: skip
    print(
        "\nErrors priced, 1:20: cost with errors per request (cheap call = 1), and how often the rule skips the judge"
    )
    for row in found["judge"]:
        told = ", ".join(f"{policy} {row[policy]:.2f}" for policy in ("judged", "unjudged", "rule"))
        print(f"  {row['data']} {row['pair']:26} error {row['cost_of_error']:4.0f}: {told} ({row['skipped']:.0%})")
    print("\nAUROC for P(escalate)")
    for name, records in sets:
        if name == "BFCL" and records.pair.performance != SONNET:
            continue
        areas = found["auroc"][f"{name} {short(records.pair.efficiency)}"] = predictors(records)
        told = ", ".join(f"{one} {area:.2f}" for one, area in areas.items() if area is not None)
        print(f"  {name} {short(records.pair.efficiency)}: {told}")
    return found


def requests_of(records: Records, seed: int, ratio: float | None) -> list[Request]:
    """In an order of their own, each with a simulated verdict; `ratio`: of prices, instead of the recorded ones."""
    chance = random.Random(seed)
    cheap_mean = statistics.mean(records.costs(records.pair.efficiency))
    requests = [_request(records, case, chance, cheap_mean, ratio) for case in records.cases]
    chance.shuffle(requests)
    return requests


def _request(records: Records, case: Case, chance: random.Random, cheap_mean: float, ratio: float | None) -> Request:
    cheap, strong = records.pair.efficiency, records.pair.performance
    right, form = correct(case, cheap), valid(case, cheap)
    rejected = chance.random() < (ALARMS if right else CATCHES)
    cost = records.cost(case, cheap) if ratio is None else 1.0
    judge = JUDGE * (cheap_mean if ratio is None else 1.0) if form else 0.0
    return Request(
        task=case["task"], cheap=cost, judge=judge, strong=records.cost(case, strong) if ratio is None else ratio,
        escalates=rejected or not form, cheap_right=right, strong_right=correct(case, strong),
        form=form, features=features(case["messages"][-1:], shape_of(case.get("response_schema"))),
    )  # fmt: skip


def economics_of(requests: Sequence[Request]) -> Economics:
    """Means, as a store would have measured them."""
    means = [statistics.mean(getattr(request, part) for request in requests) for part in ("cheap", "judge", "strong")]
    return Economics(*means)


@dataclass(frozen=True)
class Row:
    """A policy's cost at the performance tier's accuracy, in per cent of asking only that."""

    data: str
    pair: str
    policy: str
    cost: float | None
    straight: float = 0.0


def point(spent: Spent) -> tuple[float, float]:
    return spent.cost / spent.requests, spent.right / spent.requests


def at_accuracy(points: Sequence[tuple[float, float]], wanted: float) -> float | None:
    """The least cost of a mixture of policies, (cost, accuracy) each, that is right so often."""
    found = [cost for cost, right in points if right >= wanted]
    for low_cost, low in points:
        for high_cost, high in points:
            if low < wanted <= high:
                found.append(low_cost + (high_cost - low_cost) * (wanted - low) / (high - low))
    return min(found, default=None)


def recorded_rows(name: str, records: Records, seeds: range, ratio: float | None) -> list[Row]:
    costs: dict[str, list[float]] = {}
    straight: list[float] = []
    for seed in seeds:
        requests = requests_of(records, seed, ratio)
        economics = economics_of(requests)
        count = len(requests)
        strong = (sum(one.strong for one in requests) / count, sum(one.strong_right for one in requests) / count)
        cheap = (sum(one.cheap for one in requests) / count, sum(one.cheap_right for one in requests) / count)
        ends, wanted = [cheap, strong], strong[1]
        auto = follow(requests, Auto(economics, regress=True, chance=random.Random(seed)).choice)
        straight.append(auto.straight / count)
        found = {
            "coin flip": ends,
            "prompt routing": [*ends, *routed(requests)],
            "cascade": [*ends, point(follow(requests, lambda _: Choice.CASCADE))],
            "cascade with the rule": [*ends, point(auto)],
            "oracle": [*ends, oracle(requests)],
        }
        for policy, points in found.items():
            cost = at_accuracy(points, wanted)
            assert cost is not None
            costs.setdefault(policy, []).append(100 * cost / strong[0])
    pair = f"{short(records.pair.efficiency)} -> {short(records.pair.performance)}"
    return [
        Row(name, pair, policy, statistics.mean(values), statistics.mean(straight) if "rule" in policy else 0.0)
        for policy, values in costs.items()
    ]


def routed(requests: Sequence[Request]) -> list[tuple[float, float]]:
    """Pure routing by P(cheap is wrong), predicted from the prompt out of fold; one point for each threshold."""
    chances = out_of_fold(requests, [not request.cheap_right for request in requests])
    order = sorted(zip(chances, requests, strict=True), key=lambda pair: -pair[0])
    cost = sum(request.cheap for request in requests)
    right = sum(request.cheap_right for request in requests)
    points = []
    for _, request in order:
        cost += request.strong - request.cheap
        right += request.strong_right - request.cheap_right
        points.append((cost / len(requests), right / len(requests)))
    return points


def out_of_fold(requests: Sequence[Request], outcomes: Sequence[bool]) -> list[float]:
    """Each request predicted by a regression, with its task among the features, that did not see it."""
    tasks = sorted({request.task for request in requests})
    rows = [
        (*request.features[: -len(tasks)], *(float(request.task == task) for task in tasks)) for request in requests
    ]
    found = [0.0] * len(rows)
    for fold in range(FOLDS):
        seen = [number for number in range(len(rows)) if number % FOLDS != fold]
        fitted = fit([rows[number] for number in seen], [outcomes[number] for number in seen], len(seen))
        for number in range(fold, len(rows), FOLDS):
            found[number] = fitted.predict(rows[number]) if fitted is not None else 0.5
    return found


def oracle(requests: Sequence[Request]) -> tuple[float, float]:
    """The cheap model wherever it is right, and the strong one only where that helps."""
    up = [not request.cheap_right and request.strong_right for request in requests]
    cost = sum(one.strong if strong else one.cheap for one, strong in zip(requests, up, strict=True))
    return cost / len(requests), sum(one.cheap_right or one.strong_right for one in requests) / len(requests)


def judge_rows(name: str, records: Records, seeds: range) -> list[dict[str, Any]]:
    """With a price on errors: the cascade, the same without its judge, and what the rule makes of the two.

    What labels would say of the judge's rejections is given to the rule; a cheap call costs 1, a strong one 20.
    """
    found = []
    for cost_of_error in (5.0, 20.0, 100.0):
        totals: dict[str, list[float]] = {"judged": [], "unjudged": [], "rule": []}
        skipped = []
        for seed in seeds:
            requests = requests_of(records, seed, 20.0)
            auto = Auto(_with_errors(requests, cost_of_error), regress=True, chance=random.Random(seed))
            spent = follow(requests, auto.choice)
            skipped.append(spent.unjudged / spent.requests)
            totals["judged"].append(follow(requests, lambda _: Choice.CASCADE).total(cost_of_error))
            totals["unjudged"].append(follow(requests, lambda _: Choice.UNJUDGED).total(cost_of_error))
            totals["rule"].append(spent.total(cost_of_error))
        told = {policy: statistics.mean(values) for policy, values in totals.items()}
        pair = f"{short(records.pair.efficiency)} -> {short(records.pair.performance)}"
        found.append(
            {"data": name, "pair": pair, "cost_of_error": cost_of_error, **told, "skipped": statistics.mean(skipped)}
        )
    return found


def _with_errors(requests: Sequence[Request], cost_of_error: float) -> Economics:
    rejected = [request for request in requests if request.form and request.escalates]
    repaired = sum(not one.cheap_right and one.strong_right for one in rejected)
    broken = sum(one.cheap_right and not one.strong_right for one in rejected)
    return replace(
        economics_of(requests), cost_of_error=cost_of_error, may_skip_judge=True,
        by_judge=len(rejected) / max(1, sum(one.escalates for one in requests)),
        repaired=max(0, repaired - broken) / max(1, len(rejected)),
    )  # fmt: skip


def predictors(records: Records) -> dict[str, float | None]:
    """AUROC for P(escalate) on the recorded cases."""
    requests = requests_of(records, 1, None)
    escalates = [request.escalates for request in requests]
    rates = {
        task: statistics.mean(one.escalates for one in requests if one.task == task)
        for task in {request.task for request in requests}
    }
    return {
        "weak evidence": auroc([weak_evidence(one.features)[0] for one in requests], escalates),
        "task's rate": auroc([rates[one.task] for one in requests], escalates),
        "regression": auroc(out_of_fold(requests, escalates), escalates),
    }


def short(model: str) -> str:
    return {
        MINI: "4o-mini", HAIKU: "haiku", NEMO: "nemo", NEMO_PROMPTED: "nemo-prompted", GPT35: "gpt-3.5",
        SONNET: "sonnet", GPT4: "gpt-4", MIXTRAL: "mixtral", GPT4_TURBO: "gpt-4-turbo",
    }[model]  # fmt: skip


def table(rows: Sequence[Row], data: str) -> None:
    policies = list(dict.fromkeys(row.policy for row in rows))
    print(f"\n{data}: cost at performance's accuracy, % of all performance")
    print(f"{'pair':28}" + "".join(f"{policy:>23}" for policy in policies) + f"{'straight':>10}")
    for pair in dict.fromkeys(row.pair for row in rows):
        mine = [row for row in rows if row.pair == pair]
        shown = "".join(f"{row.cost:23.1f}" if row.cost is not None else f"{'-':>23}" for row in mine)
        print(f"{pair:28}{shown}{100 * max(row.straight for row in mine):9.1f}%")
    means = [statistics.mean(row.cost for row in rows if row.policy == policy and row.cost) for policy in policies]
    print(f"{'mean':28}" + "".join(f"{mean:23.1f}" for mean in means))
