"""What an engine opens to the world when it is not handed something else: models, store, clock, chance, log."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from qualityroute.client import Client, Memory
from qualityroute.config import Config
from qualityroute.config.models import check_providers
from qualityroute.records import Decision
from qualityroute.store import SessionStore, open_store

logger = logging.getLogger("qualityroute")


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_decision_id() -> str:
    """24 hexadecimal digits: milliseconds first, so that ids sort by time, then chance."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"


def client_for(config: Config, memory: Memory | None = None) -> Client:
    """The door to the models the configuration names; `memory` keeps what it learns of their endpoints.

    Raises `ConfigError` for a provider or a key that is missing.
    """
    from qualityroute.openai_client import OpenAIClient  # noqa: PLC0415  (not needed with a client of one's own)

    check_providers(config)
    used = {model.partition("/")[0] for model in config.models_used()}
    providers = {name: provider for name, provider in config.known_providers.items() if name in used}
    return OpenAIClient(providers, memory=memory)


def store_for(config: Config, store: str | SessionStore | None, now: Callable[[], datetime]) -> SessionStore:
    """The store handed in, the one its URL names, or the configuration's."""
    if store is None:
        return open_store(config.store.url, folder=config.folder, now=now)
    return open_store(store, folder=Path(), now=now) if isinstance(store, str) else store


def log_decision(decision: Decision) -> None:
    """One structured record for each decision; never contents."""
    if not logger.isEnabledFor(logging.INFO):
        return
    fields = {
        "decision_id": decision.id,
        "task": decision.task,
        "tier": decision.tier,
        "model": decision.model,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "cost": decision.cost,
        "latency_ms": round(decision.latency.total_seconds() * 1000, 3),
    }
    logger.info("decision %s", " ".join(f"{name}={value}" for name, value in fields.items()), extra=fields)
