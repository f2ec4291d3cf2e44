"""Hard limits: what the efficiency tier cannot do, whatever it was paid. Certain, or not told at all. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from qualityroute.config import Config, Model
from qualityroute.records import Message, Tier, has_images, source_text

CHARACTERS_PER_TOKEN = 6
"""No text of words has more, so that an input which is too long by this is too long."""
UNABLE = frozenset({"refused", "ignored"})
TOOLS_PROBE = "probe: tools"
"""Under this name the client keeps what an endpoint does with tools."""

Findings = Mapping[str, Mapping[str, str]]
"""By `provider/model`, what was learned of its endpoint: names with their values."""


def hard_limit(
    config: Config, messages: Sequence[Message], *, tools: bool, room: int | None, learned: Findings
) -> str | None:
    """Why no model of the efficiency tier can answer, where one of the performance tier may be able to; else `None`.

    Args:
        tools: does the request bring tools?
        room: tokens that the answer may have, if that is limited.
        learned: capabilities of the endpoints, as far as they are known.
    """
    reasons = [
        next(_limits(config.models.get(model, Model()), learned.get(model, {}), messages, tools, room), None)
        for model in config.tiers.efficiency.models
    ]
    if any(reason is None for reason in reasons) or not _has_way_out(config, messages, tools, room, learned):
        return None
    model = config.tiers.efficiency.models[0]
    return f"{model} {reasons[0]}"


def _has_way_out(config: Config, messages: Sequence[Message], tools: bool, room: int | None, learned: Findings) -> bool:
    """Is there a model of the performance tier of which nothing of the kind is known?"""
    return any(
        next(_limits(config.models.get(model, Model()), learned.get(model, {}), messages, tools, room), None) is None
        for model in config.tiers.of(Tier.PERFORMANCE).models
    )


def _limits(
    model: Model, learned: Mapping[str, str], messages: Sequence[Message], tools: bool, room: int | None
) -> Iterator[str]:
    if model.context_window is not None:
        least = len(source_text(messages)) // CHARACTERS_PER_TOKEN + (room or 0)
        if least > model.context_window:
            yield f"reads {model.context_window:,} tokens, and this takes {least:,} at least"
    if has_images(messages) and not model.images:  # a limit only where another model is marked as seeing them
        yield "is not marked as seeing pictures"
    if tools and learned.get(TOOLS_PROBE, "").partition(":")[0] in UNABLE:
        yield "calls no tools, as its endpoint has shown"
