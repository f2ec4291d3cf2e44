"""Everything an engine decides by, made once from a configuration and replaced whole on reload."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from qualityroute.attempts import system_message
from qualityroute.complexity import Rules, rules_of
from qualityroute.config import Config, ResolvedTask, fingerprint, resolve, resolve_judge
from qualityroute.config.models import check_budget_prices
from qualityroute.errors import ConfigError
from qualityroute.estimates import Lengths
from qualityroute.gates import Breaker, Gate, backend_for, gate_for
from qualityroute.pipelines import answer_key, likening_key, pipeline_of, reference_key
from qualityroute.prices import PriceBook
from qualityroute.records import Message


@dataclass(frozen=True, slots=True)
class Setup:
    config: Config
    tasks: Mapping[str, ResolvedTask]
    gates: Mapping[str, Gate]
    systems: Mapping[str, tuple[Message, ...]]
    """What the engine adds to each task's conversations; written once, since schemas are long."""
    pipelines: Mapping[str, str]
    """The key of what a certificate of each task is about."""
    reference_keys: Mapping[str, str]
    """What a reference of each task was asked by."""
    answer_keys: Mapping[str, str]
    """What an answer of each task that is served again was made and proved by; of tasks with a cache."""
    likening_keys: Mapping[str, str]
    """The same, of tasks with a semantic cache, together with what likens questions."""
    prices: PriceBook
    unpriced: tuple[str, ...]
    """Models that no price is known of."""
    lengths: Lengths
    """Of the answers so far, by which the cost of the next ones is estimated."""
    rules: Rules
    """By which requests without a task are given one."""
    fingerprint: str

    def task(self, name: str) -> ResolvedTask:
        """Raises `ConfigError` that names the nearest task."""
        if name not in self.tasks:
            close = difflib.get_close_matches(str(name), list(self.tasks), n=1)
            hint = f"did you mean '{close[0]}'? " if close else ""
            raise ConfigError(f"no task '{str(name)[:100]}'; {hint}there are: {', '.join(sorted(self.tasks))}")
        return self.tasks[name]


def build_setup(config: Config, clock: Callable[[], float]) -> Setup:
    """Load and compile what the configuration names. Raises `ConfigError`."""
    check_budget_prices(config)
    tasks, judge = resolve(config), resolve_judge(config)
    # One for all tasks: the breaker, and what is learned of a judge's model, hold for each of them.
    backend = backend_for(judge, Breaker(clock)) if judge is not None else None
    return Setup(
        config=config,
        tasks=tasks,
        gates={name: gate_for(task, backend) for name, task in tasks.items()},
        systems={name: system_message(task) for name, task in tasks.items()},
        pipelines={name: pipeline_of(config, task).key for name, task in tasks.items()},
        reference_keys={name: reference_key(config, task) for name, task in tasks.items()},
        answer_keys={name: answer_key(config, task) for name, task in tasks.items() if task.settings.cache != "off"},
        likening_keys={
            name: likening_key(config, task) for name, task in tasks.items() if task.settings.cache == "semantic"
        },
        prices=config.price_book,
        unpriced=tuple(config.unpriced_models),
        lengths=Lengths(),
        rules=rules_of(
            {name: task.settings.match for name, task in tasks.items()},
            {name: task.schema for name, task in tasks.items()},
        ),
        fingerprint=fingerprint(config, tasks),
    )
