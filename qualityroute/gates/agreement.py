"""The agreement check: models of other families answer the same request blind, and equal answers are believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from anyio import to_thread

from qualityroute.client import CompletionRequest, Progress
from qualityroute.comparison import Comparison, Difference, compare_answers, says_the_same
from qualityroute.config import Agreement
from qualityroute.config.fields import split_model
from qualityroute.gates.interface import Candidate
from qualityroute.gates.judge_leaves import LeafJudge
from qualityroute.metering import Meter
from qualityroute.records import Completion, JudgeTrouble, ModelCall, Reason, Role, Ruling, Verdict
from qualityroute.rubrics import FieldRule

LONG_ANSWER = 20_000
"""Characters; longer answers are compared in a thread, so that other requests go on."""
MOST_DIFFERENCES = 5

Admit = Callable[[Completion], Candidate | None]
"""Form and schema: a candidate, or none where the answer fails them."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What the peers made of an answer."""

    verdict: Verdict
    winner: Candidate | None = None
    """The answer to serve, when accepted."""


@dataclass(slots=True)
class _Poll:
    """The votes so far."""

    own: Candidate | None
    ballots: list[Candidate] = field(default_factory=list)
    """Valid answers, the efficiency tier's own first."""
    names: list[str] = field(default_factory=list)
    """Whose each is; empty for the efficiency tier's own."""
    equals: list[int] = field(default_factory=list)
    """How many of the ballots each is equal to, itself counted."""
    calls: list[ModelCall] = field(default_factory=list)
    differing: list[tuple[str, Comparison]] = field(default_factory=list)
    """Peers that differ from the efficiency tier's answer."""


