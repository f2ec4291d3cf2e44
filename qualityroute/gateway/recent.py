"""What was found out a moment ago: a memory that forgets by itself and never grows beyond its bound."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Values by name, each for `lasts` seconds; where there are more than `most`, the oldest are gone before."""

    def __init__(self, *, lasts: float, most: int) -> None:
        self._lasts, self._most = lasts, most
        self._found: dict[str, tuple[float, T]] = {}

    def __len__(self) -> int:
        return len(self._found)

    def get(self, name: str, now: float) -> T | None:
        """`None`: not known, or not any more."""
        found = self._found.get(name)
        if found is None:
            return None
        at, value = found
        if now - at < self._lasts:
            return value
        del self._found[name]
        return None

    def put(self, name: str, value: T, at: float) -> None:
        """`at`: when it was so; before a look that took a while, not after."""
        self._found.pop(name, None)  # what is written anew goes to the end, where the youngest are
        self._found[name] = (at, value)
        if len(self._found) > self._most:
            del self._found[next(iter(self._found))]

    def clear(self) -> None:
        self._found.clear()
