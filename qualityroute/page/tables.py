"""Tables that a screen reader can walk and a phone can scroll."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qualityroute.page.markup import Child, Markup, tag


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Child]]) -> Markup:
    """The first cell of each row is its heading."""
    head = tag("thead", tag("tr", [tag("th", column, scope="col") for column in columns]))
    body = [tag("tr", tag("th", row[0], scope="row"), [tag("td", cell) for cell in row[1:]]) for row in rows]
    # It can be scrolled by keyboard only if it can have the focus.
    return tag(
        "div",
        tag("table", tag("caption", caption), head, tag("tbody", body)),
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label=caption,
    )


def facts(rows: Iterable[tuple[str, Child]], class_: str = "facts") -> Markup:
    """Names and values."""
    return tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in rows], class_=class_)
