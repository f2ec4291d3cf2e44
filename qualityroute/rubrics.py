"""Rubrics: what a good answer of one task is, as yes/no questions and rules for its fields."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from qualityroute.errors import ConfigError
from qualityroute.mistakes import mistakes


def _identifier(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", value):
        raise ValueError(
            f"{value[:64]!r} is no name; right is a letter, then letters, digits, '_', '.' or '-', 64 in all at most"
        )
    return value


Identifier = Annotated[str, AfterValidator(_identifier)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class Criterion(BaseModel):
    """One question to the judge. "yes" always means good."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Identifier
    """By what it is called in verdicts and reports."""
    ask: Line
    """The question, answered with yes, no or unsure."""
    critical: bool = False
    """A "no" fails the answer whatever the rest."""
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Its part in the mean that the score is made of."""
    whole_source: bool = False
    """Only who has read the whole source can say yes: "unsure" where the source was too long to be shown whole."""


class FieldRule(BaseModel):
    """How one field of the answer is found in the source, and compared with another answer's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ground: Literal["literal", "soft", "off"] = "off"
    """literal: the value must occur in the source; soft: told to the judge when it does not; off."""
    compare: Literal["exact", "text", "number", "money", "date"] = "text"
    """How two answers' values are compared: with a reference, a peer's answer, or an audit's."""
    critical: bool = False
    """A difference here makes the whole answer another one."""


class Rubric(BaseModel):
    """What is asked of a task's answers.

        Rubric(name="invoice", criteria=[Criterion(id="supported", ask="Is every value in the source?", critical=True)])

    Raises pydantic's `ValidationError` (a `ValueError`) for duplicate ids, no criteria, or unknown keys.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Identifier = "rubric"
    """As a task names it."""
    purpose: str = ""
    """One sentence for the judge: what the answer is for."""
    threshold: float = Field(default=0.8, gt=0, le=1, allow_inf_nan=False)
    """The score an answer needs, until a certificate gives a better one."""
    min_fields: int = Field(default=0, ge=0)
    """Fields that must say something, or else the answer counts as empty; records in lists count field by field."""
    criteria: tuple[Criterion, ...] = Field(min_length=1)
    """The questions to the judge."""
    fields: Mapping[str, FieldRule] = Field(default_factory=dict)
    """By dotted path; array positions are left out: `lines.amount`."""

    @field_validator("criteria")
    @classmethod
    def _ids_are_unique(cls, criteria: tuple[Criterion, ...]) -> tuple[Criterion, ...]:
        twice = [identifier for identifier, count in Counter(c.id for c in criteria).items() if count > 1]
        if twice:
            raise ValueError(f"criterion id '{twice[0]}' is used twice; each needs its own")
        return criteria

    @model_validator(mode="after")
    def _something_can_be_judged(self) -> Self:
        if not self.criteria:
            raise ValueError("a rubric needs at least one [[criteria]]")
        return self


_KEYS = frozenset(key for section in (Rubric, Criterion, FieldRule) for key in section.model_fields)


def nearest_rule(path: str, rules: Mapping[str, FieldRule]) -> FieldRule | None:
    """The rule of a dotted path: its own, or that of the nearest thing it is in."""
    while path not in rules:
        path, dot, _ = path.rpartition(".")
        if not dot:
            return None
    return rules[path]


def load_rubric(path: Path) -> Rubric:
    """Read a rubric file. Raises `ConfigError` that names the file and the key."""
    try:
        data = tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"rubric '{path}' does not exist") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"rubric '{path}' cannot be read: {error}") from error
    except RecursionError:
        raise ConfigError(f"rubric '{path}' is nested too deep to be read") from None
    return rubric_from(data, str(path))


def rubric_from(data: Mapping[str, Any], name: str) -> Rubric:
    try:
        return Rubric.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"rubric '{name}': {'; '.join(mistakes(error, _KEYS))}") from error


def builtin_rubrics() -> dict[str, Path]:
    """The rubrics that come with the package, by name."""
    folder = Path(str(resources.files("qualityroute"))) / "builtin_rubrics"
    if not folder.is_dir():  # a source checkout keeps them at the top level
        folder = folder.parent.parent / "rubrics"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}
