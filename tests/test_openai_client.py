"""The OpenAI-compatible client against a real server that misbehaves: every quirk and fault has its test."""

from __future__ import annotations

import json
import logging
import re
import shutil
import socket
import ssl
import subprocess
import traceback
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from asking import KEY, NOW, SCHEMA, Naps, ask, failure, made, refusing, served, timed_failure, together
from asking import anyio_backend as anyio_backend
from fault_server import FaultServer, Play, completion, failing, good
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.config import Provider
from qualityroute.errors import ConfigError, ProviderError
from qualityroute.openai_client import OpenAIClient
from qualityroute.openai_client.complaints import MAX_WORDS, Speaker, complaint
from qualityroute.openai_client.replies import understand
from qualityroute.openai_client.trouble import Reply, Trouble
from qualityroute.openai_client.waiting import parse_retry_after, wait_before_repeat
from qualityroute.records import Completion, Reason, ToolCall, Usage

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_loopback")]

SPEAKER = Speaker("test/model", "test", "the environment variable 'TEST_KEY'", KEY)


class TestAnswers:
    async def test_an_answer_comes_with_its_model_usage_and_finish_reason(self) -> None:
        async with served(good("hello")) as (client, _):
            answer = await client.complete(ask())
        assert answer.content == "hello"
        assert answer.model == "served-model"
        assert answer.finish_reason == "stop"
        assert answer.usage == Usage(input_tokens=11, output_tokens=7)
        assert (answer.cost, answer.retries, answer.refusal, answer.tool_calls) == (None, 0, None, ())

    async def test_messages_are_sent_verbatim(self) -> None:
        messages = (
            {"role": "system", "content": "  spaces \n kept "},
            {"role": "user", "content": [{"type": "text", "text": 'é"\u2028</s> 😀'}]},
        )
        async with served() as (client, server):
            await client.complete(ask(messages=messages))
        assert server.bodies[0]["messages"] == list(messages)
        assert server.requests[0].path == "/v1/chat/completions"
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"

    async def test_frozen_mappings_are_sent_as_objects(self) -> None:
        frozen = MappingProxyType({"role": "user", "content": "hi"})
        async with served() as (client, server):
            await client.complete(
                ask(messages=(frozen,), parameters=MappingProxyType({"x": MappingProxyType({"y": 1})}))
            )
        assert server.bodies == [{"model": "model", "messages": [{"role": "user", "content": "hi"}], "x": {"y": 1}}]

    async def test_parameters_pass_but_never_change_whom_we_ask_and_what(self) -> None:
        parameters = {"model": "other", "messages": [], "stream": True, "reasoning_effort": "low", "temperature": 1}
        async with served() as (client, server):
            await client.complete(ask(parameters=parameters, temperature=0.0))
        body = server.bodies[0]
        assert body["model"] == "model"
        assert body["messages"] == [{"role": "user", "content": "hi"}]
        assert "stream" not in body
        assert (body["reasoning_effort"], body["temperature"]) == ("low", 1)

    async def test_the_token_field_the_user_chose_is_the_only_one_sent(self) -> None:
        async with served() as (client, server):
            await client.complete(ask(max_output_tokens=50, parameters={"max_completion_tokens": 9}))
        assert server.bodies[0]["max_completion_tokens"] == 9
        assert "max_tokens" not in server.bodies[0]

    async def test_a_schema_becomes_a_response_format(self) -> None:
        async with served() as (client, server):
            await client.complete(ask(response_schema=SCHEMA))
        wire = {
            "type": "object",
            "properties": {"total": {"anyOf": [{"type": "number"}, {"type": "null"}]}},
            "required": ["total"],
            "additionalProperties": False,
        }
        assert server.bodies[0]["response_format"] == {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": wire, "strict": True},
        }

    async def test_a_schema_that_no_strict_mode_can_say_is_sent_whole_and_unstrict(self) -> None:
        schema = {"type": "object", "additionalProperties": {"type": "number"}}
        async with served() as (client, server):
            await client.complete(ask(response_schema=schema))
        assert server.bodies[0]["response_format"]["json_schema"] == {
            "name": "answer",
            "schema": schema,
            "strict": False,
        }

    async def test_tools_and_a_response_format_are_never_sent_together(self) -> None:
        tool = {"type": "function", "function": {"name": "book", "parameters": {}}}
        async with served() as (client, server):
            await client.complete(ask(response_schema=SCHEMA, tools=(tool,)))
        assert server.bodies[0]["tools"] == [tool]
        assert "response_format" not in server.bodies[0]

    async def test_a_body_that_json_cannot_carry_is_a_mistake_of_the_call(self) -> None:
        async with served() as (client, server):
            for parameters in ({"x": float("nan")}, {"x": object()}, {"x": "\ud800"}):
                with pytest.raises(ConfigError, match="'test/model' cannot be sent as JSON"):
                    await client.complete(ask(parameters=parameters))
        assert server.requests == []


