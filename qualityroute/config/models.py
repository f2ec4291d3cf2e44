"""The configuration's keys: frozen, no unknown ones, each mistake named by its path."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from qualityroute.config.fields import BudgetDollars, Dollars, Duration, Keep, ModelName, Name, Share, Size, split_model
from qualityroute.config.patterns import safe_pattern
from qualityroute.errors import ConfigError
from qualityroute.prices import Price, PriceBook
from qualityroute.records import Tier
from qualityroute.rubrics import Rubric, mistakes

_SAMPLES = re.compile(r"([1-3])\.\.([1-3])", re.ASCII)
CheckName = Literal["schema", "checks", "grounded", "agreement", "judge"]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Provider(Section):
    base_url: str = Field(pattern=r"^https?://[^\s]+$")
    """Of an OpenAI-compatible server, with its `/v1`."""
    api_key_env: str | None = None
    """The environment variable that holds the key; none for servers without keys."""
    max_concurrency: int = Field(default=64, ge=1, le=10_000)
    """Calls at once; more wait."""
    timeout: Duration = timedelta(seconds=60)
    """For one call, its retries included."""
    retries: int = Field(default=2, ge=0, le=10)
    """Tries after a failure that another one may mend; words that were refused are said differently besides."""
    rpm: int | None = Field(default=None, ge=1)
    """Requests of one model in any minute, every try included; more wait, or go to the tier's next model."""
    tpm: int | None = Field(default=None, ge=1)
    """Tokens of one model in any minute, read and written."""
    transport: Literal["auto", "httpx"] = "auto"
    """auto: aiohttp where it is installed (extra `fast`) and asyncio runs, else httpx."""


class TierModels(Section):
    models: tuple[ModelName, ...] = Field(min_length=1)
    """In order; the next is used when an endpoint is down."""
    parameters: Mapping[str, Any] = Field(default_factory=dict)
    """Further fields of the request body, such as `temperature` or `reasoning_effort`."""


class Tiers(Section):
    efficiency: TierModels
    """Asked first, and gated."""
    performance: TierModels
    """What fails falls back to."""

    def of(self, tier: Tier) -> TierModels:
        return self.efficiency if tier is Tier.EFFICIENCY else self.performance


class Model(Section):
    """What is known of one model, by which a request that it cannot answer is not sent to it (`tier = "auto"`)."""

    context_window: int | None = Field(default=None, ge=1)
    """Tokens, read and written together."""
    images: bool | None = None
    """Does it see pictures?"""


class Judge(Section):
    model: ModelName | None = None
    """Better not the model it judges; `check` warns of that."""
    object: Any = None
    """Your own judge in place of a model: `"package.module:MyJudge"`, a class that is made without arguments or an
    object, with a method `judge(rubric, source, candidate)`; see `OwnJudge`."""
    panel: tuple[ModelName, ...] = ()
    """Further judges, each asked on its own; the probabilities of all are averaged."""
    quorum: int | None = Field(default=None, ge=1)
    """How many of the judges must give a verdict; left out: all."""
    mode: Literal["auto", "evidence", "logprob", "decisions"] = "auto"
    """How a model is asked.

    evidence: in words, a quotation before each verdict; works everywhere, and a person can read why.
    logprob: verdict letters with their log probabilities, a tenth of the words; evidence where the endpoint gives none.
    decisions: OpenAI's `/decisions`, a probability for each question; trouble where the endpoint has none.
    auto: evidence. It does not try log probabilities first, because the two forms score on different scales: one
    threshold, and one certificate, would mean another thing on the day an endpoint gives or stops giving them; because
    no schema holds a model to its line of letters; and because models that reason refuse, which costs a failed call.
    """
    samples: int | str = 1
    """How many verdicts: 1, 2 or 3, or a range such as "1..3", where further ones are drawn only if they matter."""
    timeout: Duration = timedelta(seconds=20)
    """For one verdict of one judge."""
    on_error: Literal["fallback", "accept", "error"] = "fallback"
    """When no verdict could be had: ask performance, serve the answer unjudged, or fail the request."""
    parameters: Mapping[str, Any] = Field(default_factory=dict)
    """Further fields of the judge's request body."""

    @property
    def models(self) -> tuple[str, ...]:
        return (self.model, *self.panel) if self.model is not None else self.panel

    @property
    def sample_range(self) -> tuple[int, int]:
        """The least and the most verdicts asked of one judge."""
        least, _, most = str(self.samples).partition("..")
        return int(least), int(most or least)

    @field_serializer("object", when_used="json")
    def _object_by_name(self, judge: Any) -> str | None:
        """An object as its class: the fingerprint and a certificate tell it from another by that."""
        return judge if isinstance(judge, str | None) else f"{type(judge).__module__}:{type(judge).__qualname__}"

    @field_validator("samples", mode="before")
    @classmethod
    def _samples_are_few(cls, samples: object) -> int | str:
        match = _SAMPLES.fullmatch(samples) if isinstance(samples, str) else None
        if match and match[1] <= match[2]:
            return match[0] if match[1] < match[2] else int(match[1])
        if isinstance(samples, int) and not isinstance(samples, bool) and 1 <= samples <= 3:
            return samples
        raise ValueError(f"{samples!r} is no number of samples; write 1, 2, 3 or a range such as '1..3'")

    @model_validator(mode="after")
    def _panel_can_meet(self) -> Self:
        if self.model is not None and self.object is not None:
            raise ValueError("model and object are both set; a judge of your own takes the model's place")
        twice = next((model for model in self.models if self.models.count(model) > 1), None)
        if twice is not None:
            raise ValueError(f"the judge '{twice}' is named twice; samples asks one judge again")
        judges = 1 + len(self.panel)
        if self.quorum is not None and self.quorum > judges:
            raise ValueError(f"quorum ({self.quorum}) is above the number of judges ({judges})")
        return self


