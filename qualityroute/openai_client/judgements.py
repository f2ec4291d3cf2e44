"""What a reply to a probe shows of its endpoint. Pure: replies in, a standing and a reason out."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qualityroute.openai_client.findings import Standing
from qualityroute.openai_client.streams import events
from qualityroute.openai_client.trouble import Trouble
from qualityroute.openai_client.wire_shape import shape_of
from qualityroute.records import Completion, Json

Shown = tuple[Standing, str]
_TOLD_WORDS = 200
_REFUSING = (400, 422)
_WORDS_OF_A_TOKEN = 3
"""Counts may be missing or wrong, but so many words are surely more than one token."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back for one body that was sent."""

    outcome: Completion | Trouble
    content: bytes = b""
    """As it came; a stream is read from this."""

    @property
    def is_stream(self) -> bool:
        return isinstance(self.outcome, Trouble) and self.outcome.status == 200 and bool(events(self.content))


def is_silent(trouble: Trouble) -> bool:
    """Down, out of reach, over a limit, or without the model: no word about what was asked."""
    status = trouble.status
    return status is None or not (200 <= status < 300 or status in _REFUSING)


def of_trouble(trouble: Trouble, named: re.Pattern[str], *, plain_works: bool) -> Shown:
    """A 400 or 422 is about what was asked where it names that, and any refusal where the same call works without it.

    Routers have a 404 for a parameter that none of their endpoints knows, and some servers a 501.
    """
    told = trouble.message if len(trouble.message) <= _TOLD_WORDS else trouble.message[: _TOLD_WORDS - 1] + "…"
    refused = trouble.status in _REFUSING and named.search(trouble.words)
    missed = trouble.status in (*_REFUSING, 404, 501) and plain_works
    return (Standing.REFUSED if refused or missed else Standing.UNKNOWN), told


def answered(answers: Sequence[Completion]) -> Shown:
    """Anything that is an answer will do, if only a call or thoughts that used up its tokens."""
    (answer,) = answers
    if answer.usage.output_tokens is None or answer.usage.input_tokens is None:
        return Standing.HONOURED, "without usage, so that tokens are estimated"
    return Standing.HONOURED, ""


def kept_to_limit(answers: Sequence[Completion], limit: int) -> Shown:
    """Is the answer, which would be long, no longer than that?"""
    (answer,) = answers
    counted, words = answer.usage.output_tokens, len((answer.content or "").split())
    if counted is not None and counted > limit:
        return Standing.IGNORED, f"{counted} tokens came where {limit} were allowed"
    if words > limit * _WORDS_OF_A_TOKEN:
        return Standing.IGNORED, f"{words} words came where {limit} tokens were allowed"
    if answer.finish_reason == "length":
        return Standing.HONOURED, ""
    return Standing.ACCEPTED, "the answer ended before the limit"


def kept_to_schema(answers: Sequence[Completion], schema: Mapping[str, Any]) -> Shown:
    """Are all of them of that shape? None follows it by chance, and none breaks it where it is enforced."""
    whole = [answer for answer in answers if not (answer.refusal or answer.finish_reason == "length")]
    broken = sum(not shape_of(schema)(_parsed(answer.content)) for answer in whole)
    if broken:
        return Standing.IGNORED, f"{broken} of {len(answers)} answers did not follow the schema"
    return (Standing.HONOURED, "") if len(whole) == len(answers) else _cut()


def is_json_object(answers: Sequence[Completion]) -> Shown:
    (answer,) = answers
    if isinstance(_parsed(answer.content), Mapping):
        return Standing.HONOURED, ""
    return _cut() if answer.finish_reason == "length" else (Standing.IGNORED, "the answer is no JSON object")


def called_tool(answers: Sequence[Completion], name: str, schema: Mapping[str, Any]) -> Shown:
    """Was the tool called that had to be, with arguments of its schema?"""
    (answer,) = answers
    if not answer.tool_calls:
        return _cut() if _says_nothing(answer) else (Standing.IGNORED, "no tool was called")
    call = answer.tool_calls[0]
    if call.name != name:
        return Standing.IGNORED, "another tool was called"
    if shape_of(schema)(_parsed(call.arguments)):
        return Standing.HONOURED, ""
    return _cut() if answer.finish_reason == "length" else (Standing.IGNORED, "the arguments do not follow the schema")


def took(answers: Sequence[Completion]) -> Shown:
    """For what no single answer could show."""
    return Standing.ACCEPTED, "one answer cannot show whether it is obeyed"


def gave_logprobs(answers: Sequence[Completion]) -> Shown:
    """Does each token come with its log probability and with alternatives?"""
    (answer,) = answers
    tokens = _items(_choice(answer.raw).get("logprobs"), "content")
    if not tokens:
        return _cut() if _says_nothing(answer) else (Standing.IGNORED, "no log probabilities")
    if all(any(_is_logprob(other) for other in _items(token, "top_logprobs")) for token in tokens):
        return Standing.HONOURED, ""
    return Standing.IGNORED, "log probabilities without alternatives"


def repeated(answers: Sequence[Completion]) -> Shown:
    """Two answers of one seed, and one of another."""
    first, again, other = (answer.content for answer in answers)
    if not first:
        return Standing.UNKNOWN, "an empty answer"
    if first != again:
        return Standing.IGNORED, "one seed gave two answers"
    if first == other:
        return Standing.ACCEPTED, "other seeds give the same answer, so that nothing is shown"
    return Standing.HONOURED, ""


def obeyed_system(answers: Sequence[Completion], word: str) -> Shown:
    """Does the answer hold the word that only the system message asks for?"""
    (answer,) = answers
    if word.casefold() in (answer.content or "").casefold():
        return Standing.HONOURED, ""
    return _cut() if answer.finish_reason == "length" else (Standing.IGNORED, "the answer does not do what it says")


def streamed(heard: Heard) -> Shown:
    """Did events come, with the tokens counted?"""
    if isinstance(heard.outcome, Completion):
        return Standing.IGNORED, "the answer came in one piece"
    chunks = events(heard.content)
    if any(chunk.get("error") for chunk in chunks):
        return Standing.UNKNOWN, "the stream holds an error"
    if not any("choices" in chunk for chunk in chunks):
        return Standing.UNKNOWN, "the events are no pieces of an answer"
    usages = [chunk["usage"] for chunk in chunks if isinstance(chunk.get("usage"), Mapping)]
    if any(_is_count(usage.get("completion_tokens")) for usage in usages):
        return Standing.HONOURED, ""
    return Standing.IGNORED, "streamed without usage"


def _says_nothing(answer: Completion) -> bool:
    """As when thoughts used up all tokens."""
    return answer.finish_reason == "length" and not answer.content


def _cut() -> Shown:
    return Standing.UNKNOWN, "the answer was refused or cut off before it showed anything"


def _parsed(text: str | None) -> Json:
    try:
        return json.loads(text or "")
    except (ValueError, RecursionError):
        return None


def _choice(raw: Mapping[str, Any] | None) -> Mapping[str, Any]:
    choices = raw.get("choices") if raw is not None else None
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], Mapping) else {}


def _items(holder: Json, name: str) -> list[Any]:
    items = holder.get(name) if isinstance(holder, Mapping) else None
    return items if isinstance(items, list) else []


def _is_logprob(token: Json) -> bool:
    value = token.get("logprob") if isinstance(token, Mapping) else None
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _is_count(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
