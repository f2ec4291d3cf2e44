"""Answers that are heard while they come in: what is read of a stream, and what the client does with one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import anyio
import anyio.to_thread
import pytest
from asking import KEY, NOW, Ear, Naps, ask, failure, refusing, served
from fault_server import DONE, FaultServer, Play, completion, ending, event, failing, good, streaming
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.client import CompletionRequest, Progress, delta_of
from qualityroute.config import Provider
from qualityroute.openai_client import OpenAIClient, call, connection
from qualityroute.openai_client.assembly import Assembly
from qualityroute.openai_client.bodies import CHAT
from qualityroute.openai_client.complaints import Speaker
from qualityroute.openai_client.connection import Connection, Incoming
from qualityroute.openai_client.reading import Reading
from qualityroute.openai_client.replies import understand
from qualityroute.openai_client.streams import Event, EventReader, events
from qualityroute.openai_client.thoughts import AnswerAhead, without_thinking
from qualityroute.openai_client.transports import runs_asyncio
from qualityroute.openai_client.trouble import Reply, Trouble
from qualityroute.records import Completion, Reason, ToolCall, Usage

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_loopback")]

SPEAKER = Speaker("test/model", "test", "the environment variable 'TEST_KEY'", KEY)
WEATHER = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}


def arguments(text: str, index: Any = 0) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, "function": {"arguments": text}}]}


def cut(content: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(content) + 1) for place in places}), len(content)]
    return [content[start:end] for start, end in pairwise(edges)]


def read(pieces: Iterable[bytes]) -> tuple[list[Mapping[str, Any]], Completion | Trouble]:
    """What is heard of a stream, and what it is at its end."""
    reading = Reading(SPEAKER, NOW, 100)
    heard = [delta for piece in pieces for delta in reading.take(piece)]
    return [*heard, *reading.rest()], reading.outcome()


def put_together(deltas: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """As any client of OpenAI's streams does it."""
    whole: dict[str, Any] = {}
    for delta in deltas:
        for name in ("content", "refusal"):
            if name in delta:
                whole[name] = whole.get(name, "") + delta[name]
        for piece in delta.get("tool_calls", ()):
            calls = whole.setdefault("tool_calls", [])
            if piece["index"] == len(calls):
                calls.append({"index": piece["index"], "id": piece["id"], "type": piece["type"], "function": {}})
            function = calls[piece["index"]]["function"]
            for name, text in piece["function"].items():
                function[name] = function.get(name, "") + text
    return whole


class TestEvents:
    @given(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=8), max_size=6),
        st.sampled_from(["\n", "\r\n", "\r"]),
        st.lists(st.integers(0, 500), max_size=12),
        st.booleans(),
    )
    def test_events_are_the_same_however_their_bytes_are_cut(
        self, texts: list[str], end: str, places: list[int], bom: bool
    ) -> None:
        lines = [f"event: e{end}: comment{end}data:{text}{end}id: 3{end}data: b{end}{end}" for text in texts]
        content = ("\ufeff" * bom + "".join(lines)).encode()
        reader = EventReader()
        found = [event for piece in cut(content, places) for event in reader.take(piece)]
        assert found + reader.rest() == [
            Event(text.removeprefix(" ").encode() + b"\nb", b"e") for text in texts
        ]  # fmt: skip

    def test_an_event_is_told_as_soon_as_its_line_ends(self) -> None:
        reader = EventReader()
        assert reader.take(b"data: 1\r\n\r") == [Event(b"1")]
        assert reader.take(b"\ndata: 2\n\n") == [Event(b"2")]
        assert reader.take(b"") == reader.rest() == []

    def test_an_event_that_no_empty_line_ends_is_the_last_one(self) -> None:
        assert events(b'data: {"a": 1}\n\ndata: {"b":\ndata: 2}') == [{"a": 1}, {"b": 2}]

    @given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
    def test_no_bytes_make_it_fail_and_no_cut_makes_a_difference(self, content: bytes, places: list[int]) -> None:
        whole, apart = EventReader(), EventReader()
        expected = whole.take(content) + whole.rest()
        assert [found for piece in cut(content, places) for found in apart.take(piece)] + apart.rest() == expected


