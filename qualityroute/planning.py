"""Where a request starts: its pin, its task's certificate and what the log foretells are read, and it is decided."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from qualityroute.calibration import Certificate
from qualityroute.errors import StoreError
from qualityroute.passage import Passage
from qualityroute.pins import Pin
from qualityroute.records import (
    Route,
)
from qualityroute.routing import Plan, held, route

logger = logging.getLogger("qualityroute")
LEASE_MARGIN = timedelta(seconds=10)


async def plan_of(passage: Passage) -> Plan:
    """By `route`, with the one probe of a half-open pin taken if it is free. Raises `StoreError`."""
    config, now = passage.setup.config, passage.at
    pin = await _pin(passage)
    if passage.learner is not None:
        passage.limit = await passage.learner.limit(passage.setup, passage.request)

    def planned() -> Plan:
        return route(
            passage.request.task.settings,
            pin,
            passage.caller.tier,
            policy=config.pins,
            now=now,
            mode=config.routing.mode,
            certified=passage.certificate is not None,
            limited=passage.limit is not None,
            forecast=passage.forecast,
        )

    plan = planned()
    if passage.learner is not None and plan.route is Route.CASCADE:
        certified = passage.certificate is not None
        passage.forecast = await passage.learner.forecast(
            passage.setup, passage.request, passage.id, certified=certified
        )
        plan = planned()
    if plan.route is not Route.PROBE or pin is None:
        return plan
    # Already a probe while the lease is being taken: cancelled in between, it gives the lease back.
    passage.plan = plan
    expires = now + passage.request.task.deadline + LEASE_MARGIN
    try:
        got_it = await passage.world.store.lease_probe(pin, passage.id, now=now, expires=expires)
    except StoreError:
        if config.store.on_store_error == "raise":
            raise
        got_it = False
    return plan if got_it else held(plan)


async def certificate_of(passage: Passage) -> Certificate | None:
    """The task's, if it is in force; the gate then accepts at its threshold. Raises `StoreError`."""
    task = passage.request.task
    if "judge" not in task.gate and task.settings.accept.on_uncertified == "threshold":
        return None
    try:
        found = await passage.world.store.certificate(task.name)
    except StoreError:
        if passage.setup.config.store.on_store_error == "raise":
            raise
        found = None
    if found is None or not found.in_force(passage.setup.pipelines[task.name], passage.at):
        return None
    passage.request = replace(passage.request, accept_at=found.threshold)
    return found


async def _pin(passage: Passage) -> Pin | None:
    key = passage.pin_key
    if key is None:
        return None
    try:
        return await passage.world.store.pin(key)
    except StoreError:
        if passage.setup.config.store.on_store_error == "raise":
            raise
        logger.warning("pin could not be read; going on without", extra={"decision_id": passage.id})
        return None
