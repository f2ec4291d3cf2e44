"""The page as a whole: one file, no network, no script."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime

from qualityroute.page.drawing import library
from qualityroute.page.drawing import style as page_style
from qualityroute.page.headline import headline, overview
from qualityroute.page.markup import Markup, tag
from qualityroute.page.pins_section import pins_section
from qualityroute.page.reading import reading
from qualityroute.page.task_section import task_section
from qualityroute.pins import Pin
from qualityroute.report import Report


def page(report: Report, pins: Sequence[Pin], *, now: datetime, title: str = "Fallback report") -> str:
    """One self-contained HTML page. Raises `ConfigError` without the extra `html`.

    Args:
        report: from `build_report`.
        pins: those that hold; others are left out.
        now: aware; what the pins' times are told from.
    """
    library()  # said before anything is drawn, and for an empty report too
    names = [f"task-{number}" for number in range(1, len(report.tasks) + 1)]
    body = tag(
        "body",
        tag("a", "Skip to the tasks", href="#main", class_="skip"),
        headline(report, title),
        tag(
            "main",
            overview(report, names),
            [task_section(task, name, report.since) for task, name in zip(report.tasks.values(), names, strict=True)],
            pins_section(pins, now),
            id="main",
            tabindex=-1,
        ),
        reading(),
    )
    return f"<!doctype html>\n{tag('html', _head(title), body, lang='en').html}\n"


def _head(title: str) -> Markup:
    style = page_style()
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="generator", content="qualityroute"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", Markup(style)),
    )


def _policy(style: str) -> str:
    """Nothing is loaded and nothing runs; even markup that slipped in could only sit there."""
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
