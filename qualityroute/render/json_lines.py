"""Records as JSON for programs: documented keys, money as text, times in ISO form."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

from qualityroute.cache import Hit
from qualityroute.complexity import Foretold
from qualityroute.keys import Key
from qualityroute.labels import Label
from qualityroute.pins import Pin
from qualityroute.records import Attempt, Decision, Json, ModelCall, Verdict

# Characters JSON allows raw, but a terminal may obey or hide: C1 controls, bidi marks, separators, surrogates, tags.
_UNSAFE = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


PIN_COLUMNS = (
    *("tenant", "session", "task", "state", "reason", "check", "message", "model", "decision"),
    *("since", "until", "last_used", "held_until_probe", "served", "passed_probes", "failed_probes"),
)


def json_line(value: Json) -> str:
    """JSON on one line that is safe to look at in a terminal."""
    return _UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], json.dumps(value, ensure_ascii=False))


def money_text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.normalize():f}"


def decision_json(
    decision: Decision,
    label: Label | None = None,
    foretold: Foretold | None = None,
    hit: Hit | None = None,
) -> dict[str, Any]:
    """A decision as `explain --json` shows it, with what is known of its efficiency answer."""
    return {
        **recorded_json(decision),
        "label": None if label is None else _label_json(label),
        "forecast": None if foretold is None else _forecast_json(foretold),
        "cached": None if hit is None else {"source": hit.source, "saved": money_text(hit.saved)},
    }


def recorded_json(decision: Decision) -> dict[str, Any]:
    """A decision as `store export` writes it."""
    return {
        "id": decision.id,
        "at": decision.at.isoformat(),
        "tenant": decision.tenant,
        "session": decision.session,
        "task": decision.task,
        "route": decision.route.value,
        "outcome": decision.outcome.value,
        "reason": decision.reason,
        "message": decision.message,
        "tier": decision.tier,
        "model": decision.model,
        "attempts": [_attempt_json(attempt) for attempt in decision.attempts],
        "spare": None if decision.spare is None else _attempt_json(decision.spare),
        "likening": None if decision.likening is None else _attempt_json(decision.likening),
        "pin": decision.pin,
        "cost": money_text(decision.cost),
        "latency_ms": _milliseconds(decision.latency),
        "fingerprint": decision.fingerprint,
        "metadata": dict(decision.metadata),
    }


def _forecast_json(foretold: Foretold) -> dict[str, Any]:
    told = foretold.forecast
    return {
        "probability": told.probability,
        "by_log": told.by_cells,
        "by_regression": told.by_regression,
        "break_even": told.break_even,
        "wanted": told.wanted,
        "taken": told.taken,
        "propensity": told.propensity,
        "escalated": foretold.escalated,
    }


def _label_json(label: Label) -> dict[str, Any]:
    return {
        "good": None if label.bad is None else not label.bad,
        "by": label.origin.value,
        "score": label.score,
        "accepted": label.accepted,
        "differences": list(label.differences),
    }


def pin_json(pin: Pin) -> dict[str, Any]:
    """A pin as `pins --json` shows it."""
    return {
        "tenant": pin.key.tenant,
        "session": pin.key.session,
        "task": pin.key.task or None,
        "state": pin.state.value,
        "reason": pin.reason.value,
        "check": pin.check or None,
        "message": pin.message,
        "model": pin.model or None,
        "decision": pin.decision_id or None,
        "since": pin.since.isoformat(),
        "until": pin.until.isoformat(),
        "last_used": pin.last_used.isoformat(),
        "held_until_probe": pin.remaining,
        "served": pin.served,
        "passed_probes": pin.passed_probes,
        "failed_probes": pin.failed_probes,
    }


def key_json(key: Key, spent: Decimal | None) -> dict[str, Any]:
    """A key as `keys --json` shows it; `spent` today, in USD."""
    return {
        "name": key.name,
        "tenant": key.tenant,
        "hint": key.hint,
        "id": key.id,
        "created_at": key.created_at.isoformat(),
        "revoked_at": None if key.revoked_at is None else key.revoked_at.isoformat(),
        "budget_per_day": money_text(key.budget_per_day),
        "spent_today": money_text(spent),
        "requests_per_minute": key.requests_per_minute,
        "dashboard": key.dashboard,
    }


def _attempt_json(attempt: Attempt) -> dict[str, Any]:
    return {
        "tier": attempt.tier.value,
        "model": attempt.model,
        "ruling": attempt.ruling.value,
        "reason": attempt.reason,
        "message": attempt.message,
        "early": attempt.early,
        "calls": [_call_json(call) for call in attempt.calls],
        "verdicts": [_verdict_json(verdict) for verdict in attempt.verdicts],
        "cost": money_text(attempt.cost),
        "latency_ms": _milliseconds(attempt.latency),
    }


def _call_json(call: ModelCall) -> dict[str, Any]:
    return {
        "role": call.role.value,
        "model": call.name,
        "input_tokens": call.usage.input_tokens,
        "cached_tokens": call.usage.cached_tokens,
        "output_tokens": call.usage.output_tokens,
        "cost": money_text(call.cost),
        "latency_ms": _milliseconds(call.latency),
        "error": call.error,
        "message": call.message,
    }


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "check": verdict.check,
        "ruling": verdict.ruling.value,
        "reason": verdict.reason,
        "message": verdict.message,
        "score": verdict.score,
        "calls": [_call_json(call) for call in verdict.calls],
    }


def _milliseconds(duration: timedelta) -> float:
    return round(duration.total_seconds() * 1000, 3)
