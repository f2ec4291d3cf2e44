"""Form first: is there an answer at all, whole, and in the form that was asked for?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from qualityroute.gates.readable import says_something
from qualityroute.records import Completion, Json, Reason, Ruling, Verdict
from qualityroute.strict_json import NotJson, read_json

# Openings of a refusal in plain text, at the very beginning of a short answer. Providers with a refusal field
# are read from that; these catch the others where prose is the expected form, so they are kept narrow.
_REFUSAL = re.compile(
    r"\s*(?:i['’]?m sorry,? (?:but )?i (?:can['’]?t|cannot)|i (?:can['’]?t|cannot) (?:help|assist|comply)|"
    r"i(?:['’]m| am) (?:unable|not able) to (?:help|assist|comply)|sorry,? (?:but )?i can['’]?t)\b",
    re.IGNORECASE,
)
_LONGEST_REFUSAL = 400


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer that was read, or the verdict that says why it could not be."""

    verdict: Verdict
    text: str = ""
    value: Json = None
    repaired: bool = False

    @property
    def answer(self) -> str:
        """What the caller gets, as text: no prose around a code block, no escapes that hide words, no padding."""
        return self.text if self.value == self.text else json.dumps(self.value, ensure_ascii=False)


def read_answer(completion: Completion, *, wants_json: bool) -> Reading:
    """Read what a model said.

    In this order: refused, filtered, truncated, tool calls, empty, JSON. A cut answer is never called
    empty or broken: it says nothing on the quality of the model.
    """
    text = completion.content or ""
    trouble = _trouble(completion, text, wants_json=wants_json)
    if trouble is not None:
        return Reading(trouble, text=text)
    if completion.tool_calls:
        return _read_tool_calls(completion)
    if not text.strip():
        return Reading(_rejected(Reason.EMPTY, "the answer is empty"))
    if not wants_json:
        return Reading(_ACCEPTED, text=text, value=text)
    try:
        parsed = read_json(text)
    except NotJson as error:
        return Reading(_rejected(Reason.NOT_JSON, str(error)), text=text)
    return Reading(_ACCEPTED, text=text, value=parsed.value, repaired=parsed.repaired)


def _trouble(completion: Completion, text: str, *, wants_json: bool) -> Verdict | None:
    if completion.refusal:
        return _rejected(Reason.REFUSED, "the model refused")
    if completion.finish_reason == "content_filter":
        return _rejected(Reason.FILTERED, "the provider's content filter stopped the answer")
    if completion.finish_reason == "length":
        return _rejected(Reason.TRUNCATED, "the answer was cut off at the token limit")
    looks_refused = len(text) <= _LONGEST_REFUSAL and _REFUSAL.match(text) is not None
    if looks_refused and not completion.tool_calls:
        return _rejected(Reason.REFUSED, "the answer reads like a refusal")
    return None


def _read_tool_calls(completion: Completion) -> Reading:
    calls = []
    for call in completion.tool_calls:
        try:
            # Several servers send "" where a call has no arguments.
            arguments = read_json(call.arguments).value if call.arguments.strip() else {}
        except NotJson as error:
            return Reading(_rejected(Reason.NOT_JSON, f"arguments of tool {call.name[:64]!r}: {error}"))
        calls.append({"name": call.name, "arguments": arguments})
    return Reading(_ACCEPTED, text=completion.content or "", value=calls)


def emptiness(value: Json, min_fields: int = 0) -> str | None:
    """Why an answer counts as empty, when it does: nothing in it says anything, or fewer fields do than must."""
    filled = _filled(value)
    if not filled:
        return (
            "the answer is nothing but punctuation"
            if isinstance(value, str)
            else "no field of the answer says anything"
        )
    if filled < min_fields and not isinstance(value, str):
        return f"{filled} of the answer's fields say something; the rubric wants {min_fields}"
    return None


def _filled(value: Json) -> int:
    """How many leaves say something: false and 0 do; null, blanks and bare punctuation do not."""
    if isinstance(value, Mapping):
        return sum(map(_filled, value.values()))
    if isinstance(value, list):
        return sum(map(_filled, value))
    return int(says_something(value) if isinstance(value, str) else value is not None)


def _rejected(reason: Reason, message: str) -> Verdict:
    return Verdict("form", Ruling.REJECTED, reason, message)


_ACCEPTED = Verdict("form", Ruling.ACCEPTED)
