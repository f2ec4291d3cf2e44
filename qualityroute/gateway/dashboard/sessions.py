"""Who is looking at the dashboard: signed cookies that name a key, and tokens for its forms. Pure.

A session is kept nowhere: the cookie says which key it came from and how long it lasts, signed with a secret of the
store, so that all workers and hosts that share the store take it. It is worth nothing once its key is revoked.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LASTS = timedelta(hours=12)
LONGEST = 2048
"""Characters of a cookie; ours have about 200."""
NOBODY = ""
"""The key of who looks from loopback while there are no keys."""


@dataclass(frozen=True, slots=True)
class Session:
    key_id: str
    until: datetime
    """To the second."""
    nonce: str
    """What tells two sessions of one key apart."""


@dataclass(frozen=True, slots=True)
class Signer:
    secret: str

    def cookie(self, session: Session) -> str:
        told = json.dumps([session.key_id, int(session.until.timestamp()), session.nonce]).encode()
        body = urlsafe_b64encode(told).decode()
        return f"{body}.{self._signature('cookie', body)}"

    def session(self, cookie: str | None, now: datetime) -> Session | None:
        """Whose cookie it is; `None` for one that is not ours, was changed, or is over."""
        if cookie is None or len(cookie) > LONGEST or not cookie.isascii():
            return None
        body, _, signature = cookie.partition(".")
        if not _same(signature, self._signature("cookie", body)):
            return None
        key_id, until, nonce = json.loads(urlsafe_b64decode(body))
        session = Session(key_id, datetime.fromtimestamp(until, UTC), nonce)
        return session if now < session.until else None

    def token(self, session: Session) -> str:
        """What the session's forms carry, and no other page can know."""
        return self._signature("form", f"{session.key_id}\n{session.nonce}")

    def signed_by(self, session: Session, token: str) -> bool:
        return _same(token, self.token(session))

    def _signature(self, purpose: str, text: str) -> str:
        return hmac.new(self.secret.encode(), f"{purpose}\n{text}".encode(), hashlib.sha256).hexdigest()


def _same(given: str, true: str) -> bool:
    """In a time that tells nothing of where they differ."""
    return hmac.compare_digest(given.encode(errors="replace"), true.encode())
