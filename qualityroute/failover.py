"""Which model of a tier to ask next, from what those asked before have come to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qualityroute.errors import ProviderError


@dataclass(frozen=True, slots=True)
class Next:
    model: str
    waits: bool
    """Wait while its endpoint is cooling, since no other is left."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A model that was its turn and gave no answer."""

    turn: Next
    error: ProviderError


def next_model(models: Sequence[str], failed: Sequence[Failed]) -> Next | None:
    """The next of a tier's `models` (`provider/model`, in order), or `None` when all have had their turn.

    Each is asked once. One whose endpoint is cooling is passed over while another is left; when all have failed
    or are cooling, the one that is free first is waited for.
    """
    if any(one.turn.waits for one in failed):
        return None
    had = {one.turn.model for one in failed}
    untried = next((model for model in models if model not in had), None)
    if untried is not None:
        return Next(untried, waits=len(models) == 1)
    cooling = [one for one in failed if not one.error.asked]
    return Next(min(cooling, key=_seconds).turn.model, waits=True) if cooling else None


def _seconds(failed: Failed) -> float:
    """Until it may be asked; one that is being probed has no time, and is the last to wait for."""
    wait = failed.error.retry_after
    return wait.total_seconds() if wait is not None else float("inf")
