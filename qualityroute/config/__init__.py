"""The configuration: `qualityroute.toml` or the same built in Python, checked before the first request."""

from qualityroute.config.advice import same_family_warning
from qualityroute.config.engine_sections import Budget, Cache, Gateway, Pins, PriceRow, Routing, Store
from qualityroute.config.fields import Duration, parse_duration
from qualityroute.config.gate_sections import Accept, Agreement, Judge
from qualityroute.config.model_sections import Model, Provider, TierModels
from qualityroute.config.models import Config
from qualityroute.config.resolve import NamedCheck, ResolvedTask, fingerprint, resolve, resolve_judge
from qualityroute.config.task_section import Match, Task

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
