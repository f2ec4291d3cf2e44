"""What is looked for among the decisions: from an address, and into one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from qualityroute.config.near import near as did_you_mean
from qualityroute.errors import ConfigError
from qualityroute.gateway.dashboard.doorkeeper import PATH
from qualityroute.inputs import moment
from qualityroute.records import Outcome, Reason
from qualityroute.store import Place, Search

E = TypeVar("E", bound=StrEnum)
FIELDS = ("session", "task", "outcome", "reason", "tenant", "model", "since")


@dataclass(frozen=True, slots=True)
class Asked:
    """A page of decisions that somebody asked for."""

    told: Mapping[str, str]
    """What was asked for, in the asker's words."""
    wanted: Search
    before: Place | None = None

    def path_to(self, rest: Place) -> str:
        """The address of the page that begins there."""
        place = {"before": rest.at.isoformat(), "before_id": rest.id}
        return f"{PATH}/decisions?{urlencode({**self.told, **place})}"


def asked_of(query: Mapping[str, str], now: datetime) -> Asked:
    """Raises `ConfigError` for what cannot be looked for."""
    told = {field: query[field].strip() for field in FIELDS if query.get(field, "").strip()}
    wanted = Search(
        session=told.get("session"),
        task=told.get("task"),
        outcome=_member(Outcome, told.get("outcome")),
        reason=_member(Reason, told.get("reason")),
        tenant=told.get("tenant"),
        model=told.get("model"),
        since=moment(told.get("since"), now),
    )
    for field, value in told.items():
        if any("\ud800" <= char <= "\udfff" or char == "\0" for char in value):
            raise ConfigError(f"{field}: no stored text has such characters")
    return Asked(told, wanted, _place(query))


def told_of(query: Mapping[str, str]) -> Asked:
    """What was asked for, where it cannot be looked for: the form shows it again."""
    told = {field: query[field] for field in FIELDS if query.get(field)}
    return Asked(told, Search())


def _member(kind: type[E], value: str | None) -> E | None:
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError:
        name = kind.__name__.lower()
        raise ConfigError(f"no {name} '{value[:40]}'{did_you_mean(value, dict.fromkeys(kind))}") from None


def _place(query: Mapping[str, str]) -> Place | None:
    at, decision_id = query.get("before"), query.get("before_id")
    if not at or decision_id is None:
        return None
    try:
        return Place(datetime.fromisoformat(at).astimezone(UTC), decision_id)
    except (ValueError, OverflowError):
        raise ConfigError("the page's address is cut or changed; begin the search again") from None
