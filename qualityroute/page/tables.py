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


def stacking_table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Child]]) -> Markup:
    """On a phone each row becomes a block in which every cell is named, so that nothing needs to be scrolled."""
    # A browser that lays a table out as blocks no longer takes it for one, unless each part says what it is.
    head = tag("tr", [tag("th", column, scope="col", role="columnheader") for column in columns], role="row")
    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row", role="rowheader"),
            [
                tag("td", tag("div", cell), role="cell", data_name=name)
                for name, cell in zip(columns[1:], row[1:], strict=True)
            ],
            role="row",
        )
        for row in rows
    ]
    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption),
            tag("thead", head, role="rowgroup"),
            tag("tbody", body, role="rowgroup"),
            role="table",
            class_="stacking",
        ),
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label=caption,
    )


def facts(rows: Iterable[tuple[str, Child]], class_: str = "facts") -> Markup:
    """Names and values."""
    return tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in rows], class_=class_)
