"""A judge's health as JSON: documented, versioned keys; `null` is unknown."""

from __future__ import annotations

from typing import Any

from qualityroute.judge_health.repeat import Repeated
from qualityroute.judge_health.selftest import Detection, SelfTest
from qualityroute.judge_health.spending import Bill, Spent
from qualityroute.report.facts import Rate

VERSION = 1


def selftest_json(task: str, found: SelfTest, bill: Bill) -> dict[str, Any]:
    return {
        "version": VERSION,
        "task": task,
        "answers": found.answers,
        "repeats": found.repeats,
        "weak": found.weak,
        "warnings": list(found.warnings),
        "notes": list(found.notes),
        "false_alarms": _rate(found.false_alarms),
        "false_alarms_by_criterion": {name: _rate(rate) for name, rate in found.alarms_by_criterion.items()},
        "flips": _rate(found.flips),
        "troubles": dict(found.troubles),
        "untested_criteria": list(found.untested),
        "corruptions": {detection.corruption.value: _detection(detection) for detection in found.detections},
        "cost": _bill(bill),
    }


def repeat_json(task: str, found: Repeated, bill: Bill) -> dict[str, Any]:
    return {
        "version": VERSION,
        "task": task,
        "answers": found.answers,
        "times": found.times,
        "threshold": found.threshold,
        "rejected": _rate(found.rejected),
        "flips": {"all": _rate(found.flips), "near": _rate(found.near), "far": _rate(found.far)},
        "chance_of_change": found.changes,
        "score": {"spread": found.spread, "widest": found.widest},
        "criteria": {
            name: {"flips": _rate(criterion.flips), "spread": criterion.spread}
            for name, criterion in found.criteria.items()
        },
        "troubles": dict(found.troubles),
        "cost": _bill(bill),
    }


def _detection(found: Detection) -> dict[str, Any]:
    return {
        "what": found.corruption.words,
        "twins": found.twins,
        "not_applicable": found.not_applicable,
        "judge": _rate(found.judge),
        "free_checks": _rate(found.free),
        "gate": _rate(found.gate),
        "left_to_judge": _rate(found.left_to_judge),
        "outvoted": found.outvoted,
        "injections": found.injections,
        "criteria": {name: _rate(rate) for name, rate in found.criteria.items()},
    }


def _rate(rate: Rate) -> dict[str, Any]:
    return {"rate": rate.rate, "low": rate.low, "high": rate.high, "count": rate.count, "of": rate.of}


def _bill(bill: Bill) -> dict[str, Any]:
    return {"judging": _spent(bill.judging), "answering": _spent(bill.answering)}


def _spent(spent: Spent) -> dict[str, Any]:
    """Money is text, so that no digit is lost."""
    total = None if spent.total is None else f"{spent.total.normalize():f}"
    return {"calls": spent.calls, "total": total, "calls_at_unknown_cost": spent.unknown}
