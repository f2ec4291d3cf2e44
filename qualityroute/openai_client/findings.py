"""What probing found of a model's endpoint: plain values, and what the client learns from them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from qualityroute.openai_client.bodies import token_field
from qualityroute.openai_client.ladder import Rung


class Standing(StrEnum):
    """What an endpoint does with something that it is asked for; the value is what a store keeps."""

    HONOURED = "honoured"
    ACCEPTED = "accepted"
    """Not refused; whether it is obeyed cannot be seen from what came back."""
    IGNORED = "ignored"
    """Not refused, and not obeyed."""
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """No answer, or one that says nothing about it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one probe."""

    probe: str
    standing: Standing
    reason: str = ""
    """One line; the provider's words about an error, never what a model said."""
    silent: bool = False
    """Nothing came back that an endpoint says which works and knows the model."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """What the client may take for granted of a model."""

    rung: Rung | None = None
    """`None`: nothing was found about structured output."""
    steps: Mapping[str, bool] = field(default_factory=dict)
    """Of the dialect: needed, or found to be needless."""


MAX_TOKENS, MAX_COMPLETION_TOKENS = "max_tokens", "max_completion_tokens"
ANSWERS, JSON_SCHEMA, JSON_OBJECT = "answers", "json_schema", "json_object"
_DROPPED_WHEN_REFUSED = ("temperature", "seed")
_BETTER = {
    Standing.IGNORED: (Standing.HONOURED,),
    Standing.UNKNOWN: (Standing.HONOURED, Standing.ACCEPTED),
}
"""Of the other field that limits answers, where the usual one came to this."""
_NOT_TO_USE = (Standing.IGNORED, Standing.REFUSED)


def answers(findings: Sequence[Finding]) -> bool:
    """Does the model answer at all?"""
    return _standings(findings).get(ANSWERS) is Standing.HONOURED


def is_gone(findings: Sequence[Finding]) -> bool:
    """Is it no use to ask on? Without a plain answer, or when twice in a row nothing came back."""
    plain = next((finding for finding in findings if finding.probe == ANSWERS), None)
    if plain is None:
        return False
    return plain.silent or all(finding.silent for finding in findings[-2:])


def limit_field(provider: str, findings: Sequence[Finding]) -> str | None:
    """The field that limits this model's answers; `None` when it refuses both."""
    usual = token_field(provider)
    other = MAX_TOKENS if usual == MAX_COMPLETION_TOKENS else MAX_COMPLETION_TOKENS
    standings = _standings(findings)
    here, there = (standings.get(name, Standing.UNKNOWN) for name in (usual, other))
    if here is Standing.REFUSED:
        return None if there is Standing.REFUSED else other
    better = _BETTER.get(here, ())
    return other if there in better else usual


def lessons(provider: str, findings: Sequence[Finding]) -> Lessons:
    """From what was found to how the client asks; what stayed unknown teaches nothing."""
    standings = _standings(findings)
    needed: dict[str, bool] = {}
    chosen = limit_field(provider, findings)
    if chosen is not None and standings.get(token_field(provider), Standing.UNKNOWN) is not Standing.UNKNOWN:
        # The step that is named like a field takes the other one away.
        needed = {name: name == chosen != token_field(provider) for name in (MAX_TOKENS, MAX_COMPLETION_TOKENS)}
    for name in _DROPPED_WHEN_REFUSED:
        if (standing := standings.get(name, Standing.UNKNOWN)) is not Standing.UNKNOWN:
            needed[f"no {name}"] = standing is Standing.REFUSED
    return Lessons(_rung(standings), needed)


def _rung(standings: Mapping[str, Standing]) -> Rung | None:
    match standings.get(JSON_SCHEMA, Standing.UNKNOWN):
        case Standing.HONOURED:
            return Rung.JSON_SCHEMA
        case Standing.IGNORED | Standing.REFUSED:
            return Rung.PROMPT if standings.get(JSON_OBJECT) in _NOT_TO_USE else Rung.JSON_OBJECT
        case Standing.ACCEPTED | Standing.UNKNOWN:
            return None


def _standings(findings: Sequence[Finding]) -> dict[str, Standing]:
    return {finding.probe: finding.standing for finding in findings}
