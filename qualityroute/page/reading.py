"""How to read the page: its words, defined."""

from __future__ import annotations

from qualityroute.page.badges import FLAG_MEANINGS, STATE_MEANINGS, flag_badge, state_badge
from qualityroute.page.markup import Child, Markup, tag

DEFINITIONS: tuple[tuple[str, str], ...] = (
    ("Judged attempt", "any request that tried efficiency, was not pinned, and whose answer the gate could judge."),
    (
        "Fallback rate",
        "the share of attempts that the gate rejected. Pinned requests are not in it. In brackets: 95 % interval.",
    ),
    ("On first attempts", "the same of each session's first attempt; its interval holds however often one looks."),
    (
        "Attempts in sessions",
        "what a state rests on: of each closed session its judged attempts up to the first failure, at most four.",
    ),
    ("Break-even", "the fallback rate at which trying efficiency first stops paying, from the mean costs measured."),
    ("Saved", "an estimate, against sending every request to performance. Spent is measured, not estimated."),
    ("Pin", "holds a session on performance after a rejected answer. A probe is one try of efficiency meanwhile."),
    ("Unknown", "a price or a count is missing. Unknown is never counted as zero."),
)


def reading() -> Markup:
    states: list[tuple[Child, str]] = [(state_badge(state), words) for state, words in STATE_MEANINGS.items()]
    flags: list[tuple[Child, str]] = [(flag_badge(flag), words) for flag, words in FLAG_MEANINGS.items()]
    return tag(
        "footer",
        tag("h2", "How to read this"),
        tag("div", _definitions(DEFINITIONS), _definitions([*states, *flags]), class_="reading"),
    )


def _definitions(rows: tuple[tuple[str, str], ...] | list[tuple[Child, str]]) -> Markup:
    return tag("dl", [tag("div", tag("dt", name), tag("dd", words)) for name, words in rows])
