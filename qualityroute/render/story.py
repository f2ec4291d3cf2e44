"""One decision told in order: route, attempts with their verdicts, outcome, pin, cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from qualityroute.cache import Hit
from qualityroute.complexity import Choice, Forecast, Foretold
from qualityroute.labels import Label
from qualityroute.records import Attempt, Decision, ModelCall, Ruling, Verdict
from qualityroute.render.safe import safe_text
from qualityroute.render.telling import (
    LIKENING,
    all_calls,
    begun_words,
    calls_words,
    cost_of_trying,
    label_words,
    outcome_told,
    parts_of_cost,
    score_words,
    tokens_words,
    untold_message,
)
from qualityroute.render.words import dollars, effect_words, moment_text, percent, reason_words, route_words, seconds

_STYLES = {Ruling.ACCEPTED: "green", Ruling.REJECTED: "red", Ruling.UNDECIDED: "yellow"}
_CALL_INDENT = 4
_VERDICT_INDENT = 6


def story_of(
    decision: Decision,
    label: Label | None = None,
    foretold: Foretold | None = None,
    hit: Hit | None = None,
) -> RenderableType:
    """The whole story of a request, from route to cost, with what is known of its answer."""
    return Group(*_lines(decision, label, foretold, hit))


def _lines(
    decision: Decision, label: Label | None, foretold: Foretold | None, hit: Hit | None
) -> Iterator[RenderableType]:
    yield _heading(decision)
    yield Text.assemble("Route: ", route_words(decision.route))
    if foretold is not None:
        yield _foretold(foretold.forecast)
    for number, attempt in enumerate(decision.all_attempts, 1):
        told = begun_words(decision, attempt)
        heading = f"Attempt {number}, {attempt.tier} tier{f' ({told})' if told else ''}"
        yield from _attempt(LIKENING if attempt is decision.likening else heading, attempt)
    yield Text.assemble("Outcome: ", (decision.outcome.value, "bold"), f", {outcome_told(decision)}")
    if hit is not None:
        saved = f", which took {dollars(hit.saved)} then" if hit.saved is not None else ""
        yield Text.assemble("Answer: that of decision ", safe_text(hit.source, "bold"), saved)
    if decision.reason is not None:
        yield Text.assemble("Reason: ", reason_words(decision.reason), *_told(untold_message(decision)))
    if decision.pin is not None:
        yield Text.assemble("Pin: ", effect_words(decision.pin))
    if label is not None:
        yield _labelled(label)
    yield from _bill(decision)


def _foretold(told: Forecast) -> Text:
    """What the log said before anything was asked, and whether that was followed."""
    by = "regression" if told.in_use else "log"
    at = f"; break-even {percent(told.break_even)}" if told.break_even is not None else ""
    done = ""
    if told.wanted is not Choice.CASCADE:
        kept = "one of the explored" if told.taken is not told.wanted else "done"
        done = f"; {told.wanted} was wanted, {kept} with probability {told.propensity:.2f}"
    return Text(f"Predicted: {percent(told.probability)} escalate, by the {by}{at}{done}")


def _labelled(label: Label) -> Text:
    """What the efficiency answer was held against, and what came of it."""
    word, found, differing = label_words(label)
    return Text.assemble(f"Held against {word}: ", (found, "red" if label.bad else ""), *_told(differing))


def _heading(decision: Decision) -> Text:
    session = decision.session
    who: tuple[str | Text, ...] = (", session ", safe_text(session, "bold", most=300)) if session else (", no session",)
    tenant = () if decision.tenant == "default" else (", tenant ", safe_text(decision.tenant))
    return Text.assemble(
        "Decision ",
        safe_text(decision.id, "bold"),
        ", task ",
        safe_text(decision.task, "bold"),
        *who,
        *tenant,
        f", {moment_text(decision.at)}",
    )


def _attempt(heading: str, attempt: Attempt) -> Iterator[RenderableType]:
    cost = (f", {dollars(attempt.cost)}", "dim") if attempt.all_calls else ""
    yield Text.assemble(f"{heading}: ", _ruling(attempt.ruling), cost)
    for call in attempt.calls:
        yield Padding(_call(call), (0, 0, 0, _CALL_INDENT))
    for plain, verdicts in groupby(attempt.verdicts, key=_just_passed):
        if plain:
            yield Padding(_passed(verdicts), (0, 0, 0, _CALL_INDENT))
            continue
        for verdict in verdicts:
            yield Padding(_verdict(verdict), (0, 0, 0, _CALL_INDENT))
            for call in verdict.calls:
                yield Padding(_call(call), (0, 0, 0, _VERDICT_INDENT))


def _just_passed(verdict: Verdict) -> bool:
    """There is no more to say of it."""
    return verdict.ruling is Ruling.ACCEPTED and not (verdict.calls or verdict.message or verdict.score is not None)


def _passed(verdicts: Iterable[Verdict]) -> Text:
    names = [safe_text(verdict.check) for verdict in verdicts]
    return Text.assemble(Text(", ").join(names), " ", _ruling(Ruling.ACCEPTED))


def _call(call: ModelCall) -> Text:
    retries = f", {call.retries} retried" if call.retries else ""
    if call.error is not None:
        failed = Text.assemble(safe_text(call.name), f": {reason_words(call.error)}", *_told(call.message))
        return failed.append(f" ({seconds(call.latency)}{retries}, {dollars(call.cost)})", "dim")
    return Text.assemble(
        safe_text(call.name), (f": {tokens_words(call)}, {dollars(call.cost)}, {seconds(call.latency)}{retries}", "dim")
    )


def _verdict(verdict: Verdict) -> Text:
    score = f" ({score_words(verdict)})" if verdict.score is not None else ""
    reason = f": {reason_words(verdict.reason)}" if verdict.reason is not None else ""
    return Text.assemble(
        safe_text(verdict.check), " ", _ruling(verdict.ruling), reason, *_told(verdict.message), (score, "dim")
    )


def _ruling(ruling: Ruling) -> Text:
    return Text(ruling.value, style=_STYLES[ruling])


def _told(message: str) -> Iterable[Text]:
    return (Text(": "), safe_text(message, most=500)) if message else ()


def _bill(decision: Decision) -> Iterator[RenderableType]:
    made = f"{calls_words(decision)}, {seconds(decision.latency)}"
    yield Text.assemble("Cost: ", (dollars(decision.cost), "bold"), f" in {made}")
    parts = parts_of_cost(all_calls(decision))
    if len(parts) > 1:
        spent = ", ".join(f"{name} {dollars(cost)}" for name, cost in parts.items())
        yield Padding(Text(f"of which {spent}", "dim"), (0, 0, 0, _CALL_INDENT))
    extra = cost_of_trying(decision)
    if extra is not None:
        more = f"{dollars(extra)} more than asking performance at once would have"
        yield Padding(Text(f"trying efficiency first cost {more}", "dim"), (0, 0, 0, _CALL_INDENT))
