"""What to change in the configuration, as a diff that can be read and applied. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from qualityroute.config import Config
from qualityroute.report.facts import PinReport, Suggestion, TaskReport
from qualityroute.signal import State


def for_task(task: str, state: State, tier: str) -> Suggestion | None:
    """Send a misclassified task to performance, and one that could to efficiency."""
    wanted = {State.MISCLASSIFIED: "performance", State.COULD_TRY_EFFICIENCY: "efficiency"}.get(state)
    if wanted is None or wanted == tier or tier not in ("efficiency", "performance", "auto"):
        return None  # nothing to change, or a task the configuration no longer has
    return _suggestion(("tasks", task, "tier"), tier, wanted)


def for_pins(config: Config, pins: Iterable[PinReport]) -> Suggestion | None:
    """Pin later where probes show that most held requests would have been accepted."""
    found = [report for report in pins if report.pay is not None]
    if not found or any(report.pay for report in found):
        return None
    after = config.pins.after
    return _suggestion(("pins", "after"), after, after + 1)


def all_of(config: Config, tasks: Iterable[TaskReport], *, for_all: bool) -> tuple[Suggestion, ...]:
    """Each task's, and where all tasks are looked at, what concerns all of them."""
    listed = list(tasks)
    found = [task.suggestion for task in listed]
    if for_all:
        found.append(for_pins(config, [task.pins for task in listed]))
    return tuple(suggestion for suggestion in found if suggestion is not None)


def _suggestion(key: tuple[str, ...], old: str | int, new: str | int) -> Suggestion:
    table, name = ".".join(key[:-1]), key[-1]
    return Suggestion(key, new, f" [{table}]\n-{name} = {_toml(old)}\n+{name} = {_toml(new)}\n")


def _toml(value: str | int) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
