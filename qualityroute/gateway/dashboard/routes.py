"""The dashboard's addresses, and the doorkeeper before each of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from functools import wraps
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from qualityroute.doors import utc_now
from qualityroute.engine import Engine
from qualityroute.errors import StoreError
from qualityroute.gateway.dashboard.doorkeeper import COOKIE, PATH, Doorkeeper, Keyring, Turned, Visit
from qualityroute.gateway.dashboard.forms import BadForm, form_of
from qualityroute.gateway.dashboard.layout import redirect_to, response_of, style_path, style_response
from qualityroute.gateway.dashboard.login_page import LOGIN, login_page, message_page, stranger_page
from qualityroute.gateway.dashboard.origins import is_from_here
from qualityroute.gateway.dashboard.pins_page import RELEASE
from qualityroute.gateway.dashboard.views import Views

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
View: TypeAlias = Callable[[Request, Visit], Awaitable[Response]]
Deed: TypeAlias = Callable[[Mapping[str, str]], Awaitable[Response]]

NOT_FROM_HERE = "This form did not come from a page of this dashboard, or its session is over. Nothing was changed."


def dashboard_routes(
    engine: Engine, keyring: Keyring, *, hosts: Collection[str] = (), now: Callable[[], datetime] = utc_now
) -> list[BaseRoute]:
    """What a Starlette application mounts at its root; the engine must be open when they are asked.

    Args:
        engine: whose tasks, pins, decisions and money are shown.
        keyring: who may see them. While no keys exist, whoever asks from this machine may.
        hosts: further names of this server that are trusted without keys, such as one in `/etc/hosts`.
        now: aware datetimes, as the engine's; for tests.
    """
    views, door = Views(engine, now), Entrance(Doorkeeper(engine.store, keyring, hosts, now))
    return [
        Route("/", _from_the_root),
        Route(PATH, door.shows(views.tasks)),
        Route(f"{PATH}/decisions", door.shows(views.decisions)),
        Route(f"{PATH}/decisions/{{id}}", door.shows(views.decision)),
        Route(f"{PATH}/pins", door.shows(views.pins)),
        Route(f"{PATH}/money", door.shows(views.money)),
        Route(RELEASE, door.does(views.release), methods=["POST"]),
        Route(f"{PATH}/logout", door.does(_log_out), methods=["POST"]),
        Route(LOGIN, door.login, methods=["GET"]),
        Route(LOGIN, door.log_in, methods=["POST"]),
        Route(style_path(), _style),
    ]


class Entrance:
    """Lets in who may come, and takes forms from nobody else."""

    def __init__(self, keeper: Doorkeeper) -> None:
        self._keeper = keeper
        self.login, self.log_in = _told_plainly(self._login), _told_plainly(self._log_in)

    def shows(self, view: View) -> Endpoint:
        @_told_plainly
        async def endpoint(request: Request) -> Response:
            met = await self._keeper.meet(request)
            if isinstance(met, Turned):
                return response_of(stranger_page()) if met.stranger else redirect_to(LOGIN)
            response = await view(request, met)
            await self._keeper.keep(met.session, request, response)
            return response

        return endpoint

    def does(self, deed: Deed) -> Endpoint:
        @_told_plainly
        async def endpoint(request: Request) -> Response:
            met, form = await self._keeper.meet(request), await form_of(request)
            if isinstance(met, Turned) or not await self._keeper.may_post(request, met, form.get("token", "")):
                return response_of(message_page("Not done", NOT_FROM_HERE, 403))
            return await deed(form)

        return endpoint

    async def _login(self, request: Request) -> Response:
        met = await self._keeper.meet(request)
        if isinstance(met, Visit):
            return redirect_to(PATH)
        return response_of(stranger_page() if met.stranger else login_page())

    async def _log_in(self, request: Request) -> Response:
        if not is_from_here(request.headers):
            return response_of(message_page("Not done", NOT_FROM_HERE, 403))
        session = await self._keeper.log_in((await form_of(request)).get("key", "").strip())
        if session is None:
            return response_of(login_page(refused=True))
        response = redirect_to(PATH)
        await self._keeper.keep(session, request, response)
        return response


async def _log_out(form: Mapping[str, str]) -> Response:
    response = redirect_to(LOGIN)
    response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="strict")
    return response


async def _from_the_root(request: Request) -> Response:
    return redirect_to(PATH)


async def _style(request: Request) -> Response:
    return style_response()


def _told_plainly(endpoint: Endpoint) -> Endpoint:
    """What goes wrong is a page too."""

    @wraps(endpoint)
    async def told(request: Request) -> Response:
        try:
            return await endpoint(request)
        except StoreError as error:
            return response_of(message_page("The store is in trouble", str(error), 503))
        except BadForm as error:
            return response_of(message_page("Not done", f"{error}. Nothing was changed.", 400))

    return told
