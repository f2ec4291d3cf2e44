"""What to do after a reply: keep it, say it differently, ask again, or give up. Pure.

In one call a model is asked at most 1 + `retries` + `MAX_STEPS` + 1 times: once, again after failures, again in other
words where those were refused, and once more where a JSON mode gave nothing. An answer that a listener has begun to
hear is the last, however it ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from qualityroute.client import CompletionRequest
from qualityroute.openai_client.bodies import Body
from qualityroute.openai_client.dialects import MAX_STEPS, Dialect, next_dialect
from qualityroute.openai_client.ladder import Rung, may_be_empty_for_its_mode
from qualityroute.openai_client.trouble import Trouble
from qualityroute.openai_client.waiting import wait_before_repeat
from qualityroute.records import Completion, Usage


@dataclass(frozen=True, slots=True)
class Tries:
    """What one call has done so far."""

    steps: int = 0
    """Refused for their wording and said differently."""
    repeats: int = 0
    """Failed and asked again."""
    spent: Usage = field(default_factory=Usage)
    """What the provider counted for those that gave no answer."""
    billed: bool = False
    """May one of them be billed, although nobody counted?"""
    heard: bool = False
    """Has a listener heard the beginning of the answer? Then there is no other."""
    empty: Completion | None = None
    """An answer without words, kept for when there will be no better one."""


@dataclass(frozen=True, slots=True)
class Keep:
    """The answer, such as it is."""

    completion: Completion


@dataclass(frozen=True, slots=True)
class Ask:
    """Once more, after `wait` seconds, in this dialect."""

    tries: Tries
    dialect: Dialect
    wait: float = 0.0
    for_now: bool = False
    """The dialect is for this once, and nothing to learn."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    trouble: Trouble


Move: TypeAlias = Keep | Ask | GiveUp


def next_move(
    outcome: Completion | Trouble,
    *,
    request: CompletionRequest,
    body: Body,
    dialect: Dialect,
    tries: Tries,
    retries: int,
    remaining: float,
    chance: float,
) -> Move:
    """`body` was sent in `dialect`; `remaining` are the seconds left; `chance`, in [0, 1), is the waits' jitter."""
    if tries.heard:
        return Keep(outcome) if isinstance(outcome, Completion) else GiveUp(outcome)
    if isinstance(outcome, Completion):
        if tries.empty is None and may_be_empty_for_its_mode(dialect.rung, request, outcome):
            again = replace(tries, empty=outcome)
            return Ask(again, replace(dialect, rung=Rung.PROMPT), for_now=True)
        return Keep(outcome)
    words = next_dialect(outcome, body, request, dialect) if tries.steps < MAX_STEPS else None
    if words is not None:
        return Ask(replace(tries, steps=tries.steps + 1), words)
    wait = wait_before_repeat(outcome, repeats=tries.repeats, allowed=retries, remaining=remaining, chance=chance)
    if wait is not None:
        return Ask(replace(tries, repeats=tries.repeats + 1), dialect, wait)
    # Better an answer without words, which the gate calls empty, than none: it was paid for.
    return GiveUp(outcome) if tries.empty is None else Keep(tries.empty)
