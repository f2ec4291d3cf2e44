"""`analyze_complexity` for those who have no engine at hand: what a request shows before there is any log."""

from __future__ import annotations

from qualityroute.complexity import Circumstances, Complexity, analyse, features, hard_limit, shape_of
from qualityroute.config import Config, Task
from qualityroute.errors import ConfigError
from qualityroute.inputs import Input, as_messages

MOST_CHARACTERS = 4_000_000


def analyze_complexity(task: Task | str, input: Input, *, config: Config | None = None) -> Complexity:
    """How hard a request is for the efficiency tier, by hard limits, the task's tier and the prior.

    Without a log that is little, and almost always "efficiency first". `Engine.analyze_complexity` adds the session's
    pin and what the gate made of the requests before.

    Args:
        task: a `Task`, or with `config` the name of one.
        input: text, or OpenAI chat messages.
        config: what is known of the models, for hard limits.

    Raises:
        ConfigError: no such task, or an input that cannot be used.
    """
    name, settings = _named(task, config)
    messages = as_messages(input, config.max_input if config is not None else MOST_CHARACTERS)
    limit = None
    if config is not None and settings.tier == "auto":
        limit = hard_limit(config, messages, tools=False, room=settings.max_output_tokens, learned={})
    schema = settings.schema_ if isinstance(settings.schema_, dict) else None
    return analyse(Circumstances(name, settings, limit), features(messages, shape_of(schema)))


def _named(task: Task | str, config: Config | None) -> tuple[str, Task]:
    if isinstance(task, Task):
        return "", task
    if config is None:
        raise ConfigError(f"the task '{task[:100]}' is a name; hand in its configuration too, or a Task")
    if task not in config.tasks:
        raise ConfigError(f"no task '{task[:100]}'; there are: {', '.join(sorted(config.tasks))}")
    return task, config.tasks[task]
