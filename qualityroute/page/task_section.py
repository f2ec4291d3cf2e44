"""One task: what to think of it, what to do, and the figures it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from qualityroute.page.amounts import dollars
from qualityroute.page.badges import flag_badge, state_badge
from qualityroute.page.figures import latency_figure, money_figure, rate_figure, reasons_figure
from qualityroute.page.markup import Child, Markup, lines, stranger, tag
from qualityroute.page.tables import facts
from qualityroute.quantities import counted
from qualityroute.render.report_view import evidence_words, tier_warning, where_words
from qualityroute.render.words import UNKNOWN, percent, seconds
from qualityroute.report import Rate, Suggestion, TaskReport

APPLY = "qualityroute report --apply"
MOST_OF_A_NAME = 64


def task_section(task: TaskReport, name: str, since: datetime | None) -> Markup:
    """`name` is unique on the page, and where the overview's link leads; `since` is the report's."""
    heading = f"{name}-heading"
    return tag(
        "section",
        tag(
            "div",
            tag("h2", stranger(task.task, MOST_OF_A_NAME), id=heading),
            tag(
                "p",
                state_badge(task.state, where_words(task)),
                [flag_badge(flag) for flag in task.flags],
                class_="badges",
            ),
            class_="title",
        ),
        tag("p", stranger(task.sentence), class_="sentence"),
        tag("p", stranger(evidence_words(task, since)), class_="why"),
        suggestion_block(task.suggestion) if task.suggestion else None,
        facts(_key_numbers(task)),
        _figures(task, name),
        id=name,
        aria_labelledby=heading,
        class_="task card",
    )


def _figures(task: TaskReport, name: str) -> Markup:
    return tag(
        "div",
        rate_figure(task, name),
        reasons_figure(task, name),
        money_figure(task, name),
        tag("div", latency_figure(task, name), _judge(task)),
        _pins(task),
        class_="figures",
    )


def suggestion_block(suggestion: Suggestion) -> Markup:
    """The diff, each line with its sign, and the command that writes it."""
    told = [tag("span", line, class_=_change_kind(line.html)) for line in lines(suggestion.diff)]
    return tag(
        "div",
        tag("p", tag("strong", "Suggested change"), " of the configuration; ", tag("code", APPLY), " writes it."),
        tag("pre", tag("code", told)),
        class_="suggestion",
    )


def _change_kind(line: str) -> str | None:
    return {"+": "added", "-": "removed"}.get(line[:1])


def _key_numbers(task: TaskReport) -> Iterator[tuple[str, Child]]:
    yield "Tier", task.tier
    yield "Judged attempts", f"{task.attempts:,} of {counted(task.requests, 'request')}"
    yield "Fallback rate", rate_words(task.fallback_rate)
    yield "On first attempts", rate_words(task.difficulty)
    yield "Break-even", percent(task.break_even)
    yield "Closed sessions", f"{task.sessions:,}{_to_go(task)}"
    if task.cache is not None:
        yield "Cache", task.cache.sentence
    if task.learning is not None:
        yield "Auto tier", task.learning.sentence
    if task.head_starts is not None:
        yield "Head starts", task.head_starts.sentence
    if (warning := tier_warning(task)) is not None:
        yield "Tiers", stranger(warning)
    if task.explored:
        yield "Explored", f"{task.explored:,}"


def rate_words(rate: Rate) -> str:
    if rate.rate is None or rate.low is None or rate.high is None:
        return "none tried"
    return f"{percent(rate.rate)} ({100 * rate.low:.0f}–{100 * rate.high:.0f})"


def _to_go(task: TaskReport) -> str:
    return f", about {task.sessions_to_go:,} to go" if task.sessions_to_go else ""


def _pins(task: TaskReport) -> Markup:
    pins = task.pins
    numbers: list[tuple[str, Child]] = [
        ("Made", f"{pins.created:,}"),
        ("Active now", f"{task.pins_active:,}"),
        ("Requests held", f"{pins.held:,}{f' ({percent(task.pin_share)})' if task.pin_share else ''}"),
        ("Probes", f"{pins.probes:,}, {pins.failed_probes:,} failed"),
        ("Released", f"{pins.released:,}"),
        ("Cost (estimate)", _signed(task)),
        ("Time saved (estimate)", _time_saved(pins.seconds_saved)),
    ]
    return tag("section", tag("h3", "Pins"), tag("p", stranger(pins.sentence)), facts(numbers, "ledger"), class_="note")


def _signed(task: TaskReport) -> str:
    cost = task.pins.cost
    if cost is None:
        return UNKNOWN
    return f"{dollars(abs(cost))} {'less' if cost < 0 else 'more'} than trying"


def _time_saved(saved: float | None) -> str:
    if saved is None:
        return UNKNOWN
    return f"{'-' if saved < 0 else ''}{seconds(timedelta(seconds=abs(saved)))} a request"


def _judge(task: TaskReport) -> Markup:
    judge = task.judge
    numbers: list[tuple[str, Child]] = [
        ("Judged", f"{judge.judged:,}"),
        ("Only it caught", f"{judge.catches:,}"),
        ("Cost", dollars(judge.cost)),
        ("Turning it off saves (estimate)", dollars(judge.would_save)),
        ("In trouble", _troubles(task)),
    ]
    return tag(
        "section",
        tag("h3", "Judge"),
        tag("p", stranger(judge.sentence)),
        *(tag("p", stranger(sentence)) for sentence in _promises(task)),
        facts(numbers, "ledger"),
        class_="note",
    )


def _promises(task: TaskReport) -> Iterator[str]:
    """What a certificate promises of accepted answers, and what audits say of it."""
    if task.agreement:
        yield task.agreement
    if task.certificate is not None:
        yield task.certificate.sentence
    if task.audits is not None:
        yield task.audits.sentence


def _troubles(task: TaskReport) -> Child:
    found = sorted(task.judge.errors.items(), key=lambda item: (-item[1], item[0]))
    told = [[", " if place else "", stranger(cause, 40), f" {count:,}"] for place, (cause, count) in enumerate(found)]
    return told or "never"
