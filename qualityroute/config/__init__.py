"""The configuration: `qualityroute.toml` or the same built in Python, checked before the first request."""

from qualityroute.config.advice import same_family_warning
from qualityroute.config.fields import Duration, parse_duration
from qualityroute.config.models import (
    Accept,
    Agreement,
    Budget,
    Cache,
    Config,
    Gateway,
    Judge,
    Match,
    Model,
    Pins,
    PriceRow,
    Provider,
    Routing,
    Store,
    Task,
    TierModels,
)
from qualityroute.config.resolve import NamedCheck, ResolvedTask, fingerprint, resolve, resolve_judge

__all__ = [
    "Accept",
    "Agreement",
    "Budget",
    "Cache",
    "Config",
    "Duration",
    "Gateway",
    "Judge",
    "Match",
    "Model",
    "NamedCheck",
    "Pins",
    "PriceRow",
    "Provider",
    "ResolvedTask",
    "Routing",
    "Store",
    "Task",
    "TierModels",
    "fingerprint",
    "parse_duration",
    "resolve",
    "resolve_judge",
    "same_family_warning",
]