class TestQuirks:
    """Replies as endpoints really give them; no network is needed to read them."""

    def test_tokens_cached_and_spent_on_reasoning_are_counted(self) -> None:
        usage = {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "prompt_tokens_details": {"cached_tokens": 80},
            "completion_tokens_details": {"reasoning_tokens": 40},
        }
        assert read(completion() | {"usage": usage}).usage == Usage(100, 80, 50, 40)

    def test_tokens_are_found_under_other_names(self) -> None:
        usage = {"input_tokens": 9, "output_tokens": 4, "prompt_cache_hit_tokens": 3}
        assert read(completion() | {"usage": usage}).usage == Usage(9, 3, 4, None)

    @pytest.mark.parametrize(
        "usage",
        [
            None,
            [],
            "12",
            {"prompt_tokens": None, "completion_tokens": None, "prompt_tokens_details": None},
            {"prompt_tokens": -1, "completion_tokens": True, "prompt_tokens_details": {"cached_tokens": "many"}},
            {"prompt_tokens": 2**60, "completion_tokens": 1.5},
        ],
    )
    def test_usage_that_says_nothing_is_unknown_and_not_zero(self, usage: Any) -> None:
        assert read(completion() | {"usage": usage}).usage == Usage()

    def test_missing_usage_is_unknown(self) -> None:
        body = completion()
        del body["usage"]
        assert read(body).usage == Usage()

    @pytest.mark.parametrize(
        ("said", "cost"),
        [
            (0.00014, Decimal("0.00014")),
            ("0.5", Decimal("0.5")),
            (0, Decimal(0)),
            (None, None),
            (-1, None),
            (True, None),
            ("free", None),
            ("NaN", None),
        ],
    )
    def test_the_cost_a_provider_states_is_kept(self, said: Any, cost: Decimal | None) -> None:
        assert read(completion() | {"usage": {"cost": said}}).cost == cost

    def test_content_parts_become_one_text_without_the_thoughts(self) -> None:
        parts = [
            {"type": "thinking", "thinking": [{"type": "text", "text": "hmm"}]},
            {"type": "text", "text": "one "},
            {"type": "text", "text": "two"},
            "!",
            {"type": "text", "text": None},
        ]
        assert read(completion(parts)).content == "one two!"

    @pytest.mark.parametrize(
        ("content", "answer"),
        [
            ("<think>a {b}</think>\n\n{}", "{}"),
            ("\n<think>a</think><think>b</think> c", "c"),
            ("<thinking>a</thinking>b", "b"),
            ("<think>never closed", ""),
            ("say <think>x</think>", "say <think>x</think>"),
            ("  plain ", "  plain "),
        ],
    )
    def test_only_leading_thoughts_are_taken_off(self, content: str, answer: str) -> None:
        assert read(completion(content)).content == answer

    @pytest.mark.parametrize("content", [None, ""])
    def test_an_empty_answer_cut_by_length_is_left_to_the_gate(self, content: str | None) -> None:
        body = completion(content)
        body["choices"][0]["finish_reason"] = "length"
        answer = read(body)
        assert answer.content == content
        assert answer.finish_reason == "length"

    @pytest.mark.parametrize(
        ("said", "kept"), [("content_filter", "content_filter"), ("eos", "eos"), (None, "stop"), (7, "stop")]
    )
    def test_unknown_finish_reasons_are_kept(self, said: Any, kept: str) -> None:
        body = completion()
        body["choices"][0]["finish_reason"] = said
        assert read(body).finish_reason == kept

    def test_a_refusal_is_told_apart_from_content(self) -> None:
        answer = read(completion(None, refusal="I will not."))
        assert (answer.content, answer.refusal) == (None, "I will not.")
        assert read(completion([{"type": "refusal", "refusal": "No."}])).refusal == "No."

    def test_a_refusal_may_be_a_finish_reason(self) -> None:
        for content, told in (("I must not.", "I must not."), (None, "the model refused")):
            body = completion(content)
            body["choices"][0]["finish_reason"] = "refusal"
            assert read(body).refusal == told

    @pytest.mark.parametrize(
        ("said", "meant"),
        [
            ("max_tokens", "length"),
            ("MAX_TOKENS", "length"),
            ("model_length", "length"),
            ("end_turn", "stop"),
            ("SAFETY", "content_filter"),
            ("tool_use", "tool_calls"),
        ],
    )
    def test_other_words_for_a_finish_reason_are_understood(self, said: str, meant: str) -> None:
        body = completion()
        body["choices"][0]["finish_reason"] = said
        assert read(body).finish_reason == meant

    def test_text_beside_a_tool_call_is_kept_with_it(self) -> None:
        answer = read(completion("Let me look.", tool_calls=[{"id": "1", "function": {"name": "a"}}]))
        assert (answer.content, answer.tool_calls) == ("Let me look.", (ToolCall("1", "a", "{}"),))

    def test_tool_calls_are_read_whatever_the_finish_reason_says(self) -> None:
        calls = [
            {"id": "1", "function": {"name": "a", "arguments": '{"x": 1'}},
            {"id": "2", "function": {"name": "b", "arguments": ""}},
            {"function": {"name": "c", "arguments": {"y": 2}}},
            "nonsense",
        ]
        assert read(completion(None, tool_calls=calls)).tool_calls == (
            ToolCall("1", "a", '{"x": 1'),
            ToolCall("2", "b", "{}"),
            ToolCall("", "c", '{"y": 2}'),
        )

    @pytest.mark.parametrize(
        "body",
        [
            {},
            [],
            7,
            {"choices": None},
            {"choices": []},
            {"choices": ["x"]},
            {"choices": [{"message": None}]},
            completion({"a": 1}),
            completion(5),
        ],
    )
    def test_a_reply_without_an_answer_is_trouble_and_not_an_empty_answer(self, body: Any) -> None:
        trouble = understand(Reply(200, json.dumps(body).encode()), SPEAKER, NOW)
        assert isinstance(trouble, Trouble)
        assert trouble.reason is Reason.PROVIDER_ERROR
        assert not trouble.worth_repeating

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"", "is empty"),
            (b"<!DOCTYPE html><p>Hello", "an HTML page"),
            (b'{"choices": [{"mess', "cut off"),
            (b'{"a": "\xff\xfe"}', "not valid UTF-8"),
            (b"[" * 200_000, "not JSON"),
            (b"9" * 5000, "not JSON"),
        ],
        ids=["empty", "html", "truncated", "utf-8", "deep", "digits"],
    )
    def test_a_body_that_is_not_json_is_a_provider_error_that_says_so(self, content: bytes, told: str) -> None:
        trouble = understand(Reply(200, content), SPEAKER, NOW)
        assert isinstance(trouble, Trouble)
        assert told in trouble.message
        assert trouble.status == 200

    def test_half_an_emoji_can_be_stored_and_printed(self) -> None:
        answer = read(completion("cut \ud83d", refusal="\ud83d"))
        assert (answer.content, answer.refusal) == ("cut \ufffd", "\ufffd")
        assert read(completion("whole \U0001f600")).content == "whole \U0001f600"

    def test_a_byte_order_mark_is_no_trouble(self) -> None:
        assert isinstance(
            understand(Reply(200, b"\xef\xbb\xbf" + json.dumps(completion()).encode()), SPEAKER, NOW), Completion
        )

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "choices",
                            "message",
                            "content",
                            "error",
                            "usage",
                            "code",
                            "detail",
                            "tool_calls",
                            "function",
                            "type",
                        ]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        ),
        st.sampled_from([200, 400, 429, 500]),
    )
    def test_any_json_is_an_answer_or_a_trouble_but_never_a_crash(self, body: Any, status: int) -> None:
        assert isinstance(understand(Reply(status, json.dumps(body).encode()), SPEAKER, NOW), Completion | Trouble)


