"""The practice provider over real HTTP: OpenAI's forms, its errors, streams, and many clients at once."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from openai import AsyncOpenAI, NotFoundError, OpenAI

from qualityroute.practice import PracticeServer

LETTER = "Amberley Tools Ltd\nInvoice number: AT-12\nInvoice date: 4 May 2026\nTotal: GBP 12.50"
SCHEMA = {
    "type": "object",
    "required": ["invoice_number", "total"],
    "properties": {"invoice_number": {"type": "string"}, "total": {"type": "number"}},
}
EXPECTED = {"invoice_number": "AT-12", "total": 12.5}


@pytest.fixture(scope="module")
def server() -> Iterator[PracticeServer]:
    with PracticeServer() as running:
        yield running


def post(server: PracticeServer, body: bytes, path: str = "/chat/completions") -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(server.base_url + path, data=body, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def asked(model: str = "careful", **more: Any) -> dict[str, Any]:
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": False}}
    messages = [{"role": "user", "content": LETTER}]
    return {"model": model, "messages": messages, "response_format": form, **more}


def answer(server: PracticeServer, request: dict[str, Any]) -> dict[str, Any]:
    status, reply = post(server, json.dumps(request).encode())
    assert status == 200
    return reply


def test_an_answer_has_the_form_of_openai_and_says_it_is_a_stand_in(server: PracticeServer) -> None:
    reply = answer(server, asked())
    assert reply["object"] == "chat.completion"
    assert reply["system_fingerprint"] == "practice-stand-in"
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert json.loads(reply["choices"][0]["message"]["content"]) == EXPECTED


def test_usage_is_about_a_quarter_of_the_characters(server: PracticeServer) -> None:
    reply = answer(server, asked())
    usage = reply["usage"]
    assert usage["prompt_tokens"] == round(len(LETTER) / 4)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens_details"] == {"cached_tokens": 0}


def test_the_same_request_gets_the_same_answer(server: PracticeServer) -> None:
    assert answer(server, asked()) == answer(server, asked())


def test_the_schema_may_stand_in_the_system_message(server: PracticeServer) -> None:
    system = "Extract.\n\nAnswer with one JSON value that follows this JSON Schema, and with nothing else:\n"
    messages = [{"role": "system", "content": system + json.dumps(SCHEMA)}, {"role": "user", "content": LETTER}]
    reply = answer(server, {"model": "careful", "messages": messages})
    assert json.loads(reply["choices"][0]["message"]["content"]) == EXPECTED


def test_without_a_schema_the_answer_is_prose_from_the_document(server: PracticeServer) -> None:
    reply = answer(server, {"model": "small", "messages": [{"role": "user", "content": LETTER}]})
    assert reply["choices"][0]["message"]["content"].startswith("Amberley Tools Ltd")


def test_text_parts_are_read_like_plain_text(server: PracticeServer) -> None:
    parts = [{"type": "text", "text": LETTER}]
    reply = answer(server, asked(messages=[{"role": "user", "content": parts}]))
    assert json.loads(reply["choices"][0]["message"]["content"]) == EXPECTED


def test_a_tool_is_called_with_arguments_from_the_document(server: PracticeServer) -> None:
    tool = {"type": "function", "function": {"name": "book", "parameters": SCHEMA}}
    messages = [{"role": "user", "content": LETTER}]
    choice = answer(server, {"model": "careful", "messages": messages, "tools": [tool]})["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"][0]["function"]["name"] == "book"
    assert json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"]) == EXPECTED


@pytest.mark.parametrize(("choice", "finish"), [(None, "stop"), ("auto", "stop"), ("required", "tool_calls")])
def test_after_a_tools_result_words_end_the_turn_unless_a_call_is_required(
    server: PracticeServer, choice: str | None, finish: str
) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "book", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": LETTER},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "booked"},
    ]
    tools = [{"type": "function", "function": {"name": "book", "parameters": SCHEMA}}]
    said = answer(server, {"model": "careful", "messages": messages, "tools": tools, "tool_choice": choice})
    assert said["choices"][0]["finish_reason"] == finish
    assert bool(said["choices"][0]["message"]["content"]) == (finish == "stop")


@pytest.mark.parametrize("indent", [None, 2])
def test_a_clients_own_schema_in_the_prompt_is_filled_although_a_wider_one_stands_before_it(
    server: PracticeServer, indent: int | None
) -> None:
    told = f'Reply with JSON:\n{{"type": "object"}}\n\nFollow this schema:\n{json.dumps(SCHEMA, indent=indent)}\nNow.'
    messages = [{"role": "system", "content": told}, {"role": "user", "content": LETTER}]
    reply = answer(server, {"model": "careful", "messages": messages, "response_format": {"type": "json_object"}})
    assert json.loads(reply["choices"][0]["message"]["content"]) == EXPECTED


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{not json", 400, "invalid_json"),
        (b"[]", 400, "invalid_json"),
        (b"\xff\xfe", 400, "invalid_json"),
        (b'{"model": "small"}', 400, "missing_parameter"),
        (b'{"model": "small", "messages": []}', 400, "missing_parameter"),
        (b'{"model": "small", "messages": ["hi"]}', 400, "invalid_value"),
        (b'{"messages": [{"role": "user", "content": "x"}]}', 400, "missing_parameter"),
        (b'{"model": "huge", "messages": [{"role": "user", "content": "x"}]}', 404, "model_not_found"),
    ],
)
def test_a_bad_request_gets_an_error_in_openai_form(
    server: PracticeServer, body: bytes, status: int, code: str
) -> None:
    found, reply = post(server, body)
    assert (found, reply["error"]["code"]) == (status, code)
    assert reply["error"]["type"] == "invalid_request_error"
    assert reply["error"]["message"]


def test_an_unknown_path_is_404_in_openai_form(server: PracticeServer) -> None:
    status, reply = post(server, b"{}", "/completions")
    assert (status, reply["error"]["code"]) == (404, "not_found")


def test_a_body_over_32_mib_is_refused_before_it_is_read(server: PracticeServer) -> None:
    host, port = server.base_url.removeprefix("http://").removesuffix("/v1").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.putrequest("POST", "/v1/chat/completions")
    connection.putheader("Content-Length", str(33 * 1024 * 1024))
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 413
    assert json.loads(response.read())["error"]["code"] == "too_large"
    connection.close()


def test_a_document_longer_than_the_context_is_refused_by_name(server: PracticeServer) -> None:
    long = [{"role": "user", "content": "word " * 120_000}]
    status, reply = post(server, json.dumps(asked(messages=long)).encode())
    assert (status, reply["error"]["code"]) == (400, "context_length_exceeded")


def test_models_and_health_can_be_asked(server: PracticeServer) -> None:
    with urllib.request.urlopen(server.base_url + "/models", timeout=10) as response:
        models = json.loads(response.read())
    assert [model["id"] for model in models["data"]] == ["small", "careful", "checker"]
    assert all("stand-in" in model["description"] for model in models["data"])
    with urllib.request.urlopen(server.base_url.removesuffix("/v1") + "/health", timeout=10) as response:
        assert json.loads(response.read())["status"] == "ok"


def test_one_connection_serves_many_requests(server: PracticeServer) -> None:
    host, port = server.base_url.removeprefix("http://").removesuffix("/v1").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    for _ in range(3):
        connection.request("POST", "/v1/chat/completions", json.dumps(asked()))
        response = connection.getresponse()
        assert response.status == 200
        assert json.loads(response.read())["object"] == "chat.completion"
        assert not response.will_close
    connection.close()


def test_64_clients_at_once_are_all_answered_and_counted() -> None:
    with PracticeServer() as fresh:
        with ThreadPoolExecutor(64) as pool:
            replies = list(pool.map(lambda _: answer(fresh, asked("small")), range(192)))
        assert all(json.loads(reply["choices"][0]["message"]["content"]) == EXPECTED for reply in replies)
        assert fresh.calls == {"small": 192}


def test_latency_is_waited_for_the_model_it_names() -> None:
    with PracticeServer(latency={"small": 0.2}) as slow:
        start = time.monotonic()
        answer(slow, asked("small"))
        assert time.monotonic() - start >= 0.2


def test_a_stopped_server_gives_its_port_back() -> None:
    with PracticeServer() as first:
        port = int(first.base_url.rsplit(":", 1)[1].removesuffix("/v1"))
    with PracticeServer(port=port) as second:
        assert second.base_url == first.base_url


@pytest.mark.anyio
async def test_the_openai_client_gets_the_answer_and_its_errors(server: PracticeServer) -> None:
    async with AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        reply = await client.chat.completions.create(**asked())
        assert json.loads(reply.choices[0].message.content or "") == EXPECTED
        with pytest.raises(NotFoundError, match="no model 'huge'"):
            await client.chat.completions.create(**asked("huge"))


def test_a_stream_read_with_the_openai_client_is_the_same_answer(server: PracticeServer) -> None:
    # The SDK's async stream leaves its own generators open after [DONE], which trio reports; the sync one does not.
    with OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        stream = client.chat.completions.create(**asked(stream=True, stream_options={"include_usage": True}))
        chunks = list(stream)
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert json.loads("".join(pieces)) == EXPECTED
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == round(len(LETTER) / 4)


def test_a_streamed_tool_call_and_a_stream_without_usage_end_properly(server: PracticeServer) -> None:
    tool = {"type": "function", "function": {"name": "book", "parameters": SCHEMA}}
    body = {"model": "careful", "messages": [{"role": "user", "content": LETTER}], "tools": [tool], "stream": True}
    request = urllib.request.Request(server.base_url + "/chat/completions", data=json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=10) as response:
        events = [line.removeprefix("data: ") for line in response.read().decode().split("\n\n") if line]
    chunks = [json.loads(event) for event in events[:-1]]
    assert events[-1] == "[DONE]"
    assert chunks[0]["choices"][0]["delta"]["tool_calls"][0]["function"]["name"] == "book"
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert all("usage" not in chunk for chunk in chunks)
