"""The ladder of structured output: what an endpoint refuses or ignores is left for the next way of asking."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asking import NOW, ask, failure, served
from fault_server import Play, completion, failing, good
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.client import Capability, CompletionRequest, schema_instruction
from qualityroute.errors import StoreError
from qualityroute.openai_client.dialects import Dialect
from qualityroute.openai_client.ladder import MOST_IGNORED, WATCHED, Rung, Watch, answered_on, kept_to
from qualityroute.openai_client.learned import MAX_AGE, Learned
from qualityroute.records import Completion, ToolCall
from qualityroute.store import SQLiteStore

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_loopback")]

SCHEMA = {
    "type": "object",
    "properties": {"total": {"type": "number", "minimum": 0}, "note": {"type": "string"}},
    "required": ["total"],
}
RIGHT = '{"total": 1, "note": null}'
PROSE = "The total is 1."


def asks(schema: Mapping[str, Any] = SCHEMA, **fields: Any) -> CompletionRequest:
    return ask(response_schema=schema, **fields)


def rung_of(body: Mapping[str, Any]) -> str:
    kind = body.get("response_format", {}).get("type", "tool" if "tools" in body else "prompt")
    bare = kind == "json_schema" and "minimum" not in json.dumps(body)
    return f"{kind}, bare" if bare else kind


def by_rung(**plays: Play) -> Callable[[Mapping[str, Any]], Play]:
    return lambda body: plays.get(rung_of(body).partition(",")[0], good(PROSE))


def called(arguments: str, name: str = "answer") -> Play:
    body = completion(None, tool_calls=[{"id": "1", "function": {"name": name, "arguments": arguments}}])
    body["choices"][0]["finish_reason"] = "tool_calls"
    return Play(body)


class NoMemory:
    """A store that is broken."""

    async def capabilities(self, base_url: str, model: str) -> list[Capability]:
        raise StoreError("the disk is on fire")

    async def learn(self, capability: Capability) -> None:
        raise StoreError("the disk is on fire")


class TestIgnored:
    async def test_an_endpoint_that_accepts_json_schema_and_ignores_it_is_asked_otherwise(self) -> None:
        async with served(by_rung(json_object=good('{"total": 1}'))) as (client, server):
            for _ in range(MOST_IGNORED + 1):
                answer = await client.complete(asks())
        assert [rung_of(body) for body in server.bodies] == [
            *["json_schema"] * MOST_IGNORED,
            "json_schema, bare",
        ]
        assert answer.content == PROSE  # what was said is the gate's to judge

    async def test_an_endpoint_that_ignores_every_rung_ends_on_a_tool_call_and_then_on_the_prompt(self) -> None:
        async with served(by_rung()) as (client, server):
            for _ in range(6 * MOST_IGNORED):
                await client.complete(asks())
        assert [rung_of(body) for body in server.bodies][::MOST_IGNORED] == [
            "json_schema",
            "json_schema, bare",
            "json_object",
            "prompt",
            "tool",
            "prompt",
        ]

    async def test_a_tool_call_is_an_answer_where_only_that_works(self) -> None:
        async with served(by_rung(tool=called(RIGHT))) as (client, server):
            for _ in range(4 * MOST_IGNORED + 3):
                answer = await client.complete(asks())
        assert (answer.content, answer.tool_calls, answer.finish_reason) == ('{"total": 1}', (), "stop")
        assert rung_of(server.bodies[-1]) == "tool"
        assert server.bodies[-1]["tool_choice"] == {"type": "function", "function": {"name": "answer"}}
        assert server.bodies[-1]["tools"][0]["function"]["parameters"]["required"] == ["total", "note"]

    async def test_a_few_bad_answers_among_many_are_the_models_and_not_the_endpoints(self) -> None:
        few = MOST_IGNORED - 1
        plays = [*[good(PROSE)] * few, *[good(RIGHT)] * (WATCHED - few)] * 2
        async with served(*plays) as (client, server):
            for _ in plays:
                await client.complete(asks())
        assert {rung_of(body) for body in server.bodies} == {"json_schema"}

    @pytest.mark.parametrize(
        "play",
        [
            Play(completion(None, refusal="I will not.")),
            Play({**completion(PROSE), "choices": [{"message": {"content": '{"tot'}, "finish_reason": "length"}]}),
        ],
        ids=["refused", "cut"],
    )
    async def test_an_answer_that_was_refused_or_cut_says_nothing_of_the_rung(self, play: Play) -> None:
        async with served(play) as (client, server):
            for _ in range(WATCHED):
                await client.complete(asks())
        assert {rung_of(body) for body in server.bodies} == {"json_schema"}

    async def test_answers_asked_for_before_a_rung_was_left_do_not_move_it(self) -> None:
        learned = Learned("test", "http://x/v1", None, lambda: NOW)
        await learned.keep("model", Dialect(rung=Rung.PROMPT))
        for _ in range(4 * MOST_IGNORED):  # all were under way when it was refused
            await learned.watch("model", Rung.JSON_SCHEMA, kept=False)
        assert (await learned.dialect("model")).rung is Rung.PROMPT

    async def test_a_bare_array_under_a_schema_for_an_object_counts_as_ignored(self) -> None:
        async with served(good("[1]")) as (client, server):
            for _ in range(MOST_IGNORED + 1):
                await client.complete(asks())
        assert rung_of(server.bodies[-1]) == "json_schema, bare"

    @given(st.lists(st.booleans(), max_size=60))
    def test_a_watch_says_ignored_only_after_enough_bad_answers_of_few(self, answers: list[bool]) -> None:
        watch = Watch()
        for position, kept in enumerate(answers):
            watch = watch.after(kept)
            assert watch.seen <= WATCHED
            if watch.says_ignored:
                assert answers[max(0, position + 1 - WATCHED) : position + 1].count(False) >= MOST_IGNORED
                break


class TestRefused:
    @pytest.mark.parametrize(
        "message",
        [
            "Invalid schema for response_format 'answer': 'minimum' is not permitted.",
            "For 'number' type, property 'minimum' is not supported",
        ],
    )
    async def test_a_mode_that_refuses_bounds_gets_types_and_names_alone(self, message: str) -> None:
        def picky(body: Mapping[str, Any]) -> Play:
            return failing(400, f"response_format: {message}") if "minimum" in json.dumps(body) else good(RIGHT)

        async with served(picky) as (client, server):
            for _ in range(2):
                answer = await client.complete(asks())
        assert [rung_of(body) for body in server.bodies] == ["json_schema", *["json_schema, bare"] * 2]
        assert answer.content == '{"total": 1}'

    async def test_json_object_is_asked_for_with_the_schema_in_the_prompt(self) -> None:
        def no_schema(body: Mapping[str, Any]) -> Play:
            return failing(400, "json_schema is not available") if "json_schema" in json.dumps(body) else good("{}")

        async with served(no_schema) as (client, server):
            await client.complete(asks())
            told = ({"role": "system", "content": f"Extract.\n\n{schema_instruction(SCHEMA)}"},)
            await client.complete(asks(messages=(*told, {"role": "user", "content": "hi"})))
        first, second = server.bodies[1:]
        assert first["messages"] == [
            {"role": "system", "content": schema_instruction(SCHEMA)},
            {"role": "user", "content": "hi"},
        ]
        assert [message["role"] for message in second["messages"]] == ["system", "user"]  # told once is enough

    async def test_a_refused_tool_call_leaves_the_prompt_for_good(self) -> None:
        def no_tools(body: Mapping[str, Any]) -> Play:
            return failing(400, "tool_choice is not supported by this model") if "tools" in body else good(PROSE)

        async with served(no_tools) as (client, server):
            for _ in range(4 * MOST_IGNORED + 5):
                await client.complete(asks())
        assert [rung_of(body) for body in server.bodies].count("tool") == 1
        assert rung_of(server.bodies[-1]) == "prompt"

    async def test_a_response_format_in_an_extra_body_is_the_users_own_too(self) -> None:
        own = {"type": "text"}
        async with served() as (client, server):
            await client.complete(asks(parameters={"extra_body": {"response_format": own}}))
        assert server.bodies[0]["response_format"] == own

    async def test_a_response_format_of_the_users_own_is_left_alone(self) -> None:
        own = {"type": "json_object"}
        async with served(failing(400, "response_format is not supported")) as (client, server):
            error = await failure(client, asks(parameters={"response_format": own}))
        assert [body["response_format"] for body in server.bodies] == [own]
        assert "'response_format' is one of your parameters" in str(error)


class TestEmptyInJsonMode:
    async def test_an_empty_answer_in_a_json_mode_is_asked_for_once_more_without_it(self) -> None:
        async with served(good(""), good('{"total": 2}'), good(RIGHT)) as (client, server):
            first = await client.complete(asks())
            await client.complete(asks())
        assert [rung_of(body) for body in server.bodies] == ["json_schema", "prompt", "json_schema"]
        assert (first.content, first.retries) == ('{"total": 2}', 1)
        assert (first.usage.input_tokens, first.usage.output_tokens) == (22, 14)  # both were paid for

    async def test_an_empty_answer_is_given_as_it_is_when_no_better_one_comes(self) -> None:
        async with served(good(""), failing(500), retries=0) as (client, server):
            answer = await client.complete(asks())
        assert (answer.content, answer.retries, len(server.requests)) == ("", 1, 2)
        assert (answer.usage.input_tokens, answer.usage.output_tokens) == (11, 7)

    async def test_an_answer_whose_reasoning_used_up_the_limit_is_truncated_and_not_asked_for_again(self) -> None:
        body = completion(None, reasoning_content="let me think")
        body["choices"][0]["finish_reason"] = "length"
        async with served(Play(body)) as (client, server):
            answer = await client.complete(asks(max_output_tokens=9))
        assert (answer.content, answer.finish_reason, len(server.requests)) == (None, "length", 1)

    async def test_without_a_schema_an_empty_answer_is_asked_for_once(self) -> None:
        async with served(good("")) as (client, server):
            assert (await client.complete(ask())).content == ""
        assert len(server.requests) == 1


class TestMemory:
    @pytest.mark.parametrize("message", ["response_format type is unavailable", "unsupported parameter: 'temperature'"])
    async def test_what_was_learned_outlives_the_client_and_asks_nothing_in_vain(
        self, message: str, tmp_path: Path
    ) -> None:
        field = "temperature" if "temperature" in message else "response_format"

        def picky(body: Mapping[str, Any]) -> Play:
            return failing(400, message) if field in body else good('{"total": 1}')

        store = SQLiteStore(tmp_path / "q.db")
        await store.open()
        async with served(picky, memory=store) as (client, server):
            first = await client.complete(asks(temperature=0.0))
            async with served(good(), memory=store) as (other, _):  # an endpoint of another address knows nothing
                assert (await other.complete(asks(temperature=0.0))).retries == 0
            learned = await store.capabilities(server.url, "model")
            again = await remembering(server.url, store).dialect("model")
        await store.aclose()
        assert first.retries > 0
        assert {(found.provider, found.model, found.at) for found in learned} == {("test", "model", NOW)}
        if field == "temperature":
            assert again.steps == ("no temperature",)
        else:
            assert again.rung is Rung.PROMPT

    async def test_what_was_learned_is_forgotten_after_a_week_and_found_out_anew(self, tmp_path: Path) -> None:
        store = SQLiteStore(tmp_path / "q.db")
        await store.open()
        clock = [NOW]
        learned = remembering("http://x/v1", store, now=lambda: clock[0])
        await learned.keep("model", Dialect(rung=Rung.PROMPT))
        clock[0] += MAX_AGE - timedelta(seconds=1)
        assert (await learned.dialect("model")).rung is Rung.PROMPT
        clock[0] += timedelta(seconds=2)
        assert (await learned.dialect("model")).rung is Rung.JSON_SCHEMA
        assert (await remembering("http://x/v1", store, now=lambda: clock[0]).dialect("model")).rung is Rung.JSON_SCHEMA
        await learned.keep("model", Dialect(rung=Rung.JSON_OBJECT))
        assert [found.value for found in await store.capabilities("http://x/v1", "model")] == ["json_object"]
        await store.aclose()

    async def test_no_password_of_an_address_and_no_contents_are_remembered(self, tmp_path: Path) -> None:
        store = SQLiteStore(tmp_path / "q.db")
        await store.open()
        async with served(by_rung(), memory=store) as (client, _):
            for _ in range(MOST_IGNORED):
                await client.complete(asks(messages=({"role": "user", "content": "SECRET DOCUMENT"},)))
        learned = remembering("http://user:PASSWORD@x/v1", store)
        await learned.keep("model", Dialect(rung=Rung.PROMPT))
        await store.aclose()
        kept = (tmp_path / "q.db").read_bytes()
        assert b"json_schema, bare" in kept
        assert b"DOCUMENT" not in kept
        assert b"PASSWORD" not in kept

    async def test_a_memory_in_trouble_costs_no_answer(self, caplog: pytest.LogCaptureFixture) -> None:
        async with served(failing(400, "no response_format"), good("{}"), memory=NoMemory()) as (client, _):
            assert (await client.complete(asks())).content == "{}"
        assert "cannot be read: the disk is on fire" in caplog.text
        assert "cannot be kept: the disk is on fire" in caplog.text

    async def test_a_memory_of_a_later_version_does_no_harm(self, tmp_path: Path) -> None:
        store = SQLiteStore(tmp_path / "q.db")
        await store.open()
        for name, value in (("structured output", "telepathy"), ("no gravity", "yes")):
            await store.learn(Capability("test", "http://x/v1", "model", name, value, NOW))
        assert await remembering("http://x/v1", store).dialect("model") == Dialect(rung=Rung.JSON_SCHEMA)
        await store.aclose()

    async def test_an_older_finding_does_not_replace_a_newer_one(self, tmp_path: Path) -> None:
        store = SQLiteStore(tmp_path / "q.db")
        await store.open()
        for value, at in (("prompt", NOW), ("tool", NOW - timedelta(days=1))):
            await store.learn(Capability("test", "http://x/v1", "model", "structured output", value, at))
        assert [found.value for found in await store.capabilities("http://x/v1", "model")] == ["prompt"]
        await store.aclose()


def remembering(url: str, store: SQLiteStore, now: Callable[[], datetime] = lambda: NOW) -> Learned:
    return Learned("test", url, store, now)


class TestReading:
    def test_a_call_of_another_tool_is_left_as_it_is(self) -> None:
        answer = Completion(None, "tool_calls", tool_calls=(ToolCall("1", "book", "{}"),))
        assert answered_on(Rung.TOOL, asks(), answer) is answer
        assert kept_to(Rung.TOOL, asks(), answer) is False

    @pytest.mark.parametrize(
        ("rung", "content", "kept"),
        [
            (Rung.JSON_OBJECT, '```json\n{"total": 1}\n```', False),
            (Rung.JSON_OBJECT, "[]", False),
            (Rung.PROMPT, '```json\n{"total": 1}\n```', True),
            (Rung.PROMPT, "[]", True),
            (Rung.JSON_SCHEMA, '{"total": -1, "note": null}', True),
            (Rung.JSON_SCHEMA, '{"total": 1}', False),
        ],
    )
    def test_a_rung_is_held_to_what_it_promises_and_no_more(self, rung: Rung, content: str, kept: bool) -> None:
        assert kept_to(rung, asks(), Completion(content)) is kept

    def test_an_answer_nested_deeper_than_python_goes_says_nothing(self) -> None:
        tree = {
            "type": "object",
            "properties": {"in": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
            "required": ["in"],
        }
        endless = '{"in":' * 300 + "null" + "}" * 300
        request = ask(response_schema=tree)
        assert kept_to(Rung.JSON_SCHEMA, request, Completion(endless)) is None
        assert answered_on(Rung.JSON_SCHEMA, request, Completion(endless)).content == endless
