"""Keys of the gateway: what is known of one, and how its token becomes what is stored of it. Pure.

A token is 256 random bits, shown once and never stored; the store has its SHA-256. Slow hashes such as scrypt are for
passwords, which can be guessed one by one. Nobody tries 2**256 tokens, however fast one try is, and a slow hash would
cost each request what it costs an attacker.

A key is looked up by the digest of the token that was shown. How long that takes can say how alike two digests are,
and nobody can choose a token by its digest: it tells nothing of tokens that the asker does not hold.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256

from qualityroute.budgets import Allowance

PREFIX = "qr-"
"""By it people and scanners of secrets know a token when they see one."""
SECRET_BYTES = 32
HINT_LENGTH = 4

_TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Key:
    """Who may ask the gateway, for which tenant, and how much."""

    id: str
    name: str
    """No two keys that are in force have the same."""
    tenant: str
    digest: str = field(repr=False)
    """SHA-256 of the token, in hexadecimal digits."""
    hint: str
    """The token's last characters, to tell keys apart by."""
    created_at: datetime
    revoked_at: datetime | None = None
    """`None`: in force."""
    budget_per_day: Decimal | None = None
    """USD in a day (UTC); `None` is no limit, as below."""
    requests_per_minute: int | None = None
    dashboard: bool = False
    """May it open the dashboard, which shows every tenant's decisions?"""

    @property
    def in_force(self) -> bool:
        return self.revoked_at is None

    @property
    def allowance(self) -> Allowance | None:
        """What a request with this key draws on; `None` without a budget."""
        return None if self.budget_per_day is None else Allowance(self.name, self.budget_per_day)


def token_of(secret: bytes) -> str:
    """The token made of 32 random bytes: `qr-` and 43 characters that need no escape in URLs and shells."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a token is made of {SECRET_BYTES} random bytes, not {len(secret)}")
    return PREFIX + urlsafe_b64encode(secret).rstrip(b"=").decode()


def is_token(text: str) -> bool:
    """Has it a token's form? Whatever has not need not be looked up."""
    return _TOKEN.fullmatch(text) is not None


def digest_of(token: str) -> str:
    """What is stored of a token."""
    return sha256(token.encode()).hexdigest()


def hint_of(token: str) -> str:
    return token[-HINT_LENGTH:]


def opens(key: Key | None, digest: str) -> bool:
    """Is this the key in force of a token with that digest?"""
    return key is not None and hmac.compare_digest(key.digest, digest) and key.in_force
