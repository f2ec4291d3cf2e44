"""States and flags as badges: a word and a shape, so that colour is never alone. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from qualityroute.page.markup import Markup, tag
from qualityroute.signal import Flag, State


@dataclass(frozen=True, slots=True)
class Look:
    """The shape (an SVG path in a square of 16) and the colour of a state."""

    path: str
    kind: str


LOOKS: dict[State, Look] = {
    # A triangle with a bar cut out of it.
    State.MISCLASSIFIED: Look("M8 1 15.5 15H.5ZM7.2 6v4.5h1.6V6ZM7.2 11.8v1.6h1.6v-1.6Z", "loss"),
    # A disc with a tick.
    State.HEALTHY: Look(
        "M8 .5a7.5 7.5 0 1 1 0 15a7.5 7.5 0 1 1 0-15ZM3.8 8.2 6.9 11.4 12.3 5.9 11.1 4.7 6.9 9 5 7Z", "good"
    ),
    # A diamond with an equals sign.
    State.BREAK_EVEN: Look("M8 .5 15.5 8 8 15.5.5 8ZM5 6v1.4h6V6ZM5 8.8v1.4h6V8.8Z", "even"),
    # A ring.
    State.INSUFFICIENT: Look("M8 .5a7.5 7.5 0 1 1 0 15a7.5 7.5 0 1 1 0-15ZM8 3a5 5 0 1 0 0 10a5 5 0 1 0 0-10Z", "open"),
    # An arrow down, to the cheaper tier.
    State.COULD_TRY_EFFICIENCY: Look("M5.5 1h5v6.5h4L8 15 1.5 7.5h4Z", "hint"),
}
STATE_MEANINGS: dict[State, str] = {
    State.MISCLASSIFIED: "It is on efficiency and is proven to lose money there.",
    State.HEALTHY: "It is proven to belong where it is.",
    State.BREAK_EVEN: "The rate is so near break-even that it hardly matters.",
    State.INSUFFICIENT: "Not enough is known for a verdict.",
    State.COULD_TRY_EFFICIENCY: "It is on performance; its explored share proves that efficiency would save money.",
}
FLAG_MEANINGS: dict[Flag, str] = {
    Flag.CHANGED: "The failure rate changed; counting began anew at the change.",
    Flag.UNCERTIFIED: "The judge's threshold is not proven on labels.",
    Flag.REVOKED: "The judge's certificate no longer holds.",
}


def state_badge(state: State, where: str = "") -> Markup:
    """`where`: words that follow the state's name."""
    look = LOOKS[state]
    shape = tag("svg", tag("path", d=look.path, fill_rule="evenodd"), viewBox="0 0 16 16", aria_hidden="true")
    return tag("span", shape, f"{spaced(state)}{where}", class_=f"badge {look.kind}")


def flag_badge(flag: Flag) -> Markup:
    return tag("span", spaced(flag), class_="flag")


def spaced(name: str) -> str:
    return name.replace("_", " ")
