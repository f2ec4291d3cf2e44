"""The report's findings as sentences. Pure."""

from __future__ import annotations

from decimal import Decimal

from qualityroute.quantities import counted, were
from qualityroute.records import Reason
from qualityroute.signal import Assessment, Persistence, State
from qualityroute.store import HeadStarts, TaskSummary

PER_SESSIONS = 100


def dollars(amount: Decimal | float) -> str:
    """Enough digits to mean something, and no more: $12.30, $0.0042."""
    value = abs(Decimal(str(amount)))
    if value == 0:
        return "$0"
    digits = 2 if value >= 1 else min(10, 1 - value.adjusted())
    return f"{'-' if Decimal(str(amount)) < 0 else ''}${value:,.{digits}f}"


def state_sentence(assessment: Assessment, performance_cost: Decimal | None, ever: TaskSummary) -> str:
    """The state of a task in words; `ever`: what it is judged by."""
    task = ever.task
    money = _money(assessment, performance_cost)
    match assessment.state:
        case State.MISCLASSIFIED:
            lost = (
                f" loses {money} per {PER_SESSIONS} sessions on efficiency" if money else " loses money on efficiency"
            )
            return f"{task}{lost}; send it to performance."
        case State.HEALTHY if assessment.saving is not None and assessment.saving < 0:
            return f"{task} belongs on performance: efficiency would cost more."
        case State.HEALTHY:
            saves = f"saves {money} per {PER_SESSIONS} sessions" if money else "saves money"
            return f"{task} {saves} on efficiency."
        case State.COULD_TRY_EFFICIENCY:
            saves = f"would save {money} per {PER_SESSIONS} sessions" if money else "would save money"
            return f"{task} {saves} on efficiency; the explored share shows it."
        case State.BREAK_EVEN:
            return f"{task} neither saves nor loses enough to matter."
        case State.INSUFFICIENT:
            return _insufficient(assessment, ever)


def _money(assessment: Assessment, performance_cost: Decimal | None) -> str:
    if assessment.saving is None or performance_cost is None:
        return ""
    return dollars(abs(Decimal(assessment.saving)) * performance_cost * PER_SESSIONS)


def _insufficient(assessment: Assessment, ever: TaskSummary) -> str:
    task = ever.task
    if not ever.tried.count:
        return f"{task}: nothing has tried efficiency, so there is no verdict; `explore = 0.02` would try a share."
    if assessment.break_even is None:
        return f"{task}: no verdict, because {_nothing_to_weigh(ever)}"
    if assessment.sessions_to_go is None:
        return f"{task}: no verdict yet, and none is in sight."
    more = assessment.sessions_to_go
    return f"{task}: no verdict yet; about {counted(more, 'more session')} to go."


def _nothing_to_weigh(ever: TaskSummary) -> str:
    """Why it is unknown from which rate on trying efficiency stops paying."""
    if ever.tried.unknown or ever.judging.unknown or ever.performance.unknown:
        return "costs are unknown; add [[prices]] for its models."
    if not ever.performance.count:
        return "performance has not answered yet; what its answers cost is what efficiency saves."
    return "there is nothing to save: performance costs nothing, or every answer is audited."


def judge_sentence(summary: TaskSummary, would_save: Decimal | None) -> str:
    if not summary.judged:
        return "No answer reached the judge."
    answers = counted(summary.judged, "answer")
    if not summary.judge_catches:
        most = 3 / summary.judged  # the rule of three: 95 % bound when nothing was seen
        bound = f" (at most {100 * most:.0f} % are bad, by its word)" if most < 1 else ""
        off = f"; turning it off would have saved {dollars(would_save)}" if would_save is not None else ""
        return f"The judge caught nothing in {answers}{bound}{off}."
    caught = f"The judge caught {summary.judge_catches:,} of {answers} that every free check passed"
    if would_save is None:
        return f"{caught}."
    each = would_save / summary.judge_catches
    return f"{caught}, at {dollars(each)} each; turning it off would have saved {dollars(would_save)}."


def agreement_sentence(summary: TaskSummary) -> str:
    """What peers of other families made of efficiency's answers; empty where none was asked."""
    peers = summary.peers
    if not peers.count:
        return ""
    calls = f"Peers were asked {counted(peers.count, 'time')}"
    cost = f", for {dollars(peers.total)}" if peers.total is not None else ""
    count = summary.by_reason.get(Reason.DISAGREEMENT, 0)
    return f"{calls}{cost}; for want of agreement, {counted(count, 'answer')} fell back."


def head_starts_sentence(found: HeadStarts) -> str:
    """What beginning performance early took, and what it saved."""
    begun = found.needed + found.spare
    saved = f", which saved {found.saved:,.1f} seconds of waiting" if found.needed else ""
    unknown = f", and an unknown amount for {counted(found.unknown, 'call')}" if found.unknown else ""
    return (
        f"Performance was begun early {counted(begun, 'time')}. {found.needed:,} {were(found.needed)} needed{saved}; "
        f"{found.spare:,} {were(found.spare)} not, and cost {dollars(found.cost)}{unknown}."
    )


def pins_sentence(found: Persistence, held: int, amount: Decimal | None) -> str:
    if not held:
        return "No request was held by a pin."
    if not found.probes:
        unknown = "no probe has come back yet, so whether pins pay is unknown"
        return f"{counted(held, 'request')} {were(held)} held; {unknown}."
    rejected = f"{found.failed:,} of {counted(found.probes, 'probe')} of pinned sessions {were(found.failed)} rejected"
    if found.pins_pay:
        return f"Pins pay: {rejected}."
    cost = f" They cost {dollars(amount)} more than trying would have." if amount is not None and amount > 0 else ""
    if found.pins_pay is False:
        return f"Pins cost money here: only {rejected}.{cost} They buy latency, and fewer meetings with a weak model."
    return f"Whether pins pay is open: {rejected}.{cost}"