def read(body: Any) -> Completion:
    answer = understand(Reply(200, json.dumps(body).encode()), SPEAKER, NOW)
    assert isinstance(answer, Completion)
    return answer


class TestComplaints:
    @pytest.mark.parametrize(
        ("status", "reason", "retryable"),
        [
            (400, Reason.PROVIDER_ERROR, False),
            (401, Reason.PROVIDER_ERROR, False),
            (403, Reason.PROVIDER_ERROR, False),
            (404, Reason.PROVIDER_ERROR, False),
            (408, Reason.TIMEOUT, True),
            (409, Reason.PROVIDER_ERROR, True),
            (413, Reason.CONTEXT_OVERFLOW, False),
            (422, Reason.PROVIDER_ERROR, False),
            (429, Reason.RATE_LIMITED, True),
            (500, Reason.PROVIDER_ERROR, True),
            (501, Reason.PROVIDER_ERROR, False),
            (503, Reason.PROVIDER_ERROR, True),
            (504, Reason.TIMEOUT, True),
        ],
    )
    def test_each_status_has_its_reason(self, status: int, reason: Reason, retryable: bool) -> None:
        trouble = complaint(Reply(status, b'{"error": {"message": "no"}}'), SPEAKER, NOW)
        assert (trouble.reason, trouble.retryable, trouble.worth_repeating) == (reason, retryable, retryable)
        assert trouble.status == status

    @pytest.mark.parametrize(
        "error",
        [
            {"code": "context_length_exceeded", "message": "x"},
            {"type": "exceed_context_size_error", "message": "the request exceeds the available context size"},
            {"message": "This model's maximum context length is 4097 tokens. However, your messages resulted in 5000."},
            {"message": "prompt is too long: 210000 tokens > 200000 maximum"},
            {"message": "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000"},
            {"message": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."},
            {"message": "Please reduce the length of the messages or completion."},
            {"message": "Input is too long for requested model."},
            {"message": "Your input exceeds the context window of this model."},
            {"message": "This model's maximum prompt length is 131072 but the request contains 150000 tokens."},
        ],
    )
    def test_context_overflow_is_known_in_all_its_words(self, error: dict[str, str]) -> None:
        for body in ({"error": error}, [{"error": error}]):
            trouble = complaint(Reply(400, json.dumps(body).encode()), SPEAKER, NOW)
            assert (trouble.reason, trouble.retryable) == (Reason.CONTEXT_OVERFLOW, False)

    @pytest.mark.parametrize(
        ("error", "status", "reason"),
        [
            ({"code": 429, "message": "slow down"}, 429, Reason.RATE_LIMITED),
            ({"code": "502", "message": "upstream"}, 502, Reason.PROVIDER_ERROR),
            ({"code": "rate_limit_exceeded"}, 429, Reason.RATE_LIMITED),
            ({"type": "overloaded_error"}, 503, Reason.PROVIDER_ERROR),
            ({"type": "invalid_request_error"}, 400, Reason.PROVIDER_ERROR),
            ({"code": "context_length_exceeded"}, 400, Reason.CONTEXT_OVERFLOW),
            ({"message": "who knows"}, 200, Reason.PROVIDER_ERROR),
            ("just text", 200, Reason.PROVIDER_ERROR),
        ],
    )
    def test_an_error_inside_a_200_counts_as_its_inner_code(self, error: Any, status: int, reason: Reason) -> None:
        for body in ({"error": error, "choices": None}, completion() | {"error": error}):
            trouble = understand(Reply(200, json.dumps(body).encode()), SPEAKER, NOW)
            assert isinstance(trouble, Trouble)
            assert (trouble.status, trouble.reason) == (status, reason)

    def test_an_error_inside_a_choice_is_an_error(self) -> None:
        body = completion("half an ans")
        body["choices"][0] |= {"finish_reason": "error", "error": {"code": 502, "message": "upstream died"}}
        trouble = understand(Reply(200, json.dumps(body).encode()), SPEAKER, NOW)
        assert isinstance(trouble, Trouble)
        assert trouble.status == 502
        assert "upstream died" in trouble.message

    def test_a_spent_quota_is_not_worth_repeating(self) -> None:
        trouble = complaint(Reply(429, b'{"error": {"code": "insufficient_quota", "message": "pay"}}'), SPEAKER, NOW)
        assert (trouble.reason, trouble.retryable, trouble.worth_repeating) == (Reason.RATE_LIMITED, False, False)

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ({"error": "plain"}, "plain"),
            ({"message": "top"}, "top"),
            ({"detail": "fastapi"}, "fastapi"),
            ({"detail": [{"loc": ["body", "x"], "msg": "bad", "input": "THE DOCUMENT"}]}, "bad body.x"),
            ([{"error": {"message": "in a list"}}], "in a list"),
            ({"error": {"message": "Provider returned error", "metadata": {"raw": "the truth"}}}, "the truth"),
        ],
    )
    def test_the_providers_words_are_found_in_every_shape(self, body: Any, told: str) -> None:
        trouble = complaint(Reply(400, json.dumps(body).encode()), SPEAKER, NOW)
        assert told in trouble.message
        assert "DOCUMENT" not in trouble.message + trouble.words

    @given(st.text(max_size=50), st.integers(0, 2000))
    def test_a_message_is_short_and_shows_neither_key_nor_control_characters(self, text: str, length: int) -> None:
        said = text + KEY + "\x1b[31m\r\n\x00" + "a" * length + KEY
        for content in (said.encode("utf-8", "replace"), json.dumps({"error": {"message": said}}).encode()):
            trouble = complaint(Reply(500, content), SPEAKER, NOW)
            assert KEY not in trouble.message + trouble.words
            assert not re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", trouble.message)
            assert len(trouble.message) < MAX_WORDS + 100


