"""Every expression of the alert rules and of the dashboard is about metrics that are really there, with such labels."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from telemetry_work import Samples, every_kind, samples
from worlds import Worlds

from qualityroute.telemetry.metrics import Metrics

pytestmark = pytest.mark.anyio
FOLDER = Path(__file__).parents[1] / "docs" / "telemetry"
ALERTS = (FOLDER / "alerts.yml").read_text(encoding="utf-8")
DASHBOARD = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))
PAGE = (FOLDER.parent / "telemetry.md").read_text(encoding="utf-8")
OF_A_SCRAPE = {"instance", "job"}
"""Labels that Prometheus adds."""


def rules() -> Iterator[tuple[str, str, str]]:
    """Name, expression and the rest of each rule."""
    for block in re.split(r"^ {6}- (?=record|alert)", ALERTS, flags=re.MULTILINE)[1:]:
        name = re.match(r"(?:record|alert): (\S+)", block)
        one_line, many_lines = (re.search(form, block, re.MULTILINE) for form in (
            r"^ {8}expr: ([^|\n].*)$", r"^ {8}expr: \|\n((?: {10}.*\n)+)",
        ))  # fmt: skip
        expression = one_line or many_lines
        assert name, block
        assert expression, block
        yield name[1], textwrap.dedent(expression[1]), block


def panels() -> Iterator[tuple[str, str, str]]:
    """Title, expression and legend of each line that a panel draws."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"].replace("$task", "invoice").replace("$__rate_interval", "5m")
            yield panel["title"], expression, target["legendFormat"]


def parts(node: Any) -> Iterator[Any]:
    """An expression and all that is in it."""
    yield node
    for name in ("lhs", "rhs", "expr", "vector_selector"):
        if (inner := getattr(node, name, None)) is not None:
            yield from parts(inner)
    for inner in getattr(node, "args", None) or ():
        yield from parts(inner)


def matching(selector: Any, found: Samples) -> list[dict[str, str]]:
    """The labels of each sample that a selector selects."""
    return [
        dict(labels)
        for name, labels in found
        if name == selector.name and all(fits(matcher, dict(labels)) for matcher in selector.matchers.matchers)
    ]


def fits(matcher: Any, labels: dict[str, str]) -> bool:
    assert labels.keys() >= {matcher.name}, f"no label '{matcher.name}'"
    value, is_equal = labels[matcher.name], matcher.op in (promql_parser.MatchOp.Equal, promql_parser.MatchOp.Re)
    if matcher.op in (promql_parser.MatchOp.Equal, promql_parser.MatchOp.NotEqual):
        return (value == matcher.value) == is_equal
    return (re.fullmatch(matcher.value, value) is not None) == is_equal


def recorded() -> Samples:
    """What the recording rules add."""
    return {(name, (("task", "invoice"),)): 0.5 for name, _, _ in rules() if ":" in name}


def check(name: str, expression: str, found: Samples) -> set[str]:
    """The labels that an expression's result has."""
    tree = promql_parser.parse(expression)
    labels = set[str]()
    for part in parts(tree):
        if isinstance(part, promql_parser.VectorSelector):
            selected = matching(part, found)
            assert selected, f"{name}: nothing is {part}"
            labels |= {label for one in selected for label in one}
    aggregations = [part for part in parts(tree) if isinstance(part, promql_parser.AggregateExpr) and part.modifier]
    groups = [set(part.modifier.labels) for part in aggregations]
    for group in groups:
        assert group <= labels, f"{name}: {group - labels} is no label of these metrics"
    return set.union(*groups) if groups else labels


async def test_every_alert_and_every_panel_asks_for_what_a_scrape_holds(world: Worlds) -> None:
    metrics = Metrics()
    await every_kind(world, metrics)
    found = samples(metrics) | recorded()
    for name, expression, rest in rules():
        labels = check(name, expression, found)
        assert set(re.findall(r"\$labels\.(\w+)", rest)) <= labels | OF_A_SCRAPE, name
    for title, expression, legend in panels():
        assert set(re.findall(r"{{(\w+)}}", legend)) <= check(title, expression, found), title


async def test_the_page_and_the_dashboard_leave_no_metric_out(world: Worlds) -> None:
    metrics = Metrics()
    await every_kind(world, metrics)
    emitted = {
        re.sub(r"_(bucket|count|sum)$", "", name) for name, _ in samples(metrics) if not name.endswith("_created")
    }
    drawn = " ".join(expression for _, expression, _ in panels())
    assert {name for name in emitted if name not in drawn} == set()
    assert {name for name in emitted if f"`{name}`" not in PAGE} == set()
    assert {name for name in re.findall(r"`(qualityroute_\w+)`", PAGE) if name not in emitted} == set()


def test_a_wrong_name_or_label_would_be_found() -> None:
    found: Samples = {("a_total", (("task", "invoice"),)): 1.0}
    assert check("good", 'sum by (task) (rate(a_total{task!="x"}[5m]))', found) == {"task"}
    for wrong in ("b_total", 'a_total{tusk="invoice"}', 'a_total{task="x"}', "sum by (tusk) (a_total)"):
        with pytest.raises(AssertionError):
            check("wrong", wrong, found)


def test_every_rule_has_a_severity_and_a_summary() -> None:
    alerts = [(name, rest) for name, _, rest in rules() if "record:" not in rest.splitlines()[0]]
    assert len(alerts) == 12
    for name, rest in alerts:
        assert re.search(r"severity: (warning|critical)\n", rest), name
        assert "summary: " in rest, name
        assert f"`{name}`" in PAGE, name
