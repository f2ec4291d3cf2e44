"""Policies to be measured: what is asked of whom before an answer is served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from replay_records import GPT35, HAIKU, MINI, NEMO, NEMO_PROMPTED, PAIR, Case, Records, question

Check = Callable[[Any, str], str | None]

MAKERS = {MINI: "openai", GPT35: "openai", NEMO: "mistral", NEMO_PROMPTED: "mistral", HAIKU: "anthropic"}
SAME_WEIGHTS = {NEMO: NEMO_PROMPTED, NEMO_PROMPTED: NEMO}
"""One model, asked in two ways."""


def _never(case: Case) -> bool:
    return False


def states_a_percentage(case: Case) -> bool:
    """A number that may rightly be written in two ways: 5 and 0.05."""
    return "%" in question(case) or "percent" in question(case).lower()


@dataclass(frozen=True)
class Policy:
    name: str
    rule: str | None = None
    """Of agreement; `None` asks no peers."""
    peers: tuple[str, ...] = ()
    judge: tuple[str, float] | None = None
    """The peer whose recorded agreement is the judge's verdict, and the least that is a yes."""
    one_more: Callable[[Case], bool] = _never
    """Requests of a task that wants one more vote, known before anything is asked."""
    required_decide: bool = False
    """Only arguments that the schema requires are critical to the comparison."""
    checks: tuple[Check, ...] = ()
    """The user's own code."""


def peers_for(records: Records) -> tuple[str, ...]:
    """Every cheap model but the tier's own. Independence first: a maker that has no voice yet comes before one that
    has, other weights before the same weights asked in another way; then the cheaper one."""
    left = sorted(set(MAKERS) - {records.pair.efficiency}, key=lambda model: sum(records.costs(model)))
    voices = [records.pair.efficiency]
    while left:
        voices.append(min(left, key=lambda model: _dependence(model, voices)))
        left.remove(voices[-1])
    return tuple(voices[1:])


def _dependence(model: str, voices: Sequence[str]) -> tuple[bool, bool]:
    return SAME_WEIGHTS.get(model) in voices, MAKERS[model] in {MAKERS[voice] for voice in voices}


def known_policies(records: Records) -> tuple[Policy, ...]:
    """Those whose figures `replay/README.md`, the issue or a rival's measurement state."""
    first, second, *_ = peers = peers_for(records)
    return (
        *_FIRST,
        Policy("judge: haiku's recorded agreement >= .5", judge=(HAIKU, 0.5)),
        Policy("confirm: haiku", "confirm", (HAIKU,)),
        Policy(f"confirm: {_short(first)}, {_short(second)}", "confirm", peers[:2]),
    )


def further_policies(records: Records) -> tuple[Policy, ...]:
    first, second, third, fourth = peers = peers_for(records)
    return (
        Policy(f"majority: {_short(first)}, {_short(second)}", "majority", peers[:2]),
        Policy(f"majority: + {_short(third)}", "majority", peers[:3]),
        Policy(f"majority: + {_short(third)}, {_short(fourth)}", "majority", peers),
        Policy("  the same, 3 votes if a percentage is stated", "majority", peers, one_more=states_a_percentage),
        Policy("  the same, required arguments decide", "majority", peers, required_decide=True),
    )


def bfcl_policies(records: Records) -> tuple[Policy, ...]:
    if records.pair == PAIR:
        return (*known_policies(records), *further_policies(records))
    return (*_FIRST, *further_policies(records))


_FIRST = (
    Policy("schema gate alone"),
    Policy("judge: haiku's recorded agreement >= 1", judge=(HAIKU, 1.0)),
)


def _short(model: str) -> str:
    names = {MINI: "4o-mini", GPT35: "gpt-3.5", NEMO: "nemo", NEMO_PROMPTED: "nemo-prompted", HAIKU: "haiku"}
    return names[model]
