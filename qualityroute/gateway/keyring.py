"""Whose token a request shows, and whether that key may ask now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from qualityroute.gateway.bucket import Bucket
from qualityroute.gateway.recent import Recent
from qualityroute.keys import Key, digest_of, is_token, opens
from qualityroute.store import SessionStore

LASTS = 3.0
"""Seconds that what the store said is relied on: so long a key revoked by another process still works."""
MOST_KEYS = 10_000
MOST_STRANGERS = 1_000
"""Wrong tokens that are remembered, so that a program with an old key does not ask the store each time. They are kept
apart from keys: a flood of them pushes out no key."""
MOST_BUCKETS = 1_000
"""Before those that are not needed are looked for."""


class Keyring:
    """The keys of a store. What asks the store raises `StoreError` when that cannot be read.

    Args:
        store: open; several keyrings, in several processes, may share one.
        now: aware datetimes, for when a key was revoked.
        clock: seconds that only grow.

    A key's `requests_per_minute` is counted in this process alone, as are the `rpm` and `tpm` of providers: four
    workers let four times as many through. Its budget is counted in the store, for all of them.
    """

    def __init__(self, store: SessionStore, now: Callable[[], datetime], clock: Callable[[], float]) -> None:
        self._store, self._now, self._clock = store, now, clock
        self._keys = Recent[Key](lasts=LASTS, most=MOST_KEYS)
        self._strangers = Recent[bool](lasts=LASTS, most=MOST_STRANGERS)
        self._exist = Recent[bool](lasts=LASTS, most=1)
        self._revoked = 0
        """How often this process revoked a key."""
        self._buckets: dict[str, Bucket] = {}
        self._tidy_at = MOST_BUCKETS

    async def verify(self, token: str) -> Key | None:
        """The key in force of this token."""
        if not is_token(token):
            return None
        digest, began = digest_of(token), self._clock()
        key = self._keys.get(digest, began)
        if opens(key, digest):
            return key
        if self._strangers.get(digest, began):
            return None
        return await self._look_up(digest, began)

    async def key(self, key_id: str) -> Key | None:
        """The key in force with this id, asked of the store each time."""
        key = await self._store.key(key_id)
        return key if key is not None and key.in_force else None

    async def any_exist(self) -> bool:
        """Was there ever a key? Then nobody is served without one.

        Revoked ones count: to revoke the last key must not open the gateway to whoever comes by way of a proxy on this
        machine.
        """
        began = self._clock()
        known = self._exist.get("", began)
        if known is None:
            known = await self._store.has_keys()
            self._exist.put("", known, began)
        return known

    async def revoke(self, name: str) -> Key | None:
        """End the key in force of this name, in this process at once; says which it was."""
        try:
            return await self._store.revoke_key(name, self._now())
        finally:  # whatever became of it, nothing is relied on that was known before
            self._revoked += 1
            self._keys.clear()

    def admit(self, key: Key) -> timedelta | None:
        """Count one request of the key; `None`: go on, otherwise how long it has to wait. Who waits is not counted."""
        limit = key.requests_per_minute
        if limit is None:
            return None
        now = self._clock()
        self._buckets[key.id], wait = self._buckets.get(key.id, Bucket(limit, now)).take(now)
        if len(self._buckets) > self._tidy_at:
            self._tidy(now)
        return timedelta(seconds=wait) if wait > 0 else None

    async def _look_up(self, digest: str, began: float) -> Key | None:
        revoked = self._revoked
        key = await self._store.key_by_digest(digest)
        if key is None or not opens(key, digest):
            self._strangers.put(digest, True, began)
            return None
        if revoked != self._revoked:  # perhaps this very key, after the store was read
            return await self._look_up(digest, self._clock())
        self._keys.put(digest, key, began)
        return key

    def _tidy(self, now: float) -> None:
        """A bucket of which nothing is used is as good as none."""
        self._buckets = {key_id: bucket for key_id, bucket in self._buckets.items() if bucket.used_at(now) > 0}
        self._tidy_at = max(MOST_BUCKETS, 2 * len(self._buckets))
