"""The demo's weeks: which document arrives when, and what the engine makes of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from qualityroute.commands.progress import Progress
from qualityroute.engine import Engine
from qualityroute.errors import AnswerRejected
from qualityroute.lanes import work_through
from qualityroute.practice import Document
from qualityroute.records import Decision

WEEKS = 5
MIDWEEK = timedelta(days=3)
BETWEEN_ARRIVALS = timedelta(seconds=30)
"""Short enough that a pin of the day's first session still holds at its end."""
SESSIONS_AT_ONCE = 8
NEW, NEW_SESSIONS = "triage", 3
"""The task that is new in the last week, and how many sessions it has."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A document, when it comes, and the session it comes in."""

    at: datetime
    session: str
    document: Document


class Clock:
    """Stands where the workload is; the decisions are dated by it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


async def live_through(
    engine: Engine, clock: Clock, days: Sequence[Sequence[Arrival]], progress: Progress
) -> tuple[Decision, ...]:
    """Each day's documents through the engine, several sessions at once, the clock going along."""
    end, decisions = clock.now, list[Decision]()
    for day in days:
        decisions += await _day(engine, clock, day, progress)
    clock.now = end
    return tuple(decisions)


async def _day(engine: Engine, clock: Clock, day: Sequence[Arrival], progress: Progress) -> list[Decision]:
    decisions: list[Decision] = []
    coming = iter(day)

    async def draw() -> Arrival | None:
        arrival = next(coming, None)
        if arrival is not None:
            clock.now = arrival.at
        return arrival

    async def one(arrival: Arrival) -> None:
        document = arrival.document
        try:
            answer = await engine.run(document.task, document.input, session=arrival.session)
            decisions.append(answer.decision)
        except AnswerRejected as error:
            decisions.extend(filter(None, (error.decision,)))
        progress.advance()

    await work_through(draw, one, session_of=lambda arrival: arrival.session, concurrency=SESSIONS_AT_ONCE)
    return decisions


def weeks_up_to(now: datetime, workload: Sequence[Document], *, weeks: int = WEEKS) -> list[list[Arrival]]:
    """Day by day, two days a week, the same documents every week; the last one comes now.

    Each contract is a session of its own. Emails for triage are new: they come on one day, in three sessions.
    """
    early, late = _split(_sessions(document for document in workload if document.task != NEW))
    emails = _some(_sessions(document for document in workload if document.task == NEW), NEW_SESSIONS)
    days = []
    for week in reversed(range(weeks)):
        end = now - timedelta(weeks=week)
        days.append(_arrivals(end - MIDWEEK, {**early, **(emails if week == 0 else {})}, this_week=week == 0))
        days.append(_arrivals(end, late, this_week=week == 0))
    return days


Sessions = dict[str, list[Document]]


def _sessions(documents: Iterable[Document]) -> Sessions:
    sessions: defaultdict[str, list[Document]] = defaultdict(list)
    for document in documents:
        sessions[document.id if document.task == "contract" else document.session].append(document)
    return sessions


def _split(sessions: Sessions) -> tuple[Sessions, Sessions]:
    """Every other session on either day."""
    names = list(sessions)
    return {name: sessions[name] for name in names[::2]}, {name: sessions[name] for name in names[1::2]}


def _some(sessions: Sessions, most: int) -> Sessions:
    return dict(list(sessions.items())[:most])


def _arrivals(end: datetime, sessions: Sessions, *, this_week: bool) -> list[Arrival]:
    turns = list(_turns(sessions))
    start = end - BETWEEN_ARRIVALS * (len(turns) - 1)
    # This week's sessions keep their plain names, which one types after the demo.
    suffix = "" if this_week else f"-w{end:%V}"
    return [
        Arrival(start + BETWEEN_ARRIVALS * place, f"{session}{suffix}", document)
        for place, (session, document) in enumerate(turns)
    ]


def _turns(sessions: Sessions) -> Iterator[tuple[str, Document]]:
    """As in real life: each session's documents in their order, the sessions taking turns."""
    for turn in zip_longest(*([(name, document) for document in found] for name, found in sessions.items())):
        yield from (one for one in turn if one is not None)
