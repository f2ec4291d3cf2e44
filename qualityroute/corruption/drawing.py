"""An order of chance."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import TypeVar

T = TypeVar("T")


def shuffled(items: Iterable[T], chance: Random) -> list[T]:
    listed = list(items)
    chance.shuffle(listed)
    return listed
