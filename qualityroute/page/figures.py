"""A task's four figures: each a picture, what it says in words, and its numbers as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from qualityroute.page.amounts import dollars, exact_dollars
from qualityroute.page.course import Course
from qualityroute.page.drawing import Picture, drawn
from qualityroute.page.markup import Child, Markup, joined, tag
from qualityroute.page.rate_chart import NARROW, WIDE, rate_spec
from qualityroute.page.row_chart import Row, rows_spec
from qualityroute.page.tables import table
from qualityroute.quantities import counted
from qualityroute.records import Outcome, Reason
from qualityroute.render.report_view import unaccepted_words
from qualityroute.render.safe import visible
from qualityroute.render.words import UNKNOWN, moment_text, outcome_words, percent, reason_words, seconds_text
from qualityroute.report import Rate, TaskReport

MOST_REASONS = 6
OUTCOME_COLORS = {Outcome.ACCEPTED: "var(--rate)", Outcome.FALLBACK: "var(--loss)", Outcome.PINNED: "var(--change)"}


@dataclass(frozen=True, slots=True)
class Figure:
    """What stands around a picture; without a picture, the words say why there is none."""

    name: str
    heading: str
    picture: Child
    words: Child
    numbers: Markup | None = None


def rate_figure(task: TaskReport, name: str) -> Markup:
    """`name` is unique on the page, here and below."""
    return _shown(_rate(task, f"{name}-rate"))


def reasons_figure(task: TaskReport, name: str) -> Markup:
    return _shown(_reasons(task, f"{name}-reasons"))


def money_figure(task: TaskReport, name: str) -> Markup:
    return _shown(_money(task, f"{name}-money"))


def latency_figure(task: TaskReport, name: str) -> Markup:
    return _shown(_latency(task, f"{name}-latency"))


def _shown(figure: Figure) -> Markup:
    heading = f"{figure.name}-heading"
    numbers = tag("details", tag("summary", "Numbers"), figure.numbers) if figure.numbers else None
    return tag(
        "figure",
        tag("h3", figure.heading, id=heading),
        figure.picture,
        tag("figcaption", figure.words),
        numbers,
        aria_labelledby=heading,
        class_=figure.name.rpartition("-")[2],
    )


def _rate(task: TaskReport, name: str) -> Figure:
    heading = "Fallback rate over time"
    course = Course.of(task.series)
    points = course.points
    if not points:
        return Figure(name, heading, None, tag("p", "No attempt was judged yet, so there is no rate to show."))
    line = task.break_even
    at_break_even = "unknown" if line is None else percent(line)
    says = (
        f"{counted(len(points), 'point')} from {moment_text(points[0].start)}; "
        f"the last is {percent(points[-1].rate.rate)}. "
        f"Break-even is {at_break_even}. Changes of the rate: {len(task.changes)}."
    )
    pictures = [
        drawn(
            Picture(rate_spec(task, course, width), f"{heading} of {visible(task.task, 60)}", says),
            f"{name}-{shown}",
            shown=shown,
        )
        for width, shown in ((WIDE, "wide"), (NARROW, "narrow"))
    ]
    return Figure(name, heading, pictures, [_rate_words(task, course), _changes(task)], _rate_numbers(task, course))


def _rate_words(task: TaskReport, course: Course) -> Markup:
    marks = ("Dots", "Strokes") if course.few else ("Line", "Band")
    band = f"{marks[0]}: share of judged attempts that fell back. {marks[1]}: 95 % interval."
    band += " All within a minute, in their order." if course.brief else ""
    if task.break_even is None:
        return tag("p", band, " No break-even line: costs are unknown.")
    if task.break_even <= 0:
        return tag("p", band, " Trying efficiency costs more than it can save at any rate.")
    return tag("p", band, " Dashed: break-even; in the tinted part above it, trying efficiency loses money.")


def _changes(task: TaskReport) -> Markup | None:
    if not task.changes:
        return None
    told = [
        tag("li", f"{moment_text(change.at)}: from {percent(change.before)} to {percent(change.after)}")
        for change in task.changes
    ]
    return joined(tag("p", "The rate of sessions' first attempts changed where the numbers stand:"), tag("ol", told))


def _rate_numbers(task: TaskReport, course: Course) -> Markup:
    rows = [
        (moment_text(start), percent(rate.rate), _interval(rate), f"{rate.count} of {rate.of}")
        for start, rate in ((point.start, point.rate) for point in course.points)
    ]
    return table(
        f"Fallback rate over time, {visible(task.task, 60)}", ("from", "rate", "95 % interval", "fallbacks"), rows
    )


def _interval(rate: Rate) -> str:
    return UNKNOWN if rate.low is None or rate.high is None else f"{100 * rate.low:.0f}–{100 * rate.high:.0f} %"


def _reasons(task: TaskReport, name: str) -> Figure:
    heading = "Why it fell back"
    found = sorted(task.by_reason.items(), key=lambda item: (-item[1], item[0]))
    total = sum(task.by_reason.values())
    if not total:
        return Figure(name, heading, None, tag("p", "Nothing fell back."))
    told = [(_reason(reason), count) for reason, count in found if count]
    kept = told if len(told) <= MOST_REASONS else [*told[: MOST_REASONS - 1], _others(told[MOST_REASONS - 1 :])]
    rows = [Row(label, f"{count} · {percent(count / total)}", 0, count / total, "var(--loss)") for label, count in kept]
    numbers = [(label, str(count), percent(count / total)) for label, count in told]
    return Figure(
        name,
        heading,
        _bars(rows, heading, task, name, whole=1),
        tag("p", f"Shares {unaccepted_words(task)}."),
        table(f"{heading}, {visible(task.task, 60)}", ("reason", "times", "share"), numbers),
    )


def _reason(reason: str) -> str:
    """A newer ledger may know reasons that this page does not."""
    return reason_words(Reason(reason)) if reason in set(Reason) else visible(reason, 60)


def _others(rest: Sequence[tuple[str, int]]) -> tuple[str, int]:
    return f"{len(rest)} other reasons", sum(count for _, count in rest)


def _money(task: TaskReport, name: str) -> Figure:
    heading = "What it cost"
    parts = cost_parts(task)
    numbers = [(label, exact_dollars(amount)) for label, amount, _ in parts]
    sums = [("spent in all", task.cost.total), ("all on performance (estimate)", task.saved.against)]
    numbers += [(label, exact_dollars(amount)) for label, amount in sums]
    rows = [*_staircase(parts), *(_sum_row(label, amount, estimated="estimate" in label) for label, amount in sums)]
    return Figure(
        name,
        heading,
        _bars(rows, heading, task, name),
        tag("p", saved_words(task)),
        table(f"{heading}, {visible(task.task, 60)}", ("part", "US dollars"), numbers),
    )


def cost_parts(task: TaskReport) -> list[tuple[str, Decimal | None, str]]:
    """What was spent, part by part: its name, USD, and its colour."""
    cost = task.cost
    parts: list[tuple[str, Decimal | None, str]] = [
        ("efficiency", cost.efficiency, "var(--rate)"),
        ("judge", cost.judge, "var(--even)"),
        ("performance", cost.performance, "var(--change)"),
    ]
    if cost.peers:
        parts.insert(2, ("peers", cost.peers, "var(--good)"))
    if cost.likening:
        parts.append(("likening", cost.likening, "var(--good)"))
    return [*parts, ("audit", cost.audit, "var(--quiet)")] if cost.audit else parts


def _staircase(parts: Sequence[tuple[str, Decimal | None, str]]) -> Iterator[Row]:
    """Each part begins where the one before it ends, so that they are seen to add up."""
    reached = 0.0
    for label, amount, color in parts:
        end = reached + float(amount or 0)
        yield Row(label, dollars(amount), reached, end, color)
        reached = end


def _sum_row(label: str, amount: Decimal | None, *, estimated: bool) -> Row:
    return Row(label, dollars(amount), 0, float(amount or 0), "var(--ink)", estimated)


def saved_words(task: TaskReport) -> str:
    """What was saved or lost against all on performance, and what no sum has."""
    saved, cut = task.saved, task.cost.cut_off
    unsure = f" {counted(cut, 'call')} got no answer and may still be billed; no sum has them." if cut else ""
    if saved.amount is None:
        return f"What was saved is unknown: a price is missing. Unknown parts have no bar.{unsure}"
    share = f" ({percent(abs(saved.share))})" if saved.share is not None else ""
    did = "Saved" if saved.amount >= 0 else "Lost"
    amount = f"{did} {dollars(abs(saved.amount))}{share}"
    return f"{amount} against sending every request to performance: an estimate.{unsure}"


def _latency(task: TaskReport, name: str) -> Figure:
    heading = "How long it took"
    if not task.latency:
        return Figure(name, heading, None, tag("p", "No time was measured yet."))
    rows, numbers = [], []
    for outcome in sorted(task.latency, key=list(Outcome).index):
        found = task.latency[outcome]
        low, high = seconds_text(found.p50), seconds_text(found.p95)
        color = OUTCOME_COLORS.get(outcome, "var(--quiet)")
        rows.append(
            Row(
                f"{outcome} · {found.count:,}",
                low if low == high else f"{low} – {high}",
                found.p50,
                found.p95,
                color,
                ranged=True,
            )
        )
        numbers.append((outcome_words(outcome), f"{found.count:,}", low, high))
    return Figure(
        name,
        heading,
        _bars(rows, heading, task, name),
        tag("p", "Dot: half of the requests were faster (p50). Stroke: 95 of 100 were (p95)."),
        table(f"{heading}, {visible(task.task, 60)}", ("outcome", "requests", "p50", "p95"), numbers),
    )


def _bars(rows: Sequence[Row], heading: str, task: TaskReport, name: str, whole: float | None = None) -> Markup:
    says = "; ".join(f"{row.label}: {row.amount}" for row in rows)
    return drawn(Picture(rows_spec(rows, whole), f"{heading}: {visible(task.task, 60)}", says), name)
