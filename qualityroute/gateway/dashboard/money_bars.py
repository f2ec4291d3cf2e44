"""What a task cost, part by part, against what all its requests would have cost on the performance tier."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from qualityroute.page.amounts import dollars
from qualityroute.page.figures import cost_parts, saved_words
from qualityroute.page.markup import Markup, tag
from qualityroute.page.strips import Part, bar
from qualityroute.report import TaskReport


def spent_figure(task: TaskReport, name: str) -> Markup:
    """`name` is unique on the page."""
    parts, total, against = cost_parts(task), task.cost.total, task.saved.against
    known = sum((amount for _, amount, _ in parts if amount), Decimal(0))
    whole = max(known, against or Decimal(0)) or Decimal(1)
    spent = [Part(float((amount or 0) / whole), color) for _, amount, color in parts]
    rows = [_row("Spent", total, bar(spent, f"Spent: {_told(parts)}"))]
    if against is not None:
        outline = [Part(float(against / whole), "var(--ink)", outlined=True)]
        rows.append(_row("All on performance (est.)", against, bar(outline, f"Estimate: {dollars(against)}")))
    return tag(
        "figure",
        tag("h3", "Money", id=f"{name}-money"),
        rows,
        tag("ul", list(_legend(parts)), class_="legend"),
        tag("figcaption", saved_words(task)),
        aria_labelledby=f"{name}-money",
        class_="spent",
    )


def _row(label: str, amount: Decimal | None, drawn: Markup) -> Markup:
    return tag("div", tag("p", tag("span", label), tag("strong", dollars(amount))), drawn, class_="amount")


def _legend(parts: list[tuple[str, Decimal | None, str]]) -> Iterator[Markup]:
    for label, amount, color in parts:
        square = tag("svg", tag("rect", width=10, height=10, rx=2, fill=color), viewBox="0 0 10 10", aria_hidden="true")
        yield tag("li", square, f"{label} {dollars(amount)}")


def _told(parts: list[tuple[str, Decimal | None, str]]) -> str:
    return ", ".join(f"{label} {dollars(amount)}" for label, amount, _ in parts)
