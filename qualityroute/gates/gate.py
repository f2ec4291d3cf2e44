"""A task's gate: the ordered checks an answer must pass, cheapest first, stopping at the first that objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qualityroute.config import Judge, ResolvedTask
from qualityroute.gates.code import CodeChecks
from qualityroute.gates.form import read_answer
from qualityroute.gates.grounded import GroundedCheck
from qualityroute.gates.interface import Candidate, Check
from qualityroute.gates.judge import Breaker, JudgeCheck
from qualityroute.gates.schema import JsonSchemaCheck, ModelCheck, SchemaCheck, ToolsCheck
from qualityroute.metering import Meter
from qualityroute.records import Completion, Message, Ruling, Tier, Verdict, source_text


@dataclass(frozen=True, slots=True)
class Gated:
    """What the gate made of a completion."""

    verdicts: tuple[Verdict, ...]
    output: Any = None
    repaired: bool = False

    @property
    def objection(self) -> Verdict | None:
        """The verdict that was not "accepted", if there is one; it is the last."""
        last = self.verdicts[-1]
        return None if last.ruling is Ruling.ACCEPTED else last


@dataclass(frozen=True, slots=True)
class Gate:
    schema: SchemaCheck | None
    checks: tuple[Check, ...]
    """What follows form and schema, in the task's order."""

    async def __call__(
        self,
        completion: Completion,
        *,
        messages: tuple[Message, ...],
        tools: Sequence[Mapping[str, Any]],
        tier: Tier,
        judged: bool,
        meter: Meter,
    ) -> Gated:
        reading = read_answer(completion, wants_json=self.schema is not None and not completion.tool_calls)
        verdicts = [reading.verdict]
        if reading.verdict.ruling is not Ruling.ACCEPTED:
            return Gated(tuple(verdicts))
        output = reading.value
        schema = ToolsCheck(tools) if completion.tool_calls else self.schema
        if schema is not None:
            output, verdict = schema.read(reading)
            verdicts.append(verdict)
            if verdict.ruling is not Ruling.ACCEPTED:
                return Gated(tuple(verdicts), repaired=reading.repaired)
        candidate = Candidate(messages, source_text(messages), completion, reading.text, reading.value, output)
        for check in self._checks_for(tier, judged=judged):
            verdict = await check.check(candidate, meter)
            verdicts.append(verdict)
            if verdict.ruling is not Ruling.ACCEPTED:
                break
        return Gated(tuple(verdicts), output, reading.repaired)

    def _checks_for(self, tier: Tier, *, judged: bool) -> tuple[Check, ...]:
        """The performance tier passes form, schema and the user's code; nothing judges it."""
        if tier is Tier.PERFORMANCE:
            return tuple(check for check in self.checks if isinstance(check, CodeChecks))
        return tuple(check for check in self.checks if judged or not isinstance(check, JudgeCheck))


def gate_for(task: ResolvedTask, judge: Judge | None, breaker: Breaker) -> Gate:
    """The gate of a task, its schema compiled. Raises `ConfigError` for a schema that is none."""
    checks: list[Check] = []
    for name in task.gate:
        match name:
            case "checks":
                checks.append(CodeChecks(task.checks))
            case "grounded" if task.rubric is not None:
                checks.append(GroundedCheck(task.rubric.fields))
            case "judge" if task.rubric is not None and judge is not None:
                checks.append(JudgeCheck(judge, task.rubric, breaker=breaker))
            case _:  # the schema stands first, and the configuration refuses what is left
                pass
    return Gate(schema_for(task), tuple(checks))


def schema_for(task: ResolvedTask) -> SchemaCheck | None:
    if task.model is not None:
        return ModelCheck(task.model)
    return JsonSchemaCheck(task.schema, f"tasks.{task.name}.schema") if task.schema is not None else None
