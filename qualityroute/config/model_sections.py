"""Providers, their models, and the tiers they serve."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import (
    Field,
)

from qualityroute.config.fields import Address, Duration, ModelName
from qualityroute.config.section import Section
from qualityroute.records import Tier


class Provider(Section):
    base_url: Address
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
