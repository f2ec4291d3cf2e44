"""What a certificate is about: one frozen pipeline, and a key that changes with any part of it (judging.md B7)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Everything that a score or a label depends on. Models are in the order in which they are tried."""

    task: str
    rubric: str
    """The text of the rubric's file."""
    judge_prompt: str
    """The version of the judge's prompt template."""
    judge_models: tuple[str, ...]
    judge_parameters: Mapping[str, object]
    judge_mode: str
    judge_samples: str
    """How many samples of a verdict: "1", or "1..3"."""
    efficiency_models: tuple[str, ...]
    efficiency_prompt: str
    efficiency_parameters: Mapping[str, object]
    schema: Mapping[str, object] | None
    gate: Mapping[str, object]
    """The checks with what they are made of: names of user's checks, peers and rule of an agreement, repairs."""
    normalisers: Mapping[str, object]
    """How each field is compared."""
    performance_models: tuple[str, ...]
    """Empty when labels come from people."""

    @property
    def key(self) -> str:
        """sha256 of the canonical JSON: equal for equal pipelines, in any process."""
        return sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        return f"{{{','.join(f'{json.dumps(name)}:{text}' for name, text in sorted(_texts(self).items()))}}}"

    @classmethod
    def from_json(cls, text: str) -> Pipeline:
        """What `to_json` wrote; `ValueError` when its parts are not today's."""
        parts = json.loads(text)
        names = {field.name for field in fields(cls)}
        if not isinstance(parts, dict) or set(parts) != names:
            found = sorted(parts) if isinstance(parts, dict) else type(parts).__name__
            raise ValueError(f"a pipeline of {found}; right are the parts {sorted(names)}")
        models = {name: tuple(value) for name, value in parts.items() if name.endswith("_models")}
        return cls(**{**parts, **models})


def changed(old: Pipeline, new: Pipeline) -> list[str]:
    """The names of the parts that differ, in the order of `Pipeline`."""
    before, after = _texts(old), _texts(new)
    return [name for name in before if before[name] != after[name]]


def _texts(pipeline: Pipeline) -> dict[str, str]:
    return {field.name: _canonical(field.name, getattr(pipeline, field.name)) for field in fields(pipeline)}


def _canonical(name: str, value: object) -> str:
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f'part "{name}" of the pipeline cannot be written as JSON: {error}') from error
