"""The gateway's translations for any answer and any request: nothing is lost, nothing is added."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from conftest import config_with
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from qualityroute.errors import ConfigError
from qualityroute.gates import ToolsCheck
from qualityroute.gateway.answers import completion_object
from qualityroute.gateway.asking import read_request
from qualityroute.gateway.chunks import DONE, ChunkWriter, cut
from qualityroute.gateway.errors import Refusal
from qualityroute.gateway.models import WAYS, choice_of, names, with_chat
from qualityroute.gateway.openapi import document
from qualityroute.records import Answer, Completion, Decision, Outcome, Route, ToolCall, Usage

FEW = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
CONFIG = with_chat(config_with())
DOCUMENT = document(tuple(CONFIG.tasks))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=600)
COUNT = st.none() | st.integers(0, 10**9)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=20), inner),
    max_leaves=8,
)


LEAF = st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.integers(), min_size=1)
RAW = st.fixed_dictionaries(
    {
        "choices": LEAF | st.lists(LEAF | st.fixed_dictionaries({"logprobs": LEAF, "message": LEAF}), max_size=2),
        "system_fingerprint": LEAF,
    }
)
FINISHES = st.sampled_from(["stop", "length", "tool_calls", "odd", "content_filter"])
CALLS = st.lists(st.builds(ToolCall, st.text("abc", max_size=3), st.text("fgh", min_size=1), TEXT), max_size=3)


@st.composite
def answers(draw: Any) -> Answer:
    content, calls = draw(st.none() | TEXT), tuple(draw(CALLS))
    usage = Usage(draw(COUNT), draw(COUNT), draw(COUNT), draw(COUNT))
    refusal, raw = draw(st.none() | TEXT), draw(st.none() | RAW)
    completion = Completion(content, draw(FINISHES), refusal, calls, usage, raw=raw)
    at = datetime(2026, 11, 25, tzinfo=UTC)
    decision = Decision("d1", at, "default", None, "chat", Route.CASCADE, Outcome.ACCEPTED, model="practice/small")
    return Answer(content or "", decision, completion)


def told_as(name: str) -> Draft202012Validator:
    """What the gateway's document says of such an object."""
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", **DOCUMENT})


@FEW
@given(answers())
def test_any_answer_is_an_object_that_openais_types_accept(answer: Answer) -> None:
    said = ChatCompletion.model_validate_json(json.dumps(completion_object(answer)), strict=False)
    told_as("Completion").validate(completion_object(answer))
    [choice] = said.choices
    assert choice.message.content == (answer.completion.content or None)  # type: ignore[union-attr]
    assert choice.finish_reason in ("stop", "length", "tool_calls", "content_filter")
    assert (choice.finish_reason == "tool_calls") == bool(choice.message.tool_calls)
    assert all(call.id for call in choice.message.tool_calls or ())


@FEW
@given(answers(), st.booleans())
def test_the_pieces_of_a_stream_make_up_the_whole_answer(answer: Answer, include_usage: bool) -> None:
    whole = completion_object(answer)
    told = ChunkWriter("id", 1, "m", include_usage).replay(answer)
    assert told.endswith(DONE)
    chunks = [json.loads(block[6:]) for block in told.removesuffix(DONE).decode().split("\n\n") if block]
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk)
        told_as("Chunk").validate(chunk)
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    calls: dict[int, dict[str, str]] = {}
    for part in (part for delta in deltas for part in delta.get("tool_calls", ())):
        made = calls.setdefault(part["index"], {"id": part.get("id", ""), "arguments": "", "name": ""})
        made["name"] += part["function"].get("name", "")
        made["arguments"] += part["function"]["arguments"]
    message = whole["choices"][0]["message"]
    assert "".join(delta.get("content") or "" for delta in deltas) == (message["content"] or "")
    assert "".join(delta.get("refusal") or "" for delta in deltas) == (message["refusal"] or "")
    assert list(calls.values()) == [{"id": call["id"], **call["function"]} for call in message.get("tool_calls", ())]
    finishes = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    assert [finish for finish in finishes if finish] == [whole["choices"][0]["finish_reason"]]
    usages = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    assert usages == ([whole["usage"]] if include_usage and "usage" in whole else [])


