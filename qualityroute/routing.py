"""Where a request starts. Pure: the pin was read before, and a probe's lease is taken after."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from qualityroute.complexity import Choice, Forecast
from qualityroute.config import Pins, Task
from qualityroute.pins import Pin, alive, probe_due
from qualityroute.records import Route, Tier


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a request starts, why, and what is allowed on the way."""

    route: Route
    tier: Tier
    judged: bool
    """Is an efficiency answer shown to the judge? Performance answers never are."""
    falls_back: bool
    """May a rejected efficiency answer be replaced by the performance tier's?"""
    early: bool = False
    """Is performance's answer begun at the same time?"""

    @property
    def steps_down(self) -> bool:
        """May efficiency answer in place of performance, with its whole gate, when a budget has no more for that?

        Not where the caller named the tier, where performance is what is measured, nor where the task accepts no
        efficiency answer without a certificate.
        """
        return self.route in (Route.PINNED, Route.TASK, Route.LEARNED)


_START = {
    Route.CASCADE: Plan(Route.CASCADE, Tier.EFFICIENCY, judged=True, falls_back=True),
    Route.PROBE: Plan(Route.PROBE, Tier.EFFICIENCY, judged=True, falls_back=True),
    Route.PINNED: Plan(Route.PINNED, Tier.PERFORMANCE, judged=False, falls_back=False),
    Route.TASK: Plan(Route.TASK, Tier.PERFORMANCE, judged=False, falls_back=False),
    Route.EXPLORE: Plan(Route.EXPLORE, Tier.EFFICIENCY, judged=True, falls_back=False),
    Route.BASELINE: Plan(Route.BASELINE, Tier.PERFORMANCE, judged=False, falls_back=False),
    Route.COMPARE: Plan(Route.COMPARE, Tier.EFFICIENCY, judged=True, falls_back=False),
    Route.AUDIT: Plan(Route.AUDIT, Tier.PERFORMANCE, judged=False, falls_back=False),
    Route.UNCERTIFIED: Plan(Route.UNCERTIFIED, Tier.PERFORMANCE, judged=False, falls_back=False),
    Route.HARD_LIMIT: Plan(Route.HARD_LIMIT, Tier.PERFORMANCE, judged=False, falls_back=False),
    Route.LEARNED: Plan(Route.LEARNED, Tier.PERFORMANCE, judged=False, falls_back=False),
    Route.UNJUDGED: Plan(Route.UNJUDGED, Tier.EFFICIENCY, judged=False, falls_back=True),
}


def route(
    task: Task,
    pin: Pin | None,
    asked: Tier | None,
    *,
    policy: Pins,
    now: datetime,
    mode: Literal["cascade", "baseline"] = "cascade",
    certified: bool = False,
    limited: bool = False,
    forecast: Forecast | None = None,
) -> Plan:
    """Where a request of `task` starts; `certified`: a certificate of it is in force.

    In this order: the tier the caller asked for, the baseline mode, the task's own tier, a hard limit (`limited`), a
    certificate that the task cannot do without, the pin, what is learned of P(escalate) (`forecast`), the cascade.
    A plan with route `probe` holds only for who gets the probe's lease; all others take `held(plan)`.
    """
    if asked is not None:
        return Plan(Route.ASKED, asked, judged=False, falls_back=False)
    if mode == "baseline":
        return _START[Route.BASELINE]
    if task.tier == "performance":
        return _START[Route.TASK]
    if limited:
        return _START[Route.HARD_LIMIT]
    if task.accept.on_uncertified == "fallback" and not certified:
        return _START[Route.UNCERTIFIED]
    if pin is None or not pin.held or not alive(pin, now):
        return _START[Route.CASCADE] if forecast is None else _learned(forecast)
    return _START[Route.PROBE if probe_due(pin, policy, now) else Route.PINNED]


_LEARNED = {
    Choice.CASCADE: Route.CASCADE,
    Choice.PERFORMANCE: Route.LEARNED,
    Choice.UNJUDGED: Route.UNJUDGED,
}


def _learned(forecast: Forecast) -> Plan:
    plan = _START[_LEARNED[forecast.taken]]
    return replace(plan, early=forecast.early) if plan.route is Route.CASCADE else plan


def plan_of(errand: Route) -> Plan:
    """The plan of a request that measures: to explore, to compare, to audit, or to make a reference."""
    return _START[errand]


def held(plan: Plan) -> Plan:
    """The plan of a pinned request that did not get the probe's lease."""
    return replace(plan, route=Route.PINNED, tier=Tier.PERFORMANCE, judged=False, falls_back=False)
