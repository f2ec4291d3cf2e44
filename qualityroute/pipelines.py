"""What of a configuration a task's scores, labels and references depend on."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from typing import Any

from qualityroute.attempts import system_message
from qualityroute.calibration import Pipeline
from qualityroute.config import Config, Judge, ResolvedTask, resolve
from qualityroute.errors import ConfigError
from qualityroute.gates.judge_prompt import PROMPT_VERSION
from qualityroute.records import Tier


def pipeline_of(config: Config, task: ResolvedTask) -> Pipeline:
    """The frozen pipeline that a certificate of the task is about."""
    judge = config.judge if _is_judged(task) else None
    rubric = task.rubric.model_dump(mode="json") if task.rubric is not None else {}
    normalisers = rubric.pop("fields", {})
    return Pipeline(
        task=task.name,
        rubric=_text(rubric),
        judge_prompt=PROMPT_VERSION if judge is not None else "",
        judge_models=_judges(judge) if judge is not None else (),
        judge_parameters=_plain(judge.parameters) if judge is not None else {},
        judge_mode=judge.mode if judge is not None else "",
        judge_samples=_samples(judge) if judge is not None else "",
        efficiency_models=config.tiers.efficiency.models,
        efficiency_prompt=_prompt(task),
        efficiency_parameters=_plain(config.tiers.efficiency.parameters),
        schema=_plain(task.schema),
        normalisers=normalisers,
        gate=_gate(task),
        performance_models=config.tiers.performance.models,
    )


def pipeline_keys(config: Config) -> dict[str, str]:
    """The key of each task's pipeline; none where what the configuration names cannot be read."""
    try:
        return {name: pipeline_of(config, task).key for name, task in resolve(config).items()}
    except ConfigError:
        return {}


def reference_key(config: Config, task: ResolvedTask) -> str:
    """24 hexadecimal digits of what the performance tier is asked by; references of another key are not of today."""
    tier = config.tiers.of(Tier.PERFORMANCE)
    asked = [tier.models, _plain(tier.parameters), _prompt(task), task.settings.max_output_tokens]
    return hashlib.sha256(_text(asked).encode()).hexdigest()[:24]


def answer_key(config: Config, task: ResolvedTask) -> str:
    """64 hexadecimal digits of all that an answer and its proof depend on; an answer of another key is not served."""
    known = config.known_providers
    asked = {model.partition("/")[0] for model in config.models_used()}
    parts = [
        pipeline_of(config, task).key,
        reference_key(config, task),
        sorted((name, known[name].base_url) for name in asked if name in known),
        f"{task.model.__module__}:{task.model.__qualname__} {_source(task.model)}" if task.model is not None else "",
    ]
    return hashlib.sha256(_text(parts).encode()).hexdigest()


def likening_key(config: Config, task: ResolvedTask) -> str:
    """The same for answers to questions in other words: also by what these are likened."""
    cache = config.cache
    told = [answer_key(config, task), cache.embeddings, cache.window]
    return hashlib.sha256(_text(told).encode()).hexdigest()


def _is_judged(task: ResolvedTask) -> bool:
    agreement = task.settings.agreement if "agreement" in task.gate else None
    return "judge" in task.gate or (agreement is not None and agreement.on_difference == "judge")


def _judges(judge: Judge) -> tuple[str, ...]:
    """The models asked; a judge of the user's own by its class."""
    own = judge.model_dump(mode="json")["object"]
    return judge.models if own is None else (f"own {own}", *judge.models)


def _prompt(task: ResolvedTask) -> str:
    return "\n\n".join(message["content"] for message in system_message(task))


def _samples(judge: Judge) -> str:
    quorum = f", quorum {judge.quorum}" if judge.quorum is not None else ""
    return f"{judge.samples}{quorum}"


def _gate(task: ResolvedTask) -> dict[str, Any]:
    own = {name: section.model_dump(mode="json") for name, section in task.settings.of_checks.items()}
    return {
        "checks": list(task.gate),
        "functions": [f"{check.name} {_source(check.function)}" for check in task.checks],
        "agreement": None,
        **{name: settings for name, settings in own.items() if name in task.gate},
        "repairs": task.settings.repairs,
        "max_output_tokens": task.settings.max_output_tokens,
    }


def _source(code: Callable[..., Any]) -> str:
    """A hash of a function's or a class's text, so that changing it is seen; nothing where it has none."""
    try:
        return hashlib.sha256(inspect.getsource(code).encode()).hexdigest()[:16]
    except (OSError, TypeError):
        return ""


def _plain(value: Any) -> Any:
    """As JSON has it; what JSON does not know, by its text."""
    return json.loads(_text(value))


def _text(value: Any) -> str:
    return json.dumps(
        value, sort_keys=True, default=lambda other: dict(other) if hasattr(other, "keys") else str(other)
    )
