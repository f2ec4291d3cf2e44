"""The report as a page: what stands on it, and that a stranger's text stays text."""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_reports import (
    HOSTILE,
    NOW,
    changed,
    four_tasks,
    insufficient,
    misclassified,
    pin,
    rate,
    report,
    series,
    some_pins,
    task,
    untried,
)

from qualityroute.errors import ConfigError
from qualityroute.page import page
from qualityroute.page.amounts import exact_dollars
from qualityroute.page.badges import FLAG_MEANINGS, LOOKS, STATE_MEANINGS
from qualityroute.page.course import Course
from qualityroute.page.markup import VOID, escaped, tag
from qualityroute.page.rate_chart import rate_spec
from qualityroute.page.row_chart import Row, rows_spec
from qualityroute.pins import Pin
from qualityroute.records import Reason
from qualityroute.report import Cost, Point, RateChange, Report, Saved
from qualityroute.signal import Flag, State


@dataclass
class Element:
    name: str
    attributes: dict[str, str | None]
    children: list[Element | str] = field(default_factory=list)

    def all(self, name: str) -> list[Element]:
        found = [self] if self.name == name else []
        return found + [one for child in self.children if isinstance(child, Element) for one in child.all(name)]

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


class Reader(HTMLParser):
    """A tree of the page; a tag that is not closed in its place is an error."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("", {})]

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        element = Element(name, dict(attributes))
        self.open[-1].children.append(element)
        if name not in VOID:
            self.open.append(element)

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop().name == name

    def handle_data(self, text: str) -> None:
        self.open[-1].children.append(text)


def read(html: str) -> Element:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert len(reader.open) == 1
    return reader.open[0]


def shown(found: Report, pins: tuple[Pin, ...] = (), **changes: str) -> Element:
    return read(page(found, pins, now=NOW, **changes))


def elements(root: Element) -> list[Element]:
    below = [child for child in root.children if isinstance(child, Element)]
    return below + [one for child in below for one in elements(child)]


def words(root: Element) -> str:
    return " ".join(root.text.split())


@pytest.fixture(scope="module")
def four() -> Element:
    return shown(four_tasks(), some_pins())


@pytest.mark.parametrize(
    "found",
    [four_tasks(), report(untried()), report(), report(task(HOSTILE))],
    ids=["four", "untried", "none", "hostile"],
)
def test_a_page_is_whole_and_asks_nothing_of_the_network(found: Report) -> None:
    root = shown(found, some_pins())
    names = Counter(element.name for element in elements(root))
    assert (names["html"], names["main"], names["header"], names["footer"], names["h1"]) == (1, 1, 1, 1, 1)
    assert not names.keys() & {"script", "link", "img", "iframe", "object", "base", "form", "use", "image"}
    assert root.all("html")[0].attributes["lang"] == "en"
    style = root.all("style")[0].text
    assert "url(" not in style
    assert "@import" not in style


def test_ids_are_unique_and_every_reference_leads_somewhere(four: Element) -> None:
    ids = Counter(element.attributes["id"] for element in elements(four) if "id" in element.attributes)
    assert set(ids.values()) == {1}
    for element in elements(four):
        for name in ("aria-labelledby", "aria-describedby"):
            assert element.attributes.get(name) is None or element.attributes[name] in ids
        href = element.attributes.get("href")
        assert href is None or href[1:] in ids


def test_headings_go_down_one_step_at_a_time(four: Element) -> None:
    levels = [int(element.name[1]) for element in in_order(four) if re.fullmatch("h[1-6]", element.name)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def in_order(root: Element) -> list[Element]:
    below = [child for child in root.children if isinstance(child, Element)]
    return [one for child in below for one in (child, *in_order(child))]


def test_every_table_has_a_caption_and_every_heading_cell_a_scope(four: Element) -> None:
    assert four.all("table")
    assert all(len(table.all("caption")) == 1 for table in four.all("table"))
    assert {cell.attributes["scope"] for cell in four.all("th")} == {"col", "row"}


def test_every_picture_has_a_title_a_description_and_a_table_beside_it(four: Element) -> None:
    pictures = [svg for svg in four.all("svg") if svg.attributes.get("role") == "img"]
    assert len(pictures) == 4 * 5  # the rate is drawn for phones too
    assert all(len(svg.all("title")) == len(svg.all("desc")) == 1 for svg in pictures)
    figures = four.all("figure")
    assert len(figures) == 4 * 4
    assert all(len(figure.all("details")) == len(figure.all("table")) == 1 for figure in figures)


def test_a_page_of_four_tasks_is_small() -> None:
    html = page(four_tasks(), some_pins(), now=NOW)
    assert len(html.encode()) < 200_000


def test_the_same_report_makes_the_same_page() -> None:
    assert page(four_tasks(), some_pins(), now=NOW) == page(four_tasks(), some_pins(), now=NOW)


def test_the_headline_adds_up_and_says_what_is_estimated(four: Element) -> None:
    glance = words(four)
    for part in (
        "Counted since 2026-10-26 12:00:00 UTC, as of 2026-11-23 12:00:00 UTC; states, their evidence",
        "Tasks4 1 misclassified, 2 healthy, 1 insufficient",
        "Spent$27.67",
        "Saved, an estimate$5.86 17 % against all on performance",
        "Active pins5",
        "2 calls got no answer and may still be billed",
        "[pins] -after = 1 +after = 2",
    ):
        assert part.replace(" ", "") in glance.replace(" ", "")


def test_a_misclassified_task_has_its_word_its_shape_its_diff_and_the_command() -> None:
    section = shown(report(misclassified())).all("section")[1]
    badge = next(span for span in section.all("span") if span.attributes.get("class") == "badge loss")
    assert badge.text == "MISCLASSIFIED"
    assert len(badge.all("svg")) == 1
    assert section.all("pre")[0].text == ' [tasks.contract-clauses]\n-tier = "efficiency"\n+tier = "performance"\n'
    assert "qualityroute report --apply" in section.text
    assert "send it to performance." in section.text
    assert "Lost $2.90 (22 %) against sending every request to performance: an estimate." in section.text


def test_every_state_has_a_shape_of_its_own_and_a_meaning() -> None:
    assert set(LOOKS) == set(STATE_MEANINGS) == set(State)
    assert len({look.path for look in LOOKS.values()}) == len(State)
    assert set(FLAG_MEANINGS) == set(Flag)


def test_changes_are_marked_in_the_picture_and_told_below_it() -> None:
    section = shown(report(changed())).all("section")[1]
    wide = section.all("svg")[1]
    assert [text.text for text in wide.all("text")][-2:] == ["1", "2"]
    assert [item.text for item in section.all("li")] == [
        "2026-11-04 12:00:00 UTC: from 8 % to 31 %",
        "2026-11-14 12:00:00 UTC: from 31 % to 17 %",
    ]


def test_a_change_before_the_time_shown_does_not_stretch_the_picture() -> None:
    old = replace(changed(), changes=(RateChange(NOW - timedelta(days=300), 0.5, 0.1),))
    spec = rate_spec(old, Course.of(old.series), 340)
    first = datetime.fromisoformat(spec["encoding"]["x"]["scale"]["domain"][0])
    assert NOW - first < timedelta(days=30)


def test_the_parts_of_the_cost_are_drawn_end_to_end_and_told_exactly() -> None:
    cost = Cost(Decimal("1"), Decimal("0.000194100"), Decimal("3"), Decimal(0), Decimal("4.0001941"))
    section = shown(report(task(cost=cost))).all("section")[1]
    money = next(figure for figure in section.all("figure") if figure.attributes["class"] == "money")
    cells = [row.text for row in money.all("tbody")[0].all("tr")]
    assert cells == [
        "efficiency1",
        "judge0.0001941",
        "performance3",
        "spent in all4.0001941",
        "all on performance (estimate)10.2",
    ]


def test_exact_money_keeps_digits_and_unknown() -> None:
    assert exact_dollars(Decimal("100")) == "100"
    assert exact_dollars(None) == "unknown"


def test_rare_reasons_share_a_bar_and_keep_their_rows() -> None:
    section = shown(report(misclassified())).all("section")[1]
    why = next(figure for figure in section.all("figure") if figure.attributes["class"] == "reasons")
    assert "3 other reasons" in why.all("svg")[0].text
    assert len(why.all("tbody")[0].all("tr")) == 8


def test_unknown_prices_are_said_and_never_counted_as_zero() -> None:
    root = shown(report(task(), untried()))
    text = words(root)
    assert "The costs of 1 task are unknown" in text
    assert "$5.83 of it is known" in text
    assert "Spentunknown" in text
    assert "Saved, an estimateunknown" in text
    untold = root.all("section")[-2]
    assert "$0" not in re.sub(r"judge\$0", "", words(untold))


def test_a_task_with_attempts_and_no_prices_has_a_rate_and_no_line() -> None:
    unpriced = task(break_even=None, cost=Cost(None, None, None, None, None), saved=Saved(None, None, None))
    text = words(shown(report(unpriced)))
    assert "No break-even line: costs are unknown." in text
    assert "What was saved is unknown: a price is missing." in text
    assert "no task's cost is known" in text


def test_a_break_even_below_zero_says_that_trying_never_pays() -> None:
    text = words(shown(report(task(break_even=-0.4))))
    assert "Trying efficiency costs more than it can save at any rate." in text


def test_a_task_without_attempts_says_so_instead_of_drawing_nothing() -> None:
    text = words(shown(report(untried())))
    for part in ("No attempt was judged yet", "Nothing fell back.", "No time was measured yet.", "none tried"):
        assert part in text


def test_an_empty_report_is_a_page_with_a_sentence() -> None:
    root = read(page(Report({}, 0, None, NOW), (), now=NOW))
    assert "Nothing is recorded yet." in root.text
    assert "Counted since the first record" in root.text
    assert "No session is pinned" in root.text


def test_the_table_of_pins_leaves_out_what_holds_no_more() -> None:
    over, watched = pin("over", until=NOW - timedelta(seconds=1)), pin("watched", held=False)
    root = shown(report(), (pin("here", failed_probes=7), over, watched))
    cells = [row.text for row in root.all("tbody")[0].all("tr")]
    assert len(cells) == 1
    assert cells[0].startswith("hereevery taskthe judge said no")
    assert cells[0].endswith("47 min agoin 5 h67")


def test_thousands_of_pins_are_counted_and_not_all_shown() -> None:
    root = shown(report(), tuple(pin(f"session-{number}") for number in range(1203)))
    assert len(root.all("tbody")[0].all("tr")) == 200
    assert "And 1,003 more" in root.text


def hostile_page(text: str) -> str:
    bad = task(text, sentence=text, why=text, by_reason={text: 3})
    judge = replace(bad.judge, sentence=text, errors={text: 1})
    suggestion = replace(misclassified().suggestion, diff=f"+{text}")  # type: ignore[type-var]
    bad = replace(bad, judge=judge, pins=replace(bad.pins, sentence=text), suggestion=suggestion, tier=text)
    held = pin(text, message=text, check=text, key=replace(pin().key, session=text, tenant=text, task=text))
    return page(report(bad), (held,), now=NOW, title=text)


def kinds(root: Element) -> set[tuple[str, tuple[str, ...]]]:
    """What the page is made of: names of elements with the names of their attributes."""
    return {(element.name, tuple(element.attributes)) for element in elements(root)}


@pytest.mark.parametrize(
    "text",
    [
        HOSTILE,
        "</title></style><script>alert(1)</script>",
        "</svg></text><image href=x onerror=alert(1)>",
        "' onload='alert(1)",
        '" autofocus onfocus="alert(1)',
        "javascript:alert(1)",
        "<!--",
        "]]><![CDATA[",
        "datum.start + warn('x')",
        '{"signal": "data(\'source_0\')"}',
        "%s {0} {{x}} ${y} &lt;",
        "\x00\x0b\x1b]0;t\x07\u202e\u2066\ufffe\U0010ffff\ud800",
        "line\nbreak\r\u2028\u2029",
        "x" * 5000,
    ],
)
def test_hostile_text_stays_text_wherever_it_stands(text: str) -> None:
    html = hostile_page(text)
    assert kinds(read(html)) == kinds(read(hostile_page("harmless")))
    assert all((element.attributes.get("href") or "#")[0] == "#" for element in elements(read(html)))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", html)
    html.encode()


@given(st.text(max_size=60))
def test_any_text_reads_back_as_what_can_be_seen_of_it(text: str) -> None:
    element = read(tag("p", text, title=text).html).all("p")[0]
    again = read(f"<p>{escaped(text)}</p>").all("p")[0]
    assert element.text == again.text == element.attributes["title"]
    assert len(read(tag("p", text).html).children) == 1


def test_vega_takes_data_for_data_and_never_for_code() -> None:
    spec = rows_spec([Row("datum.end", "1", 0, 1, "var(--loss)")])
    assert spec["data"]["values"][0]["label"] == "datum.end"
    assert "datum.end" not in str({key: value for key, value in spec.items() if key != "data"})
    why = shown(report(task(by_reason={"datum.end": 2}))).all("figure")[1]
    assert why.all("svg")[0].all("text")[0].text == "datum.end"


def test_a_share_of_a_half_fills_half_its_track() -> None:
    rows = [Row("a", "1 · 50 %", 0, 0.5, "var(--loss)")]
    assert track_end(rows_spec(rows, whole=1)) == 1
    assert track_end(rows_spec(rows)) == 0.5
    assert track_end(rows_spec([Row("nothing", "$0", 0, 0, "var(--ink)")])) == 1


def track_end(spec: dict[str, Any]) -> float:
    return next(layer["encoding"]["x2"]["datum"] for layer in spec["layer"] if layer["mark"]["type"] == "rect")


def test_a_picture_is_made_of_shapes_and_words_only(four: Element) -> None:
    for svg in four.all("svg"):
        assert {element.name for element in elements(svg)} <= {"title", "desc", "g", "path", "line", "rect", "text"}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40))
def test_joining_points_loses_no_attempt_and_leaves_none_with_too_few(counts: list[tuple[int, int]]) -> None:
    points = [Point(NOW + timedelta(hours=hour), rate(min(count, of), of)) for hour, (count, of) in enumerate(counts)]
    course = Course.of(points)
    assert sum(point.rate.of for point in course.points) == sum(of for _, of in counts)
    assert sum(point.rate.count for point in course.points) == sum(min(count, of) for count, of in counts)
    assert all(point.rate.of >= 5 for point in course.points) or len(course.points) == 1


def test_a_long_course_is_drawn_as_it_is() -> None:
    points = series(0.2)
    assert Course.of(points).points == points
    assert not Course.of(points).brief


def test_points_of_one_morning_are_one_in_a_picture_of_weeks() -> None:
    hours = [timedelta(weeks=week, hours=hour) for week in range(5) for hour in (0, 1)]
    points = [Point(NOW + away, rate(place % 2 * 5, 5)) for place, away in enumerate(hours)]
    course = Course.of(points)
    assert [(point.start - NOW, point.rate.of) for point in course.points] == [
        (timedelta(weeks=week), 10) for week in range(5)
    ]
    assert len(Course.of(points[:2]).points) == 2


def test_a_run_of_seconds_is_drawn_in_its_order() -> None:
    points = [Point(NOW + timedelta(milliseconds=place), rate(2, 9)) for place in range(6)]
    course = Course.of(points)
    assert course.brief
    assert [course.drawn_at(point.start) - NOW for point in points] == [timedelta(minutes=place) for place in range(6)]
    text = words(shown(report(task(series=tuple(points)))))
    assert "All within a minute, in their order." in text


def test_a_few_points_are_dots_without_a_line() -> None:
    spec = rate_spec(insufficient(), Course.of(insufficient().series), 340)
    assert "line" not in [layer["mark"]["type"] for layer in spec["layer"]]
    assert "Dots: share of judged attempts" in words(shown(report(insufficient())))


def test_a_reason_this_page_does_not_know_is_shown_as_it_is() -> None:
    why = shown(report(task(by_reason={"newer": 1, Reason.SCHEMA: 2}))).all("figure")[1]
    assert [row.text for row in why.all("tbody")[0].all("tr")] == ["breaks the schema267 %", "newer133 %"]


def test_without_the_extra_the_page_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(ConfigError, match=r"needs the extra 'html': pip install 'qualityroute\[html\]'"):
        page(report(), (), now=NOW)


def test_importing_the_page_does_not_load_the_renderer() -> None:
    import subprocess

    code = "import sys, qualityroute.page; sys.exit('vl_convert' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
