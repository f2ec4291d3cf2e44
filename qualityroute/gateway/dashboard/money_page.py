"""Money: by task and tier, day by day, what is left of budgets, and what was saved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby

from qualityroute.budgets import Filling, Scope
from qualityroute.config import Budget
from qualityroute.gateway.dashboard.doorkeeper import PATH
from qualityroute.gateway.dashboard.layout import Page
from qualityroute.gateway.dashboard.tasks_page import period_links
from qualityroute.page.amounts import dollars, exact_price
from qualityroute.page.headline import since_words
from qualityroute.page.markup import Child, Markup, stranger, tag
from qualityroute.page.strips import Part, bar
from qualityroute.page.tables import facts, stacking_table
from qualityroute.page.task_section import MOST_OF_A_NAME
from qualityroute.render.words import moment_text, percent
from qualityroute.report import Report, TaskReport
from qualityroute.store import CostSummary, DaySpending

HERE = f"{PATH}/money"
MOST_DAYS = 60
ALMOST_GONE = 0.8
PARTS = ("efficiency", "judge", "peers", "performance", "measuring")
COLORS = ("var(--rate)", "var(--even)", "var(--good)", "var(--change)", "var(--quiet)")


def money_page(report: Report, days: Sequence[DaySpending], budget: Budget, period: str) -> Page:
    tasks = list(report.tasks.values())
    return Page(
        "Money",
        [_budgets(report.budgets, budget), _by_task(tasks), _by_day(days)],
        below=[
            f"US dollars, counted {since_words(report.since)}, as of ",
            tag("time", moment_text(report.at)),
            ". Saved is an estimate; what is spent is measured.",
        ],
        beside=tag("div", period_links(HERE, period), class_="choices"),
        here=HERE,
    )


def _budgets(fillings: Sequence[Filling], budget: Budget) -> Markup:
    limits: list[tuple[str, Child]] = [
        (name, exact_price(limit))
        for name, limit in (("Of each request", budget.per_request), ("Of each session", budget.per_session))
        if limit is not None
    ]
    none = tag("p", "No budget is set; [budget] and budget_per_day set them.", class_="why")
    return _section(
        "Budgets",
        "budgets",
        [_filling(filling) for filling in fillings],
        facts(limits) if limits else None,
        none if not (fillings or limits) else None,
    )


def _filling(filling: Filling) -> Markup:
    pot = filling.pot
    whole = pot.limit or Decimal(1)
    spent, reserved = float(filling.spent / whole), float(filling.reserved / whole)
    gone = spent + reserved if pot.limit else 1.0
    color = "var(--loss)" if gone >= 1 else "var(--even)" if gone >= ALMOST_GONE else "var(--rate)"
    name: Child = "Today, all tasks" if pot.scope is Scope.DAY else ["Today, ", stranger(pot.name, MOST_OF_A_NAME)]
    opens = f"; opens again {moment_text(pot.opens_at)}" if pot.opens_at else ""
    told = f"{dollars(filling.spent)} spent, {dollars(filling.reserved)} reserved, of {dollars(pot.limit)}"
    return tag(
        "div",
        tag("p", tag("span", name), tag("strong", _share(gone))),
        bar([Part(spent, color), Part(reserved, "var(--quiet)")], told),
        tag("p", f"{told}{opens}", class_="why"),
        class_="amount",
    )


def _share(gone: float) -> str:
    return "under 1 %" if 0 < gone < 0.01 else percent(gone)


def _by_task(tasks: Sequence[TaskReport]) -> Markup:
    columns = ("task", "efficiency", "judge", "peers", "performance", "audits", "spent", "saved (est.)", "share")
    rows = [_task_row(task) for task in tasks]
    shown = (
        stacking_table("What each task took, in US dollars", columns, rows)
        if rows
        else tag("p", "No request came in this time.")
    )
    return _section("By task and tier", "by-task", shown)


def _task_row(task: TaskReport) -> list[Child]:
    cost, saved = task.cost, task.saved
    parts = (cost.efficiency, cost.judge, cost.peers, cost.performance, cost.audit, cost.total, saved.amount)
    return [stranger(task.task, MOST_OF_A_NAME), *map(dollars, parts), percent(saved.share)]


def _by_day(days: Sequence[DaySpending]) -> Markup:
    found = [(day, _together(list(rows))) for day, rows in groupby(days, key=lambda row: row.day)][:MOST_DAYS]
    most = max((sum((cost.known for cost in costs), Decimal(0)) for _, costs in found), default=Decimal(0))
    columns = ("day", "spent", "share", *("efficiency", "judge", "peers", "performance", "audits"))
    rows = [_day_row(day, costs, most or Decimal(1)) for day, costs in found]
    return _section(
        "By day",
        "by-day",
        tag("div", stacking_table("What all tasks took, by day in UTC", columns, rows), class_="days")
        if rows
        else tag("p", "No day yet."),
    )


def _together(rows: Sequence[DaySpending]) -> list[CostSummary]:
    return [_sum([getattr(row, part) for row in rows]) for part in PARTS]


def _sum(costs: Sequence[CostSummary]) -> CostSummary:
    known = sum((cost.known for cost in costs), Decimal(0))
    return CostSummary(sum(cost.count for cost in costs), known, sum(cost.unknown for cost in costs))


def _day_row(day: date, costs: Sequence[CostSummary], most: Decimal) -> list[Child]:
    whole = _sum(costs)
    parts = [Part(float(cost.known / most), color) for cost, color in zip(costs, COLORS, strict=True)]
    drawn = bar(parts, f"{dollars(whole.known)} known")
    return [day.isoformat(), dollars(whole.total), drawn, *(dollars(cost.total) for cost in costs)]


def _section(title: str, name: str, *children: Child) -> Markup:
    heading = tag("div", tag("h2", title, id=name), class_="title")
    return tag("section", heading, *children, aria_labelledby=name, class_="card")
