"""A judge's health as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.box import Box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from qualityroute.judge_health import Bill, Repeated, SelfTest, Spent
from qualityroute.quantities import counted
from qualityroute.render.safe import safe_text
from qualityroute.render.tables import facts, table
from qualityroute.render.words import dollars, percent
from qualityroute.report import Rate

_NONE = "-"


def selftest_view(task: str, found: SelfTest, bill: Bill, box: Box | None = None) -> RenderableType:
    """Detection by corruption and by criterion, false alarms, flips, warnings, cost."""
    answers = counted(found.answers, "accepted answer")
    heading = Text.assemble("Judge of ", safe_text(task, "bold", most=64), f" on {answers}")
    warned = [Text.assemble(("weak  ", "yellow"), safe_text(warning)) for warning in found.warnings]
    noted = [Text.assemble(("note  ", "dim"), safe_text(note)) for note in found.notes]
    said = [*(warned or [Text("No weak spot was found.", "green")]), *noted, Text("")]
    parts = (_detections(found, box), Text(""), Text("Answered no, by criterion:"), _criteria(found, box))
    return Group(heading, Text(""), *parts, Text(""), *said, facts(list(_selftest_facts(found, bill))))


def repeat_view(task: str, found: Repeated, bill: Bill, box: Box | None = None) -> RenderableType:
    """How often the ruling changed, how far the score moved, and by criterion."""
    heading = Text.assemble("Judge of ", safe_text(task, "bold", most=64), f": {counted(found.answers, 'answer')}, ")
    heading.append(f"each judged {counted(found.times, 'time')}")
    shown = table(box)
    shown.add_column("criterion", overflow="fold")
    shown.add_column("both yes and no", justify="right")
    shown.add_column("spread of p(yes)", justify="right")
    for name, criterion in found.criteria.items():
        shown.add_row(safe_text(name), _rate(criterion.flips), _number(criterion.spread))
    return Group(heading, Text(""), facts(list(_repeat_facts(found, bill))), Text(""), shown)


def _detections(found: SelfTest, box: Box | None) -> Table:
    shown = table(box)
    shown.add_column("what was done", overflow="fold", min_width=12)
    for name in ("judge\nalone", "free\nchecks", "whole\ngate", "judge, where\nfree checks pass"):
        shown.add_column(name, justify="right")
    for one in found.detections:
        if one.twins:
            rates = (one.judge, one.free, one.gate, one.left_to_judge)
            shown.add_row(one.corruption.words, *map(_rate, rates))
    return shown


def _criteria(found: SelfTest, box: Box | None) -> Table:
    shown = table(box)
    shown.add_column("what was done", overflow="fold", min_width=12)
    for name in found.alarms_by_criterion:
        shown.add_column(safe_text(name), justify="right", overflow="fold")
    shown.add_column("orders\nseen", justify="right")
    shown.add_row("nothing", *_counts(found.alarms_by_criterion), _NONE)
    for one in found.detections:
        if one.twins:
            shown.add_row(one.corruption.words, *_counts(one.criteria), str(one.injections))
    return shown


def _selftest_facts(found: SelfTest, bill: Bill) -> Iterator[tuple[str, RenderableType]]:
    yield "false alarms", Text(f"{_told(found.false_alarms, 'untouched answer')} got a no")
    flips = f"{_told(found.flips, 'untouched answer')} got both rulings"
    yield "flips", Text(f"{flips} in {counted(found.repeats, 'verdict')}")
    absent = [one.corruption.words for one in found.detections if not one.twins]
    if absent:
        yield "not applicable", Text(", ".join(absent))
    if found.untested:
        yield "untested", safe_text(f"{', '.join(found.untested)}: nothing that was done here is what they ask about")
    yield from _trouble(found.troubles)
    yield "cost", Text(_cost(bill))


def _repeat_facts(found: Repeated, bill: Bill) -> Iterator[tuple[str, RenderableType]]:
    yield "rejected", Text(_told(found.rejected, "verdict"))
    yield "flips", Text(f"{_told(found.flips, 'answer')} got both rulings")
    near = f"with a mean score within .15 of the threshold, {found.threshold:g}"
    yield "near", Text(f"{_told(found.near, 'answer')} {near}")
    yield "far", Text(_told(found.far, "other"))
    yield "two verdicts", Text(f"{percent(found.changes)} chance that two on one answer differ")
    yield "score", Text(f"standard deviation {_number(found.spread)}, widest difference {_number(found.widest)}")
    yield from _trouble(found.troubles)
    yield "cost", Text(_cost(bill))


def _trouble(troubles: Mapping[str, int]) -> Iterator[tuple[str, RenderableType]]:
    if troubles:
        causes = ", ".join(f"{count} {cause}" for cause, count in troubles.items())
        yield "no verdict", safe_text(f"{counted(sum(troubles.values()), 'time')}: {causes}; in no rate above")


def _rate(rate: Rate) -> str:
    """`18/20`, and its 95 % interval below."""
    return _NONE if rate.low is None else f"{rate.count}/{rate.of}\n{_interval(rate)}"


def _counts(rates: Mapping[str, Rate]) -> list[str]:
    return [_rate(rate) for rate in rates.values()]


def _told(rate: Rate, what: str) -> str:
    """`2 of 20 answers (3–30 %)`."""
    return f"{rate.count:,} of {counted(rate.of, what)}" + (f" {_interval(rate)}" if rate.of else "")


def _interval(rate: Rate) -> str:
    return "" if rate.low is None or rate.high is None else f"({100 * rate.low:.0f}–{100 * rate.high:.0f} %)"


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.2f}"


def _cost(bill: Bill) -> str:
    answering = f", {_spent(bill.answering)} for answering the inputs first" if bill.answering.calls else ""
    return f"{_spent(bill.judging)} for {counted(bill.judging.calls, 'call')} of the judge{answering}"


def _spent(spent: Spent) -> str:
    return dollars(spent.known) + (f" and {counted(spent.unknown, 'call')} at unknown cost" if spent.unknown else "")