@FEW
@given(TEXT)
def test_pieces_are_the_text_again_and_never_empty(text: str) -> None:
    pieces = list(cut(text))
    assert "".join(pieces) == text
    assert all(pieces)


FIELDS = (
    "messages", "stream", "stream_options", "tools", "tool_choice", "response_format", "n", "metadata", "user", "other",
)  # fmt: skip
BODIES = st.fixed_dictionaries({"model": st.sampled_from(["smart-select", "x"])}, optional=dict.fromkeys(FIELDS, JSON))


@FEW
@given(JSON | BODIES)
def test_any_json_is_read_or_refused_by_name(body: Any) -> None:
    try:
        asked = read_request(body, {}, CONFIG, lambda messages, schema: None)
    except Refusal as refusal:
        assert refusal.status in (400, 404)
        json.loads(refusal.body)
    else:
        assert not {"model", "messages", "stream"} & asked.parameters.keys()


@pytest.mark.parametrize("name", names(CONFIG.tasks))
def test_every_listed_name_can_be_asked(name: str) -> None:
    way, _, task = name.partition("/")
    choice = choice_of(name, None, CONFIG.tasks)
    assert (choice.tier, choice.task) == (WAYS[way], task or None)


def test_the_document_names_the_tasks_that_a_header_can_name_and_no_others() -> None:
    operation = document(("chat", "invoice"))["paths"]["/v1/chat/completions"]["post"]
    (task,) = (one for one in operation["parameters"] if one["name"] == "x-qualityroute-task")
    assert task["schema"] == {"enum": ["chat", "invoice", ""]}  # an empty header names none


@pytest.mark.parametrize("session", ["a", "a b", "~", " ", "", "a\tb", "a\x7f", "a" * 256, "a" * 257])
def test_the_document_allows_a_session_in_a_header_where_it_is_read(session: str) -> None:
    operation = DOCUMENT["paths"]["/v1/chat/completions"]["post"]
    (told,) = (one["schema"] for one in operation["parameters"] if one["name"] == "x-session-id")
    body = {"model": "smart-select", "messages": [{"role": "user", "content": "Hello"}]}
    try:
        read_request(body, {"x-session-id": session}, CONFIG, lambda messages, schema: None)
        read = True
    except Refusal:
        read = False
    assert Draft202012Validator(told).is_valid(session) == read


BOOK = {"type": "function", "function": {"name": "book"}}


@pytest.mark.parametrize("tools", [{}, {"tools": None}, {"tools": []}, {"tools": [BOOK]}])
@pytest.mark.parametrize("choice", [None, "none", "auto", "required", BOOK, "other", 1])
def test_the_document_allows_a_tool_choice_where_it_is_read(tools: dict[str, Any], choice: Any) -> None:
    messages = [{"role": "user", "content": "Hello"}]
    body = {"model": "smart-select", "messages": messages, "tool_choice": choice, **tools}
    try:
        read_request(body, {}, CONFIG, lambda messages, schema: None)
        read = True
    except Refusal:
        read = False
    assert told_as("Request").is_valid(body) == read


@pytest.mark.parametrize("kind", [{}, {"type": "function"}, {"type": "custom"}, {"type": None}])
@pytest.mark.parametrize(
    "parameters", [{}, *({"parameters": one} for one in (None, {}, {"type": "object"}, [], "", 0))]
)
def test_the_document_allows_a_tool_where_it_is_taken(kind: dict[str, Any], parameters: dict[str, Any]) -> None:
    tool = {**kind, "function": {"name": "book", **parameters}}
    try:
        ToolsCheck([tool])
        taken = True
    except ConfigError:
        taken = False
    assert told_as("Tool").is_valid(tool) == taken


def test_every_reference_of_the_document_leads_somewhere() -> None:
    told = document(("chat",))
    text = json.dumps(told)
    known = told["components"]["schemas"]
    used = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used == known.keys()
