"""The one door through which text becomes markup: everything is escaped here, and nowhere else."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from qualityroute.render.safe import visible

VOID = frozenset({"meta", "link", "input", "br", "hr", "wbr"})


@dataclass(frozen=True, slots=True)
class Markup:
    """Finished markup. Only this file and the style sheet's reader make it from text."""

    html: str


Child: TypeAlias = "str | Markup | Iterable[Child] | None"
Attribute: TypeAlias = str | int | float | bool | None


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """An element. Strings among its children and attributes are text, whatever they hold.

    >>> tag("p", "a < b", class_="small").html
    '<p class="small">a &lt; b</p>'
    """
    opening = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    return Markup(opening if name in VOID else f"{opening}{joined(*children).html}</{name}>")


def joined(*children: Child) -> Markup:
    return Markup("".join(_written(child) for child in children))


def lines(text: str) -> Iterable[Markup]:
    """The lines of a text, each escaped: inside a line no character breaks it."""
    return [Markup(f"{escaped(line)}\n") for line in text.splitlines()]


def escaped(text: str) -> str:
    """Text that no reader of HTML takes for markup, with every hidden character made visible."""
    return html.escape(visible(text), quote=True)


def stranger(text: str, most: int | None = None) -> Markup:
    """Text from outside: cut to length, and isolated so that its writing direction stays its own."""
    return tag("bdi", visible(text, most))


def _written(child: Child) -> str:
    match child:
        case None:
            return ""
        case Markup():
            return child.html
        case str():
            return escaped(child)
        case _:
            return "".join(_written(one) for one in child)


def _attribute(key: str, value: Attribute) -> str:
    name = key.removesuffix("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escaped(str(value))}"'
