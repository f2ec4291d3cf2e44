"""The fallback report: a table with one row for each task, then what there is to say of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.box import Box
from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.text import Text

from qualityroute.budgets import Filling
from qualityroute.quantities import counted
from qualityroute.records import Reason
from qualityroute.render.safe import safe_text
from qualityroute.render.tables import Stacking, facts, table
from qualityroute.render.words import UNKNOWN, dollars, moment_text, percent, reason_words
from qualityroute.report import Rate, RateChange, Report, Suggestion, TaskReport
from qualityroute.signal import Flag, State
from qualityroute.tier_check import Standing, sentence

WIDEST_PROSE = 110
"""Longer lines are hard to read, however wide the screen is."""
OF_ALL_TIME = "states, their evidence and break-even are of all time"
TOP_REASONS = 4

_STATES: dict[State, tuple[str, str]] = {
    State.MISCLASSIFIED: ("MISCLASSIFIED", "bold red"),
    State.HEALTHY: ("HEALTHY", "green"),
    State.BREAK_EVEN: ("BREAK EVEN", "yellow"),
    State.INSUFFICIENT: ("INSUFFICIENT", "dim"),
    State.COULD_TRY_EFFICIENCY: ("COULD TRY EFFICIENCY", "cyan"),
}
_FLAGS: dict[Flag, tuple[str, str]] = {
    Flag.CHANGED: ("CHANGED", "yellow"),
    Flag.UNCERTIFIED: ("UNCERTIFIED", "dim"),
    Flag.REVOKED: ("REVOKED", "red"),
}


def report_view(report: Report, box: Box | None = None) -> RenderableType:
    """State, fallback rate, break-even, cost and saving of each task, and what to change."""
    since = f" since {moment_text(report.since)}" if report.since else ""
    if not report.tasks:
        return Text(f"Nothing is recorded{since} yet.")
    blocks = (*_blocks(report), *map(_budget, report.budgets))
    parts = [_table(report, box), Text(""), *blocks, _prose(_legend(report, since)), Text("")]
    return Group(*parts, *([suggestions_view(report.suggestions)] if report.suggestions else []))


def suggestions_view(suggestions: Sequence[Suggestion]) -> RenderableType:
    """What to change in the configuration, as one TOML diff."""
    lines = [Text("Suggested change of the configuration:", style="bold")]
    lines += [_diff_line(line) for suggestion in suggestions for line in suggestion.diff.splitlines()]
    return Group(*lines)


def state_text(state: State) -> Text:
    words, style = _STATES[state]
    return Text(words, style=style)


def where_words(task: TaskReport) -> str:
    """HEALTHY says that a task belongs where it is: beside money lost elsewhere it must say where that is."""
    return f" on {task.tier}" if task.state is State.HEALTHY and task.tier != UNKNOWN else ""


def flag_text(flag: Flag) -> Text:
    words, style = _FLAGS[flag]
    return Text(words, style=style)


def rate_text(rate: Rate) -> Text:
    """`38 %` with its 95 % interval; nothing tried, nothing told."""
    if rate.rate is None or rate.low is None or rate.high is None:
        return Text("none tried", style="dim")
    return Text.assemble(percent(rate.rate), (f"\n({100 * rate.low:.0f}–{100 * rate.high:.0f})", "dim"))


def reasons_text(task: TaskReport) -> Text:
    """The commonest reasons, the commonest first, and what they are reasons of: of more than judged attempts."""
    ordered = sorted(task.by_reason.items(), key=lambda item: (-item[1], item[0]))
    told = [f"{reason_words(Reason(reason))} ({count:,})" for reason, count in ordered[:TOP_REASONS]]
    rest = sum(count for _, count in ordered[TOP_REASONS:])
    return Text(f"{unaccepted_words(task)}: {', '.join(told + ([f'others ({rest:,})'] if rest else []))}")


def unaccepted_words(task: TaskReport) -> str:
    """Whose reasons are told: endpoints in trouble are among them, and in no rate."""
    return f"of {counted(sum(task.by_reason.values()), 'request')} without an accepted efficiency answer"


def saved_text(task: TaskReport) -> Text:
    if task.saved.amount is None:
        return Text(UNKNOWN, style="dim")
    share = f"\n({percent(task.saved.share)})" if task.saved.share is not None else ""
    return Text(f"{dollars(task.saved.amount)}{share}", style="red" if task.saved.amount < 0 else "green")


def _table(report: Report, box: Box | None) -> Stacking:
    shown = table(box)
    shown.add_column("task", overflow="fold", min_width=8)
    shown.add_column("state", min_width=13, overflow="fold")
    shown.add_column("attempts", justify="right", min_width=8, overflow="fold")
    for name, width in (("fallback\nrate", 8), ("break-\neven", 7), ("cost", 7), ("saved", 8)):
        shown.add_column(name, justify="right", min_width=width, overflow="fold")
    for task in report.tasks.values():
        shown.add_row(
            safe_text(task.task, most=64),
            Text.assemble(state_text(task.state), where_words(task).replace(" ", "\n", 1)),
            f"{task.attempts:,} of {task.requests:,}",
            rate_text(task.fallback_rate),
            percent(task.break_even),
            dollars(task.cost.total),
            saved_text(task),
        )
    return Stacking(shown)


def _blocks(report: Report) -> Iterator[RenderableType]:
    for task in report.tasks.values():
        yield _block_heading(task)
        yield _prose(Padding(safe_text(task.sentence), (0, 0, 0, 2)))
        yield _prose(facts(list(_facts(task, report.since))))
        yield Text("")


def _block_heading(task: TaskReport) -> Text:
    flags = [part for flag in task.flags for part in (Text(", "), flag_text(flag))]
    return Text.assemble(safe_text(task.task, "bold", most=64), ": ", state_text(task.state), where_words(task), *flags)


def _facts(task: TaskReport, since: datetime | None) -> Iterator[tuple[str, RenderableType]]:
    """What there is to say; nothing is said of what did not happen."""
    if task.why:
        yield "evidence", safe_text(_sentence(evidence_words(task, since)))
    if task.by_reason:
        yield "top reasons", reasons_text(task)
    if task.judge.judged or task.judge.errors:
        yield "judge", Text(" ".join(filter(None, (task.judge.sentence, _judge_errors(task)))))
    if task.agreement:
        yield "agreement", Text(task.agreement)
    if task.certificate is not None:
        yield "certificate", safe_text(task.certificate.sentence)
    if task.audits is not None:
        yield "audits", Text(task.audits.sentence)
    if task.cache is not None:
        yield "cache", Text(task.cache.sentence)
    if task.learning is not None:
        yield "auto tier", Text(task.learning.sentence, style="yellow" if task.learning.worth_it is False else "")
    if task.head_starts is not None:
        yield "head starts", Text(task.head_starts.sentence)
    if (warning := tier_warning(task)) is not None:
        yield "tiers", safe_text(warning, "yellow")
    if task.pins.held:
        yield "pins", Text(task.pins.sentence)
    for change in task.changes:
        yield "changed", _change(change)
    if task.cost.cut_off:
        yield "unknown", Text(_cut_off(task.cost.cut_off))


def evidence_words(task: TaskReport, since: datetime | None) -> str:
    """What the state rests on; it does not begin where the report does, which must be said where they differ."""
    if not task.why or since is None:
        return task.why
    return f"{'since the rate last changed' if task.changes else 'of all time'}: {task.why}"


def tier_warning(task: TaskReport) -> str | None:
    """That performance is not shown to be better by what people say; `None` where it is, or where nobody says."""
    if task.tiers is None or task.tiers.standing in (Standing.BETTER, Standing.UNKNOWN):
        return None
    return f"{sentence(task.tiers, task.task)} See check-tiers."


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _judge_errors(task: TaskReport) -> str:
    if not task.judge.errors:
        return ""
    causes = ", ".join(f"{count} {cause}" for cause, count in task.judge.errors.items())
    return f"It could not judge {_times(sum(task.judge.errors.values()))}: {causes}."


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _change(change: RateChange) -> Text:
    way = "rose" if change.after > change.before else "fell"
    return Text.assemble(
        f"On {moment_text(change.at)} the rate of first attempts {way} from ",
        (f"{percent(change.before)} to {percent(change.after)}", "bold"),
        "; the evidence counts from there.",
    )


def _cut_off(calls: int) -> str:
    cost = "it cost" if calls == 1 else "they cost"
    return f"{counted(calls, 'call')} got no answer but may be billed; what {cost} is in no sum."


def _budget(filling: Filling) -> Text:
    """How much of it is gone today."""
    pot = filling.pot
    whose = (" of ", safe_text(pot.name, "bold", most=64)) if pot.name else ()
    reserved = f", {dollars(filling.reserved)} reserved" if filling.reserved else ""
    spent = f": {dollars(filling.spent)} of {dollars(pot.limit)} spent{reserved}"
    style = "red" if filling.spent + filling.reserved >= pot.limit else ""
    return Text.assemble("Budget today (UTC)", *whose, (spent, style))


def _diff_line(line: str) -> Text:
    return safe_text(f"  {line}", {"+": "green", "-": "red"}.get(line[:1], ""))


def _prose(text: RenderableType) -> RenderableType:
    return Constrain(text, WIDEST_PROSE)


def _legend(report: Report, since: str) -> Text:
    pins = report.pins_active
    held = f"{counted(pins, 'session')} {'is' if pins == 1 else 'are'} pinned now"
    begun = f", counted{since}; {OF_ALL_TIME}" if since else ""
    return Text(
        f"{held}{begun}. "
        "Attempts: all requests that tried efficiency unpinned and that the gate could judge. "
        "Fallback rate: the share of them that it rejected, with its 95 % interval. "
        "Break-even: the fallback rate from which trying efficiency first no longer pays. "
        "Saved: an estimate, against sending every request to performance. "
        "Evidence: what closed sessions prove, each by its attempts up to the first failure (at most four); "
        "it may be looked at any number of times.",
        style="dim",
    )
