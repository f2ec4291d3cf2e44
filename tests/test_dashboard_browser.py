"""The dashboard in a real browser: looked at on three screens, scanned by axe, used without scripts, and attacked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dashboard_world import Key, Keyring, application, engine_on, served
from test_page_browser import browser  # noqa: F401  (a fixture)

ADDRESS = "/dashboard"
HOSTILE_DECISION = f"{ADDRESS}/decisions/0192f3ffffffffffffffffff"
PAGES = (f"{ADDRESS}?since=all", f"{ADDRESS}/decisions", HOSTILE_DECISION, f"{ADDRESS}/pins", f"{ADDRESS}/money")
SCANNED = (
    *((path, 1400, "light") for path in PAGES),
    *((PAGES[place], 390, "light") for place in (0, 1)),
    *((PAGES[place], 1400, "dark") for place in (0, 2)),
)
EVIL = "http://evil.example/"


@pytest.fixture(scope="module")
def keyring() -> Keyring:
    return Keyring()


@pytest.fixture(scope="module")
def url(keyring: Keyring) -> Iterator[str]:
    with served(application(engine_on(), keyring, count=24)) as address:
        yield address


@pytest.fixture
def tab_on(browser: Any, url: str) -> Iterator[Any]:  # noqa: F811
    """A tab of its own; whatever the browser complains of, or asks another server for, is kept on it."""
    contexts = []

    def opened(path: str, width: int = 1400, scheme: str = "light", **settings: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **settings)
        contexts.append(context)
        tab = context.new_page()
        tab.complaints = []
        tab.on("console", lambda message: tab.complaints.append(message.text))
        tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.on("dialog", lambda dialog: (tab.complaints.append(dialog.message), dialog.dismiss()))
        tab.on("request", lambda asked: None if asked.url.startswith(url) else tab.complaints.append(asked.url))
        tab.goto(f"{url}{path}")
        return tab

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("path", "width", "scheme"), SCANNED)
def test_axe_finds_nothing(tab_on: Any, path: str, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    # axe is a script, which the page's own policy rightly refuses.
    tab = tab_on(path, width, scheme, bypass_csp=True)
    tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    # Of what it looks at, a dark page differs from a light one in its colours alone.
    found = Axe().run(tab, options=None if scheme == "light" else {"runOnly": ["color-contrast"]})
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (390, "dark"), (800, "light")])
def test_every_page_fits_its_screen_and_asks_for_nothing_that_its_policy_forbids(
    tab_on: Any, url: str, width: int, scheme: str
) -> None:
    tab = tab_on(PAGES[0], width, scheme)
    for path in PAGES:
        tab.goto(f"{url}{path}")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.evaluate("document.scripts.length") == 0
        ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (int(ground[4:].split(",")[0]) > 200) == (scheme == "light")
    assert tab.complaints == []


def test_on_a_phone_every_cell_of_a_decision_is_on_the_screen_under_its_name(tab_on: Any) -> None:
    tab = tab_on(f"{ADDRESS}/decisions", 390)
    outside = tab.evaluate(
        "[...document.querySelectorAll('.stacking td')].filter(one => one.getBoundingClientRect().right > 390).length"
    )
    names = tab.evaluate(
        "[...document.querySelectorAll('.stacking tbody tr:first-child td')]"
        ".map(one => getComputedStyle(one, '::before').content)"
    )
    assert outside == 0
    assert names == [f'"{name}"' for name in ("task", "outcome", "session", "tenant", "answered by", "cost", "took")]


def test_on_a_phone_the_bar_of_a_day_is_wide_enough_to_compare(tab_on: Any) -> None:
    tab = tab_on(f"{ADDRESS}/money?since=all", 390)
    widths = tab.locator(".days .bar").evaluate_all("bars => bars.map(one => one.clientWidth)")
    assert widths
    assert min(widths) > 150


def test_a_pin_is_released_by_a_click_without_any_script(tab_on: Any) -> None:
    tab = tab_on(f"{ADDRESS}/pins", java_script_enabled=False)
    before = tab.locator("tbody tr").count()
    row = tab.locator("tbody tr").nth(1)
    session = row.locator("th").inner_text()
    row.get_by_role("button", name=f"Release session {session}").click()
    assert tab.get_by_role("status").inner_text().startswith("The pin is released")
    assert tab.locator("tbody tr").count() == before - 1
    assert tab.get_by_role("button", name=f"Release session {session}", exact=True).count() == 0


def test_another_sites_page_cannot_release_a_pin(tab_on: Any, url: str) -> None:
    tab = tab_on(f"{ADDRESS}/pins")
    form = tab.locator("td form").first
    token, pin = (form.locator(f"input[name={name}]").get_attribute("value") for name in ("token", "pin"))
    before = tab.locator("tbody tr").count()
    # The worst case: it knows the very token.
    attack = (
        f'<form method="post" action="{url}/dashboard/pins/release"><input name="token" value="{token}">'
        f'<input name="pin" value="{pin}"><button>Win a prize</button></form>'
    )
    tab.route(EVIL, lambda route: route.fulfill(body=attack, content_type="text/html"))
    tab.goto(EVIL)
    with tab.expect_response(f"{url}/dashboard/pins/release") as answered:
        tab.get_by_role("button").click()
    assert answered.value.status == 403
    tab.goto(f"{url}/dashboard/pins")
    assert tab.locator("tbody tr").count() == before


def test_no_page_stands_in_a_frame_of_another(tab_on: Any, url: str) -> None:
    tab = tab_on(f"{ADDRESS}/pins")
    framing = f'<iframe src="{url}/dashboard/pins"></iframe>'
    tab.route(EVIL, lambda route: route.fulfill(body=framing, content_type="text/html"))
    tab.goto(EVIL)
    assert tab.frames[-1] is not tab.main_frame
    assert "Pins" not in tab.frames[-1].content()


def test_a_key_opens_the_dashboard_by_keyboard_and_logging_out_closes_it(tab_on: Any, keyring: Keyring) -> None:
    keyring.keys["qr-secret"] = Key("k1", "operator <b>")
    try:
        tab = tab_on(f"{ADDRESS}/money")
        assert tab.url.endswith("/dashboard/login")
        tab.keyboard.type("qr-wrong")
        tab.keyboard.press("Enter")
        tab.get_by_role("alert").wait_for()
        tab.keyboard.type("qr-secret")
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/dashboard")
        assert tab.locator(".who").inner_text().startswith("key operator <b>")
        assert "qr-secret" not in tab.content()
        tab.get_by_role("button", name="Log out").click()
        tab.wait_for_url("**/dashboard/login")
        assert tab.context.cookies() == []
    finally:
        keyring.keys.clear()


def test_a_short_tasks_name_is_not_broken_into_two_lines(tab_on: Any) -> None:
    tab = tab_on(f"{ADDRESS}/decisions", 1300)
    tab.evaluate("document.querySelectorAll('.stacking td:nth-child(2)').forEach(one => one.textContent = 'contract')")
    lines = tab.locator(".stacking td:nth-child(2)").evaluate_all(
        "cells => cells.map(one => { const words = document.createRange(); words.selectNodeContents(one); "
        "return words.getClientRects().length; })"
    )
    assert set(lines) == {1}