class TestWaiting:
    @pytest.mark.parametrize(
        ("header", "wait"),
        [
            ("7", timedelta(seconds=7)),
            ("0.5", timedelta(seconds=0.5)),
            ("-3", timedelta(0)),
            ("1e300", timedelta(days=365)),
            ("inf", timedelta(days=365)),
            ("nan", None),
            ("soon", None),
            ("", None),
            (None, None),
            ("Mon, 23 Nov 2026 12:00:09 GMT", timedelta(seconds=9)),
            ("Mon, 23 Nov 2026 11:00:00 GMT", timedelta(0)),
            ("Mon, 23 Nov 2026 12:00:09", timedelta(seconds=9)),
            ("Mon, 99 Nov 99999 12:00:09 GMT", None),
        ],
    )
    def test_retry_after_is_read_as_seconds_or_date(self, header: str | None, wait: timedelta | None) -> None:
        assert parse_retry_after(header, NOW) == wait

    @given(st.integers(0, 12), st.integers(0, 10), st.floats(0, 100), st.floats(0, 1, exclude_max=True))
    def test_a_wait_never_exceeds_the_time_left_nor_the_retries_allowed(
        self, repeats: int, allowed: int, remaining: float, chance: float
    ) -> None:
        wait = wait_before_repeat(
            Trouble("x", status=503), repeats=repeats, allowed=allowed, remaining=remaining, chance=chance
        )
        assert wait is None or (0 < wait < remaining and repeats < allowed and wait <= 8)

    def test_waits_grow_and_jitter_spreads_them(self) -> None:
        def wait(repeats: int, chance: float) -> float | None:
            return wait_before_repeat(
                Trouble("x", status=503), repeats=repeats, allowed=10, remaining=100, chance=chance
            )

        assert [wait(repeats, 0.0) for repeats in range(6)] == [0.25, 0.5, 1, 2, 4, 4]
        assert wait(0, 0.5) == 0.375


