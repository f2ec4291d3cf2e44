"""The fallback report as a table: one row for each task."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import Box
from rich.console import Group, RenderableType
from rich.text import Text

from qualityroute.records import Reason
from qualityroute.render.safe import safe_text
from qualityroute.render.tables import table
from qualityroute.render.words import UNKNOWN, dollars, moment_text, percent, reason_words
from qualityroute.report import Rate, Report, TaskReport

TOP_REASONS = 3


def report_view(report: Report, box: Box | None = None) -> RenderableType:
    """Attempts, fallback rate, reasons, cost, saving and break-even of each task."""
    since = f" since {moment_text(report.since)}" if report.since else ""
    if not report.tasks:
        return Text(f"Nothing is recorded{since} yet.")
    shown = table(box)
    shown.add_column("task", overflow="fold", min_width=8)
    shown.add_column("attempts", justify="right", min_width=8)
    shown.add_column("fallback rate", min_width=8, max_width=8)
    shown.add_column("top reasons", min_width=18)
    for name, width in (("cost", 7), ("saved", 7), ("break-\neven", 6)):
        shown.add_column(name, justify="right", min_width=width)
    for task in report.tasks.values():
        shown.add_row(
            safe_text(task.task, most=64),
            f"{task.attempts} of {task.requests}",
            rate_text(task.fallback_rate),
            reasons_text(task),
            dollars(task.cost.total),
            saved_text(task),
            percent(task.break_even),
        )
    return Group(shown, Text(""), *_sentences(report), *_suggestions(report), _legend(report, since))


def _sentences(report: Report) -> Iterator[RenderableType]:
    """What each task's numbers mean."""
    for task in report.tasks.values():
        yield safe_text(task.sentence)
    yield Text("")


def _suggestions(report: Report) -> Iterator[RenderableType]:
    for suggestion in report.suggestions:
        yield Text("Suggested:", style="bold")
        for line in suggestion.diff.splitlines():
            yield safe_text(f"  {line}")
        yield Text("")


def rate_text(rate: Rate) -> Text:
    """`38 %` with its 95 % interval; nothing tried, nothing told."""
    if rate.rate is None or rate.low is None or rate.high is None:
        return Text("none tried", style="dim")
    return Text.assemble(percent(rate.rate), (f"\n({100 * rate.low:.0f}–{100 * rate.high:.0f})", "dim"))


def reasons_text(task: TaskReport) -> Text:
    """The commonest reasons, a line each."""
    ordered = sorted(task.by_reason.items(), key=lambda item: (-item[1], item[0]))[:TOP_REASONS]
    return Text("\n").join(Text(f"{count} {reason_words(Reason(reason))}") for reason, count in ordered)


def saved_text(task: TaskReport) -> Text:
    if task.saved.amount is None:
        return Text(UNKNOWN, style="dim")
    lost = task.saved.amount < 0
    share = f"\n({percent(task.saved.share)})" if task.saved.share is not None else ""
    return Text(f"{dollars(task.saved.amount)}{share}", style="red" if lost else "green")


def _legend(report: Report, since: str) -> Text:
    pins = report.pins_active
    held = f"{pins} session{' is' if pins == 1 else 's are'} pinned now"
    counted = f", counted{since}" if since else ""
    return Text(
        f"{held[0].upper()}{held[1:]}{counted}. "
        "Attempts: requests that tried efficiency unpinned and that the gate could judge. "
        "Fallback rate: the share of them that it rejected, with its 95 % interval. "
        "Saved: an estimate, against sending every request to performance. "
        "Break-even: the fallback rate from which trying efficiency first no longer pays.",
        style="dim",
    )
