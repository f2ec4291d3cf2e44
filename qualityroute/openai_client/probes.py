"""The probes: tiny calls that show what an endpoint honours. Their prompts are ours, with no data of a user in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from qualityroute.openai_client import findings, judgements
from qualityroute.openai_client.bodies import Body, encode, token_field
from qualityroute.openai_client.findings import Finding, Standing
from qualityroute.openai_client.judgements import Heard, Shown, is_silent, of_trouble
from qualityroute.openai_client.tokens import tokens_of
from qualityroute.openai_client.trouble import Trouble
from qualityroute.records import Completion, Usage

SHORT = 16
"""Tokens. Some endpoints refuse smaller limits."""
ROOM = 128
"""Tokens, for answers that show nothing when they are cut."""
_TOOL = "note_tint"
_WORD = "ZANZIBAR"
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"qx_tint": {"type": "string", "enum": ["blorange", "grurple"]}},
    "required": ["qx_tint"],
    "additionalProperties": False,
}
"""Told by no prompt, and nothing that a model would write by chance."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Something to ask an endpoint for."""

    name: str
    asks: tuple[Mapping[str, Any], ...]
    """Further fields of each of its calls."""
    named: re.Pattern[str]
    """How a refusal names it, in lower case."""
    judge: Callable[[Sequence[Completion]], Shown]
    prompt: str = "Name a colour."
    system: str | None = None
    room: int = SHORT
    """Tokens that an answer may have."""
    streams: bool = False

    def bodies(self, model: str, limit: str | None) -> tuple[Body, ...]:
        """What is sent, one body a call; `limit` names the field that limits an answer."""
        messages = [{"role": "user", "content": self.prompt}]
        if self.system is not None:
            messages.insert(0, {"role": "system", "content": self.system})
        limited = {limit: self.room} if limit is not None and not _LIMITS & self.asks[0].keys() else {}
        return tuple({"model": model, "messages": messages, **limited, **fields} for fields in self.asks)

    def found(self, heard: Sequence[Heard], *, plain_works: bool) -> Finding:
        """What its replies show; the last of them may be a trouble."""
        last = heard[-1]
        if self.streams and (last.is_stream or isinstance(last.outcome, Completion)):
            return Finding(self.name, *judgements.streamed(last))
        if isinstance(last.outcome, Trouble):
            shown = of_trouble(last.outcome, self.named, plain_works=plain_works)
            return Finding(self.name, *shown, silent=shown[0] is Standing.UNKNOWN and is_silent(last.outcome))
        completions = [one.outcome for one in heard if isinstance(one.outcome, Completion)]
        return Finding(self.name, *self.judge(completions))


_LIMITS = frozenset({findings.MAX_TOKENS, findings.MAX_COMPLETION_TOKENS})
_RESPONSE_FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "tint", "strict": True, "schema": _SCHEMA},
}
_FUNCTION = {"name": _TOOL, "description": "Notes a tint.", "parameters": _SCHEMA}


def _limiting(field: str) -> Probe:
    return Probe(
        field,
        ({field: SHORT},),
        re.compile(rf"\b{field}\b"),
        partial(judgements.kept_to_limit, limit=SHORT),
        prompt="Count from one to one hundred in words.",
    )


PROBES: tuple[Probe, ...] = (
    _limiting(findings.MAX_TOKENS),
    _limiting(findings.MAX_COMPLETION_TOKENS),
    Probe(findings.ANSWERS, ({},), re.compile(r"(?!)"), judgements.answered),
    Probe(
        findings.JSON_SCHEMA,
        ({"response_format": _RESPONSE_FORMAT},) * 2,
        re.compile(r"response_?format|json[_ ]?schema|structured[ _]output"),
        partial(judgements.kept_to_schema, schema=_SCHEMA),
        room=ROOM,
    ),
    Probe(
        findings.JSON_OBJECT,
        ({"response_format": {"type": "json_object"}},),
        re.compile(r"response_?format|json[_ ]?object"),
        judgements.is_json_object,
        # Some refuse the mode where no message says JSON; a sentence is asked for, so that JSON is the mode's doing.
        prompt='Name a colour in a plain sentence, or, if you can write nothing but JSON, under the key "colour".',
        room=ROOM,
    ),
    Probe(
        "tools",
        ({"tools": [{"type": "function", "function": _FUNCTION}],
          "tool_choice": {"type": "function", "function": {"name": _TOOL}}},),
        re.compile(r"\btools?\b|tool_choice|\bfunctions?\b"),
        partial(judgements.called_tool, name=_TOOL, schema=_SCHEMA),
        room=ROOM,
    ),
    Probe("temperature", ({"temperature": 0},), re.compile(r"\btemperature\b"), judgements.took),
    Probe(
        "logprobs", ({"logprobs": True, "top_logprobs": 2},), re.compile(r"log_?prob"), judgements.gave_logprobs
    ),
    Probe(
        "seed",
        ({"seed": 7}, {"seed": 7}, {"seed": 11}),
        re.compile(r"\bseed\b"),
        judgements.repeated,
        prompt="Write random words.",
    ),
    Probe(
        "stream usage",
        ({"stream": True, "stream_options": {"include_usage": True}},),
        re.compile(r"\bstream"),
        judgements.answered,
        streams=True,
    ),
    Probe(
        "system role",
        ({},),
        re.compile(r"\bsystem\b|\brole\b"),
        partial(judgements.obeyed_system, word=_WORD),
        prompt="What is the capital of France?",
        system=f"Whatever you are asked, answer with the one word {_WORD}.",
    ),
)  # fmt: skip
"""In the order asked: what limits an answer first, since every other probe uses it."""

CALLS = sum(len(probe.asks) for probe in PROBES)
"""Of one model, at most."""


def most_usage(provider: str, model: str) -> Usage:
    """What all probes of a model come to, input estimated and each answer as long as it may be."""
    sizes = [
        (len(encode(body, f"{provider}/{model}")), probe.room)
        for probe in PROBES
        for body in probe.bodies(model, token_field(provider))
    ]
    return Usage(
        input_tokens=sum(tokens_of(size) for size, _ in sizes),
        output_tokens=sum(room for _, room in sizes),
        estimated=True,
    )
