"""Who judges an answer, and what is accepted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import (
    Field,
    field_serializer,
    field_validator,
    model_validator,
)

from qualityroute.config.fields import Dollars, Duration, ModelName, Share
from qualityroute.config.section import Section

_SAMPLES = re.compile(r"([1-3])\.\.([1-3])", re.ASCII)


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
