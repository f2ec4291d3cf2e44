"""What stands around every page: head, navigation, and the headers that keep a browser from more than reading."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from starlette.background import BackgroundTask
from starlette.responses import HTMLResponse, RedirectResponse, Response

from qualityroute.gateway.dashboard.doorkeeper import PATH, Visit
from qualityroute.page.drawing import style
from qualityroute.page.markup import Child, Markup, stranger, tag

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    # Not "no-referrer": with it a browser says no origin of its forms either, and we ask for that.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
NAVIGATION = (
    (PATH, "Tasks"),
    (f"{PATH}/decisions", "Decisions"),
    (f"{PATH}/pins", "Pins"),
    (f"{PATH}/money", "Money"),
)
MOST_OF_A_NAME = 60


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says, to be framed."""

    title: str
    main: Child
    below: Child = None
    """Words under the title."""
    beside: Child = None
    """What stands beside the title, such as a choice of times."""
    here: str = ""
    """The path in the navigation that it belongs to."""
    status: int = 200
    every: int | None = None
    """Seconds after which a browser asks for it again."""


def response_of(page: Page, visit: Visit | None = None, after: BackgroundTask | None = None) -> Response:
    """`after` is done when the page is sent."""
    headers = HEADERS if page.every is None else {**HEADERS, "refresh": str(page.every)}
    return HTMLResponse(f"<!doctype html>\n{_html(page, visit).html}\n", page.status, headers, background=after)


def redirect_to(path: str) -> Response:
    """To be asked for by GET, whatever this was."""
    return RedirectResponse(path, 303, HEADERS)


def form(action: str, visit: Visit, *fields: Child, **attributes: str) -> Markup:
    """A form that only its own session can send."""
    token = tag("input", type="hidden", name="token", value=visit.token)
    return tag("form", token, *fields, method="post", action=action, **attributes)


@cache
def style_sheet() -> str:
    """The report's looks and what the dashboard adds to them."""
    own = resources.files("qualityroute.gateway.dashboard").joinpath("dashboard.css").read_text(encoding="utf-8")
    return f"{style()}\n{own}"


@cache
def style_path() -> str:
    """Another one for each version, so that a browser may keep it for good."""
    return f"{PATH}/style-{hashlib.sha256(style_sheet().encode()).hexdigest()[:16]}.css"


def style_response() -> Response:
    headers = {**HEADERS, "cache-control": "public, max-age=31536000, immutable"}
    return Response(style_sheet(), media_type="text/css", headers=headers)


def _html(page: Page, visit: Visit | None) -> Markup:
    title = f"{page.title} · qualityroute"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="stylesheet", href=style_path()),
    )
    skip = tag("a", "Skip to the content", href="#main", class_="skip")
    main = tag("main", page.main, id="main", tabindex=-1)
    body = tag("body", skip, tag("header", _top(page, visit), _heading(page)), main)
    return tag("html", head, body, lang="en")


def _top(page: Page, visit: Visit | None) -> Markup:
    brand = tag("span", "qualityroute", class_="brand")
    if visit is None:
        return tag("div", brand, class_="top")
    links = [
        tag("li", tag("a", name, href=path, aria_current="page" if path == page.here else None))
        for path, name in NAVIGATION
    ]
    navigation = tag("nav", tag("ul", links), aria_label="Dashboard")
    return tag("div", brand, navigation, _who(visit), class_="top")


def _who(visit: Visit) -> Child:
    if not visit.who:
        return tag("span", "this machine", class_="who")
    leave = form(f"{PATH}/logout", visit, tag("button", "Log out", type="submit", class_="quiet"))
    return tag("div", tag("span", "key ", stranger(visit.who, MOST_OF_A_NAME)), leave, class_="who")


def _heading(page: Page) -> Markup:
    words = tag("div", tag("h1", page.title), tag("p", page.below) if page.below else None)
    return tag("div", words, page.beside, class_="heading")