class TestRetries:
    async def test_a_500_is_asked_again_and_counted(self) -> None:
        naps = Naps()
        async with served(failing(500), good(), sleep=naps) as (client, server):
            answer = await client.complete(ask())
        assert (answer.content, answer.retries) == ("hello", 1)
        assert naps.taken == [0.25]
        assert server.bodies[0] == server.bodies[1]

    async def test_retries_end_and_the_error_says_how_many_there_were(self) -> None:
        async with served(failing(503, "busy"), retries=2) as (client, server):
            error = await failure(client)
        assert len(server.requests) == 3
        assert (error.retries, error.status, error.retryable) == (2, 503, True)
        assert error.reason is Reason.PROVIDER_ERROR
        assert str(error) == "'test/model' answered with an error (HTTP 503): busy"

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
    async def test_what_cannot_get_better_is_asked_once(self, status: int) -> None:
        async with served(failing(status)) as (client, server):
            error = await failure(client)
        assert len(server.requests) == 1
        assert (error.retryable, error.retries, error.status) == (False, 0, status)

    async def test_a_429_without_retry_after_waits_like_any_failure(self) -> None:
        naps = Naps()
        async with served(failing(429), good(), sleep=naps) as (client, _):
            assert (await client.complete(ask())).retries == 1
        assert naps.taken == [0.25]

    @pytest.mark.parametrize("header", ["3", "Mon, 23 Nov 2026 12:00:03 GMT"])
    async def test_a_429_waits_as_long_as_retry_after_says(self, header: str) -> None:
        naps = Naps()
        async with served(failing(429, headers={"Retry-After": header}), good(), sleep=naps) as (client, _):
            assert (await client.complete(ask())).retries == 1
        assert naps.taken == [3.0]

    async def test_a_retry_after_beyond_the_time_left_is_given_up_at_once(self) -> None:
        naps = Naps()
        async with served(failing(429, headers={"retry-after": "30"}), sleep=naps, timeout="20s") as (client, server):
            error = await failure(client)
        assert (len(server.requests), naps.taken) == (1, [])
        assert (error.reason, error.retryable) == (Reason.RATE_LIMITED, True)
        assert error.retry_after == timedelta(seconds=30)

    async def test_a_200_with_an_inner_429_is_asked_again(self) -> None:
        error = Play({"error": {"code": 429, "message": "slow"}, "choices": None})
        async with served(error, good()) as (client, server):
            assert (await client.complete(ask())).retries == 1
        assert len(server.requests) == 2

    async def test_a_refused_connection_is_tried_again_and_then_told(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        async with made(f"http://127.0.0.1:{port}/v1", retries=1) as client:
            error = await failure(client)
        assert (error.reason, error.retryable, error.status, error.retries) == (Reason.PROVIDER_ERROR, True, None, 1)
        assert "'test/model': the connection failed" in str(error)
        assert not error.may_be_billed

    @pytest.mark.parametrize(
        ("fault", "billed"),
        [
            (Play(cut=-1), True),
            (Play(completion(), cut=40), True),
            (failing(500, "oops"), False),
            (Play(b"<html>"), True),
        ],
        ids=["before the headers", "mid-body", "status 500", "200 without sense"],
    )
    async def test_what_may_have_been_worked_on_may_be_billed(self, fault: Play, billed: bool) -> None:
        async with served(fault, fault) as (client, _):
            assert (await failure(client)).may_be_billed is billed

    @pytest.mark.parametrize(
        "fault",
        [Play(cut=-1), Play(completion(), cut=40), Play(completion(), claimed_length=9_999, cut=10_000)],
        ids=["before the headers", "mid-body", "wrong content-length"],
    )
    async def test_a_connection_that_breaks_is_tried_again(self, fault: Play) -> None:
        async with served(fault, good()) as (client, server):
            assert (await client.complete(ask())).retries == 1
        assert len(server.requests) == 2

    async def test_calls_and_retries_add_up_to_the_requests_the_server_saw(self) -> None:
        faults = [failing(500), failing(429), Play(cut=-1), Play(completion(), cut=20), failing(400), Play("{")]
        script = [play for fault in faults for play in (good(), fault, good())] * 4
        counts: list[int] = []
        async with served(*script, good(), max_concurrency=8) as (client, server):

            async def one() -> None:
                try:
                    counts.append((await client.complete(ask())).retries + 1)
                except ProviderError as error:
                    counts.append(error.retries + 1)

            async with anyio.create_task_group() as group:
                for _ in range(60):
                    group.start_soon(one)
        assert len(counts) == 60
        assert sum(counts) == len(server.requests)

    async def test_a_connection_closed_between_two_calls_is_replaced(self) -> None:
        async with served(Play(completion(), cut=10_000)) as (client, server):
            for _ in range(3):
                assert (await client.complete(ask())).content == "hello"
        assert server.connections == 3

    async def test_a_server_that_speaks_no_tls_is_a_provider_error(self) -> None:
        with FaultServer() as server:
            async with made(server.url.replace("http:", "https:"), retries=0) as client:
                error = await failure(client)
        assert (error.reason, error.status) == (Reason.PROVIDER_ERROR, None)

    async def test_a_certificate_that_nobody_signed_is_not_tried_again_and_nothing_is_sent_to_it(
        self, tmp_path: Path
    ) -> None:
        openssl = shutil.which("openssl")
        if openssl is None:
            pytest.skip("no openssl to make a certificate with")
        made_by = (openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        files = ("-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert"))
        subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
        subprocess.run([*made_by, *files, *subject], check=True, capture_output=True)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(tmp_path / "cert", tmp_path / "key")
        with FaultServer(tls=tls) as server:
            async with made(server.url, retries=2) as client:
                error = await failure(client)
        assert (error.reason, error.retryable, error.retries) == (Reason.PROVIDER_ERROR, False, 0)
        assert not error.may_be_billed
        assert "certificate verify failed" in str(error)
        assert server.requests == []

    async def test_a_reply_that_is_not_http_is_not_quoted(self) -> None:
        async with served(Play(completion("a secret"), claimed_length=30), retries=0) as (client, _):
            assert "secret" not in str(await failure(client))

    async def test_a_content_length_too_short_is_a_provider_error(self) -> None:
        async with served(Play(completion(), claimed_length=30)) as (client, _):
            assert (await failure(client)).reason is Reason.PROVIDER_ERROR

    @pytest.mark.parametrize(
        "fault",
        [
            Play(json.dumps(completion())[:-30]),
            Play("<html><body>Welcome", headers={"content-type": "text/html"}),
            Play(b'{"choices": "\xc3\x28"}'),
            Play({"choices": None}),
        ],
        ids=["truncated json", "html", "invalid utf-8", "choices null"],
    )
    async def test_a_200_that_makes_no_sense_fails_without_paying_twice(self, fault: Play) -> None:
        async with served(fault) as (client, server):
            error = await failure(client)
        assert len(server.requests) == 1
        assert (error.reason, error.status) == (Reason.PROVIDER_ERROR, 200)


LATE = 10.0
"""Seconds: what these servers would take is far more, what a busy machine adds is less."""


class TestTime:
    async def test_a_hang_before_the_headers_is_a_timeout_that_is_not_repeated(self) -> None:
        async with served(Play(delay=30), timeout="300ms") as (client, server):
            error, seconds = await timed_failure(client)
        assert 0.25 < seconds < LATE
        assert (error.reason, error.retryable, error.retries) == (Reason.TIMEOUT, True, 0)
        assert str(error) == "no answer from 'test/model' within 0.3 s"
        assert len(server.requests) == 1

    async def test_a_trickle_of_bytes_does_not_outlive_the_deadline(self) -> None:
        async with served(Play(completion(), trickle=0.2)) as (client, _):
            error, seconds = await timed_failure(client, ask(timeout=timedelta(seconds=0.5)))
        assert 0.45 < seconds < LATE
        assert error.reason is Reason.TIMEOUT

    async def test_a_trickled_error_does_not_outlive_the_deadline(self) -> None:
        async with served(Play("x" * 1000, status=500, trickle=0.05)) as (client, _):
            error, seconds = await timed_failure(client, ask(timeout=timedelta(seconds=0.3)))
        assert seconds < LATE
        assert error.reason is Reason.TIMEOUT

    async def test_the_deadline_spans_the_retries(self) -> None:
        async with served(failing(500), Play(delay=30), timeout="400ms") as (client, server):
            error, seconds = await timed_failure(client)
        assert seconds < LATE
        assert (error.reason, error.retries, len(server.requests)) == (Reason.TIMEOUT, 1, 2)

    async def test_the_shorter_of_both_timeouts_holds(self) -> None:
        async with served(Play(delay=30), timeout="200ms") as (client, _):
            _, seconds = await timed_failure(client, ask(timeout=timedelta(seconds=20)))
        assert seconds < LATE

    async def test_after_a_timeout_the_next_call_gets_its_own_answer(self) -> None:
        async with served(Play(completion("late"), delay=0.4), good("new"), timeout="200ms") as (client, server):
            await failure(client)
            assert (await client.complete(ask())).content == "new"
        assert server.connections == 2

    async def test_waiting_for_a_free_place_is_not_the_providers_slowness(self) -> None:
        async with served(Play(completion(), delay=0.2), max_concurrency=1, timeout="350ms") as (client, _):
            answers = await together(client, 3)
        assert [answer.content for answer in answers] == ["hello"] * 3

    async def test_a_caller_who_goes_away_is_not_turned_into_an_error(self) -> None:
        async with served(Play(delay=30), good()) as (client, _):
            with anyio.move_on_after(0.1) as scope:
                await client.complete(ask())
            assert scope.cancelled_caught
            assert (await client.complete(ask())).content == "hello"


class TestDefences:
    async def test_a_huge_body_is_given_up_on(self) -> None:
        async with served(Play(b"x" * 2**20, times=400)) as (client, server):
            error = await failure(client)
        assert "larger than 32 MiB" in str(error)
        assert (error.reason, error.retryable, len(server.requests)) == (Reason.PROVIDER_ERROR, False, 1)

    async def test_a_huge_error_is_read_no_further_than_its_beginning(self) -> None:
        async with served(Play(b"oh no " * 2**18, status=400, times=400)) as (client, _):
            error, seconds = await timed_failure(client)
        assert error.status == 400
        assert "oh no" in str(error)
        assert len(str(error)) < 400
        assert seconds < LATE

    async def test_a_redirect_is_not_followed_and_names_its_host(self) -> None:
        def loop(_: Mapping[str, Any]) -> Play:
            return Play(status=307, headers={"Location": "http://elsewhere.example:81/v1?secret=1"})

        async with served(loop) as (client, server):
            error = await failure(client)
        assert len(server.requests) == 1
        assert (error.status, error.retryable) == (307, False)
        assert "'elsewhere.example'" in str(error)
        assert "set providers.test.base_url" in str(error)

    @pytest.mark.parametrize("location", [None, "/v2/chat", "http://[broken"])
    def test_a_redirect_to_nowhere_is_told_as_well(self, location: str | None) -> None:
        trouble = complaint(Reply(302, b"", location=location), SPEAKER, NOW)
        assert "redirects to another path (HTTP 302)" in trouble.message

    async def test_a_wrong_key_names_provider_and_variable_and_is_never_shown(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        monkeypatch.setenv("TEST_KEY", f"{KEY}\n")
        with FaultServer(failing(401, f"Incorrect API key provided: {KEY}", code="invalid_api_key")) as server:
            client = OpenAIClient({"test": Provider(base_url=server.url, api_key_env="TEST_KEY")})
            error = await failure(client)
            await client.aclose()
        assert str(error) == (
            "'test' refused the key (HTTP 401); check the environment variable 'TEST_KEY':"
            " Incorrect API key provided: [key]"
        )
        assert (error.reason, error.retryable) == (Reason.PROVIDER_ERROR, False)
        shown = "".join(traceback.format_exception(error)) + caplog.text + repr(client) + repr(error)
        assert KEY not in shown
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"

    async def test_the_organisation_in_the_environment_is_not_told_to_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
        monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
        async with served() as (client, server):
            await client.complete(ask())
        assert not {"openai-organization", "openai-project"} & server.requests[0].headers.keys()

    async def test_the_concurrency_limit_is_never_exceeded(self) -> None:
        async with served(Play(completion(), delay=0.02), max_concurrency=3) as (client, server):
            answers = await together(client, 20)
        assert len(answers) == 20
        assert server.most_at_once == 3
        assert server.connections <= 3

    async def test_sequential_calls_share_one_connection(self) -> None:
        async with served(good(), failing(500), good()) as (client, server):
            for _ in range(5):
                await client.complete(ask())
        assert (len(server.requests), server.connections) == (6, 1)


class TestDialects:
    @pytest.mark.parametrize(
        ("status", "message"),
        [
            (400, "This response_format type is unavailable now"),
            (400, "'response_format.type' must be 'text', json_schema is not supported"),
            (422, "Extra inputs are not permitted"),
            (400, "Unrecognized request argument supplied"),
        ],
    )
    async def test_a_refused_response_format_is_stepped_down_to_nothing(self, status: int, message: str) -> None:
        async with served(refusing("response_format", message, status=status)) as (client, server):
            first = await client.complete(ask(response_schema=SCHEMA))
            second = await client.complete(ask(response_schema=SCHEMA))
        formats = [body.get("response_format", {}).get("type") for body in server.bodies]
        assert formats == ["json_schema", "json_object", None, None]
        assert (first.retries, second.retries) == (2, 0)

    async def test_json_object_is_kept_where_it_is_enough(self) -> None:
        def only_objects(body: Mapping[str, Any]) -> Play:
            return failing(400, "json_schema unknown") if "json_schema" in json.dumps(body) else good()

        async with served(only_objects) as (client, server):
            await client.complete(ask(response_schema=SCHEMA))
            await client.complete(ask(response_schema=SCHEMA))
        assert [body["response_format"]["type"] for body in server.bodies[1:]] == ["json_object"] * 2

    async def test_what_one_model_refuses_another_is_still_asked_for(self) -> None:
        def one_refuses(body: Mapping[str, Any]) -> Play:
            picky = body["model"] == "picky" and "response_format" in body
            return failing(400, "no response_format") if picky else good()

        async with served(one_refuses) as (client, server):
            await client.complete(ask(model="picky", response_schema=SCHEMA))
            await client.complete(ask(model="other", response_schema=SCHEMA))
        assert server.bodies[-1]["response_format"]["type"] == "json_schema"

    @pytest.mark.parametrize(
        ("provider", "first", "second"),
        [("test", "max_tokens", "max_completion_tokens"), ("openai", "max_completion_tokens", "max_tokens")],
    )
    async def test_the_token_field_is_learned(self, provider: str, first: str, second: str) -> None:
        message = f"Unsupported parameter: '{first}' is not supported with this model. Use '{second}' instead."
        async with served(refusing(first, message), name=provider) as (client, server):
            for _ in range(2):
                await client.complete(ask(provider=provider, max_output_tokens=9))
        assert [(body.get(first), body.get(second)) for body in server.bodies] == [(9, None), (None, 9), (None, 9)]

    async def test_a_strict_server_that_names_the_field_in_its_location_is_understood(self) -> None:
        def strict(body: Mapping[str, Any]) -> Play:
            error = {"type": "extra_forbidden", "loc": ["body", "max_tokens"], "msg": "Extra inputs are not permitted"}
            return Play({"detail": [error]}, status=422) if "max_tokens" in body else good()

        async with served(strict) as (client, server):
            await client.complete(ask(max_output_tokens=9, response_schema=SCHEMA))
        assert server.bodies[1]["max_completion_tokens"] == 9
        assert "response_format" in server.bodies[1]

    async def test_a_refused_temperature_is_dropped(self) -> None:
        message = "Unsupported value: 'temperature' does not support 0 with this model."
        async with served(refusing("temperature", message)) as (client, server):
            assert (await client.complete(ask(temperature=0.0))).retries == 1
            assert (await client.complete(ask(temperature=0.0))).retries == 0
        assert ["temperature" in body for body in server.bodies] == [True, False, False]

    async def test_five_steps_a_call_are_enough(self) -> None:
        fields = ("temperature", "top_p", "seed", "max_tokens", "response_format")

        def refuses_all(body: Mapping[str, Any]) -> Play:
            refused = next((field for field in fields if field in body), None)
            return good() if refused is None else failing(400, f"unsupported parameter: '{refused}'")

        async with served(refuses_all) as (client, server):
            parameters = {"temperature": 0.0, "top_p": 1, "seed": 3}
            error = await failure(client, ask(parameters=parameters, max_output_tokens=9, response_schema=SCHEMA))
            assert (error.status, error.retries, len(server.requests)) == (400, 5, 6)

    async def test_a_refusal_that_is_not_about_wording_teaches_nothing(self) -> None:
        async with served(failing(400, "temperature must be between 0 and 2"), failing(400), good()) as (
            client,
            server,
        ):
            for _ in range(2):
                await failure(client, ask(temperature=9.0, response_schema=SCHEMA))
            await client.complete(ask(temperature=0.5, response_schema=SCHEMA))
        assert len(server.requests) == 3
        assert server.bodies[2]["temperature"] == 0.5
        assert server.bodies[2]["response_format"]["type"] == "json_schema"

    async def test_an_unknown_field_of_the_users_own_is_not_blamed_on_the_response_format(self) -> None:
        message = "Unknown parameter: 'reasoning_effort'."
        async with served(failing(400, message)) as (client, server):
            error = await failure(client, ask(response_schema=SCHEMA, parameters={"reasoning_effort": "low"}))
        assert len(server.requests) == 1
        assert "reasoning_effort" in str(error)


class TestLife:
    @pytest.mark.parametrize("value", [None, "", "  "])
    def test_a_missing_key_is_found_before_any_request(
        self, value: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        if value is not None:
            monkeypatch.setenv("OPENAI_API_KEY", value)
        provider = Provider(base_url="https://api.openai.com/v1", api_key_env="OPENAI_API_KEY")
        with pytest.raises(ConfigError) as caught:
            OpenAIClient({"openai": provider})
        assert str(caught.value) == (
            "providers.openai.api_key_env: the environment variable 'OPENAI_API_KEY' is not set"
        )

    def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(self) -> None:
        with pytest.raises(ConfigError) as caught:
            OpenAIClient({"test": Provider(base_url="http://x")}, keys={"test": "sk-a\nb"})
        assert str(caught.value) == "keys.test: the key for 'test' holds characters that no key has"

    async def test_a_server_without_keys_gets_a_placeholder(self) -> None:
        with FaultServer(failing(500, "none of that")) as server:
            client = OpenAIClient({"test": Provider(base_url=server.url, retries=0)})
            error = await failure(client)
            await client.aclose()
        assert server.requests[0].headers["authorization"] == "Bearer none"
        assert "none of that" in str(error)

    async def test_an_unknown_provider_is_named(self) -> None:
        async with made("http://127.0.0.1:9/v1") as client:
            with pytest.raises(ConfigError, match="no provider 'tset'; there are: test"):
                await client.complete(ask(provider="tset"))

    async def test_a_closed_client_says_so(self) -> None:
        async with served() as (client, server):
            await client.complete(ask())
            await client.aclose()
            await client.aclose()
            with pytest.raises(ConfigError, match="closed"):
                await client.complete(ask())
        assert len(server.requests) == 1

    def test_a_second_event_loop_is_refused_clearly(self, anyio_backend_name: str) -> None:
        with FaultServer() as server:
            client = OpenAIClient({"test": Provider(base_url=server.url)}, keys={"test": KEY})

            async def once() -> Completion:
                return await client.complete(ask())

            async def once_and_close() -> Completion:
                answer = await once()
                await client._endpoints["test"].aclose()
                return answer

            assert anyio.run(once_and_close, backend=anyio_backend_name).content == "hello"
            with pytest.raises(ConfigError, match="another event loop"):
                anyio.run(once, backend=anyio_backend_name)

    async def test_calls_that_come_together_share_the_first_ones_pool(self) -> None:
        async with served(good(), max_concurrency=1) as (client, server):
            answers = await together(client, 5)
        assert len(answers) == 5
        assert server.connections == 1

    async def test_a_call_left_behind_by_aclose_gets_an_error_of_ours(self) -> None:
        async with served(Play(completion(), delay=0.2), max_concurrency=1) as (client, _):
            errors: list[ProviderError] = []

            async def one() -> None:
                errors.append(await failure(client))

            async with anyio.create_task_group() as group:
                group.start_soon(one)
                group.start_soon(one)
                await anyio.sleep(0.1)
                await client.aclose()
        assert [error.reason for error in errors] == [Reason.PROVIDER_ERROR] * 2

    @pytest.mark.parametrize("url", ["http://:80/v1", "http://x:99999/v1", "http://[::1/v1", "http://x/v1?key=1"])
    def test_an_address_that_cannot_work_is_found_before_any_request(self, url: str) -> None:
        with pytest.raises(ConfigError) as caught:
            OpenAIClient({"test": Provider(base_url=url)})
        assert str(caught.value) == ("providers.test.base_url: not an address such as 'https://api.openai.com/v1'")
