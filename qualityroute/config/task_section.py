"""One kind of request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Self, TypeAlias, get_args

from pydantic import (
    BaseModel,
    Field,
    field_validator,
    model_validator,
)

from qualityroute.config.fields import BudgetDollars, Duration, Share
from qualityroute.config.gate_sections import Accept, Agreement
from qualityroute.config.patterns import safe_pattern
from qualityroute.config.section import Section
from qualityroute.rubrics import Rubric

CheckName = Literal["schema", "checks", "grounded", "agreement", "judge"]


class Match(Section):
    """By what a request that names no task is known to be of this one; see `Engine.classify`."""

    regex: tuple[str, ...] = ()
    """Any of them, in the first or the last characters of the text, in either case; slow ones are refused."""
    keywords: tuple[str, ...] = ()
    """Any of them as whole words, in either case."""
    examples: tuple[str, ...] = Field(default=(), max_length=100)
    """Requests of this task, to which one like them is nearest."""

    @field_validator("regex")
    @classmethod
    def _patterns_are_safe(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            safe_pattern(pattern)
        return patterns

    @field_validator("keywords", "examples")
    @classmethod
    def _texts_say_something(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        if any(not text.strip() for text in texts):
            raise ValueError("an empty text matches nothing; leave it out")
        return texts

    @model_validator(mode="after")
    def _something_is_named(self) -> Self:
        if not (self.regex or self.keywords or self.examples):
            raise ValueError("it names nothing to match by; set regex, keywords or examples")
        return self


Speculate: TypeAlias = Literal["off", "auto"]
OnDeadline: TypeAlias = Literal["error", "serve_best"]


class Task(Section):
    """A named kind of request: instructions, output schema, rubric, gate, tier."""

    tier: Literal["efficiency", "performance", "auto"] = "efficiency"
    """auto: efficiency first, unless a hard limit or the gate's own log says that it does not pay; see `complexity`."""
    match: Match | None = None
    """By what requests that name no task are known to be of this one."""
    instructions: str = ""
    """What the models are asked to do; stands in a system message of its own."""
    schema_: str | Mapping[str, Any] | type[BaseModel] | None = Field(default=None, alias="schema")
    """A JSON Schema file, a JSON Schema, `"package.module:Model"`, or a pydantic model."""
    rubric: str | Rubric | None = None
    """A rubric file, the name of a built-in rubric, or a `Rubric`."""
    gate: tuple[CheckName, ...] | None = None
    """The checks, in order. Left out: those that the task's schema, checks and rubric allow. A schema that is set is
    always checked, and first; functions that are set are called, and first where the gate does not name them."""
    checks: tuple[str | Callable[..., str | None], ...] = ()
    """Your own functions `(output, source) -> reason or None`, or `"package.module:function"`."""
    agreement: Agreement | None = None
    """The peers of the check `agreement`."""
    accept: Accept = Accept()
    """What accepting an answer may come to, and how that is watched."""
    on_refusal: Literal["fallback", "return", "error"] = "fallback"
    """When efficiency refuses: ask performance, hand the refusal on, or fail the request."""
    on_undecided: Literal["fallback", "accept", "error"] | None = None
    """When a check could not be made; left out: `judge.on_error`, else fallback."""
    repairs: int = Field(default=0, ge=0, le=1)
    """Re-asks on the same tier, with the validation errors, before the answer counts as rejected."""
    deadline: Duration | None = None
    """For a whole request of this task; left out: the top-level one."""
    on_deadline: OnDeadline | None = None
    """Left out: `routing.on_deadline`."""
    speculate: Speculate | None = None
    """Left out: `routing.speculate`; needs `tier = "auto"`."""
    explore: Share = 0.0
    """With `tier = "performance"`: share of sessions whose first request also tries efficiency, unserved."""
    max_output_tokens: int | None = Field(default=None, ge=1)
    """Asked of the models; a budget reserves by it."""
    cache: Literal["off", "exact", "semantic"] = "off"
    """exact: a question that was asked before, in the same words, gets the answer that passed its gate then; semantic:
    one in other words as well, where guards and judge find nothing against it."""
    semantic_despite_schema: bool = False
    """A task that extracts values gets other ones from almost the same text, so that `cache = "semantic"` is refused
    where there is a schema, unless this says that its guards and its judge are trusted all the same."""
    budget_per_day: BudgetDollars | None = None
    """USD that this task may cost in a day (UTC); see `Budget`."""

    @property
    def of_checks(self) -> Mapping[str, Section]:
        """The settings of single checks, each under its check's name; in the gate or not."""
        named = {name: getattr(self, name, None) for name in get_args(CheckName)}
        return {name: section for name, section in named.items() if isinstance(section, Section)}

    @field_validator("gate")
    @classmethod
    def _each_check_once(cls, gate: tuple[CheckName, ...] | None) -> tuple[CheckName, ...] | None:
        if gate is not None and len(set(gate)) != len(gate):
            raise ValueError(f"a check is named twice in {list(gate)}")
        return gate
