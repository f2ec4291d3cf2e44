"""Between an answer that is begun early and who may hear of it later: its pieces are held back until it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qualityroute.client import Hear


class Ear:
    """Hears the answer in the listener's place, and tells it all once it is opened.

    With no listener there is nothing to tell; the answer is streamed all the same, so that one that is broken off costs
    what has come in of it, and that is known.
    """

    def __init__(self, hear: Hear | None, *, is_open: bool = False) -> None:
        self._hear = hear
        self._held: list[Mapping[str, Any]] = []
        self._open = is_open
        self.passed_on = False
        """Has the listener heard anything, so that no other answer can follow?"""

    async def __call__(self, delta: Mapping[str, Any]) -> None:
        if self._open:
            await self._pass(delta)
        elif self._hear is not None:
            self._held.append(delta)

    async def open(self) -> None:
        """Tell what was held back, then each piece as it comes."""
        while self._held:  # more may come in while the listener is told
            await self._pass(self._held.pop(0))
        self._open = True

    def forget(self) -> bool:
        """Another answer is to follow: what is held back will not be told. False where some was told already."""
        if not self.passed_on:
            self._held.clear()
        return not self.passed_on

    async def _pass(self, delta: Mapping[str, Any]) -> None:
        if self._hear is not None:
            self.passed_on = True
            await self._hear(delta)
