"""Which fields of a request leave its answer worth keeping, and which of them shape it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SHAPING = frozenset(
    {
        "frequency_penalty", "logit_bias", "max_completion_tokens", "max_tokens", "min_p", "presence_penalty",
        "reasoning_effort", "repetition_penalty", "response_format", "seed", "stop", "top_k", "top_p", "verbosity",
    }
)  # fmt: skip
_SILENT = frozenset(
    {
        "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "stream", "stream_options",
        "user",
    }
)  # fmt: skip
"""They say who asks, how fast or in which pieces, and not what is answered."""


def content_parameters(parameters: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The fields that shape an answer; `None` where an earlier answer would not do.

    So it is with a temperature above zero, which asks for another answer each time, with several answers at once, and
    with any field that is not known here: it may search the web, or ask for a sound.
    """
    if not parameters:
        return {}
    given = {name: value for name, value in parameters.items() if value is not None and name not in _SILENT}
    if given.pop("temperature", 0) != 0 or given.pop("n", 1) != 1:
        return None
    return given if given.keys() <= _SHAPING else None
