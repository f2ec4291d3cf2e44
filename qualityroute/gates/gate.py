"""A task's gate: the ordered checks an answer must pass, cheapest first, stopping at the first that objects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio

from qualityroute.client import CompletionRequest
from qualityroute.config import Agreement, ResolvedTask
from qualityroute.errors import BudgetExceeded, ConfigError
from qualityroute.gates.agreement import AgreementCheck
from qualityroute.gates.code import CodeChecks
from qualityroute.gates.form import read_answer
from qualityroute.gates.grounded import GroundedCheck
from qualityroute.gates.interface import Candidate, Check
from qualityroute.gates.judge import JudgeCheck
from qualityroute.gates.judge_backend import JudgeBackend
from qualityroute.gates.judge_leaves import LeafJudge
from qualityroute.gates.schema import NO_CALL, JsonSchemaCheck, ModelCheck, SchemaCheck, ToolsCheck
from qualityroute.metering import Meter
from qualityroute.records import Completion, Message, ModelCall, Reason, ReasonKind, Ruling, Tier, Verdict, source_text
from qualityroute.rubrics import Rubric


@dataclass(frozen=True, slots=True)
class Gated:
    """What the gate made of a completion."""

    verdicts: tuple[Verdict, ...]
    output: Any = None
    repaired: bool = False
    completion: Completion | None = None
    """The words behind `output`, where they are a peer's."""

    @property
    def objection(self) -> Verdict | None:
        """The first verdict that was not "accepted", unless what came after it saved the answer."""
        if self.verdicts[-1].ruling is Ruling.ACCEPTED:
            return None
        return next(verdict for verdict in self.verdicts if verdict.ruling is not Ruling.ACCEPTED)


@dataclass(frozen=True, slots=True)
class _Admission:
    """What form and schema said of a completion."""

    verdicts: tuple[Verdict, ...]
    candidate: Candidate | None
    repaired: bool


@dataclass(frozen=True, slots=True)
class Gate:
    schema: SchemaCheck | None
    checks: tuple[Check | AgreementCheck, ...]
    """What follows form and schema, in the task's order."""
    must_call: bool = False
    """Is an answer without a call of a tool none?"""

    async def __call__(
        self,
        completion: Completion,
        *,
        messages: tuple[Message, ...],
        tools: Sequence[Mapping[str, Any]],
        tier: Tier,
        judged: bool,
        meter: Meter,
        asked: CompletionRequest | None = None,
        accept_at: float | None = None,
        until: float = math.inf,
    ) -> Gated:
        """`asked` is the request as any model would be asked it; without it no peers are.

        `accept_at` is the judge's score that is good enough; left out, the rubric's threshold. `until`, by anyio's
        clock, is when a check that has not come to its end is left undecided, for `deadline`.
        """

        def admit(answer: Completion) -> _Admission:
            return self._admit(answer, messages, tools, accept_at)

        own = admit(completion)
        checks = self._checks_for(tier, judged=judged)
        if own.candidate is None and (asked is None or not _can_be_rescued(own, checks)):
            return Gated(own.verdicts, repaired=own.repaired)
        verdicts, candidate = list(own.verdicts), own.candidate
        pending = [check for check in checks if candidate is not None or isinstance(check, AgreementCheck)]
        while pending:
            check = pending.pop(0)
            made_before = len(meter.calls)
            with anyio.CancelScope(deadline=until) as time:
                try:
                    if not isinstance(check, AgreementCheck):
                        assert candidate is not None
                        verdicts.append(await check.check(candidate, meter))
                    elif asked is not None:
                        vote = await check.vote(candidate, asked, lambda answer: admit(answer).candidate, meter)
                        verdicts.append(vote.verdict)
                        if vote.winner is not None and vote.winner is not candidate:
                            # A peer's answer must pass all that the efficiency tier's had to, and has still to.
                            candidate, pending = vote.winner, [other for other in checks if other is not check]
                except BudgetExceeded as error:
                    verdicts.append(_unpaid(check.name, error, meter.calls[made_before:]))
            if time.cancelled_caught:
                verdicts.append(_untimely(check.name, meter.calls[made_before:]))
            if verdicts[-1].ruling is not Ruling.ACCEPTED:
                break
        served = candidate.completion if candidate and candidate.completion is not completion else None
        return Gated(tuple(verdicts), candidate.output if candidate else None, own.repaired, served)

    def _admit(
        self,
        completion: Completion,
        messages: tuple[Message, ...],
        tools: Sequence[Mapping[str, Any]],
        accept_at: float | None,
    ) -> _Admission:
        text_wanted = bool(completion.tool_calls) or self.must_call
        reading = read_answer(completion, wants_json=self.schema is not None and not text_wanted)
        if reading.verdict.ruling is not Ruling.ACCEPTED:
            return _Admission((reading.verdict,), None, False)
        verdicts: tuple[Verdict, ...] = (reading.verdict,)
        if self.must_call and not completion.tool_calls:
            return _Admission((*verdicts, NO_CALL), None, False)
        output = reading.value
        schema = ToolsCheck(tools) if completion.tool_calls else self.schema
        if schema is not None:
            output, verdict = schema.read(reading)
            verdicts = (*verdicts, verdict)
            if verdict.ruling is not Ruling.ACCEPTED:
                return _Admission(verdicts, None, reading.repaired)
        candidate = Candidate(
            messages, source_text(messages), completion, reading.answer, reading.value, output, accept_at
        )
        return _Admission(verdicts, candidate, reading.repaired)

    def _checks_for(self, tier: Tier, *, judged: bool) -> tuple[Check | AgreementCheck, ...]:
        """The performance tier passes form, schema and the user's code; nothing judges it."""
        if tier is Tier.PERFORMANCE:
            return tuple(check for check in self.checks if isinstance(check, CodeChecks))
        return tuple(check for check in self.checks if judged or not isinstance(check, JudgeCheck | AgreementCheck))


