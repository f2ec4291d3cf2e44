"""The door: where a key is asked for, and what strangers are told."""

from __future__ import annotations

from qualityroute.gateway.dashboard.doorkeeper import PATH
from qualityroute.gateway.dashboard.layout import Page
from qualityroute.page.markup import tag

LOGIN = f"{PATH}/login"
REFUSED = "No key in force that may see the dashboard is like this."


def login_page(*, refused: bool = False) -> Page:
    """Says of a refused key nothing but that."""
    trouble = tag("p", REFUSED, role="alert", class_="unknown") if refused else None
    given = tag(
        "input",
        id="key",
        name="key",
        type="password",
        required=True,
        autofocus=True,
        autocomplete="current-password",
        spellcheck="false",
    )
    ask = tag("div", tag("div", tag("label", "Key", for_="key"), given), class_="fields")
    button = tag("p", tag("button", "Log in", type="submit"), class_="buttons")
    return Page(
        "Log in",
        tag("form", trouble, ask, button, method="post", action=LOGIN, class_="search card door"),
        below=["With a key made by ", tag("code", "qualityroute keys add NAME --dashboard"), "."],
        status=401 if refused else 200,
    )


def message_page(title: str, words: str, status: int) -> Page:
    """What went wrong, and the way back."""
    back = tag("p", tag("a", "To the dashboard", href=PATH))
    return Page(title, tag("section", tag("p", words), back, aria_label=title, class_="card"), status=status)


def stranger_page() -> Page:
    words = (
        "There are no keys, so the dashboard is shown on this machine alone, under a name of loopback such as "
        "localhost or 127.0.0.1. To see it from elsewhere, make a key."
    )
    return message_page("Not from here", words, 403)