class Agreement(Section):
    peers: tuple[ModelName, ...] = Field(min_length=1)
    """Models of other families, asked the same; see `rule`."""
    rule: Literal["confirm", "majority"] = "confirm"
    """confirm: `quorum` peers must equal the efficiency answer; majority: `quorum` + 1 equal answers are served."""
    quorum: int = Field(default=1, ge=1)
    """How many peers must agree."""
    on_difference: Literal["reject", "judge"] = "reject"
    """judge: the judge is asked about the values that differ, and an efficiency answer that it confirms is served."""

    @model_validator(mode="after")
    def _quorum_can_be_reached(self) -> Self:
        if len(set(self.peers)) != len(self.peers):
            raise ValueError(f"a peer is named twice in {list(self.peers)}")
        if self.quorum > len(self.peers):
            raise ValueError(f"quorum ({self.quorum}) is above the number of peers ({len(self.peers)})")
        return self


class Accept(Section):
    """What accepting an answer may come to, and how that is watched."""

    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """At most this share of accepted answers may differ from the performance tier's."""
    delta: float = Field(default=0.10, gt=0, lt=1)
    """With confidence 1 - delta."""
    audit: Share = 0.0
    """Share of sessions whose first request is audited, if its answer is accepted: asked again of performance."""
    audit_budget_per_day: Dollars | None = None
    """USD that audits of this task may cost in a day (UTC)."""
    max_age: Duration = timedelta(days=90)
    """How long a certificate holds."""
    on_uncertified: Literal["threshold", "fallback"] = "threshold"
    """threshold: answers are accepted at the rubric's threshold, called uncertified; fallback: none is accepted without
    a certificate in force."""


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
    """The checks, in order. Left out: those that the task's schema, checks and rubric allow."""
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

    @field_validator("gate")
    @classmethod
    def _each_check_once(cls, gate: tuple[CheckName, ...] | None) -> tuple[CheckName, ...] | None:
        if gate is not None and len(set(gate)) != len(gate):
            raise ValueError(f"a check is named twice in {list(gate)}")
        return gate


class Routing(Section):
    mode: Literal["cascade", "baseline"] = "cascade"
    """cascade: each task as its tier says; baseline: everything to performance, recorded as reference."""
    explore: Share = 0.02
    """With `tier = "auto"`: the share of requests that the log would not send through the whole cascade, and that go
    through it all the same. Without it what was learned once would stay for ever (routing.md A5)."""
    value_of_second: Dollars = Decimal(0)
    """USD that a second less of waiting is worth; 0: `auto` looks at cost alone."""
    cost_of_error: Dollars = Decimal(0)
    """USD that a wrong answer costs; 0: unknown, and `auto` never leaves out the judge."""
    speculate: Speculate = "off"
    """auto: with `tier = "auto"`, begin the performance answer while efficiency's is still being proved, for requests
    whose P(escalate) makes the seconds that this saves worth more than the call where it is not needed."""
    deadline: Duration | None = None
    """The same as the top-level `deadline`, which in TOML must stand above every table."""
    on_deadline: OnDeadline = "error"
    """What to do when the deadline comes.

    error: `DeadlineExceeded`.
    serve_best: an answer that was accepted, or one that passed every free check of the gate, and that only the judge or
    peers did not accept or had no time for, is served; its decision's outcome is then `unproven`.
    """


class Cache(Section):
    """Answers that are served again, where a task says so."""

    scope: Literal["session", "tenant"] = "tenant"
    """Who shares an answer; requests without a session are not cached under "session"."""
    ttl: Annotated[Duration, Field(le=timedelta(days=3650))] = timedelta(hours=24)
    """How long an answer is served after it was given."""
    embeddings: ModelName | None = None
    """For "semantic": the model that likens questions, at an endpoint with OpenAI's `/embeddings`."""
    window: int | None = Field(default=None, ge=8)
    """For "semantic": tokens that this model reads; what is longer it cuts off, and is not compared."""
    threshold: Share = 0.7
    """For "semantic": how alike the vectors of two questions must be to be looked at, as the cosine of their angle. No
    threshold tells a paraphrase from the same question about another number; that is what the guards are for."""
    false_hits: float = Field(default=0.01, gt=0, lt=1)
    """For "semantic": the judge is asked of each answer in question until it is shown, with confidence 0.95, that at
    most this share of them is wrong: some 3/`false_hits` of them, if none is."""
    recheck: float = Field(default=0.05, gt=0, le=1)
    """For "semantic": the share of answers that the judge is asked of after that."""


