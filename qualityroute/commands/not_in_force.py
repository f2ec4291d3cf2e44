"""Settings that change nothing where they stand, and what a user would miss besides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from qualityroute.config import Budget, Cache, Config, Task, same_family_warning


def not_in_force(config: Config, today: date) -> Iterator[str]:
    """A warning for each."""
    yield from _of_budgets(config)
    caches = {task.cache for task in config.tasks.values()}
    if config.cache != Cache() and caches == {"off"}:
        yield "cache changes nothing: no task has cache = 'exact'"
    elif config.cache.embeddings is not None and "semantic" not in caches:
        yield "cache.embeddings changes nothing: no task has cache = 'semantic'"
    family = same_family_warning(config)
    if family is not None:
        yield family
    if config.routing.mode == "baseline" and config.store.payloads != "all":
        yield _without_payloads(config.store.payloads)
    for name, task in config.tasks.items():
        yield from _of_task(f"tasks.{name}", task)
    for model, key in config.models_used().items():
        if config.price_book.price(model, today) is None:
            yield f"{key}: no [[prices]] row for '{model}'; its cost will be unknown"


def _of_task(where: str, task: Task) -> Iterator[str]:
    for check in task.of_checks:
        if check not in (task.gate or ()):
            yield f"{where}.{check} changes nothing: '{check}' is not in {where}.gate"
    if task.tier == "performance" and task.accept.audit:
        yield f"{where}.accept.audit changes nothing on tier 'performance': nothing is accepted there to be audited"
    if task.explore and task.tier != "performance":
        yield f"{where}.explore changes nothing on tier '{task.tier}': it is for tasks on performance"


def _of_budgets(config: Config) -> Iterator[str]:
    if config.first_budget is None:
        if config.budget != Budget():
            yield "budget.on_exhausted changes nothing: no budget is set"
    elif config.judge is not None and config.judge.object is not None:
        yield "judge.object: of your own judge, budgets count only what its judgements say that they cost, afterwards"


def _without_payloads(payloads: str) -> str:
    lost = (
        "no reference is kept at all"
        if payloads == "none"
        else "references are kept without their inputs, which `baseline compare` then needs as a file"
    )
    return f"routing.mode is 'baseline' and store.payloads is '{payloads}': {lost}; 'all' keeps both"
