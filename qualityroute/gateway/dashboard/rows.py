"""Decisions and pins as rows of tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

from qualityroute.gateway.dashboard.doorkeeper import PATH
from qualityroute.page.amounts import dollars
from qualityroute.page.markup import Child, Markup, stranger, tag
from qualityroute.page.tables import stacking_table
from qualityroute.records import Decision, Outcome
from qualityroute.render.words import distance, moment_text, outcome_words, reason_words, seconds

MOST_OF_A_NAME = 40
MOST_OF_A_MESSAGE = 120
KINDS = {
    Outcome.ACCEPTED: "good",
    Outcome.FALLBACK: "even",
    Outcome.PINNED: "held",
    Outcome.REJECTED: "loss",
    Outcome.FAILED: "loss",
    Outcome.UNPROVEN: "loss",
}


def decisions_table(decisions: Sequence[Decision], now: datetime, caption: str) -> Markup:
    tenants = any(decision.tenant != "default" for decision in decisions)
    columns = ["when", "task", "outcome", "session", *(["tenant"] if tenants else []), "answered by", "cost", "took"]
    return stacking_table(caption, columns, [_decision_row(decision, now, tenants=tenants) for decision in decisions])


def _decision_row(decision: Decision, now: datetime, *, tenants: bool) -> list[Child]:
    tenant = [search_link(decision.tenant, "tenant")] if tenants else []
    return [
        tag("a", when(decision.at, now), href=decision_path(decision.id)),
        stranger(decision.task, MOST_OF_A_NAME),
        [outcome_badge(decision.outcome), _why(decision)],
        search_link(decision.session, "session") if decision.session else tag("span", "none", class_="none"),
        *tenant,
        stranger(decision.model, MOST_OF_A_NAME) if decision.model else tag("span", "nobody", class_="none"),
        dollars(decision.cost),
        seconds(decision.latency),
    ]


def _why(decision: Decision) -> Child:
    if decision.reason is None:
        return None
    message: Child = [": ", stranger(decision.message, MOST_OF_A_MESSAGE)] if decision.message else None
    return tag("span", reason_words(decision.reason), message, class_="message")


def outcome_badge(outcome: Outcome) -> Markup:
    kind = KINDS.get(outcome, "open")
    return tag("span", outcome.value, class_=f"outcome {kind}", title=outcome_words(outcome))


def when(moment: datetime, now: datetime) -> Markup:
    return tag("time", distance(moment, now), datetime=moment.isoformat(), title=moment_text(moment))


def decision_path(decision_id: str) -> str:
    return f"{PATH}/decisions/{quote(decision_id, safe='')}"


def search_path(**asked: str) -> str:
    return f"{PATH}/decisions?{urlencode(asked)}"


def search_link(value: str, field: str) -> Markup:
    """To the decisions that have the same."""
    return tag("a", stranger(value, MOST_OF_A_NAME), href=search_path(**{field: value}))
