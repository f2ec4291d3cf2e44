"""Who may see the dashboard: whoever logged in with a key that may, or this machine while there are no keys."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from qualityroute.gateway.dashboard.origins import is_from_here, may_look_without_key
from qualityroute.gateway.dashboard.sessions import LASTS, NOBODY, Session, Signer
from qualityroute.store import SessionStore

COOKIE = "qualityroute_dashboard"
PATH = "/dashboard"
SECRET = "dashboard"  # noqa: S105  (its name in the store)


class Key(Protocol):
    """What the dashboard wants to know of a key."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def dashboard(self) -> bool: ...


class Keyring(Protocol):
    """The keys in force: what `qualityroute.gateway.keyring.Keyring` is to the dashboard."""

    async def any_exist(self) -> bool: ...

    async def verify(self, token: str) -> Key | None:
        """The key in force whose token this is."""

    async def key(self, key_id: str) -> Key | None:
        """The key in force with this id; `None` once it is revoked."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who may look, and what their pages need."""

    session: Session
    token: str
    """For forms."""
    who: str = ""
    """The key's name; empty on loopback without keys."""


@dataclass(frozen=True, slots=True)
class Turned:
    """Somebody who may not look: a stranger, or one who has yet to log in."""

    stranger: bool


class Doorkeeper:
    """Raises `StoreError` where the store cannot be asked."""

    def __init__(
        self, store: SessionStore, keyring: Keyring, hosts: Collection[str], now: Callable[[], datetime]
    ) -> None:
        self._store, self._keyring, self._hosts, self._now = store, keyring, frozenset(hosts), now
        self._signer: Signer | None = None

    async def meet(self, request: Request) -> Visit | Turned:
        signer = await self._get_signer()
        session = signer.session(request.cookies.get(COOKIE), self._now())
        if not await self._keyring.any_exist():
            return self._meet_without_keys(request, signer, session)
        key = None if session is None or session.key_id == NOBODY else await self._keyring.key(session.key_id)
        if session is None or key is None or not key.dashboard:
            return Turned(stranger=False)
        return Visit(session, signer.token(session), key.name)

    def _meet_without_keys(self, request: Request, signer: Signer, session: Session | None) -> Visit | Turned:
        peer = request.client.host if request.client else None
        if not may_look_without_key(request.headers.get("host", ""), peer, self._hosts):
            return Turned(stranger=True)
        if session is None or session.key_id != NOBODY:
            session = self._new_session(NOBODY)
        return Visit(session, signer.token(session))

    async def log_in(self, token: str) -> Session | None:
        """A new session for who holds the key; `None` where it is no key that may see the dashboard."""
        key = await self._keyring.verify(token)
        return self._new_session(key.id) if key is not None and key.dashboard else None

    async def may_post(self, request: Request, visit: Visit, token: str) -> bool:
        signer = await self._get_signer()
        return is_from_here(request.headers) and signer.signed_by(visit.session, token)

    async def keep(self, session: Session, request: Request, response: Response) -> None:
        """Have the browser send the session from now on, to the dashboard alone."""
        cookie = (await self._get_signer()).cookie(session)
        if request.cookies.get(COOKIE) == cookie:
            return
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=int(LASTS.total_seconds()),
            path=PATH,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )

    def _new_session(self, key_id: str) -> Session:
        return Session(key_id, (self._now() + LASTS).replace(microsecond=0), secrets.token_hex(16))

    async def _get_signer(self) -> Signer:
        if self._signer is None:
            self._signer = Signer(await self._store.secret(SECRET))
        return self._signer
