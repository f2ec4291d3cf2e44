"""How hard a request is for the efficiency tier: P(escalate) with its interval, where that comes from, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from qualityroute.complexity.beta import Belief
from qualityroute.complexity.cells import FEWEST, PRIOR_MASS, History
from qualityroute.complexity.forecast import Known
from qualityroute.complexity.heuristic import weak_evidence
from qualityroute.complexity.rule import DOUBT, Choice, Economics, choose
from qualityroute.config import Task
from qualityroute.records import Tier


class Source(StrEnum):
    """What decided where a request goes; the first that has a say."""

    HARD_LIMIT = "hard_limit"
    """No model of the efficiency tier can answer it."""
    TASK = "task"
    """The task's tier is `efficiency` or `performance`."""
    PIN = "pin"
    """The session is held on performance."""
    LOG = "log"
    """What the gate made of the requests before."""
    PRIOR = "prior"
    """Too little is known; the cascade finds out."""


@dataclass(frozen=True, slots=True)
class Complexity:
    """How hard one request is for the efficiency tier, as far as that can be known before it is asked.

    A prompt says little about it, so the answer is almost always the cascade; see `docs/routing.md` for what it is
    worth.
    """

    task: str
    tier: Tier
    """Where the request would start."""
    probability: float
    """P(escalate): that the gate will not accept the efficiency tier's answer."""
    low: float
    high: float
    """An interval that holds `probability` with 80 %, by what is known."""
    source: Source
    reasons: tuple[str, ...]
    """In words, the weightiest first."""
    observed: int = 0
    """Outcomes of this pipeline that the estimate rests on."""
    break_even: float | None = None
    """P(escalate) from which performance at once is cheaper; `None` while costs are unknown."""
    judged: bool = True
    """Would the judge be asked about an efficiency answer?"""


_NOTHING_KNOWN = Economics()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of a request besides its text."""

    task: str
    settings: Task
    limit: str | None = None
    """The hard limit that it meets."""
    pinned: bool = False
    known: Known | None = None
    """What the log says; `None` where there is no log."""
    economics: Economics = _NOTHING_KNOWN


def analyse(about: Circumstances, found: Sequence[float]) -> Complexity:
    """The ladder: hard limit, task, pin, log, prior (routing.md A3); `found` are the request's `features`."""
    known = about.known or Known(History().believed(), History().own, History().believed().mean)
    learned = known.cell.observed >= FEWEST
    belief, weak = (known.belief, ()) if learned else _cold(known.belief, found)
    chosen = choose(known.belief, known.cell, about.economics)
    source = _source(about, learned=learned)
    up = source in (Source.HARD_LIMIT, Source.PIN) or about.settings.tier == "performance"
    up = up or (source is Source.LOG and chosen is Choice.PERFORMANCE)
    certain = source is Source.HARD_LIMIT
    return Complexity(
        task=about.task,
        tier=Tier.PERFORMANCE if up else Tier.EFFICIENCY,
        probability=1.0 if certain else belief.mean,
        low=1.0 if certain else belief.quantile(DOUBT),
        high=1.0 if certain else belief.quantile(1 - DOUBT),
        source=source,
        reasons=tuple(_reasons(about, known, source, chosen, weak)),
        observed=known.cell.observed,
        break_even=about.economics.break_even,
        judged=not (source is Source.LOG and chosen is Choice.UNJUDGED),
    )


def _source(about: Circumstances, *, learned: bool) -> Source:
    if about.limit is not None:
        return Source.HARD_LIMIT
    if about.settings.tier == "performance":
        return Source.TASK
    if about.pinned:
        return Source.PIN
    if about.settings.tier == "efficiency":
        return Source.TASK
    return Source.LOG if learned else Source.PRIOR


def _cold(belief: Belief, found: Sequence[float]) -> tuple[Belief, tuple[str, ...]]:
    """Before there is a log, moved a little by what the text looks like."""
    factor, reasons = weak_evidence(found)
    mass = max(PRIOR_MASS, belief.escalations + belief.passes)
    rate = min(0.95, belief.mean * factor)
    return Belief(rate * mass, (1 - rate) * mass), reasons


def _reasons(
    about: Circumstances, known: Known, source: Source, chosen: Choice, weak: tuple[str, ...]
) -> Iterator[str]:
    match source:
        case Source.HARD_LIMIT:
            yield about.limit or ""
        case Source.TASK:
            yield f"the task's tier is {about.settings.tier}"
        case Source.PIN:
            yield "the session is pinned to performance"
        case Source.LOG:
            yield from _of_log(about, known, chosen)
        case Source.PRIOR:
            seen = f"only {known.cell.observed} outcomes" if known.cell.observed else "no outcome"
            yield f"{seen} of this task's pipeline yet, and it takes {FEWEST}: efficiency first, and the gate decides"
    if source in (Source.TASK, Source.PRIOR):
        yield from weak


def _of_log(about: Circumstances, known: Known, chosen: Choice) -> Iterator[str]:
    rows = "like it, by the regression," if known.in_use else "of this task's pipeline"
    yield f"of {known.cell.observed} requests {rows} about {100 * known.belief.mean:.0f} % escalated lately"
    at = about.economics.break_even
    match chosen:
        case Choice.UNJUDGED:
            yield "the judge costs more than the errors that it prevents: left out, and audits go on"
        case _ if at is None:
            yield "the break-even is unknown, because costs are: efficiency first, and the gate decides"
        case Choice.PERFORMANCE:
            yield f"that is above the break-even of {100 * at:.0f} %, proven at every look: straight to performance"
        case Choice.CASCADE:
            unproven = f"that is not proven to be above the break-even of {100 * at:.0f} %"
            yield f"{unproven}: efficiency first, and the gate decides"
