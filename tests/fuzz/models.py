"""Readers of what models and their servers send: strict JSON, a judge's verdict, a stream of events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from qualityroute.gates.judge_decisions import read_decisions
from qualityroute.gates.judge_letters import read_letters
from qualityroute.gates.judge_verdict import Judgement, UnreadableVerdict, read_judgement, score
from qualityroute.openai_client.complaints import Speaker
from qualityroute.openai_client.reading import Reading
from qualityroute.openai_client.trouble import Trouble
from qualityroute.records import Completion, Json
from qualityroute.rubrics import Criterion, Rubric
from qualityroute.strict_json import NotJson, read_json

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SPEAKER = Speaker("practice/small", "practice", "nowhere", "sk-secret")
RUBRIC = Rubric(
    criteria=(Criterion(id="good", ask="Is it good?", critical=True), Criterion(id="whole", ask="Is it whole?"))
)
LONGEST_MESSAGE = 400
"""Characters: a message quotes no more than a little of what it is about."""

JSON_SEEDS = (
    b'{"total": 12.5, "lines": [{"a": 1}, null, true], "name": "\\u00e9\\ud83d\\ude00"}',
    b'Here it is:\n```json\n{"a": [1, 2]}\n```\nDone.',
    b'```\n"text ``` inside"\n```',
    b'{"a": 1, "b": {"a": 2}, "a": 3}',
    b'{"a": "\\ud800"} trailing',
    b"[1, 2,]",
    b"-0.0e-5",
    "\ufeff[]".encode(),
)


def read_strict_json(data: bytes) -> None:
    """Read or refused; what is read is what Python reads, and can be written and read again."""
    text = data.decode("utf-8", "surrogatepass" if data[:1] == b"!" else "replace") if _decodes(data) else ""
    try:
        found = read_json(text)
    except NotJson as error:
        assert 0 < len(str(error)) < LONGEST_MESSAGE
        return
    assert read_json(json.dumps(found.value)).value == found.value
    assert found.repaired or json.loads(text) == found.value


def _decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data[:1] != b"!"
    return True


VERDICT_WORDS = (
    '"checks"', '"id"', '"evidence"', '"verdict"', '"instructions_in_data"', '"yes"', '"no"', '"unsure"', '"good"',
    '"whole"', "c1=Y", "c2=N", "inj=N", '"token"', '"logprob"', '"top_logprobs"', '"answers"', '"type"',
    '"predicate"', '"refusal"', '"name"', '"probability"', '"choices"', '"logprobs"', '"content"',
)  # fmt: skip
VERDICT_SEEDS = (
    b'\x00{"checks": [{"id": "good", "evidence": "as it says", "verdict": "yes"}, {"id": "whole", "verdict": "no"}], '
    b'"instructions_in_data": "no"}',
    b'\x00```json\n{"checks": [], "instructions_in_data": "yes"}\n```',
    b'\x01{"choices": [{"logprobs": {"content": [{"token": "c1=", "logprob": 0}, {"token": "Y", "logprob": -0.1, '
    b'"top_logprobs": [{"token": "N", "logprob": -2}, {"token": " y", "logprob": -3}]}, {"token": " c2=N inj=", '
    b'"logprob": 0}, {"token": "N", "logprob": -0.01}]}}]}\nc1=Y c2=N inj=N',
    b'\x02{"answers": [{"name": "good", "type": "predicate", "probability": 0.9}, {"name": "whole", "type": "refusal"},'
    b' {"name": "instructions_in_data", "type": "predicate", "probability": 0}]}',
)


def read_verdict(data: bytes) -> None:
    """A judgement on each criterion with a score from 0 to 1, or `UnreadableVerdict`; the first byte is the form."""
    form, text = data[:1], data[1:].decode("utf-8", "replace")
    try:
        judgement = _judgement(form, text)
    except UnreadableVerdict as error:
        assert 0 < len(str(error)) < LONGEST_MESSAGE
        return
    assert set(judgement.yes) == {"good", "whole"}
    assert 0 <= score(judgement, RUBRIC) <= 1
    if judgement.instructions_in_data or judgement.yes["good"] < 0.5:
        assert score(judgement, RUBRIC) == 0


def _judgement(form: bytes, text: str) -> Judgement:
    if form == b"\x01":
        raw, _, line = text.rpartition("\n")
        return read_letters(Completion(content=line, raw=_raw(raw)), RUBRIC)
    if form == b"\x02":
        return read_decisions(Completion(content=None, raw=_raw(text)), RUBRIC)
    return read_judgement(text, RUBRIC)


def _raw(text: str) -> Json:
    """As the SDK would have it; it takes what is not strict as well."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


STREAM_WORDS = (
    "data: ", "event: error\n", "\n\n", "\r\n\r\n", "[DONE]", '"choices"', '"delta"', '"content"', '"index"',
    '"tool_calls"', '"function"', '"arguments"', '"name"', '"id"', '"finish_reason"', '"stop"', '"usage"',
    '"prompt_tokens"', '"completion_tokens"', '"refusal"', '"logprobs"', '"error"', '"message"', '"role"', "<think>",
    "</think>", '"code"', '"type"', '"text"',
)  # fmt: skip
STREAM_SEEDS = (
    b'\x05data: {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "He"}}]}\n\n'
    b'data: {"choices": [{"index": 0, "delta": {"content": "llo"}, "finish_reason": "stop"}]}\n\n'
    b'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}\n\ndata: [DONE]\n\n',
    b'\x40\xef\xbb\xbfdata: {"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "a", "type": "function", '
    b'"function": {"name": "f", "arguments": "{\\"x\\""}}]}}]}\r\n\r\ndata: {"choices": [{"delta": {"tool_calls": '
    b'[{"index": 0, "function": {"arguments": ": 1}"}}]}, "finish_reason": "tool_calls"}]}\r\rdata: [DONE]\r\r',
    b'\x03event: error\ndata: {"message": "overloaded", "code": 529, "type": "overloaded_error"}\n\n',
    b'\x09{"choices": [{"message": {"role": "assistant", "content": [{"type": "text", "text": "<think>x</think>y"}], '
    b'"refusal": null}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}',
    b': ping\n\ndata: {"error": {"message": "rate limit", "code": "rate_limit_exceeded"}}\n\n',
)


def read_stream(data: bytes) -> None:
    """The same outcome however the bytes are cut, no key in what is told, and deltas that add up to the answer."""
    size, content = max(1, data[0] if data else 1), data[1:]
    cut = [content[start : start + size] for start in range(0, len(content), size)]
    outcome, told = _outcome(cut)
    whole, told_whole = _outcome([content])
    assert outcome == whole
    # Where one piece ends and the next begins is told as it came; what it comes to is not.
    assert told == told_whole
    if isinstance(outcome, Trouble):
        assert "sk-secret" not in outcome.message
        outcome.message.encode("utf-8")
    elif outcome.content is not None:
        outcome.content.encode("utf-8")


def _outcome(pieces: Sequence[bytes]) -> tuple[Completion | Trouble, list[Json]]:
    reading = Reading(SPEAKER, NOW, sent=100)
    told: list[Json] = []
    for piece in pieces:
        told += reading.take(piece)
    told += reading.rest()
    used = reading.usage
    assert all(count is None or count >= 0 for count in (used.input_tokens, used.output_tokens, used.cached_tokens))
    return reading.outcome(), told
