"""One decision explained: route, attempts with their calls and verdicts, outcome, pin, cost, and what was kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from qualityroute.gateway.dashboard.doorkeeper import PATH
from qualityroute.gateway.dashboard.layout import Page
from qualityroute.gateway.dashboard.payloads import payload_block
from qualityroute.gateway.dashboard.rows import outcome_badge, search_link
from qualityroute.labels import Label
from qualityroute.page.amounts import exact_price
from qualityroute.page.markup import Child, Markup, lines, stranger, tag
from qualityroute.page.tables import facts, stacking_table
from qualityroute.records import Attempt, Decision, ModelCall, Outcome, Ruling, Verdict
from qualityroute.render.telling import (
    LIKENING,
    all_calls,
    begun_words,
    calls_words,
    cost_of_trying,
    label_words,
    outcome_told,
    parts_of_cost,
    score_words,
    untold_message,
)
from qualityroute.render.words import UNKNOWN, distance, effect_words, moment_text, reason_words, route_words, seconds

MOST_OF_A_NAME = 300
MOST_OF_A_MESSAGE = 1000
KINDS = {Ruling.ACCEPTED: "good", Ruling.REJECTED: "loss", Ruling.UNDECIDED: "even"}


@dataclass(frozen=True, slots=True)
class Story:
    """A decision and everything that is known of it."""

    decision: Decision
    label: Label | None = None
    payloads: Mapping[str, str] = field(default_factory=dict)


def decision_page(story: Story, now: datetime) -> Page:
    decision = story.decision
    attempts = [
        _attempt(number, attempt, _heading(decision, number, attempt))
        for number, attempt in enumerate(decision.all_attempts, 1)
    ]
    return Page(
        "Decision",
        [_summary(story), attempts, _bill(decision), _kept(story.payloads), _surroundings(decision)],
        below=[
            tag("code", stranger(decision.id, MOST_OF_A_NAME)),
            f", {moment_text(decision.at)}, {distance(decision.at, now)}",
        ],
        here=f"{PATH}/decisions",
    )


def _summary(story: Story) -> Markup:
    decision = story.decision
    title = tag("div", tag("h2", "What became of it", id="outcome"), outcome_badge(decision.outcome), class_="title")
    return tag(
        "section",
        title,
        tag("p", _sentence(outcome_told(decision)), class_="sentence"),
        facts(_facts(story)),
        aria_labelledby="outcome",
        class_="card",
    )


def _facts(story: Story) -> Iterator[tuple[str, Child]]:
    decision = story.decision
    yield "Task", search_link(decision.task, "task")
    yield "Session", search_link(decision.session, "session") if decision.session else "none"
    yield "Tenant", stranger(decision.tenant, MOST_OF_A_NAME)
    yield "Route", route_words(decision.route)
    if decision.outcome is Outcome.CACHED:
        yield "Answer", stranger(decision.message, MOST_OF_A_MESSAGE)
    if decision.reason is not None:
        yield "Reason", [reason_words(decision.reason), _told(untold_message(decision))]
    if story.decision.pin is not None:
        yield "Pin", effect_words(story.decision.pin)
    if story.label is not None:
        word, found, differing = label_words(story.label)
        yield f"Held against {word}", [found, _told(differing)]
    yield "Answered by", stranger(decision.model, MOST_OF_A_NAME) if decision.model else "nobody"
    yield "Cost", exact_price(decision.cost)
    yield "Took", seconds(decision.latency)


def _heading(decision: Decision, number: int, attempt: Attempt) -> str:
    if attempt is decision.likening:
        return LIKENING
    begun = begun_words(decision, attempt)
    return f"Attempt {number}: {attempt.tier} tier{f', {begun}' if begun else ''}"


def _attempt(number: int, attempt: Attempt, told: str) -> Markup:
    heading = f"attempt-{number}"
    title = tag(
        "div",
        tag("h2", told, id=heading),
        _ruling(attempt.ruling),
        class_="title",
    )
    return tag(
        "section",
        title,
        _why(attempt),
        _took(attempt),
        _calls(attempt.calls, f"Calls for the answer, attempt {number}") if attempt.calls else None,
        _verdicts(attempt.verdicts, number) if attempt.verdicts else None,
        aria_labelledby=heading,
        class_="card",
    )


def _why(attempt: Attempt) -> Child:
    if attempt.reason is None:
        return None
    return tag("p", _sentence(reason_words(attempt.reason), end=""), _told(attempt.message), ".", class_="sentence")


def _took(attempt: Attempt) -> Markup:
    repaired = " The JSON stood in a code fence, which was taken off." if attempt.repaired else ""
    return tag("p", f"It took {seconds(attempt.latency)} and {exact_price(attempt.cost)}.{repaired}", class_="why")


def _calls(calls: tuple[ModelCall, ...], caption: str) -> Markup:
    columns = ("model", "for", "tokens in", "cached", "tokens out", "cost", "took", "what came")
    return stacking_table(caption, columns, [_call(call) for call in calls])


def _call(call: ModelCall) -> list[Child]:
    usage = call.usage
    about = "about " if usage.estimated else ""
    retried = f", {call.retries} retried" if call.retries else ""
    came: Child = "an answer" if call.error is None else [reason_words(call.error), _told(call.message)]
    return [
        stranger(call.name, MOST_OF_A_NAME),
        call.role.value,
        f"{about}{_count(usage.input_tokens)}",
        _count(usage.cached_tokens),
        f"{about}{_count(usage.output_tokens)}",
        exact_price(call.cost),
        f"{seconds(call.latency)}{retried}",
        came,
    ]


def _verdicts(verdicts: tuple[Verdict, ...], number: int) -> Markup:
    rows = [_verdict(verdict) for verdict in verdicts]
    shown = stacking_table(
        f"The gate, in its order, attempt {number}", ("check", "ruling", "why", "score", "cost"), rows
    )
    calls = tuple(call for verdict in verdicts for call in verdict.calls)
    return tag("div", shown, _calls(calls, f"Calls of the gate, attempt {number}") if calls else None, class_="gate")


def _verdict(verdict: Verdict) -> list[Child]:
    reason = reason_words(verdict.reason) if verdict.reason is not None else None
    return [
        stranger(verdict.check, MOST_OF_A_NAME),
        _ruling(verdict.ruling),
        [reason, _told(verdict.message, first=reason is None)],
        score_words(verdict).removeprefix("score "),
        exact_price(verdict.cost) if verdict.calls else "free",
    ]


def _ruling(ruling: Ruling) -> Markup:
    return tag("span", ruling.value, class_=f"outcome {KINDS[ruling]}")


def _told(message: str, *, first: bool = False) -> Child:
    return [None if first else ": ", stranger(message, MOST_OF_A_MESSAGE)] if message else None


def _bill(decision: Decision) -> Markup:
    parts = parts_of_cost(all_calls(decision))
    rows: list[tuple[str, Child]] = [(name.capitalize(), exact_price(cost)) for name, cost in parts.items()]
    rows.append(("In all", exact_price(decision.cost)))
    extra = cost_of_trying(decision)
    trying = f"Trying efficiency first cost {exact_price(extra)} more than asking performance at once would have."
    return tag(
        "section",
        tag("div", tag("h2", "What it cost", id="bill"), class_="title"),
        tag("p", f"For {calls_words(decision)} in {seconds(decision.latency)}.", class_="why"),
        facts(rows),
        tag("p", trying, class_="why after") if extra is not None else None,
        aria_labelledby="bill",
        class_="card",
    )


def _kept(payloads: Mapping[str, str]) -> Markup:
    none = "Neither prompt nor answers were kept of it; [store] payloads says whose are."
    kinds = sorted(payloads, key=lambda kind: (kind != "input", kind))
    blocks = [payload_block(kind, payloads[kind]) for kind in kinds]
    return tag(
        "section",
        tag("div", tag("h2", "Prompt and answers", id="payloads"), class_="title"),
        blocks or tag("p", none, class_="why"),
        aria_labelledby="payloads",
        class_="card",
    )


def _surroundings(decision: Decision) -> Markup:
    rows: list[tuple[str, Child]] = [("Configuration", tag("code", stranger(decision.fingerprint or UNKNOWN, 64)))]
    metadata = json.dumps(dict(decision.metadata), indent=2, ensure_ascii=False, default=str)
    return tag(
        "section",
        tag("div", tag("h2", "Around it", id="around"), class_="title"),
        facts(rows),
        tag("pre", tag("code", lines(metadata)), class_="payload", tabindex=0) if decision.metadata else None,
        aria_labelledby="around",
        class_="card",
    )


def _sentence(words: str, end: str = ".") -> str:
    return f"{words[:1].upper()}{words[1:]}{end}"


def _count(tokens: int | None) -> str:
    return UNKNOWN if tokens is None else f"{tokens:,}"
