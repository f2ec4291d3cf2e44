"""A conversation that changes its tier: no model is sent another's thoughts, and each gets the form it can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from asking import ask, served
from fault_server import Play, failing, good

from qualityroute.openai_client.history import in_one_text, one_system_message, readable_by_all
from qualityroute.openai_client.thoughts import without_thinking

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_loopback")]

USER = {"role": "user", "content": "<think>mine</think> hi", "reasoning_content": "the user's own"}
CALL = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
SIGNED = {**CALL, "extra_content": {"google": {"thought_signature": "c2lnbmVk"}}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [SIGNED], "reasoning_content": "let me look"}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "7"}


def wanting(fits: Callable[[Mapping[str, Any]], bool], message: str, status: int = 400) -> Any:
    """A server that refuses in these words until a body fits."""
    return lambda body: good() if fits(body) else failing(status, message)


async def sent(script: Any, *messages: Mapping[str, Any]) -> list[Any]:
    """The messages of each body that two calls sent."""
    async with served(script) as (client, server):
        for _ in range(2):
            await client.complete(ask(messages=messages))
    return [body["messages"] for body in server.bodies]


class TestReadableByAll:
    @pytest.mark.parametrize(
        "field", ["reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks"]
    )
    def test_thoughts_of_an_earlier_answer_are_not_sent(self, field: str) -> None:
        assert readable_by_all([{"role": "assistant", "content": "7", field: "secret"}]) == [
            {"role": "assistant", "content": "7"}
        ]

    def test_thinking_parts_and_inline_thoughts_are_not_sent(self) -> None:
        parts = [{"type": "thinking", "thinking": "a", "signature": "s"}, {"type": "text", "text": "7"}]
        messages = [
            {"role": "assistant", "content": parts},
            {"role": "assistant", "content": "<think>hm</think>\n8"},
        ]
        assert [message["content"] for message in readable_by_all(messages)] == [[{"type": "text", "text": "7"}], "8"]

    def test_what_users_and_tools_say_is_sent_verbatim(self) -> None:
        messages = [{"role": "system", "content": "s"}, USER, RESULT]
        assert all(one is other for one, other in zip(readable_by_all(messages), messages, strict=True))

    def test_an_answer_without_thoughts_is_sent_verbatim(self) -> None:
        messages = [{"role": "assistant", "content": "7", "name": "x"}]
        assert readable_by_all(messages)[0] is messages[0]

    def test_the_developer_role_becomes_system(self) -> None:
        assert readable_by_all([{"role": "developer", "content": "be brief"}]) == [
            {"role": "system", "content": "be brief"}
        ]

    def test_signatures_of_tool_calls_stay_with_the_model_that_made_them(self) -> None:
        assert readable_by_all([CALLED]) == [{"role": "assistant", "content": None, "tool_calls": [CALL]}]

    def test_a_refusal_that_is_sent_back_is_what_the_assistant_said(self) -> None:
        assert readable_by_all([{"role": "assistant", "content": None, "refusal": "No."}]) == [
            {"role": "assistant", "content": "No."}
        ]


class TestThoughts:
    @pytest.mark.parametrize(
        ("content", "answer"),
        [
            ("the prompt opened it\n</think>\n\n7", "7"),
            ("a </think> tag in a sentence", "a </think> tag in a sentence"),
            ('{"tag": "</think>"}', '{"tag": "</think>"}'),
            ("first <think>\nx\n</think>\n7", "first <think>\nx\n</think>\n7"),
        ],
    )
    def test_a_thought_may_begin_in_the_prompt(self, content: str, answer: str) -> None:
        assert without_thinking(content) == answer


class TestAskedBack:
    """What a model wants of its history is learned from its 400, once."""

    async def test_a_model_that_wants_its_reasoning_back_gets_it_or_an_empty_one(self) -> None:
        def has_reasoning(body: Mapping[str, Any]) -> bool:
            return all("reasoning_content" in message for message in body["messages"] if "tool_calls" in message)

        script = wanting(has_reasoning, "Missing `reasoning_content` field in the assistant message at index 1.")
        foreign = {name: value for name, value in CALLED.items() if name != "reasoning_content"}
        refused, first, second = await sent(script, USER, CALLED, RESULT, foreign, RESULT)
        assert "reasoning_content" not in refused[1]
        assert first == second
        assert [first[1]["reasoning_content"], first[3]["reasoning_content"]] == ["let me look", ""]

    async def test_gemini_gets_its_signatures_back_and_a_word_for_calls_of_others(self) -> None:
        def is_signed(body: Mapping[str, Any]) -> bool:
            calls = [call for message in body["messages"] for call in message.get("tool_calls", ())]
            return all("extra_content" in call for call in calls)

        foreign = {**CALLED, "tool_calls": [CALL]}
        script = wanting(is_signed, "Function call is missing a thought_signature in functionCall parts.")
        *_, last = await sent(script, USER, CALLED, RESULT, foreign, RESULT)
        signatures = [m["tool_calls"][0]["extra_content"]["google"]["thought_signature"] for m in (last[1], last[3])]
        assert signatures == ["c2lnbmVk", "skip_thought_signature_validator"]

    @pytest.mark.parametrize(
        ("message", "status"),
        [
            ("messages[0].content must be a string", 400),
            ("messages.0.content: Input should be a valid string", 422),
            ("content should be of type str", 400),
        ],
    )
    async def test_content_parts_are_flattened_for_a_server_that_knows_only_text(
        self, message: str, status: int
    ) -> None:
        parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
        script = wanting(lambda body: isinstance(body["messages"][0]["content"], str), message, status)
        refused, first, second = await sent(script, {"role": "user", "content": parts})
        assert refused[0]["content"] == parts
        assert first == second == [{"role": "user", "content": "one\n\ntwo"}]

    def test_a_message_with_an_image_is_not_flattened(self) -> None:
        message = {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {}}]}
        assert in_one_text([message]) == [message]

    async def test_a_template_that_takes_one_system_message_gets_one(self) -> None:
        def is_one(body: Mapping[str, Any]) -> bool:
            return [message["role"] for message in body["messages"]].count("system") == 1

        script = wanting(is_one, "System message must be at the beginning.")
        messages = ({"role": "system", "content": "a"}, USER, {"role": "developer", "content": "b"})
        *_, last = await sent(script, *messages)
        assert last == [{"role": "system", "content": "a\n\nb"}, USER]

    def test_one_leading_system_message_stays_as_it_is(self) -> None:
        messages = [{"role": "system", "content": "a"}, USER]
        assert one_system_message(messages) == messages


class TestParameters:
    @pytest.mark.parametrize(
        "field", ["temperature", "top_p", "seed", "presence_penalty", "frequency_penalty", "parallel_tool_calls"]
    )
    async def test_a_sampling_parameter_that_is_refused_is_dropped_once_and_for_all(self, field: str) -> None:
        def picky(body: Mapping[str, Any]) -> Play:
            return failing(400, f"Unsupported parameter: '{field}'") if field in body else good()

        async with served(picky) as (client, server):
            for _ in range(2):
                await client.complete(ask(parameters={field: 1, "stop": ["x"]}))
        assert [field in body for body in server.bodies] == [True, False, False]
        assert all(body["stop"] == ["x"] for body in server.bodies)

    async def test_effort_beside_tools_is_an_error_that_names_the_parameter(self) -> None:
        message = "Function tools with reasoning_effort are not supported in /v1/chat/completions."
        async with served(failing(400, message)) as (client, server):
            with pytest.raises(Exception, match="'reasoning_effort' is one of your parameters for this model"):
                await client.complete(ask(tools=(CALL,), parameters={"reasoning_effort": "low"}))
        assert len(server.requests) == 1

    async def test_an_extra_body_is_laid_into_the_body(self) -> None:
        extra = {"provider": {"sort": "price"}, "model": "another"}
        async with served() as (client, server):
            await client.complete(ask(parameters={"extra_body": extra, "seed": 1}))
        assert server.bodies[0]["provider"] == {"sort": "price"}
        assert (server.bodies[0]["model"], server.bodies[0]["seed"]) == ("model", 1)
        assert "extra_body" not in server.bodies[0]

    async def test_no_sampling_parameters_are_sent_that_nobody_asked_for(self) -> None:
        async with served() as (client, server):
            await client.complete(ask())
        assert server.bodies[0].keys() == {"model", "messages"}
