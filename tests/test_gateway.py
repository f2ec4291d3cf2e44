"""The gateway as its clients meet it: models, answers, streams, sessions, keys, and how requests end badly."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import anyio
import pytest
from conftest import INVOICE_SCHEMA, config_with
from gateway_calls import CHAT, HELLO, Told, asking, call, desk
from prometheus_client import CollectorRegistry
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from qualityroute import ProviderError, Reason, StoreError
from qualityroute.gateway import completions
from qualityroute.gateway.asking import Asked
from qualityroute.records import Completion, Outcome, ToolCall, Usage
from qualityroute.store import Search
from qualityroute.telemetry.metrics import Metrics

pytestmark = pytest.mark.anyio

GOOD = '{"number": "A-1", "total": 12.5}'
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "required": ["at"]}}}


async def test_a_plain_question_gets_openais_object_and_how_it_came_about() -> None:
    async with desk() as gateway:
        told = await gateway.ask(user="u-1")
        decision = await gateway.decision(told)
    assert told.status == 200
    assert told.json["id"] == f"chatcmpl-{decision.id}"
    assert told.json["object"] == "chat.completion"
    assert told.json["model"] == "practice/small"
    assert told.json["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "cheap words", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert told.json["usage"]["total_tokens"] == decision.attempts[0].usage.input_tokens + 3
    assert told.headers["x-qualityroute-outcome"] == "accepted"
    assert told.headers["x-qualityroute-tier"] == "efficiency"
    assert told.headers["x-qualityroute-cost"] == format(decision.cost, "f")
    assert "x-qualityroute-reason" not in told.headers
    assert (decision.task, decision.session, decision.tenant) == ("chat", "u-1", "default")


async def test_a_rejected_answer_is_replaced_and_the_reason_told() -> None:
    async with desk(judge="no") as gateway:
        told = await gateway.ask()
    assert told.json["choices"][0]["message"]["content"] == "strong words"
    assert told.json["model"] == "practice/careful"
    assert told.headers["x-qualityroute-outcome"] == "fallback"
    assert told.headers["x-qualityroute-reason"] == "judged"


@pytest.mark.parametrize(
    ("model", "words", "used"),
    [
        ("smart-select", "cheap words", {"efficiency": 1, "judge": 1}),
        ("performance-model", "strong words", {"performance": 1}),
        ("efficiency-model", "cheap words", {"efficiency": 1}),
        ("efficiency-model/chat", "cheap words", {"efficiency": 1}),
    ],
)
async def test_the_models_name_says_which_tier_answers(model: str, words: str, used: dict[str, int]) -> None:
    async with desk() as gateway:
        told = await gateway.ask(model)
        assert told.json["choices"][0]["message"]["content"] == words
        assert gateway.client.calls == used


@pytest.mark.parametrize(
    ("model", "header"),
    [("smart-select/invoice", None), ("smart-select", "invoice"), ("smart-select/invoice", "invoice")],
)
async def test_a_task_is_named_by_the_model_or_a_header(model: str, header: str | None) -> None:
    async with desk(efficiency=GOOD) as gateway:
        told = await gateway.ask(model, headers={"x-qualityroute-task": header} if header else None)
        assert (await gateway.decision(told)).task == "invoice"
    assert told.json["choices"][0]["message"]["content"] == GOOD


RULED = config_with(
    tasks={
        "invoice": {"schema": INVOICE_SCHEMA, "match": {"keywords": ["amount due"]}},
        "weather": {"match": {"regex": [r"rain|snow"]}},
    }
)
"""Tasks that tell requests of theirs by their words."""


@pytest.mark.parametrize(
    ("words", "fields", "task"),
    [
        ("The amount due is 12.50.", {}, "invoice"),
        ("Will there be snow?", {}, "weather"),
        ("Who are you?", {}, "chat"),
        ("Is snow an amount due?", {}, "chat"),
        (
            "Read A-1, 12.50",
            {"response_format": {"type": "json_schema", "json_schema": {"name": "i", "schema": INVOICE_SCHEMA}}},
            "invoice",
        ),
    ],
    ids=["keyword", "pattern", "neither", "both", "schema"],
)
@pytest.mark.parametrize("model", ["smart-select", "performance-model"])
async def test_a_request_that_names_no_task_gets_the_one_whose_rules_it_meets(
    words: str, fields: dict[str, Any], task: str, model: str
) -> None:
    async with desk(GOOD, GOOD, config=RULED) as gateway:
        told = await gateway.ask(model, messages=[{"role": "user", "content": words}], **fields)
        assert (await gateway.decision(told)).task == task


async def test_a_task_that_is_named_wins_over_rules() -> None:
    async with desk(config=RULED) as gateway:
        words = [{"role": "user", "content": "Will there be snow?"}]
        told = [
            await gateway.ask("smart-select/chat", messages=words),
            await gateway.ask(messages=words, headers={"x-qualityroute-task": "chat"}),
        ]
        assert {(await gateway.decision(one)).task for one in told} == {"chat"}


async def test_without_rules_a_schema_alone_gives_a_request_no_task() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "i", "schema": INVOICE_SCHEMA}}
    async with desk(GOOD) as gateway:
        told = await gateway.ask(response_format=wanted)
        assert (await gateway.decision(told)).task == "chat"


async def test_a_request_that_no_rule_can_read_is_refused_as_ever() -> None:
    async with desk(config=RULED) as gateway:
        told = await gateway.ask(messages=[{"role": "narrator", "content": "Will there be snow?"}])
    assert (told.status, told.error["type"]) == (400, "invalid_request_error")


async def test_the_configurations_own_chat_task_stands() -> None:
    config = config_with(tasks={"chat": {"tier": "performance"}})
    async with desk(config=config) as gateway:
        told = await gateway.ask()
    assert told.headers["x-qualityroute-outcome"] == "performance"


async def test_the_added_task_outlives_a_reload(tmp_path: Any) -> None:
    from qualityroute import Config

    file = tmp_path / "qualityroute.toml"
    text = """
        tiers = {efficiency = {models = ["local/a"]}, performance = {models = ["local/b"]}}
        [providers.local]
        base_url = "http://127.0.0.1:9"
        [tasks.one]
    """
    file.write_text(text)
    async with desk(config=Config.load(file)) as gateway:
        file.write_text(text + "\n[tasks.two]\n")
        assert gateway.engine.reload()
        assert (await gateway.ask()).status == 200
        assert (await gateway.ask("smart-select/two")).status == 200
        listed = await call(gateway.app, "/v1/models")
    assert {"smart-select", "smart-select/two", "performance-model/chat"} <= {one["id"] for one in listed.json["data"]}


async def test_an_unknown_model_is_404_with_the_nearest_names() -> None:
    async with desk() as gateway:
        told = await gateway.ask("smart-select/invioce")
        one = await call(gateway.app, "/v1/models/smart-select/invoice")
        none = await call(gateway.app, "/v1/models/gpt-5")
    assert (told.status, told.error["code"], told.error["param"]) == (404, "model_not_found", "model")
    assert "smart-select/invoice" in told.error["message"]
    assert told.headers["x-should-retry"] == "false"
    assert one.json["id"] == "smart-select/invoice"
    assert none.status == 404


async def test_fields_of_others_reach_the_provider_and_ours_do_not() -> None:
    async with desk() as gateway:
        await gateway.ask(temperature=0.2, seed=None, odd={"a": 1}, metadata={"k": "v"}, n=1, stream=False)
        asked = gateway.client.requests[0]
    assert asked.parameters == {"temperature": 0.2, "odd": {"a": 1}}
    assert list(asked.messages) == HELLO


async def test_a_schema_in_the_request_is_the_gate_of_the_answer() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "invoice", "schema": INVOICE_SCHEMA}}
    async with desk(efficiency='{"number": 5}', performance=f"```json\n{GOOD}\n```") as gateway:
        told = await gateway.ask(response_format=wanted)
        decision = await gateway.decision(told)
        assert gateway.client.requests[0].response_schema == INVOICE_SCHEMA
    assert told.headers["x-qualityroute-reason"] == "schema"
    assert told.json["choices"][0]["message"]["content"] == GOOD
    assert decision.attempts[0].reason is Reason.SCHEMA


async def test_json_object_means_that_json_is_served() -> None:
    async with desk(efficiency="no json", performance='{"a": 1}') as gateway:
        told = await gateway.ask(response_format={"type": "json_object"})
        assert gateway.client.requests[0].parameters == {"response_format": {"type": "json_object"}}
    assert told.json["choices"][0]["message"]["content"] == '{"a": 1}'
    assert told.headers["x-qualityroute-reason"] == "not_json"


async def test_json_object_does_not_loosen_a_tasks_own_schema() -> None:
    async with desk(efficiency='{"a": 1}', performance=GOOD) as gateway:
        told = await gateway.ask("smart-select/invoice", response_format={"type": "json_object"})
    assert told.headers["x-qualityroute-reason"] == "schema"


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": 12}, "not a JSON Schema"),
        ({"$ref": "https://example.com/s.json"}, "leaves the schema"),
        ([], "an object"),
        (None, "an object"),
    ],
)
async def test_a_schema_that_is_none_is_400_by_its_name(schema: Any, said: str) -> None:
    async with desk() as gateway:
        wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        told = await gateway.ask(response_format=wanted)
        assert gateway.client.calls == {}
    assert (told.status, told.error["param"]) == (400, "response_format.json_schema.schema")
    assert said in told.error["message"]


def calling(arguments: str) -> Completion:
    return Completion(None, "tool_calls", tool_calls=(ToolCall("", "look", arguments),), usage=Usage(5, 2, 3, 1))


async def test_a_call_of_a_tool_is_checked_and_handed_on() -> None:
    async with desk(efficiency=calling("{}"), performance=calling('{"at": 1}')) as gateway:
        told = await gateway.ask(tools=[TOOL])
    choice = told.json["choices"][0]
    assert told.headers["x-qualityroute-reason"] == "schema"
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    [made] = choice["message"]["tool_calls"]
    assert made["function"] == {"name": "look", "arguments": '{"at": 1}'}
    assert made["id"]
    assert told.json["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 3,
        "total_tokens": 8,
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "look"}}])
async def test_words_are_no_answer_where_a_call_is_required(choice: Any) -> None:
    async with desk(performance=calling('{"at": 1}')) as gateway:
        told = await gateway.ask(tools=[TOOL], tool_choice=choice)
        assert gateway.client.requests[0].parameters == {"tool_choice": choice}
    assert told.headers["x-qualityroute-reason"] == "schema"
    assert told.json["choices"][0]["finish_reason"] == "tool_calls"


async def test_words_are_an_answer_where_a_call_is_not_required() -> None:
    async with desk() as gateway:
        told = await gateway.ask(tools=[TOOL], tool_choice="auto")
    assert told.json["choices"][0]["message"]["content"] == "cheap words"


async def test_a_stream_is_the_proved_answer_in_pieces() -> None:
    words = "some words of no great weight " * 50
    async with desk(efficiency=words) as gateway:
        told = await gateway.ask(stream=True, stream_options={"include_usage": True})
        whole = await gateway.ask()
    first, *middle, finish, usage, done = told.events
    assert told.headers["content-type"].startswith("text/event-stream")
    assert told.headers["x-qualityroute-outcome"] == "accepted"
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert len(middle) > 3
    assert told.text == whole.json["choices"][0]["message"]["content"] == words
    assert finish["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    assert (usage["choices"], usage["usage"]) == ([], whole.json["usage"])
    assert done == "[DONE]"
    assert {event["id"] for event in told.events[:-1]} == {f"chatcmpl-{told.headers['x-qualityroute-decision']}"}
    assert {event["model"] for event in told.events[:-1]} == {"practice/small"}


async def test_an_answer_from_the_cache_used_nothing_and_streams_as_any_other() -> None:
    async with desk("some words " * 100, config=config_with(tasks={"chat": {"cache": "exact"}})) as gateway:
        first = await gateway.ask(user="ann", temperature=0)
        whole = await gateway.ask(user="bob")
        told = await gateway.ask(stream=True, stream_options={"include_usage": True})
        assert gateway.client.calls == {"efficiency": 1}
        assert (await gateway.decision(whole)).session == "bob"
    assert (whole.headers["x-qualityroute-outcome"], whole.headers["x-qualityroute-cost"]) == ("cached", "0")
    assert whole.headers["x-qualityroute-tier"] == "efficiency"
    assert (whole.json["choices"], whole.json["model"]) == (first.json["choices"], first.json["model"])
    assert whole.json["usage"]["total_tokens"] == 0 < first.json["usage"]["total_tokens"]
    assert told.text == "some words " * 100
    assert told.events[-2]["usage"] == whole.json["usage"]


async def test_models_see_a_requests_schema_in_the_order_it_was_written() -> None:
    seen: list[str] = []

    def answer(messages: Any) -> str:
        seen.append(messages[0]["content"])
        return '{"why": "so", "answer": 1}'

    schema = {"type": "object", "properties": {"why": {"type": "string"}, "answer": {"type": "integer"}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    async with desk([answer]) as gateway:
        assert (await gateway.ask(response_format=wanted)).status == 200
    assert 0 < seen[0].index('"why"') < seen[0].index('"answer"')


CUT = Completion("only the beginn", finish_reason="length", model="m")
REFUSED = Completion(None, refusal="I will not.", model="m")


@pytest.mark.parametrize("stream", [False, True])
async def test_what_the_callers_own_limit_cut_off_is_served_as_cut_off(stream: bool) -> None:
    async with desk([lambda _: CUT], [lambda _: CUT]) as gateway:
        told = await gateway.ask(max_tokens=3, stream=stream)
        decision = (await gateway.engine.store.decisions(Search(), limit=1)).decisions[0]
    if stream:
        ends = [event["choices"][0]["finish_reason"] for event in told.events[:-1]]
        assert (told.text, ends[-1], told.events[-1]) == ("only the beginn", "length", "[DONE]")
    else:
        choice = told.json["choices"][0]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("only the beginn", "length")
        assert told.headers["x-qualityroute-outcome"] == "rejected"
        assert told.headers["x-qualityroute-reason"] == "truncated"
    assert (told.status, decision.outcome, decision.reason) == (200, Outcome.REJECTED, Reason.TRUNCATED)


async def test_a_refusal_is_served_as_one_but_not_where_the_task_wants_an_error() -> None:
    async with desk([lambda _: REFUSED], [lambda _: REFUSED]) as gateway:
        told = await gateway.ask()
    assert told.json["choices"][0]["message"] == {"role": "assistant", "content": None, "refusal": "I will not."}
    config = config_with(tasks={"chat": {"on_refusal": "error"}})
    async with desk([lambda _: REFUSED], config=config) as gateway:
        assert (await gateway.ask()).status == 422


async def test_a_performance_answer_is_heard_and_its_end_waits_for_the_decision() -> None:
    async with desk() as gateway:
        told = await gateway.ask("performance-model", stream=True)
        id = told.events[0]["id"].removeprefix("chatcmpl-")
        assert (await gateway.engine.explain(id)).outcome == "performance"
    assert told.text == "strong words"
    assert [event["choices"][0]["finish_reason"] for event in told.events[:-1]] == [None, None, "stop"]
    assert told.events[-1] == "[DONE]"


async def test_a_stream_keeps_its_connection_alive_and_fails_by_an_event_once_begun() -> None:
    go_on = anyio.Event()

    async def slow(messages: Any) -> Any:
        await go_on.wait()
        return TimeoutError("too slow")

    told = Told()
    config = config_with(gateway={"first_keep_alive": "1ms", "keep_alive": "1ms"})
    async with desk(slow, TimeoutError("too slow"), config=config) as gateway, anyio.create_task_group() as group:

        async def ask() -> None:
            await call(gateway.app, body=asking(stream=True), told=told)

        group.start_soon(ask)
        while len(told.parts) < 3:
            await anyio.sleep(0.001)
        go_on.set()
    assert told.status == 200
    assert told.parts[0] == b": keep-alive\n\n"
    [event] = told.events
    assert event["error"]["code"] == "provider_timeout"
    assert told.ended


async def test_a_stream_that_fails_before_its_first_byte_has_a_status() -> None:
    async with desk(TimeoutError(), TimeoutError()) as gateway:
        told = await gateway.ask(stream=True)
    assert (told.status, told.headers["content-type"]) == (502, "application/json")
    assert told.headers["x-qualityroute-outcome"] == "failed"


async def test_a_server_that_does_not_tell_of_a_replys_end_keeps_no_request_under_way(monkeypatch: Any) -> None:
    monkeypatch.setattr(completions, "PATIENCE", 0.01)
    told = Told()
    async with desk() as gateway:
        await call(gateway.app, body=asking(), told=told, tells_end=False)
    assert told.status == 200 and told.ended


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # the server's; tasks of trio are cycles themselves
async def test_an_answered_request_leaves_nothing_to_the_search_for_garbage() -> None:
    async with desk() as gateway:
        await gateway.ask()
        gc.collect()
        with garbage_left():
            await gateway.ask()
            assert gc.collect() == 0


async def test_an_error_does_not_keep_the_request_that_it_ended() -> None:
    async with desk("", "") as gateway:
        gc.collect()
        with garbage_left():
            assert (await gateway.ask()).status == 422
            assert not any(isinstance(one, Asked) for one in gc.get_objects())


@contextmanager
def garbage_left() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_ends_its_request_and_is_written_down(stream: bool) -> None:
    asked, leaves = anyio.Event(), anyio.Event()

    async def never(messages: Any) -> Any:
        asked.set()
        await anyio.sleep_forever()

    outcomes: list[str] = []
    async with desk(efficiency=never) as gateway:
        gateway.engine.subscribe(lambda decision: outcomes.append(decision.outcome))
        told = Told()
        async with anyio.create_task_group() as group:

            async def ask() -> None:
                await call(gateway.app, body=asking(stream=stream), leaves=leaves, told=told)

            group.start_soon(ask)
            await asked.wait()
            leaves.set()
    assert told.status == 0
    assert outcomes == ["cancelled"]


@pytest.mark.parametrize(
    ("headers", "fields", "session"),
    [
        ({"x-session-id": "a"}, {"metadata": {"session_id": "b"}, "user": "c"}, "a"),
        ({}, {"metadata": {"session_id": "b"}, "prompt_cache_key": "c"}, "b"),
        ({}, {"prompt_cache_key": "c", "safety_identifier": "d"}, "c"),
        ({}, {"safety_identifier": "d", "user": "e"}, "d"),
        ({}, {"user": "e"}, "e"),
        ({}, {}, None),
    ],
)
async def test_the_session_is_said_in_the_first_of_its_places(headers: Any, fields: Any, session: str | None) -> None:
    async with desk() as gateway:
        decision = await gateway.decision(await gateway.ask(headers=headers, **fields))
    assert decision.session == session


async def test_a_pinned_session_goes_straight_to_performance() -> None:
    async with desk(judge="no") as gateway:
        await gateway.ask(user="u")
        told = await gateway.ask(user="u")
        other = await gateway.ask(user="other")
    assert told.headers["x-qualityroute-outcome"] == "pinned"
    assert other.headers["x-qualityroute-outcome"] == "fallback"


@pytest.mark.parametrize(
    ("headers", "fields", "param"),
    [
        ({"x-session-id": "a\r\nset-cookie: b"}, {}, "x-session-id"),
        ({"x-session-id": "a\x00b"}, {}, "x-session-id"),
        ({"x-session-id": " "}, {}, "x-session-id"),
        ({}, {"user": "x" * 300}, "user"),
        ({}, {"user": 5}, "user"),
        ({"x-session-id": "a"}, {"user": 5}, "user"),
        ({}, {"metadata": {"session_id": "a\nb"}}, "metadata.session_id"),
        ({}, {"metadata": "no"}, "metadata"),
        ({}, {"n": 2}, "n"),
        ({}, {"n": True}, "n"),
        ({}, {"messages": []}, "messages"),
        ({}, {"messages": "hello"}, "messages"),
        ({}, {"messages": [{"role": "ghost", "content": "x"}]}, "messages"),
        ({}, {"messages": [{"role": "user", "content": ""}]}, "messages"),
        ({}, {"messages": [5]}, "messages"),
        ({}, {"stream": "yes"}, "stream"),
        ({}, {"stream_options": 3}, "stream_options"),
        ({}, {"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({}, {"tools": {}}, "tools"),
        ({}, {"tools": [{"type": "custom"}]}, "tools"),
        ({}, {"tools": [5]}, "tools"),
        ({}, {"tool_choice": "required"}, "tool_choice"),
        ({}, {"tool_choice": 3, "tools": [TOOL]}, "tool_choice"),
        ({}, {"response_format": "json"}, "response_format"),
        ({}, {"response_format": {"type": "yaml"}}, "response_format.type"),
        ({}, {"response_format": {"type": "json_schema", "json_schema": 4}}, "response_format.json_schema"),
        ({}, {"functions": [{}]}, "functions"),
        ({"x-qualityroute-task": "ghost"}, {}, "x-qualityroute-task"),
        ({}, {"model": 5}, "model"),
    ],
)
async def test_a_bad_field_is_400_by_its_name_and_asks_nobody(headers: Any, fields: Any, param: str) -> None:
    async with desk() as gateway:
        told = await call(gateway.app, body={**asking(), **fields}, headers=headers)
        assert gateway.client.calls == {}
    assert (told.status, told.error["param"], told.error["type"]) == (400, param, "invalid_request_error")
    assert all("\n" not in value and "\r" not in value for value in told.headers.values())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe{}",
        b'{"model": "smart-select", "model": "smart-select", "messages": []}',
        b'{"model": "smart-select", "messages": [], "temperature": NaN}',
        b"[" * 100_000,
        b'{"a": ' * 5_000 + b"1" + b"}" * 5_000,
        b'```json\n{"model": "smart-select"}\n```',
        b'{"model": "smart-select", "messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"n": ' + b"9" * 5_000 + b"}",
    ],
)
async def test_a_body_that_is_not_strict_json_is_400(body: bytes) -> None:
    async with desk() as gateway:
        told = await call(gateway.app, body=body)
    assert told.status == 400


async def test_the_kind_of_body_is_known_by_looking_at_it() -> None:
    async with desk() as gateway:
        told = await call(gateway.app, body=asking(), headers={"content-type": "text/plain"})
    assert told.status == 200


async def test_a_body_beyond_the_limit_is_413_by_its_word_or_its_bytes() -> None:
    async with desk(config=config_with(gateway={"max_body": "1KiB"})) as gateway:
        claimed = await call(gateway.app, body=asking(), headers={"content-length": "9" * 30})
        sent = await call(gateway.app, body=asking(odd="x" * 2000))
        assert gateway.client.calls == {}
    assert [claimed.status, sent.status] == [413, 413]
    assert claimed.headers["connection"] == "close"


async def test_the_callers_request_id_comes_back_if_it_is_sane() -> None:
    async with desk() as gateway:
        given = await gateway.ask(headers={"x-request-id": "trace-1/2"})
        made = await gateway.ask(headers={"x-request-id": "a\r\nb"})
        failed = await call(gateway.app, "/nowhere", headers={"x-request-id": "trace-3"})
    assert given.headers["x-request-id"] == "trace-1/2"
    assert made.headers["x-request-id"].startswith("req_")
    assert (failed.status, failed.headers["x-request-id"]) == (404, "trace-3")


async def test_an_answer_that_nobody_can_prove_is_422_with_its_verdicts() -> None:
    async with desk('{"number": 1}', '{"number": "SECRET-7"}', store="sqlite://") as gateway:
        told = await gateway.ask("smart-select/invoice")
    assert (told.status, told.error["code"]) == (422, "answer_rejected")
    assert told.error["decision"] == told.headers["x-qualityroute-decision"]
    assert [verdict["ruling"] for verdict in told.error["verdicts"] if verdict["check"] == "schema"] == ["rejected"] * 2
    assert "SECRET-7" not in told.body.decode()
    assert told.headers["x-should-retry"] == "false"


async def test_verdicts_say_no_more_than_the_store_may_keep() -> None:
    def leaky(output: Any, source: str) -> str:
        return f"I saw {source}"

    for payloads, seen in (("rejected", True), ("none", False)):
        config = config_with(task={"checks": [leaky]}, store={"payloads": payloads})
        async with desk(config=config) as gateway:
            told = await gateway.ask("smart-select/invoice")
        assert told.status == 422
        assert ("hello" in told.body.decode()) is seen


LIMITED = ProviderError("slow down", reason=Reason.RATE_LIMITED, retry_after=timedelta(seconds=6.2))


@pytest.mark.parametrize(
    ("failure", "status", "code", "retry"),
    [
        (ProviderError("down"), 502, "provider_error", "true"),
        (ProviderError("gone", retryable=False), 502, "provider_error", "false"),
        (TimeoutError(), 502, "provider_timeout", "true"),
        (LIMITED, 429, "rate_limit_exceeded", "true"),
        (ProviderError("too long", reason=Reason.CONTEXT_OVERFLOW), 400, "context_length_exceeded", "false"),
    ],
)
async def test_what_endpoints_fail_by_has_its_status(failure: Any, status: int, code: str, retry: str) -> None:
    async with desk(failure, failure) as gateway:
        told = await gateway.ask()
    assert (told.status, told.error["code"], told.headers["x-should-retry"]) == (status, code, retry)
    assert told.headers.get("retry-after") == ("7" if failure is LIMITED else None)
    assert told.headers["x-qualityroute-outcome"] == "failed"


async def test_a_deadline_is_504() -> None:
    async def never(messages: Any) -> Any:
        await anyio.sleep_forever()

    async with desk(never, config=config_with(deadline="20ms")) as gateway:
        told = await gateway.ask()
    assert (told.status, told.error["code"]) == (504, "deadline_exceeded")
    assert told.headers["x-qualityroute-reason"] == "deadline"


async def test_a_budget_that_is_used_up_is_openais_insufficient_quota() -> None:
    async with desk(config=config_with(budget={"per_request": "0.0000001"})) as gateway:
        told = await gateway.ask(max_tokens=10)
    assert (told.status, told.error["code"], told.error["type"]) == (429, "insufficient_quota", "insufficient_quota")
    assert told.headers["x-should-retry"] == "false"


async def test_a_store_that_fails_is_503_without_its_name(tmp_path: Any) -> None:
    async with desk() as gateway:

        async def broken(entry: Any) -> None:
            raise StoreError(f"cannot write {tmp_path}")

        gateway.engine._store.record = broken  # type: ignore[method-assign]
        told = await gateway.ask()
    assert (told.status, told.error["code"]) == (503, "store_error")
    assert str(tmp_path) not in told.body.decode()


async def test_a_bug_is_500_that_tells_nothing_and_is_logged(caplog: Any) -> None:
    async with desk() as gateway:
        gateway.engine._now = lambda: 1 / 0  # type: ignore[assignment, return-value]
        told = await gateway.ask()
    assert (told.status, told.error["code"]) == (500, "internal_error")
    assert "division" not in told.body.decode()
    assert "division" in caplog.text


async def test_more_requests_than_may_be_at_once_are_503() -> None:
    go_on = anyio.Event()

    async def slow(messages: Any) -> str:
        await go_on.wait()
        return "words"

    async with desk(slow, config=config_with(gateway={"max_concurrent": 2})) as gateway:
        answers: list[Told] = []

        async def ask() -> None:
            answers.append(await gateway.ask())

        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(ask)
            while gateway.client.calls.get("efficiency", 0) < 2:
                await anyio.sleep(0.001)
            refused = await gateway.ask()
            go_on.set()
        assert (await gateway.ask()).status == 200
    assert [told.status for told in answers] == [200, 200]
    assert (refused.status, refused.error["code"], refused.headers["retry-after"]) == (503, "overloaded", "1")


class Keys:
    """A keyring of one."""

    def __init__(self, wait: timedelta | None = None) -> None:
        self.wait = wait

    async def any_exist(self) -> bool:
        return True

    async def verify(self, token: str) -> Any:
        return self if token == "qr-good" else None

    tenant = "acme"
    allowance = None

    def admit(self, key: Any) -> timedelta | None:
        assert key is self
        return self.wait


async def test_once_there_is_a_key_everybody_needs_one() -> None:
    async with desk(keyring=Keys()) as gateway:
        refused = [
            await gateway.ask(headers=headers)
            for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "qr-good"}, {"authorization": ""})
        ]
        good = await gateway.ask(headers={"authorization": "bearer qr-good"})
        tenant = (await gateway.decision(good)).tenant
        others = [await call(gateway.app, path) for path in ("/v1/models", "/metrics", "/healthz", "/openapi.json")]
    assert {(told.status, told.error["code"]) for told in refused} == {(401, "invalid_api_key")}
    assert tenant == "acme"
    assert [told.status for told in others] == [401, 401, 200, 200]


async def test_keys_that_cannot_be_read_let_nobody_in() -> None:
    class Broken(Keys):
        async def any_exist(self) -> bool:
            raise StoreError("gone")

    async with desk(keyring=Broken()) as gateway:
        told = await gateway.ask(headers={"authorization": "Bearer qr-good"})
        assert gateway.client.calls == {}
    assert (told.status, told.error["code"]) == (503, "store_error")


async def test_a_keys_limit_is_429_with_the_time_to_wait() -> None:
    async with desk(keyring=Keys(timedelta(seconds=1.5))) as gateway:
        told = await gateway.ask(headers={"authorization": "Bearer qr-good"})
    assert (told.status, told.headers["retry-after"], told.headers["x-should-retry"]) == (429, "2", "true")


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {"host": "[::1]:8080"}, 200),
        ("127.0.0.1", {"host": "localhost:8080", "origin": "http://localhost:3000"}, 200),
        ("10.0.0.7", {}, 401),
        ("127.0.0.1", {"host": "rebound.example:8080"}, 403),
        ("127.0.0.1", {"origin": "https://page.example"}, 403),
        ("127.0.0.1", {"origin": "null"}, 403),
        ("127.0.0.1", {"host": "[", "origin": "http://["}, 403),
    ],
)
async def test_without_keys_only_programs_of_this_machine_are_answered(peer: str, headers: Any, status: int) -> None:
    async with desk() as gateway:
        told = await call(gateway.app, body=asking(), headers=headers, peer=peer)
    assert told.status == status


async def test_health_readiness_and_metrics() -> None:
    async with desk(metrics=Metrics(CollectorRegistry())) as gateway:
        await gateway.ask()
        paths = ("/healthz", "/readyz", "/metrics")
        good = [await call(gateway.app, path) for path in paths]

        async def broken(key: Any) -> None:
            raise StoreError("gone")

        gateway.engine._store.pin = broken  # type: ignore[method-assign]
        alive, unready = await call(gateway.app, "/healthz"), await call(gateway.app, "/readyz")
    assert [told.status for told in good] == [200, 200, 200]
    assert good[2].headers["content-type"].startswith("text/plain")
    told = good[2].body.decode()
    assert 'qualityroute_requests_total{outcome="accepted",route="cascade",task="chat"} 1.0' in told
    assert f'path="{CHAT}",status="200"}} 1.0' in told
    assert (alive.status, unready.status) == (200, 503)


async def test_a_wrong_method_is_405_and_a_wrong_path_404() -> None:
    async with desk() as gateway:
        wrong = await call(gateway.app, CHAT)
        nowhere = await call(gateway.app, "/v1/embeddings", body={})
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
    assert nowhere.error["code"] == "not_found"


async def test_further_pages_are_served_beside_and_never_in_place_of_the_api() -> None:
    page = Route("/dashboard", lambda request: PlainTextResponse("a page"))
    everything = Route("/{path:path}", lambda request: PlainTextResponse("anything"))
    async with desk(pages=[page, everything]) as gateway:
        shown = await call(gateway.app, "/dashboard")
        api = await call(gateway.app, "/v1/nothing")
    assert shown.body == b"a page"
    assert api.error["code"] == "not_found"


async def test_events_are_json_on_one_line() -> None:
    from qualityroute.gateway.chunks import event

    assert json.loads(event({"a": "x\n\ny\ud800"})[6:]) == {"a": "x\n\ny?"}
