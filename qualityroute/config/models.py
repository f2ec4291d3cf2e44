"""The configuration's keys: frozen, no unknown ones, each mistake named by its path."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from qualityroute.config.engine_sections import Budget, Cache, Gateway, Pins, PriceRow, Routing, Store
from qualityroute.config.fields import Duration, ModelName, Name, split_model
from qualityroute.config.gate_sections import Agreement, Judge
from qualityroute.config.model_sections import Model, Provider, Tiers
from qualityroute.config.near import near
from qualityroute.config.section import Section
from qualityroute.config.task_section import Task
from qualityroute.errors import ConfigError
from qualityroute.mistakes import mistakes
from qualityroute.prices import Price, PriceBook
from qualityroute.records import Tier

_OPENAI = Provider(base_url="https://api.openai.com/v1", api_key_env="OPENAI_API_KEY")


class Config(Section):
    """Everything an engine needs to know.

    Build it with `Config.load(path)`, `Config.model_validate(dict)` or `Config(...)`; each raises
    `ConfigError` that names the key, what is wrong and what would be right.
    """

    version: Literal[1] = 1
    """Of this file's form."""
    providers: Mapping[Name, Provider] = Field(default_factory=dict)
    """Where models are asked, by name; `openai` is known."""
    tiers: Tiers
    """The models, in two tiers."""
    models: Mapping[ModelName, Model] = Field(default_factory=dict)
    """What is known of models, by `provider/model`."""
    judge: Judge | None = None
    """Who answers the rubric's questions about an answer."""
    tasks: Mapping[Name, Task] = Field(min_length=1)
    """Kinds of request, by name."""
    routing: Routing = Routing()
    """Where requests start."""
    deadline: Duration = timedelta(seconds=120)
    """For a whole request; a task may set its own."""
    max_input: int = Field(default=4_000_000, ge=1)
    """Characters of text in one request; more is refused before any model is asked."""
    cache: Cache = Cache()
    """Answers that are served again, where a task says so."""
    budget: Budget = Budget()
    """What may be spent."""
    pins: Pins = Pins()
    """When a session is held on performance, and when it may try again."""
    store: Store = Store()
    """Where decisions and pins are written."""
    gateway: Gateway = Gateway()
    """Limits of `qualityroute serve`."""
    prices: tuple[PriceRow, ...] = ()
    """What tokens cost; without a price a cost is unknown, not 0."""

    _folder: Path = PrivateAttr(default_factory=Path)
    _file: Path | None = PrivateAttr(default=None)

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise ConfigError("; ".join(mistakes(error, _KEYS))) from error

    @classmethod
    def model_validate(cls, obj: Any, **_: Any) -> Self:
        if isinstance(obj, cls):
            return obj
        if not isinstance(obj, Mapping):
            raise ConfigError(f"a configuration is a table of keys, not {type(obj).__name__}")
        return cls(**obj)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a TOML file; paths in it are relative to it. Raises `ConfigError`."""
        from qualityroute.config.load import load_config  # noqa: PLC0415  (it imports this module)

        return load_config(cls, Path(path))

    @property
    def folder(self) -> Path:
        """What relative paths in the configuration are relative to."""
        return self._folder

    @property
    def file(self) -> Path | None:
        return self._file

    @property
    def known_providers(self) -> Mapping[str, Provider]:
        return {"openai": _OPENAI, **self.providers}

    @property
    def price_book(self) -> PriceBook:
        return PriceBook(
            Price(row.model, row.effective_from, row.input, row.output, row.cached_input) for row in self.prices
        )

    def models_used(self) -> dict[str, str]:
        """Every `provider/model` the configuration names, with the key that names it."""
        named: dict[str, str] = {}
        for tier in Tier:
            for position, model in enumerate(self.tiers.of(tier).models):
                named.setdefault(model, f"tiers.{tier}.models.{position}")
        if self.judge is not None:
            if self.judge.model is not None:
                named.setdefault(self.judge.model, "judge.model")
            for position, model in enumerate(self.judge.panel):
                named.setdefault(model, f"judge.panel.{position}")
        for name, task in self.tasks.items():
            # Peers of a check that is not in the gate are asked nothing, and need no provider.
            peers = task.agreement.peers if task.agreement and "agreement" in (task.gate or ()) else ()
            for position, peer in enumerate(peers):
                named.setdefault(peer, f"tasks.{name}.agreement.peers.{position}")
        if self.cache.embeddings is not None and any(task.cache == "semantic" for task in self.tasks.values()):
            named.setdefault(self.cache.embeddings, "cache.embeddings")
        return named

    @property
    def unpriced_models(self) -> dict[str, str]:
        """Those of `models_used` without any [[prices]] row: with them no budget can be kept."""
        priced = {row.model for row in self.prices}
        return {model: where for model, where in self.models_used().items() if model not in priced}

    @property
    def first_budget(self) -> str | None:
        """The key of a budget that is set; `None` where none is."""
        of_all = {f"budget.{name}": getattr(self.budget, name) for name in ("per_request", "per_session", "per_day")}
        of_tasks = {f"tasks.{name}.budget_per_day": task.budget_per_day for name, task in self.tasks.items()}
        return next((key for key, limit in {**of_all, **of_tasks}.items() if limit is not None), None)

    @property
    def request_deadline(self) -> timedelta:
        """For a whole request whose task sets none."""
        return self.routing.deadline or self.deadline

    @model_validator(mode="after")
    def _names_meet(self) -> Self:
        if self.routing.deadline is not None and "deadline" in self.model_fields_set:
            raise ValueError("deadline: it is set at the top and in [routing]; set it once")
        if self.providers:
            check_providers(self)
        named = self.models_used()
        for model in self.models:
            if model not in named:
                raise ValueError(f"models.{model}: no tier, judge or peer is '{model}'" + near(model, named))
        for name, task in self.tasks.items():
            _check_gate(self, name, task)
        _check_speculation(self)
        if not self.prices:
            check_budget_prices(self)
        return self

    def speculates(self, task: Task) -> bool:
        """May performance be begun early for it?"""
        return task.tier == "auto" and (task.speculate or self.routing.speculate) == "auto"


def check_providers(config: Config) -> None:
    """Every model's provider must be there. Raises `ValueError` (`ConfigError` to the user)."""
    known = config.known_providers
    for model, key in config.models_used().items():
        provider = split_model(model)[0]
        if provider not in known:
            raise ConfigError(
                f"{key}: no provider '{provider}' for '{model}'; add [providers.{provider}]" + near(provider, known)
            )