class TestThoughts:
    @given(
        st.lists(
            st.sampled_from(["<think>", "</think>", "<thinking>", "</thinking>", "<th", "ink>", " ", "\n", "a", "</"])
        ),
        st.lists(st.integers(0, 80), max_size=10),
    )
    def test_what_is_heard_is_the_answer_behind_its_thoughts(self, words: list[str], places: list[int]) -> None:
        text = "".join(words)
        ahead = AnswerAhead()
        heard = "".join(ahead.take(piece.decode()) for piece in cut(text.encode(), places)) + ahead.rest()
        expected = without_thinking(text)
        begins_within = heard != expected and heard.endswith(expected) and "</think" in heard
        assert heard == expected or (not heard and not expected.strip()) or begins_within

    @pytest.mark.parametrize("begins", ["", " \n", "<thinking>one</thinking>\n"])
    def test_a_thoughts_end_is_found_however_it_is_cut(self, begins: str) -> None:
        text = f"{begins}<think>two</think>\nanswer"
        for first in range(len(text)):
            for second in range(first, len(text)):
                ahead = AnswerAhead()
                pieces = (text[:first], text[first:second], text[second:])
                assert "".join(map(ahead.take, pieces)) + ahead.rest() == "answer"

    def test_an_answer_without_thoughts_is_not_held_back(self) -> None:
        ahead = AnswerAhead()
        assert [ahead.take(text) for text in ("", " ", "<", "b> <think>", "no")] == ["", "", "", " <b> <think>", "no"]

    def test_a_thought_that_never_ends_is_never_heard(self) -> None:
        ahead = AnswerAhead()
        assert [*(ahead.take(text) for text in ("<think>", "hm", "</thi")), ahead.rest()] == [""] * 4

    def test_a_long_blank_beginning_takes_no_time_that_grows_with_its_square(self) -> None:
        ahead = AnswerAhead()
        for _ in range(20_000):
            assert ahead.take(" " * 100) == ""
        assert len(ahead.take("x")) == 2_000_001


text = st.text(st.sampled_from("ab é😀\n"), min_size=1, max_size=6)
call_pieces = st.lists(text, max_size=3)
messages = st.fixed_dictionaries(
    {
        "content": st.lists(text, max_size=4),
        "refusal": st.lists(text, max_size=2),
        "reasoning_content": st.lists(text, max_size=2),
        "tool_calls": st.lists(call_pieces, max_size=3),
    }
)


