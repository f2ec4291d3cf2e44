"""The vectors of one space, and those near another one; needs numpy (extra `semantic`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from qualityroute.cache.semantic import Neighbour

_FLOAT = np.dtype("<f4")


def unit(numbers: Sequence[float]) -> bytes | None:
    """A vector of length 1 as float32, little-endian; `None` for one that has no direction, or is none."""
    try:
        vector = np.array(numbers, np.float64)
    except (OverflowError, TypeError, ValueError):  # whole numbers of JSON have no end
        return None
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        vector = (vector / np.linalg.norm(vector)).astype(_FLOAT)
    return vector.tobytes() if vector.ndim == 1 and len(vector) and np.isfinite(vector).all() else None


class Nearest:
    """Vectors of one size; those of another size are left out."""

    def __init__(self, size: int) -> None:
        """`size`: bytes of a vector."""
        self._size = size
        self._rows: NDArray[np.float32] = np.empty((16, size // _FLOAT.itemsize), _FLOAT)
        self._until: dict[str, datetime] = {}
        """By id, in the order of the rows."""
        self.newest: datetime | None = None
        """When the last of them was kept."""

    def __len__(self) -> int:
        return len(self._until)

    @property
    def taken(self) -> int:
        """Bytes."""
        return self._rows.nbytes

    def add(self, neighbours: Iterable[Neighbour]) -> None:
        """Those that are known already stay as they are."""
        for neighbour in neighbours:
            self.newest = neighbour.at if self.newest is None else max(self.newest, neighbour.at)
            if len(neighbour.vector) != self._size or neighbour.decision_id in self._until:
                continue
            if len(self) == len(self._rows):
                self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            self._rows[len(self)] = np.frombuffer(neighbour.vector, _FLOAT)
            self._until[neighbour.decision_id] = neighbour.until

    def forget(self, now: datetime) -> None:
        """Those that expired, once they are half of all."""
        alive = [place for place, until in enumerate(self._until.values()) if until > now]
        if 2 * len(alive) < len(self):
            self._rows = np.concatenate([self._rows[alive], np.empty((16, self._rows.shape[1]), _FLOAT)])
            self._until = {one: until for one, until in self._until.items() if until > now}

    def of(self, vector: bytes, *, threshold: float, most: int, now: datetime) -> list[tuple[str, float]]:
        """Ids and cosines of the nearest, the nearest first."""
        likenesses = self._rows[: len(self)] @ np.frombuffer(vector, _FLOAT)
        known = list(self._until.items())
        found = sorted(np.flatnonzero(likenesses >= threshold), key=lambda place: -likenesses[place])
        alive = [place for place in found if known[place][1] > now]
        return [(known[place][0], min(1.0, float(likenesses[place]))) for place in alive[:most]]
