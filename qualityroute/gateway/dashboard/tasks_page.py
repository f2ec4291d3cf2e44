"""Each task now: its rate against break-even, what to think of it, money, latency; and what happened last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import urlencode

from qualityroute.gateway.dashboard.doorkeeper import PATH
from qualityroute.gateway.dashboard.layout import Page
from qualityroute.gateway.dashboard.money_bars import spent_figure
from qualityroute.gateway.dashboard.rows import decisions_table
from qualityroute.gateway.dashboard.shelf import PERIODS
from qualityroute.page.amounts import dollars
from qualityroute.page.badges import flag_badge, state_badge
from qualityroute.page.headline import counted_words, overview
from qualityroute.page.markup import Child, Markup, stranger, tag
from qualityroute.page.reading import reading
from qualityroute.page.strips import rate_strip
from qualityroute.page.tables import facts
from qualityroute.page.task_section import MOST_OF_A_NAME, rate_words, suggestion_block
from qualityroute.records import Decision, Outcome
from qualityroute.render.report_view import evidence_words, where_words
from qualityroute.render.words import percent, seconds_text
from qualityroute.report import Report, TaskReport

EVERY = 30
"""Seconds between two looks, for who asks to be kept up to date."""
TIMED = (Outcome.ACCEPTED, Outcome.FALLBACK, Outcome.PINNED)


def tasks_page(report: Report, latest: Sequence[Decision], period: str, now: datetime, *, watching: bool) -> Page:
    names = [f"task-{number}" for number in range(1, len(report.tasks) + 1)]
    cards = [_card(task, name, report.since) for task, name in zip(report.tasks.values(), names, strict=True)]
    return Page(
        "Tasks",
        [overview(report, names) if cards else _nothing(period), cards, _latest(latest, now), reading()],
        below=counted_words(report),
        beside=tag("div", period_links(PATH, period, watching=watching), _watch(period, watching), class_="choices"),
        here=PATH,
        every=EVERY if watching else None,
    )


def period_links(path: str, chosen: str, *, watching: bool = False) -> Markup:
    """The same page over other times."""
    kept = {"watch": "1"} if watching else {}
    links = [
        tag(
            "a",
            "all" if period == "all" else period,
            href=f"{path}?{urlencode({'since': period, **kept})}",
            aria_current="true" if period == chosen else None,
            aria_label=f"of {words}" if period == "all" else f"of the last {words}",
        )
        for period, words in PERIODS.items()
    ]
    return tag("div", links, class_="periods", role="group", aria_label="Counted over")


def _watch(period: str, watching: bool) -> Markup:
    asked = {"since": period} if watching else {"since": period, "watch": "1"}
    words = "Stop renewing" if watching else f"Renew every {EVERY} s"
    return tag("a", words, href=f"{PATH}?{urlencode(asked)}", class_="watch")


def _nothing(period: str) -> Markup:
    if period == "all":
        return tag("p", "Nothing is recorded yet. The page fills as requests are routed.", class_="card empty")
    every = tag("a", "all time", href=f"{PATH}?since=all")
    return tag("p", f"No request came in the last {PERIODS[period]}. Look at ", every, ".", class_="card empty")


def _card(task: TaskReport, name: str, since: datetime | None) -> Markup:
    heading = f"{name}-heading"
    title = tag(
        "div",
        tag("h2", stranger(task.task, MOST_OF_A_NAME), id=heading),
        tag(
            "p", state_badge(task.state, where_words(task)), [flag_badge(flag) for flag in task.flags], class_="badges"
        ),
        class_="title",
    )
    return tag(
        "section",
        title,
        tag("p", stranger(task.sentence), class_="sentence"),
        tag("p", stranger(evidence_words(task, since)), class_="why"),
        suggestion_block(task.suggestion) if task.suggestion else None,
        tag("div", _rate_figure(task, name), spent_figure(task, name), _numbers(task), class_="live"),
        id=name,
        aria_labelledby=heading,
        class_="task card",
    )


def _rate_figure(task: TaskReport, name: str) -> Markup:
    strip = rate_strip(task)
    even = f"Dashed: break-even, {percent(task.break_even)}."
    words = f"Share of judged attempts that fell back, with its 95 % interval. {even}"
    return tag(
        "figure",
        tag("h3", "Fallback rate over time", id=f"{name}-rate"),
        strip if strip else tag("p", "No attempt was judged yet."),
        tag("figcaption", words) if strip else None,
        aria_labelledby=f"{name}-rate",
        class_="over-time",
    )


def _numbers(task: TaskReport) -> Markup:
    rows: list[tuple[str, Child]] = [
        ("Fallback rate", rate_words(task.fallback_rate)),
        ("Break-even", percent(task.break_even)),
        ("Judged attempts", f"{task.attempts:,} of {task.requests:,}"),
        ("Saved (estimate)", dollars(task.saved.amount)),
        ("Active pins", f"{task.pins_active:,}"),
        *_latencies(task),
    ]
    return facts(rows, "ledger")


def _latencies(task: TaskReport) -> Iterator[tuple[str, Child]]:
    for outcome in TIMED:
        if outcome in task.latency:
            found = task.latency[outcome]
            yield f"{outcome.capitalize()}, p50 – p95", f"{seconds_text(found.p50)} – {seconds_text(found.p95)}"


def _latest(latest: Sequence[Decision], now: datetime) -> Markup:
    return tag(
        "section",
        tag("div", tag("h2", "Latest decisions", id="latest"), class_="title"),
        decisions_table(latest, now, "The newest first") if latest else tag("p", "No decision is recorded yet."),
        tag("p", tag("a", "All decisions", href=f"{PATH}/decisions")),
        aria_labelledby="latest",
        class_="card",
    )
