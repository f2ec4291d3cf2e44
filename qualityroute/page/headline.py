"""What a person wants to know first: how many tasks, what was spent and saved, who is pinned, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from qualityroute.page.amounts import dollars
from qualityroute.page.badges import spaced, state_badge
from qualityroute.page.markup import Child, Markup, stranger, tag
from qualityroute.page.tables import facts, stacking_table
from qualityroute.page.task_section import MOST_OF_A_NAME, rate_words, suggestion_block
from qualityroute.quantities import counted
from qualityroute.render.report_view import OF_ALL_TIME, where_words
from qualityroute.render.words import moment_text, percent
from qualityroute.report import Report, TaskReport
from qualityroute.signal import State


def headline(report: Report, title: str) -> Markup:
    return tag("header", tag("h1", stranger(title)), tag("p", counted_words(report)))


def counted_words(report: Report) -> list[Child]:
    """Which time the page is of, and what on it is of another."""
    at = tag("time", moment_text(report.at), datetime=report.at.isoformat())
    return [f"Counted {since_words(report.since)}, as of ", at, f"; {OF_ALL_TIME}." if report.since else "."]


def since_words(since: datetime | None) -> str:
    return f"since {moment_text(since)}" if since else "since the first record"


def overview(report: Report, names: Iterable[str]) -> Markup:
    """The sums, the tasks at a glance, and suggestions that concern all tasks."""
    tasks = list(report.tasks.values())
    if not tasks:
        return tag("p", "Nothing is recorded yet. The report fills as requests are routed.", class_="card empty")
    own = [task.suggestion for task in tasks]
    general = [suggestion for suggestion in report.suggestions if suggestion not in own]
    return tag(
        "section",
        tag("h2", "At a glance", id="glance"),
        facts(_sums(report, tasks), class_="sums"),
        [tag("p", note, class_="unknown") for note in _unknowns(tasks)],
        _glance(tasks, names),
        [suggestion_block(suggestion) for suggestion in general],
        aria_labelledby="glance",
        class_="card",
    )


def _sums(report: Report, tasks: list[TaskReport]) -> list[tuple[str, Child]]:
    states = Counter(task.state for task in tasks)
    told = ", ".join(f"{states[state]} {spaced(state).lower()}" for state in State if states[state])
    spent, saved = _sum(task.cost.total for task in tasks), _sum(task.saved.amount for task in tasks)
    against = _sum(task.saved.against for task in tasks)
    share = percent(float(saved / against)) if saved is not None and against else ""
    pins = report.pins_active
    return [
        ("Tasks", _sum_text(str(len(tasks)), told)),
        ("Spent", _sum_text(dollars(spent), _known_part(tasks) if spent is None else "in US dollars, all calls")),
        ("Saved, an estimate", _sum_text(dollars(saved), f"{share} against all on performance".strip())),
        ("Active pins", _sum_text(f"{pins:,}", "sessions held on performance now")),
    ]


def _sum_text(value: str, small: str) -> Child:
    return [tag("strong", value), tag("span", small)]


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    found = list(amounts)
    known = [amount for amount in found if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(found) else None


def _known_part(tasks: list[TaskReport]) -> str:
    known = [task.cost.total for task in tasks if task.cost.total is not None]
    return f"{dollars(sum(known, Decimal(0)))} of it is known" if known else "no task's cost is known"


def _unknowns(tasks: list[TaskReport]) -> Iterable[Child]:
    without = [task for task in tasks if task.cost.total is None]
    if without:
        yield [
            f"The costs of {counted(len(without), 'task')} are unknown, and so are the sums: add ",
            tag("code", "[[prices]]"),
            " for the models.",
        ]
    cut = sum(task.cost.cut_off for task in tasks)
    if cut:
        yield f"{counted(cut, 'call')} got no answer and may still be billed; no sum has them."


def _glance(tasks: list[TaskReport], names: Iterable[str]) -> Markup:
    rows: list[list[Child]] = [
        [
            [
                tag("a", stranger(task.task, MOST_OF_A_NAME), href=f"#{name}"),
                " ",
                state_badge(task.state, where_words(task)),
            ],
            dollars(task.saved.amount),
            dollars(task.cost.total),
            rate_words(task.fallback_rate),
            percent(task.break_even),
            f"{task.pins_active:,}",
        ]
        for task, name in zip(tasks, names, strict=True)
    ]
    columns = ("task", "saved (est.)", "spent", "fallback rate", "break-even", "pins")
    return stacking_table("Tasks", columns, rows)