class AgreementCheck:
    """Asks peers one after another, and no further than the vote needs.

    confirm: `quorum` peers must equal the efficiency answer. majority: `quorum` + 1 equal answers are served, whoever
    gave them; this also rescues a request whose efficiency answer failed form or schema. A peer whose answer fails
    them, or that is down, has no vote. Where nobody disagreed, too few votes are undecided, never a disagreement.
    With an arbiter, an efficiency answer is served all the same where the judge confirms each of the values that
    differ; under majority only where no other answer has more votes.
    """

    name = "agreement"

    def __init__(self, agreement: Agreement, rules: Mapping[str, FieldRule], arbiter: LeafJudge | None = None) -> None:
        self._agreement, self._rules, self._arbiter = agreement, rules, arbiter
        self._some_critical = any(rule.critical for rule in rules.values())
        self._needed = agreement.quorum + 1
        self.rescues = agreement.rule == "majority"
        """Can peers alone give an answer?"""

    async def vote(self, own: Candidate | None, asked: CompletionRequest, admit: Admit, meter: Meter) -> Vote:
        poll = _Poll(own)
        if own is not None:
            await self._count(poll, own, "")
        for place, peer in enumerate(self._agreement.peers):
            if not self._open(poll, len(self._agreement.peers) - place):
                break
            candidate = await self._answer_of(peer, asked, admit, meter, poll)
            if candidate is not None:
                await self._count(poll, candidate, peer)
        outcome = self._outcome(poll)
        return await self._arbitrated(outcome, poll, meter) if _is_open_to_doubt(outcome, poll) else outcome

    async def _arbitrated(self, outcome: Vote, poll: _Poll, meter: Meter) -> Vote:
        """What the judge makes of a disagreement; the outcome itself where it is not asked."""
        assert poll.own is not None
        said = await self._arbiter.verdict(self._deciding(poll), poll.own.source, meter) if self._arbiter else None
        if said is None:
            return outcome
        vote = outcome.verdict
        calls, details = (*vote.calls, *said.calls), {**vote.details, **said.details}
        if said.reason is Reason.JUDGED:
            message = f"{vote.message}; the judge does not confirm them: {said.message}"[:1000]
            said = replace(said, reason=Reason.DISAGREEMENT, message=message)
        winner = poll.own if said.ruling is Ruling.ACCEPTED else None
        return Vote(replace(said, calls=calls, details=details), winner)

    def _deciding(self, poll: _Poll) -> list[Difference]:
        """The differences for which peers are not equal to the efficiency answer."""
        found = (difference for _, comparison in poll.differing for difference in comparison.differences)
        return [difference for difference in found if difference.critical or not self._some_critical]

    def _open(self, poll: _Poll, left: int) -> bool:
        """Not decided yet, and what is left could still reach the number needed."""
        most = self._most(poll)
        return most < self._needed <= most + left

    def _most(self, poll: _Poll) -> int:
        if self.rescues:
            return max(poll.equals, default=0)
        return poll.equals[0] if poll.own is not None else 0

    async def _answer_of(
        self, peer: str, asked: CompletionRequest, admit: Admit, meter: Meter, poll: _Poll
    ) -> Candidate | None:
        provider, model = split_model(peer)
        called = await meter.ask(
            replace(asked, role=Role.PEER, tier=None, provider=provider, model=model, progress=Progress())
        )
        poll.calls.extend(called.made)
        return None if called.completion is None else admit(called.completion)

    async def _count(self, poll: _Poll, candidate: Candidate, name: str) -> None:
        equals = 1
        for place, other in enumerate(poll.ballots if self.rescues else poll.ballots[:1]):
            comparison = await self._compare(other, candidate)
            if says_the_same(comparison, self._rules):
                equals += 1
                poll.equals[place] += 1
            elif other is poll.own:
                poll.differing.append((name, comparison))
        poll.ballots.append(candidate)
        poll.names.append(name)
        poll.equals.append(equals)

    async def _compare(self, left: Candidate, right: Candidate) -> Comparison:
        if len(left.text) + len(right.text) < LONG_ANSWER:
            return compare_answers(left.value, right.value, self._rules)
        return await to_thread.run_sync(
            compare_answers, left.value, right.value, self._rules, abandon_on_cancel=True
        )  # fmt: skip

    def _outcome(self, poll: _Poll) -> Vote:
        calls, most = tuple(poll.calls), self._most(poll)
        details: dict[str, Any] = {"equal": max(0, most - 1), "needed": self._needed - 1}
        if most >= self._needed:
            place = poll.equals.index(most) if self.rescues else 0
            if poll.names[place]:
                details["served"] = poll.names[place]
            return Vote(Verdict(self.name, Ruling.ACCEPTED, calls=calls, details=details), poll.ballots[place])
        voters = len(poll.names) - (poll.own is not None)
        if not voters or (poll.own is not None and not poll.differing):
            return Vote(_undecided(voters, self._needed - 1, calls))
        return Vote(_disagreement(poll, details, calls))


def _is_open_to_doubt(outcome: Vote, poll: _Poll) -> bool:
    """A disagreement in which no other answer has more votes than the efficiency tier's own."""
    disagreed = outcome.verdict.reason is Reason.DISAGREEMENT
    return disagreed and poll.own is not None and poll.equals[0] == max(poll.equals)


def _undecided(voters: int, needed: int, calls: tuple[ModelCall, ...]) -> Verdict:
    message = f"only {voters} of {needed} peers answered" if voters else "no peer answered"
    details = {"cause": JudgeTrouble.TIMEOUT.value}
    return Verdict("agreement", Ruling.UNDECIDED, Reason.JUDGE_ERROR, message, calls=calls, details=details)


def _disagreement(poll: _Poll, details: dict[str, Any], calls: tuple[ModelCall, ...]) -> Verdict:
    """The paths that differ; the values only in the details, which are kept where answers are."""
    told = [f"{name}: {_count_of(comparison)}" for name, comparison in poll.differing]
    details["differences"] = [
        {"peer": name, "text": difference.text}
        for name, comparison in poll.differing
        for difference in comparison.differences[:MOST_DIFFERENCES]
    ]
    message = "; ".join(told) or "the peers do not agree with each other"
    return Verdict("agreement", Ruling.REJECTED, Reason.DISAGREEMENT, message[:1000], calls=calls, details=details)


def _count_of(comparison: Comparison) -> str:
    count, critical = len(comparison.differences), sum(d.critical for d in comparison.differences)
    noun = "value differs" if count == 1 else "values differ"
    return f"{count} {noun}" + (f", {critical} of them critical" if critical else "")
