"""Which requests of a task on performance also try efficiency, so that a report can say whether it would do."""

from __future__ import annotations

import hashlib


def chosen(share: float, tenant: str, session: str | None, task: str, chance: float) -> bool:
    """Is this request's session among the explored share?

    A session is in or out for good, by a hash of its name, so that its first request decides and no coin has to be
    remembered (research: flip the coin before the attempt, and once a session).

    Args:
        share: of sessions, 0 to 1.
        chance: uniform in [0, 1), for a request without a session.
    """
    if session is None:
        return chance < share
    name = "\x00".join((tenant, session, task))
    draw = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:7], "big")
    return draw / 2**56 < share
