"""The report as JSON: documented, versioned keys. Money is text, so that no digit is lost."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from qualityroute.budgets import Filling
from qualityroute.complexity import Score
from qualityroute.records import Outcome
from qualityroute.report.facts import (
    AuditReport,
    CacheReport,
    CertificateReport,
    HeadStartReport,
    LearningReport,
    LikeningReport,
    PinReport,
    Rate,
    RateChange,
    Report,
    Saved,
    Suggestion,
    TaskReport,
)
from qualityroute.store import LatencySummary
from qualityroute.tier_check import TierCheck, sentence

VERSION = 1
_PARTS = ("efficiency", "judge", "peers", "performance", "audit", "likening")


def report_json(report: Report) -> dict[str, Any]:
    return {
        "version": VERSION,
        "at": report.at.isoformat(),
        "since": report.since.isoformat() if report.since else None,
        "pins_active": report.pins_active,
        "budgets": [_budget(filling) for filling in report.budgets],
        "suggestions": [_suggestion(suggestion) for suggestion in report.suggestions],
        "tasks": {name: _task(task) for name, task in report.tasks.items()},
    }


def _task(task: TaskReport) -> dict[str, Any]:
    return {
        "tier": task.tier,
        "requests": task.requests,
        "attempts": task.attempts,
        "accepted": task.accepted,
        "fallbacks": task.fallbacks,
        "by_reason": dict(task.by_reason),
        "outcomes": dict(task.outcomes),
        "fallback_rate": _rate(task.fallback_rate),
        "difficulty": _rate(task.difficulty),
        "break_even": task.break_even,
        "state": task.state,
        "flags": list(task.flags),
        "sentence": task.sentence,
        "why": task.why,
        "suggestion": task.suggestion.diff if task.suggestion else None,
        "sessions": task.sessions,
        "sessions_to_go": task.sessions_to_go,
        "pins_active": task.pins_active,
        "pins_created": task.pins_created,
        "pin_share": task.pin_share,
        "pins": _pins(task.pins),
        "cost": {
            **{name: _money(getattr(task.cost, name)) for name in _PARTS},
            "total": _money(task.cost.total),
            "cut_off": task.cost.cut_off,
        },
        "saved": {
            "estimated": True,
            **_saved("all_performance", task.saved),
            "against_never_pinning": _money(None if task.pins.cost is None else -task.pins.cost),
        },
        "judge": {
            "judged": task.judge.judged,
            "catches": task.judge.catches,
            "errors": dict(task.judge.errors),
            "cost": _money(task.judge.cost),
            "would_save": _money(task.judge.would_save),
            "sentence": task.judge.sentence,
        },
        "change": _change(task.changes[-1]) if task.changes else None,
        "changes": [_change(change) for change in task.changes],
        "latency": _latency(task.latency),
        "explored": task.explored,
        "agreement": task.agreement,
        "certificate": _certificate(task.certificate),
        "audits": _audits(task.audits),
        "learning": _learning(task.learning),
        "head_starts": _head_starts(task.head_starts),
        "tiers": None if task.tiers is None else _tiers(task.tiers, task.task),
        "cache": _cache(task.cache),
        "series": [{"start": point.start.isoformat(), **_rate(point.rate)} for point in task.series],
    }


def _head_starts(report: HeadStartReport | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {
        "needed": report.needed,
        "spare": report.spare,
        "cost": _money(report.cost),
        "unknown": report.unknown,
        "seconds_saved": report.seconds_saved,
        "sentence": report.sentence,
    }


def _learning(report: LearningReport | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {
        "forecasts": report.forecasts,
        "by_log": _score(report.by_log),
        "by_regression": None if report.by_regression is None else _score(report.by_regression),
        "in_use": "regression" if report.in_use else "log",
        "straight": report.straight,
        "unjudged": report.unjudged,
        "explored": report.explored,
        "break_even": report.break_even,
        "saved_against_cascade": _money(report.saved),
        "worth_it": report.worth_it,
        "sentence": report.sentence,
    }


def _cache(report: CacheReport | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {
        "hits": report.hits,
        "share": report.share,
        "saved": _money(report.saved),
        "unknown": report.unknown,
        "sentence": report.sentence,
        "likening": None if report.likening is None else _likening(report.likening),
    }


def _likening(report: LikeningReport) -> dict[str, Any]:
    return {
        "looks": report.looks,
        "hits": report.hits,
        "rejected": dict(report.rejected),
        "checked": report.checked,
        "wrong": report.wrong,
        "false_hit_rate": report.false_hit_rate,
        "false_hit_bound": report.false_hit_bound,
        "cost": _money(report.cost),
        "saved": _money(report.saved),
        "net": _money(report.net),
    }


def _score(found: Score) -> dict[str, Any]:
    return {
        "outcomes": found.outcomes,
        "escalated": found.escalated,
        "auroc": found.auroc,
        "auroc_error": found.error,
        "calibration_error": found.calibration_error,
        "log_loss": found.log_loss,
    }


def _tiers(found: TierCheck, task: str) -> dict[str, Any]:
    difference = found.difference
    return {
        "standing": found.standing,
        "sentence": sentence(found, task),
        "pairs": found.pairs,
        "difference": None if difference is None else dict(zip(("rate", "low", "high"), difference, strict=True)),
    }


def _budget(filling: Filling) -> dict[str, Any]:
    pot = filling.pot
    return {
        "scope": pot.scope,
        "task": pot.name or None,
        "day": pot.day.isoformat() if pot.day is not None else None,
        "limit": _money(pot.limit),
        "spent": _money(filling.spent),
        "reserved": _money(filling.reserved),
    }


def _certificate(report: CertificateReport | None) -> dict[str, Any] | None:
    if report is None:
        return None
    certificate = report.certificate
    return {
        "id": certificate.id,
        "in_force": report.in_force,
        "sentence": report.sentence,
        "at": certificate.at.isoformat(),
        "until": certificate.until.isoformat(),
        "threshold": certificate.threshold,
        "alpha": certificate.alpha,
        "delta": certificate.delta,
        "accepted": certificate.accepted,
        "bad": certificate.bad,
        "cases": certificate.cases,
        "upper_bound": certificate.upper_bound,
        "revoked_at": certificate.revoked_at.isoformat() if certificate.revoked_at else None,
    }


def _audits(report: AuditReport | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {
        "compared": report.compared,
        "differing": report.differing,
        "incomparable": report.incomparable,
        "cost": _money(report.cost),
        "sentence": report.sentence,
    }


def _rate(rate: Rate) -> dict[str, Any]:
    return {"rate": rate.rate, "low": rate.low, "high": rate.high, "count": rate.count, "of": rate.of}


def _saved(name: str, saved: Saved) -> dict[str, Any]:
    return {f"against_{name}": _money(saved.against), "amount": _money(saved.amount), "share": saved.share}


def _pins(pins: PinReport) -> dict[str, Any]:
    return {
        "held": pins.held,
        "released": pins.released,
        "probes": pins.probes,
        "failed_probes": pins.failed_probes,
        "persistence": pins.persistence,
        "pay": pins.pay,
        "cost": _money(pins.cost),
        "seconds_saved": pins.seconds_saved,
        "sentence": pins.sentence,
    }


def _change(change: RateChange) -> dict[str, Any]:
    return {"at": change.at.isoformat(), "before": change.before, "after": change.after}


def _suggestion(suggestion: Suggestion) -> dict[str, Any]:
    return {"key": list(suggestion.key), "value": suggestion.value, "diff": suggestion.diff}


def _latency(latency: Mapping[Outcome, LatencySummary]) -> dict[str, Any]:
    """Seconds."""
    return {
        outcome: {"count": found.count, "p50": round(found.p50, 6), "p95": round(found.p95, 6)}
        for outcome, found in latency.items()
    }


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{round(amount, 12).normalize():f}"