class Budget(Section):
    """What may be spent, in USD.

    Before each model call what it may cost is reserved, so that others cannot spend it; a call that does not fit into
    each of its budgets is not made. See `estimates` for when a call may cost more than was reserved.
    """

    per_request: BudgetDollars | None = None
    """All calls of one request together."""
    per_session: BudgetDollars | None = None
    """Of a tenant, for as long as there are requests of it."""
    per_day: BudgetDollars | None = None
    """In UTC, for everything that uses the store."""
    on_exhausted: Literal["error", "efficiency_only", "serve_best"] = "error"
    """What to do when a call does not fit.

    error: `BudgetExceeded`, unless an answer was accepted before.
    efficiency_only: where performance was to answer because of a pin or the task's tier, efficiency does, with its
    whole gate; what the gate does not accept ends in `BudgetExceeded`.
    serve_best: the same, but an answer that passed every free check of the gate, and that only the judge or peers did
    not accept or could not be paid to judge, is served; its decision's outcome is then `unproven`.
    """


class Pins(Section):
    scope: Literal["session", "task"] = "session"
    """Is a session held for all its tasks, or for the one whose answer failed?"""
    after: int = Field(default=1, ge=1, le=100)
    """Rejected answers in a row before a pin."""
    first: int = Field(default=2, ge=0, le=10_000)
    """Requests held before a half-open probe; doubles on each failed probe."""
    cap: int = Field(default=64, ge=1, le=1_000_000)
    """Requests held at most between two probes."""
    probe: Literal["requests", "idle", "never"] = "requests"
    """When efficiency is tried again: after so many requests, after so long a rest, or never."""
    idle_ttl: Duration = timedelta(minutes=30)
    """A pin ends when its session has rested so long."""
    max_age: Duration = timedelta(hours=24)
    """A pin ends at the latest so long after it was made."""

    @model_validator(mode="after")
    def _cap_is_not_below_first(self) -> Self:
        if self.cap < self.first:
            raise ValueError(f"cap ({self.cap}) is below first ({self.first})")
        return self


class Store(Section):
    url: str = Field(default="sqlite:///qualityroute.db", repr=False)
    """A file, or a PostgreSQL database; not shown, since it can hold a password."""
    payloads: Literal["none", "rejected", "all"] = "rejected"
    """Whose prompts and answers are kept."""
    on_store_error: Literal["raise", "warn"] = "raise"
    """Whether a request fails when its decision cannot be written."""
    keep: Keep | None = None
    """How long decisions are kept, such as `"90d"`; a running engine removes older ones. `None`: for ever."""


class Gateway(Section):
    """Limits of `qualityroute serve`. `max_concurrent` and `header_timeout` hold from start to end of the process."""

    max_body: Size = 32 * 2**20
    """Of one request; images come in it. `"32MiB"`, or a number of bytes."""
    max_concurrent: int = Field(default=256, ge=1, le=100_000)
    """Requests that each worker answers at once; more are refused with status 503."""
    header_timeout: Duration = timedelta(seconds=10)
    """For the head of a request, from its first byte or from the connection's."""
    body_timeout: Duration = timedelta(seconds=30)
    """For a request's body, from the end of its head."""
    first_keep_alive: Duration = timedelta(seconds=2)
    """When a stream begins at the latest. What fails before that gets an HTTP status, and what fails after an event."""
    keep_alive: Duration = timedelta(seconds=10)
    """Between comments in a stream while its answer is still being proved."""
    shutdown_grace: Duration = timedelta(seconds=30)
    """How long a server that is told to end waits for what is under way."""


class PriceRow(Section):
    """USD per 1M tokens of a model, from a date on."""

    model: ModelName
    """`provider/model`."""
    effective_from: date = date.min
    """The first day of the price; of several the newest that is not in the future holds."""
    input: Dollars
    """USD per 1M tokens read."""
    output: Dollars
    """USD per 1M tokens written."""
    cached_input: Dollars | None = None
    """USD per 1M tokens read from the provider's cache; left out: as `input`."""


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
            raise ConfigError("; ".join(_suggest(line) for line in mistakes(error))) from error

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


def near(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; there are: {', '.join(sorted(known))}" if known else ""


_KEYS = sorted(
    {
        field.alias or name
        for section in (
            Config, Provider, TierModels, Model, Judge, Task, Match, Agreement, Accept, Routing, Cache, Budget, Pins,
            Store, Gateway, PriceRow,
        )
        for name, field in section.model_fields.items()
    }
)  # fmt: skip


def _suggest(line: str) -> str:
    where, _, message = line.partition(": ")
    if message != "unknown key":
        return line
    close = difflib.get_close_matches(where.rpartition(".")[2], _KEYS, n=1)
    return f"{line}; did you mean '{close[0]}'?" if close else line