def _unpaid(check: str, error: BudgetExceeded, calls: Sequence[ModelCall]) -> Verdict:
    """A check that could not be paid for says nothing about the answer, nor about who makes it."""
    return Verdict(check, Ruling.UNDECIDED, Reason.BUDGET, str(error), calls=tuple(calls))


def _untimely(check: str, calls: Sequence[ModelCall]) -> Verdict:
    return Verdict(check, Ruling.UNDECIDED, Reason.DEADLINE, "no time was left for it", calls=tuple(calls))


def _can_be_rescued(own: _Admission, checks: Sequence[Check | AgreementCheck]) -> bool:
    """A bad answer can be replaced by a majority of peers; a refusal is the task's `on_refusal` to decide."""
    reason = own.verdicts[-1].reason
    bad = reason is Reason.TRUNCATED or (reason is not None and reason.kind is ReasonKind.QUALITY)
    return bad and any(isinstance(check, AgreementCheck) and check.rescues for check in checks)


def gate_for(task: ResolvedTask, judge: JudgeBackend | None) -> Gate:
    """The gate of a task, its schema compiled. Raises `ConfigError` for a schema that is none, or a check without its
    settings."""
    checks: list[Check | AgreementCheck] = []
    for name in task.gate:
        match name:
            case "checks":
                checks.append(CodeChecks(task.checks))
            case "grounded" if task.rubric is not None:
                checks.append(GroundedCheck(task.rubric.fields))
            case "agreement" if task.settings.agreement is not None:
                checks.append(_agreement(task.settings.agreement, task.rubric, judge))
            case "judge" if task.rubric is not None and judge is not None:
                checks.append(JudgeCheck(judge, task.rubric))
            case "schema":  # stands before them all
                pass
            case _:
                raise ConfigError(f"tasks.{task.name}.gate: there is not all that '{name}' needs")
    return Gate(schema_for(task), tuple(checks))


def _agreement(agreement: Agreement, rubric: Rubric | None, judge: JudgeBackend | None) -> AgreementCheck:
    arbiter = LeafJudge(judge, rubric) if judge is not None and agreement.on_difference == "judge" else None
    return AgreementCheck(agreement, rubric.fields if rubric else {}, arbiter)


def schema_for(task: ResolvedTask) -> SchemaCheck | None:
    if task.model is not None:
        return ModelCheck(task.model)
    return JsonSchemaCheck(task.schema, f"tasks.{task.name}.schema") if task.schema is not None else None
