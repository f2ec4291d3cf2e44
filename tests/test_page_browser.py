"""The report's page in a real browser: looked at, walked by keyboard, and scanned by axe."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_reports import (
    HOSTILE,
    NOW,
    changed,
    four_tasks,
    insufficient,
    misclassified,
    pin,
    report,
    some_pins,
    task,
    untried,
)

from qualityroute.page import page
from qualityroute.report import Report

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
WIDTHS, SCHEMES = (1400, 390), ("light", "dark")
LOOKED_AT = (
    *(("four", width, scheme) for width in WIDTHS for scheme in SCHEMES),
    *(("states", 1400, "dark"), ("hostile", 390, "light"), ("empty", 1400, "light")),
)
ALL_STATES = report(misclassified(), changed(), insufficient(), untried(), task(break_even=-0.2))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    try:
        from axe_playwright_python.sync_playwright import Axe  # noqa: F401
        from playwright.sync_api import sync_playwright

        if not Path(CHROMIUM).exists():
            raise ImportError("there is no Chromium")
    except ImportError as error:
        # Where everything ought to be installed, a test that quietly does nothing is a hole.
        if os.environ.get("CI"):
            pytest.fail(f"the browser tests cannot run: {error}")
        pytest.skip(str(error))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pages")
    written = {
        "four": page(four_tasks(), some_pins(), now=NOW),
        "states": page(ALL_STATES, (), now=NOW),
        "empty": page(Report({}, 0, None, NOW), (), now=NOW),
        "hostile": page(
            report(task(HOSTILE, sentence=HOSTILE, why=HOSTILE, by_reason={HOSTILE: 2})),
            (pin(HOSTILE, message=HOSTILE),),
            now=NOW,
            title=HOSTILE,
        ),
    }
    for name, html in written.items():
        (made / f"{name}.html").write_text(html, encoding="utf-8")
    return made


def opened(browser: Any, file: Path, *, width: int = 1400, scheme: str = "light", **settings: Any) -> Any:
    """The page in a context of its own; what the browser complains of or asks for is kept on it."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **settings)
    tab = context.new_page()
    tab.complaints = []
    tab.on("console", lambda message: tab.complaints.append(message.text))
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.on("dialog", lambda dialog: (tab.complaints.append(dialog.message), dialog.dismiss()))
    tab.on("request", lambda request: tab.complaints.append(request.url) if request.url != file.as_uri() else None)
    tab.goto(file.as_uri())
    return tab


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [*LOOKED_AT, ("four", 800, "light"), ("four", 360, "dark"), ("hostile", 360, "light")]
)
def test_a_page_fits_the_screen_and_neither_asks_nor_complains(
    browser: Any, folder: Path, name: str, width: int, scheme: str
) -> None:
    tab = opened(browser, folder / f"{name}.html", width=width, scheme=scheme)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.complaints == []
    assert tab.evaluate("document.scripts.length") == 0
    tab.context.close()


@pytest.mark.parametrize(("name", "width", "scheme"), LOOKED_AT)
def test_axe_finds_nothing(browser: Any, folder: Path, name: str, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    # axe is a script, which the page's own policy rightly refuses.
    tab = opened(browser, folder / f"{name}.html", width=width, scheme=scheme, bypass_csp=True)
    tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = Axe().run(tab)
    assert found.violations_count == 0, found.generate_report()
    tab.context.close()


def test_light_and_dark_are_two_looks_of_one_page(browser: Any, folder: Path, tmp_path: Path) -> None:
    shots = {}
    for width in WIDTHS:
        for scheme in SCHEMES:
            tab = opened(browser, folder / "four.html", width=width, scheme=scheme)
            file = tmp_path / f"{width}-{scheme}.png"
            shots[width, scheme] = tab.screenshot(path=file, full_page=True)
            ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
            ink = tab.evaluate("getComputedStyle(document.querySelector('.picture text')).fill")
            assert (brightness(ground) > 200) == (scheme == "light")
            assert (brightness(ink) < 128) == (scheme == "light")
            tab.context.close()
    assert len(set(shots.values())) == 4


def brightness(color: str) -> float:
    channels = [float(part) for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    return sum(channels) / 3


@pytest.mark.parametrize(("width", "seen"), [(1400, "wide"), (390, "narrow")])
def test_one_picture_of_the_rate_is_seen_at_a_time_in_letters_one_can_read(
    browser: Any, folder: Path, width: int, seen: str
) -> None:
    tab = opened(browser, folder / "four.html", width=width)
    assert tab.locator("svg.wide:visible").count() == (4 if seen == "wide" else 0)
    assert tab.locator("svg.narrow:visible").count() == (4 if seen == "narrow" else 0)
    sizes = tab.evaluate(
        "[...document.querySelectorAll('.picture')].filter(one => one.clientWidth)"
        ".map(one => 12 * one.clientWidth / one.viewBox.baseVal.width)"
    )
    assert min(sizes) > 11
    assert max(sizes) < 16
    tab.context.close()


def test_the_words_of_a_picture_stay_inside_it(browser: Any, folder: Path) -> None:
    for width in (1400, 360):
        tab = opened(browser, folder / "four.html", width=width)
        out = tab.evaluate(
            "[...document.querySelectorAll('.picture')].filter(one => one.clientWidth).flatMap(picture => {"
            " const box = picture.getBoundingClientRect();"
            " return [...picture.querySelectorAll('text')].filter(text => {"
            "  const own = text.getBoundingClientRect();"
            "  return own.left < box.left - 1 || own.right > box.right + 1;"
            " }).map(text => text.textContent) })"
        )
        assert out == []
        tab.context.close()


@pytest.mark.parametrize("name", ["four", "hostile"])
def test_on_a_phone_every_cell_of_tasks_and_pins_is_on_the_screen(browser: Any, folder: Path, name: str) -> None:
    tab = opened(browser, folder / f"{name}.html", width=390)
    cells = tab.locator("main section:first-of-type tbody tr:first-child td, #pins tbody tr:first-child td")
    assert cells.count() >= 10
    rights = cells.evaluate_all("cells => cells.map(one => one.firstChild.getBoundingClientRect().right)")
    assert max(rights) <= 390
    tab.context.close()


def test_everything_works_without_a_script(browser: Any, folder: Path) -> None:
    tab = opened(browser, folder / "four.html", java_script_enabled=False)
    table = tab.locator("#task-1 figure.rate table")
    assert not table.is_visible()
    tab.locator("#task-1 figure.rate summary").click()
    assert table.is_visible()
    tab.context.close()


def test_the_keyboard_comes_first_to_the_way_past_the_heading_and_is_seen(browser: Any, folder: Path) -> None:
    tab = opened(browser, folder / "four.html")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the tasks"
    assert tab.locator(".skip").bounding_box()["x"] >= 0
    for _ in range(12):
        tab.keyboard.press("Tab")
        assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.context.close()


def test_paper_gets_light_colours_and_no_closed_folds(browser: Any, folder: Path) -> None:
    tab = opened(browser, folder / "four.html", scheme="dark")
    tab.emulate_media(media="print", color_scheme="dark")
    assert brightness(tab.evaluate("getComputedStyle(document.querySelector('h1')).color")) < 60
    assert not tab.locator("summary").first.is_visible()
    assert tab.pdf()[:5] == b"%PDF-"
    tab.context.close()
