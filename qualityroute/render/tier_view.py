"""What `baseline compare` found: the gate's confusion, qualities, costs, the curve, and answers that differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Any

from rich.box import Box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from qualityroute.labels import Label
from qualityroute.quantities import counted
from qualityroute.records import Reason
from qualityroute.render.json_lines import money_text
from qualityroute.render.quality_figure import QualityFigure, quality_figure
from qualityroute.render.safe import safe_text
from qualityroute.render.tables import facts, table
from qualityroute.render.text_plot import sign_text, text_plot
from qualityroute.render.words import UNKNOWN, dollars, percent, reason_words
from qualityroute.tier_comparison import TierComparison

MOST_DIFFERING = 5
MOST_FIELDS = 3


@dataclass(frozen=True, slots=True)
class TierFindings:
    """A comparison, and what it is to be read against."""

    task: str
    comparison: TierComparison
    alpha: float
    delta: float
    in_use: float | None = None
    """The threshold that the gate accepts at; `None` without a judge."""
    certified: float | None = None

    @property
    def figure(self) -> QualityFigure | None:
        return quality_figure(self.comparison, in_use=self.in_use, certified=self.certified)


def tier_view(found: TierFindings, box: Box | None = None, *, fancy: bool = True) -> RenderableType:
    """For a person to read; `fancy`: with characters beyond ASCII in the drawing."""
    comparison, name = found.comparison, safe_text(found.task, "bold", most=64)
    if not comparison.cases:
        return Group(Text.assemble(name, ": no labelled answer yet."), *_uncompared(comparison))
    heading = Text.assemble(name, f": {counted(len(comparison.cases), 'answer')} of the efficiency tier labelled.")
    return Group(
        heading,
        *_meaning(comparison),
        *_uncompared(comparison),
        Padding(_confusion(comparison, box), (1, 0, 1, 2)),
        facts(list(_facts(found))),
        *_plot(found, fancy=fancy),
        *_differing(comparison),
    )


def tier_json(found: TierFindings) -> dict[str, Any]:
    """The same for programs. On the curve a threshold of `null` accepts nothing, and one of -1 even what a free check
    rejects; any other `null` is unknown or undefined.
    """
    comparison, confusion, spending = found.comparison, found.comparison.confusion, found.comparison.spending
    return {
        "cases": len(comparison.cases),
        "uncompared": comparison.uncompared,
        "by_people": comparison.by_people,
        "agreement_only": comparison.agreement_only,
        "confusion": {
            "accepted_right": confusion.accepted_good,
            "accepted_wrong": confusion.accepted_bad,
            "rejected_right": confusion.rejected_good,
            "rejected_wrong": confusion.rejected_bad,
        },
        "false_accept_risk": confusion.risk,
        "false_accept_risk_bound": confusion.risk_bound(found.delta) if confusion.accepted else None,
        "alpha": found.alpha,
        "delta": found.delta,
        "false_accept_rate": confusion.false_accept_rate,
        "false_reject_rate": confusion.false_reject_rate,
        "coverage": confusion.coverage,
        "rejected_by": {reason or UNKNOWN: count for reason, count in comparison.reasons},
        "cost_per_request": {
            "efficiency": _money(spending.efficiency),
            "cascade": _money(spending.cascade),
            "performance": _money(spending.performance),
        },
        "saved": spending.saved,
        "quality": {
            "efficiency": comparison.efficiency_quality,
            "cascade": comparison.cascade_quality,
            "performance": comparison.performance_quality,
        },
        "pgr": comparison.pgr,
        "apgr": comparison.apgr,
        "excess_error": comparison.excess_error,
        "threshold": found.in_use,
        "certified_threshold": found.certified,
        "curve": [
            {
                "threshold": point.threshold if isfinite(point.threshold) else None,
                "quality": point.quality,
                "performance_share": point.performance_share,
                "cost": _money(point.cost),
            }
            for point in comparison.curve
        ],
        "differing": [
            {
                "id": label.input_id,
                "decision": label.decision_id,
                "accepted": label.accepted,
                "differences": list(label.differences),
            }
            for label in comparison.differing
        ],
    }


def _money(amount: Decimal | None) -> str | None:
    """To a millionth of a millionth: a mean has no last digit."""
    return money_text(None if amount is None else round(amount, 12))


def _meaning(comparison: TierComparison) -> Iterator[Text]:
    if comparison.agreement_only:
        right = "equal to the performance tier's answer, as the rubric compares"
        yield Text(f"Right means here: {right}. So the performance tier is right by definition.", style="dim")
    elif comparison.by_people < len(comparison.cases):
        agreement = "in the others, right means equal to the performance tier's answer, as the rubric compares"
        yield Text(f"People say what is right in {comparison.by_people:,} of them; {agreement}.", style="dim")
    else:
        yield Text("People say what is right in all of them.", style="dim")


def _uncompared(comparison: TierComparison) -> Iterator[Text]:
    if comparison.uncompared:
        count = counted(comparison.uncompared, "answer")
        yield Text(
            f"{count} could not be compared: long texts in other words may say the same. Let people label them: "
            "`qualityroute baseline import`.",
            style="yellow",
        )


def _confusion(comparison: TierComparison, box: Box | None) -> Table:
    found, shown = comparison.confusion, table(box)
    shown.add_column("")
    for name in ("right", "wrong"):
        shown.add_column(name, justify="right", min_width=7)
    shown.add_row("accepted", f"{found.accepted_good:,}", Text(f"{found.accepted_bad:,}", style="red"))
    shown.add_row("rejected", f"{found.rejected_good:,}", f"{found.rejected_bad:,}")
    return shown


def _facts(found: TierFindings) -> Iterator[tuple[str, RenderableType]]:
    comparison, confusion, spending = found.comparison, found.comparison.confusion, found.comparison.spending
    yield "false-accept risk", Text(_risk(found))
    if confusion.false_accept_rate is not None:
        yield "false-accept rate", Text(f"{_fine(confusion.false_accept_rate)} of the wrong answers were accepted")
    if confusion.false_reject_rate is not None:
        yield "false-reject rate", Text(f"{_fine(confusion.false_reject_rate)} of the right answers were rejected")
    yield "coverage", Text(f"{_fine(confusion.coverage)} accepted")
    if comparison.reasons:
        yield "rejected by", Text(", ".join(f"{_reason(reason)} ({count:,})" for reason, count in comparison.reasons))
    quality = (
        f"efficiency {_fine(comparison.efficiency_quality)}, with gate and fallback "
        f"{_fine(comparison.cascade_quality)}, performance {_fine(comparison.performance_quality)}"
    )
    yield "right answers", Text(quality)
    yield from _gap(comparison)
    cost = (
        f"efficiency with gate {dollars(spending.efficiency)}, with fallback {dollars(spending.cascade)}, "
        f"all performance {dollars(spending.performance)}"
    )
    yield "per request", Text(cost)
    yield "saved", Text(f"{_fine(spending.saved)} of all performance" if spending.saved is not None else UNKNOWN)


def _risk(found: TierFindings) -> str:
    confusion = found.comparison.confusion
    if confusion.risk is None:
        return "none was accepted"
    bound = f"at most {_fine(confusion.risk_bound(found.delta))} with confidence {percent(1 - found.delta)}"
    return f"{_fine(confusion.risk)} of the accepted answers are wrong, {bound} (alpha is {_fine(found.alpha)})"


def _gap(comparison: TierComparison) -> Iterator[tuple[str, RenderableType]]:
    if comparison.pgr is not None and comparison.apgr is not None:
        over_all = f"over all thresholds (APGR) {comparison.apgr:.2f}, where a coin flip has 0.50"
        yield "gap recovered", Text(f"PGR {comparison.pgr:.2f}; {over_all}")
    elif comparison.excess_error is not None:
        why = "the tiers hardly differ, so no PGR is told"
        yield "excess error", Text(f"{_fine(comparison.excess_error)} more wrong answers than performance; {why}")


def _plot(found: TierFindings, *, fancy: bool) -> Iterator[RenderableType]:
    figure = found.figure
    if figure is None:
        return
    yield Text("\nRight answers against cost, over all thresholds:" if figure.by_cost else _WITHOUT_COSTS)
    yield Text("\n".join(text_plot(figure, fancy=fancy)), no_wrap=True)
    signs = ", ".join(f"{sign_text(mark.sign, fancy=fancy)} {mark.name}" for mark in figure.marks)
    yield Padding(Text(f"{signs}; dotted: a coin flip between the tiers", style="dim"), (0, 0, 0, 9))


_WITHOUT_COSTS = "\nRight answers against performance calls, since costs are unknown, over all thresholds:"


def _differing(comparison: TierComparison) -> Iterator[RenderableType]:
    wrong = comparison.differing
    if not wrong:
        return
    yield Text(f"\nWrong answers ({len(wrong):,}), accepted ones first; `qualityroute explain ID` tells their story:")
    for label in wrong[:MOST_DIFFERING]:
        yield Padding(_one(label), (0, 0, 0, 2))
    if len(wrong) > MOST_DIFFERING:
        yield Text(f"  and {len(wrong) - MOST_DIFFERING:,} more; --json has all")


def _one(label: Label) -> Text:
    done = ("accepted", "red") if label.accepted else ("rejected", "dim")
    told = sorted(label.differences, key=lambda text: "critical" not in text.rpartition("(")[2])  # those decide
    shown = "; ".join(told[:MOST_FIELDS]) or "it broke its form or schema, or people said so"
    rest = len(label.differences) - MOST_FIELDS
    more = f"; and {rest} more" if rest > 0 else ""
    return Text.assemble(
        safe_text(label.input_id or "", "bold", most=64), " ", done, f" {label.decision_id}: ", safe_text(shown), more
    )


def _reason(reason: Reason | None) -> str:
    return UNKNOWN if reason is None else reason_words(reason)


def _fine(share: float | None) -> str:
    """With a digit behind the point below a tenth, where it matters."""
    if share is None or abs(share) >= 0.1 or share == 0:
        return percent(share)
    return f"{100 * share:.1f} %"
