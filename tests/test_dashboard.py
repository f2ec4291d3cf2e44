"""The dashboard's pages as a real server gives them: what they say, and that a stranger's text stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import anyio
import httpx2
import pytest
from dashboard_world import NOW, STRANGER, Keyring, application, engine_on, served
from page_reports import changed, insufficient, task, untried
from test_page import Element, elements, in_order, read, words

from qualityroute.gateway.dashboard.shelf import Shelf
from qualityroute.page.strips import Part, bar, rate_strip

HOSTILE_DECISION = "0192f3ffffffffffffffffff"
PAGES = (
    *(
        "?since=all",
        "?since=7d",
        "?since=24h&watch=1",
        "?since=banana",
        "/pins",
        "/pins?session=nobody",
        "/decisions",
        "/money",
    ),
    *(
        "/decisions?outcome=fallback&task=invoice",
        f"/decisions/{HOSTILE_DECISION}",
        "/decisions/none",
        "/money?since=all",
    ),
    *("/decisions?outcome=nonsense", f"/decisions?{urlencode({'session': STRANGER, 'tenant': STRANGER})}"),
    f"/pins?{urlencode({'session': STRANGER})}",
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(application(engine_on(), Keyring())) as address:
        yield f"{address}/dashboard"


@pytest.fixture
def get(url: str) -> Iterator[Any]:
    with httpx2.Client(follow_redirects=True, trust_env=False) as client:
        yield lambda path="", **query: client.get(f"{url}{path}", params=query or None)


def page(answer: httpx2.Response) -> Element:
    return read(answer.text)


def rows(root: Element) -> list[list[str]]:
    return [[words(cell) for cell in row.children] for body in root.all("tbody") for row in body.all("tr")]  # type: ignore[arg-type]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_runs_nothing_and_loads_its_looks_alone(get: Any, path: str) -> None:
    root = page(get(path))
    names = {element.name for element in elements(root)}
    assert not names & {"script", "img", "iframe", "object", "base", "use", "image", "style"}
    assert [link.attributes["rel"] for link in root.all("link")] == ["stylesheet"]
    attributes = {name for element in elements(root) for name in element.attributes}
    assert not any(name.startswith("on") or name == "style" for name in attributes)
    ids = [element.attributes["id"] for element in elements(root) if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in elements(root):
        for name in ("aria-labelledby", "for", "list"):
            assert element.attributes.get(name) is None or element.attributes[name] in ids
        href = element.attributes.get("href") or "/dashboard"
        assert href.startswith("/dashboard") or href[1:] in ids
    levels = [int(element.name[1]) for element in in_order(root) if re.fullmatch("h[1-6]", element.name)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("path", PAGES)
def test_hidden_characters_of_strangers_are_made_visible(get: Any, path: str) -> None:
    text = get(path).text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "<script" not in text
    assert "javascript:alert(1)'>" not in text


def test_what_a_stranger_wrote_is_read_as_he_wrote_it(get: Any) -> None:
    text = words(page(get(f"/decisions/{HOSTILE_DECISION}")))
    assert "<script>alert(1)</script>\"'></svg><a href='javascript:alert(1)'>x</a><U+202E>gnp␛[2J" in text
    assert text.count("<script>alert(1)") > 8
    assert "<U+D800>" in text  # half a pair, which only a kept prompt can hold


def test_a_session_with_hidden_characters_is_found_by_its_link(get: Any) -> None:
    links = [link.attributes["href"] for link in page(get("/decisions")).all("a")]
    (link,) = {link for link in links if link and "session=%3Cscript" in link}
    assert [row[1] for row in rows(page(get(link.removeprefix("/dashboard"))))] == ["summary"]


def test_each_task_tells_its_rate_break_even_state_money_and_latency(get: Any) -> None:
    root = page(get(since="all"))
    assert "Tasks5" in words(root)
    (card,) = [one for one in root.all("section") if words(one).startswith("invoice")]
    text = words(card)
    for pattern in (
        r"^invoiceHEALTHY on efficiencyUNCERTIFIEDinvoice",
        r"invoice saves \$[\d.]+ per 100 sessions on efficiency\.",
        r"Fallback rate8 % \(5–14\)",
        r"Break-even96 %",
        r"Spent\$0\.15",
        r"All on performance \(est\.\)\$1\.16",
        r"Saved \(estimate\)\$1\.00",
        r"Accepted, p50 – p95\d+ ms – [\d.]+ s",
        r"Active pins13",
    ):
        assert re.search(pattern, text), pattern
    assert [svg.attributes["class"] for svg in card.all("svg") if svg.attributes.get("role") == "img"] == [
        *("strip", "bar", "bar")
    ]


@pytest.mark.parametrize("path", ["", "/money"])
def test_a_time_that_is_no_choice_is_refused_and_told_which_are(get: Any, path: str) -> None:
    answer = get(path, since="banana\u202e")
    assert answer.status_code == 400
    assert "since: no time 'banana<U+202E>'; there are: 24h, 7d, 30d, all" in words(page(answer))
    assert get(path, since=" ").status_code == 200


@pytest.mark.parametrize(("since", "told"), [("7d", True), ("all", False)])
def test_a_page_over_a_time_says_what_on_it_is_of_all_time(get: Any, since: str, told: bool) -> None:
    text = words(page(get(since=since)))
    assert ("of all time: " in text) is told
    assert ("; states, their evidence and break-even are of all time." in text) is told


def test_the_newest_decisions_stand_on_the_first_page(get: Any) -> None:
    (latest,) = [one for one in page(get()).all("section") if words(one).startswith("Latest decisions")]
    assert [row[0] for row in rows(latest)][:3] == ["20 s ago", "22 min ago", "44 min ago"]
    assert len(rows(latest)) == 10


def test_a_page_is_asked_for_again_only_by_who_wants_that(get: Any) -> None:
    assert "refresh" not in get().headers
    watching = get(watch="1", since="30d")
    assert watching.headers["refresh"] == "30"
    links = [link.attributes["href"] for link in page(watching).all("a")]
    assert "/dashboard?since=7d&watch=1" in links
    assert "/dashboard?since=30d" in links


def test_a_time_without_requests_leads_to_all_time() -> None:
    late = NOW + timedelta(days=40)
    with served(application(engine_on(now=late), Keyring(), now=late, count=20)) as address:
        root = page(httpx2.get(f"{address}/dashboard", trust_env=False))
    assert "No request came in the last 7 days. Look at all time." in words(root)


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"outcome": "fallback"}, lambda row: row[2].startswith("fallback")),
        ({"reason": "schema"}, lambda row: "breaks the schema" in row[2]),
        ({"task": "receipts", "since": "3d"}, lambda row: row[1] == "receipts"),
        ({"tenant": "acme"}, lambda row: row[4] == "acme"),
        ({"model": "practice/careful"}, lambda row: row[5] == "practice/careful"),
        ({"session": " gorse-0299 "}, lambda row: row[3] == "gorse-0299"),
    ],
)
def test_decisions_are_searched_by_what_they_are(get: Any, query: dict[str, str], fits: Any) -> None:
    found = rows(page(get("/decisions", **query)))
    assert found
    assert all(fits(row) for row in found)


def test_a_decision_is_found_by_its_id(get: Any) -> None:
    answer = get("/decisions", id=f" {HOSTILE_DECISION} ")
    assert answer.url.path == f"/dashboard/decisions/{HOSTILE_DECISION}"
    assert get("/decisions", id="../pins?x=1#y").status_code == 404


def test_pages_of_decisions_follow_each_other_to_the_end(get: Any) -> None:
    path, seen = "/decisions?task=invoice&since=", list[str]()
    while path:
        root = page(get(path))
        seen += [str(row.all("a")[0].attributes["href"]) for body in root.all("tbody") for row in body.all("tr")]
        older = [link.attributes["href"] for link in root.all("a") if link.attributes.get("rel") == "next"]
        path = str(older[0]).removeprefix("/dashboard") if older else ""
    assert len(seen) == len(set(seen)) == 168


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"outcome": "acepted"}, "no outcome 'acepted'; did you mean 'accepted'?"),
        ({"reason": "zzz"}, "no reason 'zzz'; there are: "),
        ({"since": "yesterday"}, "'yesterday' is neither a date such as '2026-11-01' nor a time such as '7d'"),
        ({"before": "x", "before_id": "y"}, "the page's address is cut or changed; begin the search again"),
        ({"session": "a\x00b"}, "session: no stored text has such characters"),
    ],
)
def test_a_search_that_cannot_be_made_says_why_above_what_was_asked(get: Any, query: Any, says: str) -> None:
    answer = get("/decisions", **query, task="kept")
    assert answer.status_code == 400
    root = page(answer)
    assert says in words(root)
    assert "kept" in [field.attributes.get("value") for field in root.all("input")]


def test_nothing_found_is_said(get: Any) -> None:
    assert "No decision is like this." in words(page(get("/decisions", session="nobody")))


def test_a_decision_is_told_from_route_to_cost_in_the_words_of_explain(get: Any) -> None:
    links = [link.attributes["href"] for link in page(get("/decisions", reason="judged")).all("a")]
    path = next(link for link in links if link and link.startswith("/dashboard/decisions/"))
    text = words(page(get(path.removeprefix("/dashboard"))))
    for part in (
        "The gate rejected the efficiency answer; performance was served.",
        "Routeefficiency first, performance if its answer fails",
        "Reasonthe judge said no",
        "Attempt 1: efficiency tierrejected",
        "The judge said no: supported: the total 1,240.00 is not stated in the source.",
        "0.31, 0.80 needed, uncertified",
        "Attempt 2: performance tieraccepted",
        "practice/careful",
        "For 3 model calls in",
        "more than asking performance at once would have.",
        'The answer of attempt 1, efficiency tier{"number": "A-1007"}',
        "Gorse Hill Ltd",
    ):
        assert part in text, part


def test_an_unknown_decision_is_not_found(get: Any) -> None:
    answer = get("/decisions/nobody")
    assert answer.status_code == 404
    assert "No decision in the store has this id." in words(page(answer))


def test_a_pin_tells_why_since_when_and_by_which_decision(get: Any) -> None:
    root = page(get("/pins", session=STRANGER))
    (row,) = rows(root)
    assert row[2].startswith("fails your check<script>alert(1)")
    assert row[3:7] == ["0 s ago", "in 30 min", "0", "0"]
    assert f"/dashboard/decisions/{HOSTILE_DECISION}" in [link.attributes["href"] for link in root.all("a")]


def test_of_many_pins_the_newest_are_listed_and_the_rest_is_told(get: Any) -> None:
    root = page(get("/pins"))
    assert len(rows(root)) == 200
    assert "Only the newest 200 are listed" in words(root)


def test_money_is_told_by_task_by_day_and_by_budget(get: Any) -> None:
    root = page(get("/money", since="all"))
    text = words(root)
    assert "Today, invoice82 %" in text
    assert "$0.014 spent, $0.0021 reserved, of $0.020; opens again 2026-11-24 00:00:00 UTC" in text
    assert "Today, all tasksunder 1 %" in text
    assert "Of each request$0.05" in text
    tasks, days = root.all("table")
    assert ["invoice", "$0.029", "$0.019", "$0", "$0.10", "$0", "$0.15", "$1.00", "87 %"] in rows(tasks)
    assert [row[0] for row in rows(days)][:2] == ["2026-11-23", "2026-11-22"]
    assert len(rows(days)) == 15


def test_the_strip_of_a_rate_says_in_words_what_it_shows() -> None:
    strip = rate_strip(task())
    assert strip is not None
    (svg,) = read(strip.html).all("svg")
    assert "break-even 62 %" in str(svg.attributes["aria-label"])
    assert [path.attributes["class"] for path in svg.all("path")] == ["even-line", "band", "line"]


def test_few_points_are_dots_and_changes_are_marked() -> None:
    few, with_changes = rate_strip(insufficient()), rate_strip(changed())
    assert few is not None
    assert with_changes is not None
    assert few.html.count('class="dot"') == 1  # five attempts at least, and there were three
    assert 'class="line"' not in few.html
    assert with_changes.html.count('class="change-line"') == 2
    assert rate_strip(untried()) is None


@pytest.mark.parametrize("even", [None, -0.2, 0.0, 1.0])
def test_every_mark_of_a_strip_stands_inside_it(even: float | None) -> None:
    strip = rate_strip(task(break_even=even))
    assert strip is not None
    numbers = [float(one) for path in re.findall(' d="([^"]+)"', strip.html) for one in re.findall(r"-?[\d.]+", path)]
    assert min(numbers) >= 0
    assert max(numbers) <= 1000


def test_the_parts_of_a_bar_lie_end_to_end_and_never_beyond_it() -> None:
    drawn = read(bar([Part(0.5, "a"), Part(0.0001, "b"), Part(0.9, "c"), Part(0.0, "d")], "x").html).all("rect")[1:]
    assert [(one.attributes["x"], one.attributes["width"]) for one in drawn] == [
        *(("0", "500"), ("500", "4"), ("504", "496"), ("1000", "0"))
    ]


class Making:
    """A shelf whose things take a time that a test chooses."""

    def __init__(self, seconds: float) -> None:
        self.now, self.made, self._seconds, self._clock = NOW, list[str | None](), seconds, 0.0
        self.shelf = Shelf(self._make, lambda: self.now, lambda: self._clock)

    async def _make(self, period: str | None) -> int:
        self.made.append(period)
        await anyio.lowlevel.checkpoint()
        self._clock += self._seconds
        return len(self.made)


@pytest.mark.anyio
async def test_of_those_who_look_at_once_one_makes_the_report_for_all() -> None:
    making = Making(seconds=2)

    async def look() -> None:
        assert await making.shelf.of("7d") == 1

    async with anyio.create_task_group() as lookers:
        for _ in range(5):
            lookers.start_soon(look)
    assert await making.shelf.of("all") == 2
    assert making.made == ["7d", None]


@pytest.mark.anyio
async def test_what_is_made_quickly_is_never_shown_old() -> None:
    making = Making(seconds=0.01)
    assert await making.shelf.of("7d") == 1
    making.now += timedelta(seconds=0.9)
    assert await making.shelf.of("7d") == 1
    making.now += timedelta(seconds=0.1)
    assert await making.shelf.of("7d") == 2


@pytest.mark.anyio
async def test_what_takes_long_is_shown_until_it_is_a_minute_old_and_made_in_a_tenth_of_the_time() -> None:
    making = Making(seconds=2)
    assert await making.shelf.of("7d") == 1
    making.now += timedelta(seconds=19)
    await making.shelf.renew("7d")
    assert await making.shelf.of("7d") == 1
    making.now += timedelta(seconds=2)
    assert await making.shelf.of("7d") == 1
    await making.shelf.renew("7d")
    assert await making.shelf.of("7d") == 2
    making.now += timedelta(minutes=1)
    assert await making.shelf.of("7d") == 3
    making.now -= timedelta(days=1)  # somebody set the clock back
    assert await making.shelf.of("7d") == 4


def test_the_style_sheet_names_no_colour_outside_its_two_looks(get: Any) -> None:
    (link,) = page(get()).all("link")
    sheet = get(str(link.attributes["href"]).removeprefix("/dashboard")).text
    rules = re.sub(r"/\*.*?\*/|:root \{.*?\}", "", sheet, flags=re.DOTALL)
    assert not re.search(r"#[0-9a-f]{3,8}\b", rules)
    assert "url(" not in sheet
    assert "@import" not in sheet