def _check_gate(config: Config, name: str, task: Task) -> None:
    gate = task.gate or ()
    where = f"tasks.{name}"
    if "schema" in gate and task.schema_ is None:
        raise ValueError(f"{where}.gate: 'schema' needs {where}.schema")
    if "checks" in gate and not task.checks:
        raise ValueError(f"{where}.gate: 'checks' needs {where}.checks, a list of functions")
    if "judge" in gate and config.judge is None:
        raise ValueError(f"{where}.gate: 'judge' needs a [judge] section with a model, or an object of your own")
    if "grounded" in gate and task.rubric is None:
        raise ValueError(f"{where}.gate: 'grounded' needs {where}.rubric with [fields] rules")
    if "agreement" in gate:
        _check_agreement(config, where, task.agreement)
    if task.accept.audit_budget_per_day is not None:
        priced = {row.model for row in config.prices}
        for model in config.tiers.performance.models:
            if model not in priced:
                raise ValueError(
                    f"{where}.accept.audit_budget_per_day: there is no [[prices]] row for '{model}', so what an audit "
                    "costs would be unknown"
                )
    if task.cache == "semantic":
        _check_semantic(config, where, task)
    elif task.semantic_despite_schema:
        raise ValueError(f"{where}.semantic_despite_schema changes nothing: {where}.cache is '{task.cache}'")


def _check_semantic(config: Config, where: str, task: Task) -> None:
    for key, value, example in (("embeddings", config.cache.embeddings, "openai/text-embedding-3-small"),
                                ("window", config.cache.window, "8191, the tokens that it reads")):  # fmt: skip
        if value is None:
            raise ValueError(f"{where}.cache: 'semantic' needs cache.{key}, such as {example}")
    if task.schema_ is not None and not task.semantic_despite_schema:
        raise ValueError(
            f"{where}.cache: 'semantic' is not for a task with a schema, whose answers change with every value of the "
            f"input; use 'exact', or set {where}.semantic_despite_schema = true"
        )


def _check_speculation(config: Config) -> None:
    """It rests on the gate's log, and on what a second is worth; without either it would never begin."""
    asked = {f"tasks.{name}.speculate": [task] for name, task in config.tasks.items() if task.speculate == "auto"}
    if config.routing.speculate == "auto":
        asked["routing.speculate"] = [task for task in config.tasks.values() if task.speculate is None]
    for key, tasks in asked.items():
        if not config.routing.value_of_second:
            raise ValueError(f"{key}: 'auto' weighs seconds against money; set routing.value_of_second above 0")
        if all(task.tier != "auto" for task in tasks):
            raise ValueError(f"{key}: 'auto' goes by the gate's log, which is kept of tasks with tier = 'auto' only")


def check_budget_prices(config: Config) -> None:
    """A budget that takes a model for free would never be used up. Raises `ValueError` (`ConfigError` to the user).

    Without any price, when a configuration is read; a single missing one when an engine is made or `check` looks, as
    all that depends on what else a configuration names.
    """
    key = config.first_budget
    unpriced = [f"'{model}' ({where})" for model, where in config.unpriced_models.items()]
    if key is not None and unpriced:
        raise ConfigError(
            f"{key}: there is no [[prices]] row for {', '.join(unpriced)}, so what is spent would be unknown; "
            "add the rows, or leave the budget out"
        )


def _check_agreement(config: Config, where: str, agreement: Agreement | None) -> None:
    if agreement is None:
        raise ValueError(f"{where}.gate: 'agreement' needs {where}.agreement.peers, a list of models")
    if agreement.on_difference == "judge" and config.judge is None:
        raise ValueError(f"{where}.agreement.on_difference: 'judge' needs a [judge] section with a model")
    for position, peer in enumerate(agreement.peers):
        if peer in config.tiers.efficiency.models:
            raise ValueError(
                f"{where}.agreement.peers.{position}: '{peer}' is of the efficiency tier, and would only agree with "
                "itself; name a model of another family"
            )


_KEYS = frozenset(
    {field.alias or name for section in Section.__subclasses__() for name, field in section.model_fields.items()}
)
