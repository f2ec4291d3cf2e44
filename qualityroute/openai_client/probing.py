"""All probes of one model, one after another: each shows what the next one may use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from qualityroute.openai_client.bodies import Body
from qualityroute.openai_client.findings import Finding, Standing, answers, is_gone, limit_field
from qualityroute.openai_client.judgements import Heard
from qualityroute.openai_client.probes import PROBES
from qualityroute.openai_client.trouble import Trouble

Hear = Callable[[Body], Awaitable[Heard]]
"""Sends a body as it is, once, and never raises what an endpoint does."""


async def probed(provider: str, model: str, hear: Hear, advance: Callable[[], None]) -> tuple[Finding, ...]:
    """A finding for each probe, in their order; `advance` is called after each."""
    found: list[Finding] = []
    for probe in PROBES:
        if is_gone(found):
            found.append(Finding(probe.name, Standing.UNKNOWN, "not asked, since the endpoint does not answer", True))
        else:
            heard = await _heard(probe.bodies(model, limit_field(provider, found)), hear)
            found.append(probe.found(heard, plain_works=answers(found)))
        advance()
    return tuple(found)


async def _heard(bodies: Sequence[Body], hear: Hear) -> list[Heard]:
    """Up to the first trouble."""
    heard: list[Heard] = []
    for body in bodies:
        heard.append(await hear(body))
        if isinstance(heard[-1].outcome, Trouble):
            break
    return heard
