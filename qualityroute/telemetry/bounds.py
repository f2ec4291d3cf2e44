"""A bound on the names that a metric is labelled with, since each costs the server that scrapes it for ever."""

from __future__ import annotations

MOST_NAMES = 200
OTHER = "other"


class Names:
    """Lets the first names through and calls all further ones `other`.

    >>> tasks = Names(1)
    >>> tasks("invoice"), tasks("chat"), tasks("invoice")
    (('invoice',), ('other',), ('invoice',))
    """

    def __init__(self, most: int = MOST_NAMES) -> None:
        self._most = most
        self._known: set[tuple[str, ...]] = set()

    def __call__(self, *name: str) -> tuple[str, ...]:
        """A name may have several parts, such as provider and model; together they are one."""
        if name not in self._known:
            if len(self._known) >= self._most:
                return (OTHER,) * len(name)
            self._known.add(name)
        return name