class TestAssembly:
    @given(messages, st.lists(st.integers(0, 5_000), max_size=20), st.sampled_from(["stop", "length", "tool_use"]))
    def test_a_stream_comes_to_the_same_as_the_plain_answer_and_is_heard_as_that(
        self, message: dict[str, Any], places: list[int], finish: str
    ) -> None:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        plain: dict[str, Any] = {"role": "assistant", "content": "".join(message["content"]) or None}
        for name in ("reasoning_content", "content", "refusal"):
            deltas += [{name: piece} for piece in message[name]]
            if message[name]:
                plain[name] = "".join(message[name])
        for index, pieces in enumerate(message["tool_calls"]):
            function = {"name": f"f{index}", "arguments": ""}
            deltas.append(
                {"tool_calls": [{"index": index, "id": str(index), "type": "function", "function": function}]}
            )
            deltas += [arguments(piece, index) for piece in pieces]
            whole = {"id": str(index), "type": "function", "function": function | {"arguments": "".join(pieces)}}
            plain.setdefault("tool_calls", []).append(whole)
        body = completion()
        body["choices"][0] |= {"message": plain, "finish_reason": finish}
        content = b"".join([*(event(delta) for delta in deltas), *ending(finish)])
        heard, outcome = read(cut(content, places))
        expected = understand(Reply(200, json.dumps(body).encode()), SPEAKER, NOW)
        assert outcome == expected
        assert isinstance(expected, Completion)
        whole_delta = delta_of(expected)
        if not (expected.content or "").strip():  # a text that is blank to its end is not heard
            whole_delta.pop("content", None)
        assert put_together(heard) == whole_delta

    @given(st.recursive(st.none() | st.booleans() | st.integers(0, 2) | text, _json := lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "delta", "message", "content", "tool_calls", "index", "id", "function", "name", "arguments",
                 "finish_reason", "error", "usage", "logprobs", "refusal", "text", "type"]
            ), inner, max_size=5,
        )
    ), max_leaves=30))  # fmt: skip
    def test_any_json_is_an_answer_or_a_trouble_but_never_a_crash(self, value: Any) -> None:
        chunk = f"data: {json.dumps({'choices': [{'delta': value}], 'x': value})}\n\ndata: {json.dumps(value)}\n\n"
        _, outcome = read([chunk.encode(), *ending()])
        assert isinstance(outcome, Completion | Trouble)

    def test_parallel_calls_without_numbers_of_their_own_are_told_apart(self) -> None:
        """As Gemini sends them: each whole, all with the number 0, or with none."""
        for number in ({"index": 0}, {}):
            calls = [
                {**number, "id": name, "type": "function", "function": {"name": name, "arguments": '{"a": 1}'}}
                for name in ("one", "two")
            ]
            heard, outcome = read([*(event({"tool_calls": [call]}) for call in calls), *ending()])
            assert isinstance(outcome, Completion)
            assert outcome.tool_calls == (ToolCall("one", "one", '{"a": 1}'), ToolCall("two", "two", '{"a": 1}'))
            assert [delta["tool_calls"][0]["index"] for delta in heard] == [0, 1]

    def test_a_call_whose_every_piece_has_a_new_id_is_one_call(self) -> None:
        """As older vLLM sends them."""
        pieces = [{"tool_calls": [{"index": 0, "id": f"id{n}", "function": {"arguments": "[]"[n]}}]} for n in (0, 1)]
        heard, outcome = read([event({"tool_calls": [WEATHER]}), *(event(piece) for piece in pieces), *ending()])
        assert isinstance(outcome, Completion)
        assert outcome.tool_calls == (ToolCall("call_1", "weather", "[]"),)
        assert ["id" in delta["tool_calls"][0] for delta in heard] == [True, False, False]

    def test_arguments_that_come_parsed_or_not_at_all_are_json(self) -> None:
        parsed = {"index": 1, "id": "b", "function": {"name": "f", "arguments": {"a": 1}}}
        heard, outcome = read([event({"tool_calls": [WEATHER, parsed]}), *ending()])
        assert isinstance(outcome, Completion)
        assert [call.arguments for call in outcome.tool_calls] == ["{}", '{"a": 1}']
        assert heard[-1] == {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}

    def test_what_a_server_adds_to_a_call_is_passed_on(self) -> None:
        signed = WEATHER | {"extra_content": {"google": {"thought_signature": "s"}}}
        heard, outcome = read([event({"tool_calls": [signed]}), *ending()])
        assert isinstance(outcome, Completion)
        assert outcome.raw is not None
        assert heard[0]["tool_calls"][0]["extra_content"] == signed["extra_content"]
        assert outcome.raw["choices"][0]["message"]["tool_calls"][0]["extra_content"] == signed["extra_content"]

    def test_content_parts_are_heard_as_text_without_the_thoughts(self) -> None:
        thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
        parts = [thought, {"type": "text", "text": "yes"}, {"type": "refusal", "refusal": "no"}]
        heard, outcome = read([event({"content": parts}), *ending()])
        assert heard == [{"content": "yes", "refusal": "no"}]
        assert isinstance(outcome, Completion)
        assert (outcome.content, outcome.refusal) == ("yes", "no")

    def test_only_the_first_choice_is_heard(self) -> None:
        other = json.dumps({"choices": [{"index": 1, "delta": {"content": "other"}}]})
        heard, outcome = read([event({"content": "one"}), f"data: {other}\n\n".encode(), *ending()])
        assert heard == [{"content": "one"}]
        assert isinstance(outcome, Completion)
        assert outcome.content == "one"

    def test_log_probabilities_are_put_together(self) -> None:
        assembly = Assembly()
        for token in ("a", "b"):
            choice = {"delta": {"content": token}, "logprobs": {"content": [{"token": token}], "refusal": None}}
            assembly.add({"choices": [choice]})
        assert assembly.body()["choices"][0]["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}]}

    def test_an_answer_in_one_event_is_understood(self) -> None:
        heard, outcome = read([b"data: " + json.dumps(completion("whole")).encode() + b"\n\n", DONE])
        assert heard == [{"content": "whole"}]
        assert isinstance(outcome, Completion)
        assert outcome.content == "whole"


class TestReading:
    def test_a_plain_body_is_understood_however_it_is_cut(self) -> None:
        content = json.dumps(completion("pläin"), indent=1, ensure_ascii=False).encode()
        for size in (1, 7, 1_000):
            heard, outcome = read(content[start : start + size] for start in range(0, len(content), size))
            assert heard == []
            assert isinstance(outcome, Completion)
            assert outcome.content == "pläin"

    def test_a_stream_may_end_without_done_where_the_model_has_said_that_it_is_done(self) -> None:
        _, outcome = read([event({"content": "a"}, "stop")])
        assert isinstance(outcome, Completion)

    def test_a_stream_may_end_without_a_finish_reason_where_it_says_done(self) -> None:
        _, outcome = read([event({"content": "a"}), DONE])
        assert isinstance(outcome, Completion)
        assert outcome.finish_reason == "stop"

    def test_a_stream_that_just_ends_was_broken_off(self) -> None:
        heard, outcome = read([event({"content": "a"}), b'data: {"choices": [{"del'])
        assert heard == [{"content": "a"}]
        assert isinstance(outcome, Trouble)

    @pytest.mark.parametrize("noise", [b": ping\n\n", b"data: ping\n\n", b"retry: 5\n\n", b"data: []\n\n",
                                       b'data: {"choices": null}\n\n', b'data: {"choices": []}\n\n'])  # fmt: skip
    def test_signs_of_life_are_no_part_of_the_answer(self, noise: bytes) -> None:
        heard, outcome = read([noise, event({"content": "a"}), noise, event({"content": "b"}), *ending(), noise])
        assert put_together(heard) == {"content": "ab"}
        assert isinstance(outcome, Completion)
        assert outcome.usage == Usage(11, output_tokens=7)

    @pytest.mark.parametrize(
        ("said", "status", "reason"),
        [
            (b'data: {"error": {"message": "slow", "code": 429}}', 429, Reason.RATE_LIMITED),
            (b'event: error\ndata: {"message": "slow", "code": "rate_limit"}', 429, Reason.RATE_LIMITED),
            (b'data: {"object": "error", "message": "died", "code": 500}', 500, Reason.PROVIDER_ERROR),
            (b'data: {"choices": [{"delta": {}, "error": {"code": 502}}]}', 502, Reason.PROVIDER_ERROR),
        ],
    )
    def test_an_error_inside_a_stream_counts_as_its_inner_code(self, said: bytes, status: int, reason: Reason) -> None:
        heard, outcome = read([event({"content": "a"}), said + b"\n\n", *ending()])
        assert heard == [{"content": "a"}]
        assert isinstance(outcome, Trouble)
        assert (outcome.status, outcome.reason) == (status, reason)

    @pytest.mark.parametrize("broken", [b'data: {"choices": [}\n\n', b'data: {"a": "\xc3\x28"}\n\n'])
    def test_a_chunk_that_cannot_be_read_is_trouble_and_not_a_hole_in_the_answer(self, broken: bytes) -> None:
        heard, outcome = read([event({"content": "a"}), broken, event({"content": "b"}), *ending()])
        assert heard == [{"content": "a"}]
        assert isinstance(outcome, Trouble)


class TestHeard:
    async def test_an_answer_is_heard_piece_by_piece_and_returned_whole(self) -> None:
        ear = Ear()
        async with served(streaming("Hel", "", "lo")) as (client, server):
            answer = await client.complete(ask(hear=ear))
        assert ear.heard == [{"content": "Hel"}, {"content": "lo"}]
        assert (answer.content, answer.finish_reason, answer.model) == ("Hello", "stop", "served-model")
        assert answer.usage == Usage(11, output_tokens=7)
        assert server.bodies[0]["stream"] is True
        assert server.bodies[0]["stream_options"] == {"include_usage": True}

    async def test_a_call_that_nobody_hears_does_not_stream(self) -> None:
        async with served() as (client, server):
            await client.complete(ask(parameters={"stream": True, "stream_options": {"include_usage": True}}))
        assert not {"stream", "stream_options"} & server.bodies[0].keys()

    async def test_a_piece_is_heard_before_the_next_one_is_sent(self) -> None:
        heard_first = anyio.Event()

        async def hear(delta: Mapping[str, Any]) -> None:
            heard_first.set()

        async with served(streaming("first", then="hang")) as (client, _), anyio.create_task_group() as group:
            group.start_soon(client.complete, ask(hear=hear))
            with anyio.fail_after(10):
                await heard_first.wait()
            group.cancel_scope.cancel()

    async def test_thoughts_are_never_heard(self) -> None:
        ear = Ear()
        deltas = ({"reasoning_content": "hm"}, {"content": None, "reasoning": "hm"}, "<thi", "nk>hm</think>\n", "yes")
        async with served(streaming(*deltas)) as (client, _):
            answer = await client.complete(ask(hear=ear))
        assert (ear.heard, answer.content) == ([{"content": "yes"}], "yes")

    async def test_tool_calls_are_heard_and_put_together(self) -> None:
        ear = Ear()
        deltas = ({"tool_calls": [WEATHER]}, arguments('{"city":'), arguments('"Ulm"}'))
        async with served(streaming(*deltas)) as (client, _):
            answer = await client.complete(ask(hear=ear, tools=({"type": "function"},)))
        assert answer.tool_calls == (ToolCall("call_1", "weather", '{"city":"Ulm"}'),)
        assert ear.heard == list(deltas)

    async def test_usage_that_never_comes_is_estimated_and_marked(self) -> None:
        async with served(Play(pieces=(event({"content": "a" * 40}), event({}, "stop"), DONE))) as (client, server):
            answer = await client.complete(ask(hear=Ear()))
        sent = len(server.requests[0].content)
        assert answer.usage == Usage(-(-sent // 4), output_tokens=10, estimated=True)

    async def test_a_slow_listener_slows_the_reading(self) -> None:
        sent: list[int] = []

        async def hear(delta: Mapping[str, Any]) -> None:
            if not sent:
                await anyio.sleep(0.1)
                sent.append(server.pieces_sent)

        many = (event({"content": "x" * 100_000}),) * 200
        async with served(Play(pieces=(*many, *ending()))) as (client, server):
            answer = await client.complete(ask(hear=hear))
        assert len(answer.content or "") == 20_000_000
        assert sent[0] < 200

    async def test_the_time_of_a_listener_is_not_the_providers(self) -> None:
        ends: list[float] = []

        async def hear(delta: Mapping[str, Any]) -> None:
            ends.append(anyio.current_effective_deadline())

        async with served(streaming("a", "b"), good("whole")) as (client, _):
            for _ in range(2):
                await client.complete(ask(hear=hear))
        assert ends == [math.inf] * 3

    async def test_a_connection_is_used_again_after_a_stream(self) -> None:
        async with served(streaming("a"), streaming("b"), good()) as (client, server):
            for _ in range(2):
                await client.complete(ask(hear=Ear()))
            await client.complete(ask())
        assert server.connections == 1

    async def test_an_answer_that_is_whole_does_not_wait_for_the_end_of_its_stream(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(call, "TAIL_SECONDS", 0.01)
        async with served(streaming("a", event({}, "stop"), then="hang")) as (client, server):
            answer = await client.complete(ask(hear=Ear()))
            assert await anyio.to_thread.run_sync(server.left.wait, 10)
        assert (answer.content, answer.usage.estimated) == ("a", True)

    async def test_a_connection_that_breaks_behind_a_whole_answer_takes_nothing_from_it(self) -> None:
        async with served(streaming("a", event({}, "stop"), then="cut")) as (client, server):
            answer = await client.complete(ask(hear=Ear()))
        assert (answer.content, answer.retries, len(server.requests)) == ("a", 0, 1)


class TestHeardAtOnce:
    async def test_a_plain_reply_to_a_stream_request_is_heard_as_one_delta(self) -> None:
        ear = Ear()
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        async with served(good("both", tool_calls=[call])) as (client, _):
            await client.complete(ask(hear=ear))
        assert ear.heard == [{"content": "both", "tool_calls": [{"index": 0, **call}]}]

    async def test_an_answer_that_changes_at_its_end_is_not_heard_before(self) -> None:
        """Strict modes say null where an optional property is left out."""
        ear = Ear()
        schema = {"type": "object", "properties": {"total": {"type": "number"}}}
        async with served(good('{"total": null}')) as (client, server):
            answer = await client.complete(ask(hear=ear, response_schema=schema))
        assert "stream" not in server.bodies[0]
        assert ear.heard == [{"content": answer.content}] == [{"content": "{}"}]

    async def test_structured_answers_that_stay_as_they_are_come_in_pieces(self) -> None:
        ear = Ear()
        schema = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
        async with served(streaming('{"total"', ": 1}")) as (client, server):
            await client.complete(ask(hear=ear, response_schema=schema))
        assert server.bodies[0]["response_format"]["type"] == "json_schema"
        assert [delta["content"] for delta in ear.heard] == ['{"total"', ": 1}"]

    async def test_a_server_that_refuses_streams_is_asked_plainly_from_then_on(self) -> None:
        ear = Ear()
        async with served(refusing("stream", "streaming is not supported by this model")) as (client, server):
            for _ in range(2):
                answer = await client.complete(ask(hear=ear))
        assert answer.content == "hello"
        assert ear.heard == [{"content": "hello"}] * 2
        assert ["stream" in body for body in server.bodies] == [True, False, False]
        assert not any("stream_options" in body for body in server.bodies[1:])

    async def test_a_server_that_refuses_to_count_streams_unasked(self) -> None:
        ear = Ear()

        def script(body: Mapping[str, Any]) -> Play:
            unknown = "Unrecognized request argument supplied: stream_options"
            return failing(400, unknown) if "stream_options" in body else streaming("a", "b")

        async with served(script) as (client, server):
            for _ in range(2):
                await client.complete(ask(hear=ear))
        assert [delta["content"] for delta in ear.heard] == ["a", "b"] * 2
        assert [("stream" in body, "stream_options" in body) for body in server.bodies] == [
            (True, True), (True, False), (True, False),
        ]  # fmt: skip

    async def test_an_empty_answer_is_not_heard(self) -> None:
        ear = Ear()
        async with served(streaming("<think>hm")) as (client, _):
            answer = await client.complete(ask(hear=ear))
        assert (answer.content, ear.heard) == ("", [])


class TestBeforeTheFirstDelta:
    @pytest.mark.parametrize(
        "broken",
        [
            failing(500),
            streaming({"role": "assistant", "content": ""}, then="cut"),
            streaming({"reasoning_content": "hm"}, b'data: {"error": {"code": 503}}\n\n'),
            Play(pieces=(event({"reasoning_content": "hm"}),)),
        ],
    )
    async def test_a_failure_is_tried_again(self, broken: Play) -> None:
        ear = Ear()
        async with served(broken, streaming("fine")) as (client, server):
            answer = await client.complete(ask(hear=ear))
        assert (answer.content, answer.retries, ear.text) == ("fine", 1, "fine")
        assert len(server.requests) == 2

    async def test_retry_after_is_honoured(self) -> None:
        naps = Naps()
        async with served(failing(429, headers={"retry-after": "3"}), streaming("a"), sleep=naps) as (client, _):
            await client.complete(ask(hear=Ear()))
        assert naps.taken == [3.0]

    async def test_thoughts_of_a_stream_that_broke_are_on_the_bill(self) -> None:
        async with served(streaming({"reasoning_content": "x" * 38}, then="cut"), streaming("fine")) as (client, _):
            answer = await client.complete(ask(hear=Ear()))
        assert answer.usage.output_tokens == 10 + 7
        assert answer.usage.estimated


class TestAfterTheFirstDelta:
    @pytest.mark.parametrize(
        "broken",
        [
            streaming("begun", then="cut"),
            streaming("begun", b'data: {"error": {"message": "died", "code": 503}}\n\n'),
            streaming("begun", b'data: {"error": {"message": "stream is not supported", "code": 400}}\n\n'),
            Play(pieces=(event({"content": "begun"}),)),
            streaming("begun", b"data: {\n\n"),
        ],
    )
    async def test_nothing_is_tried_again_and_the_error_says_that_the_answer_had_begun(self, broken: Play) -> None:
        ear, progress = Ear(), Progress()
        async with served(broken, streaming("another")) as (client, server):
            error = await failure(client, ask(hear=ear, progress=progress))
        assert (ear.text, progress.heard, len(server.requests)) == ("begun", True, 1)
        assert "had begun" in str(error)
        assert error.usage == Usage(-(-len(server.requests[0].content) // 4), output_tokens=2, estimated=True)

    async def test_a_blank_answer_that_was_heard_is_not_asked_for_again(self) -> None:
        """A mode that gives nothing is asked again in other words, but not once somebody has heard the nothing."""
        schema = {"type": "object", "properties": {}, "additionalProperties": False}
        async with served(streaming("", "\n"), streaming("{}")) as (client, server):
            answer = await client.complete(ask(hear=Ear(), response_schema=schema))
        assert (answer.content, len(server.requests)) == ("{}", 2)

    async def test_time_that_is_up_in_the_middle_is_a_timeout_with_its_tokens(self) -> None:
        async with served(streaming("begun", then="hang"), timeout="100ms") as (client, server):
            error = await failure(client, ask(hear=Ear()))
            assert await anyio.to_thread.run_sync(server.left.wait, 10)
        assert error.reason is Reason.TIMEOUT
        assert "had begun" in str(error)
        assert error.usage.output_tokens == 2

    async def test_a_stream_beyond_all_measure_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection, "MAX_BYTES", 100_000)
        async with served(streaming(*["x" * 10_000] * 20, then="hang")) as (client, server):
            error = await failure(client, ask(hear=Ear()))
            assert await anyio.to_thread.run_sync(server.left.wait, 10)
        assert "MiB" in str(error)
        assert not error.retryable

    async def test_failures_in_the_middle_speak_against_the_endpoint(self) -> None:
        async with served(streaming("begun", then="cut")) as (client, server):
            for _ in range(10):
                await failure(client, ask(hear=Ear()))
            error = await failure(client, ask(hear=Ear(), waits=False))
        assert not error.asked
        assert len(server.requests) == 10


class TestLeft:
    async def test_a_caller_that_leaves_closes_the_connection_and_knows_what_was_spent(self) -> None:
        progress, begun = Progress(), anyio.Event()

        async def hear(delta: Mapping[str, Any]) -> None:
            begun.set()

        async with served(streaming("x" * 40, then="hang")) as (client, server):
            async with anyio.create_task_group() as group:
                group.start_soon(client.complete, ask(hear=hear, progress=progress))
                with anyio.fail_after(10):
                    await begun.wait()
                group.cancel_scope.cancel()
            assert await anyio.to_thread.run_sync(server.left.wait, 10)
            sent = len(server.requests[0].content)
            assert progress.spent == Usage(-(-sent // 4), output_tokens=10, estimated=True)
            assert (progress.heard, progress.counted) == (True, True)
            server.script = [good()]
            assert (await client.complete(ask())).content == "hello"

    async def test_a_reply_that_is_let_go_is_closed_at_once(self) -> None:
        with FaultServer(streaming("a", "b", then="hang")) as server:
            door = Connection(Provider(base_url=server.url), None, aiohttp=runs_asyncio())
            incoming = await door.open(CHAT, b"{}")
            assert isinstance(incoming, Incoming)
            assert isinstance(await incoming.next(), bytes)
            await incoming.aclose()
            assert await anyio.to_thread.run_sync(server.left.wait, 10)
            assert await incoming.next() is None
            await door.aclose()

    async def test_what_a_listener_raises_comes_out_and_speaks_against_no_endpoint(self) -> None:
        async def hear(delta: Mapping[str, Any]) -> None:
            raise OSError("my pipe is broken")

        async with served(streaming("a", then="hang")) as (client, server):
            for _ in range(12):
                with pytest.raises(OSError, match="my pipe"):
                    await client.complete(ask(hear=hear))
            server.script = [good()]
            assert (await client.complete(ask(waits=False))).content == "hello"

    async def test_many_streams_at_once_stay_apart(self) -> None:
        def script(body: Mapping[str, Any]) -> Play:
            word = str(body["messages"][0]["content"])
            return streaming(*word, then="cut" if word.startswith("broken") else "end")

        heard: dict[str, Ear] = {}

        async def one(client: OpenAIClient, word: str) -> None:
            heard[word] = Ear()
            request: CompletionRequest = ask(messages=({"role": "user", "content": word},), hear=heard[word])
            if word.startswith("broken"):
                await failure(client, request)
            else:
                assert (await client.complete(request)).content == word

        async with served(script) as (client, _), anyio.create_task_group() as group:
            for number in range(40):
                group.start_soon(one, client, f"{'broken' if number % 5 == 0 else 'whole'} {number}")
        assert all(ear.text == word for word, ear in heard.items())
