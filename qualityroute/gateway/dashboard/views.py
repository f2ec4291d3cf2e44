"""What each address shows: questions to the engine and its store, and the page made of the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.background import BackgroundTask, BackgroundTasks
from starlette.requests import Request
from starlette.responses import Response

from qualityroute.engine import Engine
from qualityroute.errors import ConfigError
from qualityroute.gateway.dashboard.decision_page import Story, decision_page
from qualityroute.gateway.dashboard.decisions_page import ROWS, decisions_page, unsearchable_page
from qualityroute.gateway.dashboard.doorkeeper import Visit
from qualityroute.gateway.dashboard.layout import Page, redirect_to, response_of
from qualityroute.gateway.dashboard.login_page import message_page
from qualityroute.gateway.dashboard.money_page import money_page
from qualityroute.gateway.dashboard.pins_page import HERE as PINS
from qualityroute.gateway.dashboard.pins_page import ROWS as PIN_ROWS
from qualityroute.gateway.dashboard.pins_page import key_of, pins_page
from qualityroute.gateway.dashboard.rows import decision_path
from qualityroute.gateway.dashboard.search import asked_of, told_of
from qualityroute.gateway.dashboard.shelf import PERIODS, USUAL_PERIOD, Shelf
from qualityroute.gateway.dashboard.tasks_page import tasks_page
from qualityroute.inputs import moment
from qualityroute.render import visible
from qualityroute.store import DaySpending, Search

LATEST = 10


class Views:
    """Each view raises `StoreError` where the store cannot be read."""

    def __init__(self, engine: Engine, now: Callable[[], datetime]) -> None:
        self._engine, self._now = engine, now
        self._reports = Shelf(lambda since: engine.report(since=since), now)
        self._days = Shelf(self._spending_since, now)

    async def tasks(self, request: Request, visit: Visit) -> Response:
        period = _period(request)
        if period not in PERIODS:
            return response_of(_no_such_period(period), visit)
        report = await self._reports.of(period)
        latest = await self._engine.store.decisions(Search(), limit=LATEST)
        page = tasks_page(report, latest.decisions, period, self._now(), watching="watch" in request.query_params)
        return response_of(page, visit, after=BackgroundTask(self._reports.renew, period))

    async def money(self, request: Request, visit: Visit) -> Response:
        period = _period(request)
        if period not in PERIODS:
            return response_of(_no_such_period(period), visit)
        report, days = await self._reports.of(period), await self._days.of(period)
        after = BackgroundTasks([BackgroundTask(shelf.renew, period) for shelf in (self._reports, self._days)])
        return response_of(money_page(report, days, self._engine.config.budget, period), visit, after=after)

    async def _spending_since(self, since: str | None) -> list[DaySpending]:
        return await self._engine.store.spending_by_day(since=moment(since, self._now()))

    async def decisions(self, request: Request, visit: Visit) -> Response:
        query, config = request.query_params, self._engine.config
        if query.get("id", "").strip():
            return redirect_to(decision_path(query["id"].strip()))
        tasks, models = list(config.tasks), config.models_used()
        try:
            asked = asked_of(query, self._now())
        except ConfigError as error:
            return response_of(unsearchable_page(told_of(query), str(error), tasks, models), visit)
        found = await self._engine.store.decisions(asked.wanted, before=asked.before, limit=ROWS)
        return response_of(decisions_page(asked, found, tasks, models, self._now()), visit)

    async def decision(self, request: Request, visit: Visit) -> Response:
        store, decision_id = self._engine.store, request.path_params["id"]
        decision = await store.decision(decision_id)
        if decision is None:
            return response_of(message_page("No such decision", "No decision in the store has this id.", 404), visit)
        story = Story(
            decision,
            await store.label(decision_id),
            await store.payloads(decision_id),
        )
        return response_of(decision_page(story, self._now()), visit)

    async def pins(self, request: Request, visit: Visit) -> Response:
        session = request.query_params.get("session", "").strip()
        found = await self._engine.pins.list(session=session or None, most=PIN_ROWS + 1)
        return response_of(pins_page(found, session, request.query_params.get("done", ""), visit, self._now()), visit)

    async def release(self, form: Mapping[str, str]) -> Response:
        key = key_of(form.get("pin", ""))
        if key is None:
            return response_of(message_page("No such pin", "The form names no pin. Nothing was changed.", 400))
        # Not by `engine.pins`: a pin made before `pins.scope` was changed must go too.
        pin = await self._engine.store.release_pin(key)
        return redirect_to(f"{PINS}?done={'gone' if pin is None else 'released'}")


def _period(request: Request) -> str:
    return request.query_params.get("since", "").strip() or USUAL_PERIOD


def _no_such_period(asked: str) -> Page:
    return message_page("No such time", f"since: no time '{visible(asked, 40)}'; there are: {', '.join(PERIODS)}", 400)
