"""One attempt: ask a tier, fail over inside it, pass the answer through the gate, perhaps re-ask once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from qualityroute.client import CompletionRequest, Hear, schema_instruction
from qualityroute.config import Config, ResolvedTask
from qualityroute.config.fields import split_model
from qualityroute.errors import BudgetExceeded
from qualityroute.failover import Failed, next_model
from qualityroute.gates import Gate, Gated
from qualityroute.hearing import Ear
from qualityroute.metering import Called, Meter
from qualityroute.records import Attempt, Message, ModelCall, Reason, Role, Ruling, Tier, Verdict

_REPAIRABLE = frozenset({Reason.NOT_JSON, Reason.SCHEMA, Reason.CHECK})


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller asked, ready to be sent to either tier."""

    task: ResolvedTask
    gate: Gate
    messages: tuple[Message, ...]
    """The caller's own, verbatim."""
    system: tuple[Message, ...] = ()
    """What the engine adds before them; see `system_message`."""
    tools: tuple[Mapping[str, Any], ...] = ()
    parameters: Mapping[str, Any] | None = None
    """Further fields for the provider, from the caller; they win over the tier's."""
    accept_at: float | None = None
    """The score that a certificate proves to be good enough; `None`: the rubric's threshold."""
    role: Role = Role.ANSWER
    """What the calls of the tiers are for: an answer, or an audit of one."""
    hear: Hear | None = None
    """Who hears the performance tier's answer while it comes in; efficiency's has to be proved first."""


async def make_attempt(
    request: Request, tier: Tier, config: Config, meter: Meter, *, judged: bool, until: float = math.inf
) -> Attempt:
    """One answer of one tier with its verdicts. Failures of endpoints, and calls that do not fit into a budget, end in
    an undecided attempt, not an exception; so do checks that are not over by `until` (anyio's clock)."""
    started, made_before = meter.clock(), len(meter.calls)
    messages = (*request.system, *request.messages)
    try:
        called, calls, failed = await _ask_tier(request, tier, config, meter, messages)
    except BudgetExceeded as error:
        return _unpaid(tier, meter.calls[made_before:], error, meter.clock() - started)
    if called.completion is None:
        return _unavailable(tier, calls, failed, meter.clock() - started)
    gated = await _gate(request, tier, called, meter, judged=judged, until=until)
    verdicts = gated.verdicts
    wrong = request.task.settings.repairs and gated.objection and gated.objection.reason in _REPAIRABLE
    # An answer that was heard cannot be taken back.
    if wrong and gated.objection is not None and not _was_heard(request, called):
        repair = (*messages, *_repair_messages(called, gated.objection))
        with suppress(BudgetExceeded):  # of the re-ask: the first answer stands, rejected as it is
            again = await meter.ask(_completion_request(request, tier, config, called.call.name, repair))
            calls = (*calls, *again.made)
            if again.completion is not None:
                called, gated = again, await _gate(request, tier, again, meter, judged=judged, until=until)
                verdicts = (*verdicts, *gated.verdicts)
    return _attempt(tier, calls, verdicts, gated, called, meter.clock() - started)


def system_message(task: ResolvedTask) -> tuple[Message, ...]:
    """What the engine adds to a conversation: instructions and schema, in one leading message of its own."""
    parts = [task.instructions.strip()] if task.instructions.strip() else []
    if task.schema is not None:
        parts.append(schema_instruction(task.schema))
    return ({"role": "system", "content": "\n\n".join(parts)},) if parts else ()


async def _ask_tier(
    request: Request, tier: Tier, config: Config, meter: Meter, messages: tuple[Message, ...]
) -> tuple[Called, tuple[ModelCall, ...], list[Failed]]:
    """Each model of the tier in turn until one answers."""
    calls: list[ModelCall] = []
    failed: list[Failed] = []
    while (turn := next_model(config.tiers.of(tier).models, failed)) is not None:
        called = await meter.ask(_completion_request(request, tier, config, turn.model, messages, waits=turn.waits))
        calls.extend(called.made)
        if called.error is None:
            break
        failed.append(Failed(turn, called.error))
        if _was_heard(request, called):
            break
    return called, tuple(calls), failed


def _completion_request(
    request: Request,
    tier: Tier,
    config: Config,
    model: str,
    messages: tuple[Message, ...],
    *,
    waits: bool = True,
) -> CompletionRequest:
    provider, name = split_model(model)
    return CompletionRequest(
        role=request.role,
        tier=tier,
        provider=provider,
        model=name,
        messages=messages,
        response_schema=request.task.schema if not request.tools else None,
        tools=request.tools,
        max_output_tokens=request.task.settings.max_output_tokens,
        waits=waits,
        parameters={**config.tiers.of(tier).parameters, **(request.parameters or {})},
        hear=request.hear if tier is Tier.PERFORMANCE else None,
    )


def _was_heard(request: Request, called: Called) -> bool:
    """By the caller: what an ear still held back it forgets, since another answer is to follow."""
    return called.heard and not (isinstance(request.hear, Ear) and request.hear.forget())


async def _gate(request: Request, tier: Tier, called: Called, meter: Meter, *, judged: bool, until: float) -> Gated:
    assert called.completion is not None
    return await request.gate(
        called.completion,
        messages=request.messages,
        tools=request.tools,
        tier=tier,
        judged=judged,
        meter=meter,
        asked=_asked_blind(request, called),
        accept_at=request.accept_at,
        until=until,
    )


def _asked_blind(request: Request, called: Called) -> CompletionRequest:
    """What a peer is asked: what the tier was asked first, without its parameters and without any answer."""
    return CompletionRequest(
        role=Role.PEER,
        tier=None,
        provider=called.call.provider,
        model=called.call.model,
        messages=(*request.system, *request.messages),
        response_schema=request.task.schema if not request.tools else None,
        tools=request.tools,
        max_output_tokens=request.task.settings.max_output_tokens,
        parameters=dict(request.parameters or {}),
    )


def _repair_messages(called: Called, objection: Verdict) -> tuple[Message, ...]:
    content = called.completion.content if called.completion else None
    wrong = f"That answer is not right: {objection.message}\nAnswer again, complete and corrected, in the same form."
    return ({"role": "assistant", "content": content or ""}, {"role": "user", "content": wrong})


def _unavailable(tier: Tier, calls: tuple[ModelCall, ...], failed: Sequence[Failed], seconds: float) -> Attempt:
    message = "; ".join(f"{one.turn.model}: {one.error}" for one in failed)
    reason = failed[-1].error.reason
    return Attempt(tier, Ruling.UNDECIDED, reason, calls, message=message, latency=timedelta(seconds=seconds))


def _unpaid(tier: Tier, calls: Sequence[ModelCall], error: BudgetExceeded, seconds: float) -> Attempt:
    return Attempt(
        tier, Ruling.UNDECIDED, Reason.BUDGET, tuple(calls), message=str(error), latency=timedelta(seconds=seconds)
    )  # fmt: skip


def _attempt(
    tier: Tier,
    calls: tuple[ModelCall, ...],
    verdicts: tuple[Verdict, ...],
    gated: Gated,
    called: Called,
    seconds: float,
) -> Attempt:
    objection = gated.objection
    return Attempt(
        tier=tier,
        ruling=objection.ruling if objection else Ruling.ACCEPTED,
        reason=objection.reason if objection else None,
        calls=calls,
        verdicts=verdicts,
        completion=gated.completion or called.completion,
        output=gated.output,
        message=objection.message if objection else "",
        repaired=gated.repaired,
        latency=timedelta(seconds=seconds),
    )
