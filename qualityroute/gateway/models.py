"""The names a client can put into `model`: a way of answering, and perhaps a task. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from qualityroute.config import Config, Task
from qualityroute.gateway.errors import Refusal, invalid
from qualityroute.records import Tier

DEFAULT_TASK = "chat"
WAYS: Mapping[str, Tier | None] = {
    "smart-select": None,
    "performance-model": Tier.PERFORMANCE,
    "efficiency-model": Tier.EFFICIENCY,
}
"""The tier that each asks for; `None`: as the task, its gate and the session's pin decide."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a model's name asks for."""

    task: str | None
    """`None`: it names none."""
    tier: Tier | None


def with_chat(config: Config) -> Config:
    """The configuration with a task for requests that name none, unless it has its own."""
    if DEFAULT_TASK in config.tasks:
        return config
    chat = Task(rubric="answer" if config.judge is not None else None)
    return config.model_copy(update={"tasks": {**config.tasks, DEFAULT_TASK: chat}})


def choice_of(model: str, header: str | None, tasks: Collection[str]) -> Choice:
    """What `model`, and the header `x-qualityroute-task`, ask for. Raises `Refusal`."""
    way, _, named = model.partition("/")
    task = named or header or None
    if way not in WAYS or (named and named not in tasks):
        raise _unknown(model, tasks)
    if task is not None and task not in tasks:
        close = _close(task, tasks)
        raise invalid(f"x-qualityroute-task: no task '{task[:100]}'{close}", "x-qualityroute-task", "task_not_found")
    if named and header and named != header:
        raise invalid(f"model '{model}' and x-qualityroute-task '{header[:100]}' name two tasks; name one", "model")
    return Choice(task, WAYS[way])


def names(tasks: Collection[str]) -> list[str]:
    """Every name, the short ones first."""
    return [*WAYS, *(f"{way}/{task}" for way in WAYS for task in sorted(tasks))]


def model_object(name: str, tasks: Collection[str]) -> dict[str, Any]:
    """One model as `GET /v1/models/{id}` tells it. Raises `Refusal`."""
    if name not in names(tasks):
        raise _unknown(name, tasks)
    return {"id": name, "object": "model", "created": 0, "owned_by": "qualityroute"}


def model_list(tasks: Collection[str]) -> dict[str, Any]:
    return {"object": "list", "data": [model_object(name, tasks) for name in names(tasks)]}


def _unknown(model: str, tasks: Collection[str]) -> Refusal:
    close = _close(model, names(tasks))
    return Refusal(404, f"no model '{model[:100]}'{close}", param="model", code="model_not_found")


def _close(name: str, known: Collection[str]) -> str:
    found = difflib.get_close_matches(name[:100], list(known), n=3)
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else f"; there are: {', '.join(known)}"
