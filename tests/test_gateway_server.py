"""The gateway behind its real server: OpenAI's own client, hostile bytes, and an orderly end."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import anyio
import openai
import pytest
from conftest import config_with
from gateway_server import Served, read_all, served

from qualityroute.gateway import bodies, serving
from qualityroute.records import Completion, ToolCall

pytestmark = pytest.mark.usefixtures("plain_loopback")
HELLO: Any = [{"role": "user", "content": "hello"}]
TOOL: Any = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


def client_of(gateway: Served, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=gateway.url, api_key="none", **{"max_retries": 0, **options})


def request(body: bytes, *headers: bytes, path: bytes = b"/v1/chat/completions") -> bytes:
    head = [b"POST " + path + b" HTTP/1.1", b"host: localhost", b"content-length: %d" % len(body), *headers]
    return b"\r\n".join([*head, b"connection: close", b"", body])


def chat(**fields: Any) -> bytes:
    return json.dumps({"model": "smart-select", "messages": HELLO, **fields}).encode()


def test_openais_client_is_answered_whole_and_in_pieces() -> None:
    words = "some words " * 100
    with served(efficiency=words) as gateway, client_of(gateway) as client:
        whole = client.chat.completions.create(model="smart-select", messages=HELLO)
        with client.chat.completions.stream(
            model="smart-select", messages=HELLO, stream_options={"include_usage": True}
        ) as stream:
            streamed = stream.get_final_completion()
        live = client.chat.completions.create(model="performance-model", messages=HELLO, stream=True)
        heard = "".join(chunk.choices[0].delta.content or "" for chunk in live)
        assert "smart-select" in {model.id for model in client.models.list()}
        assert client.models.retrieve("smart-select/chat").id == "smart-select/chat"
    assert whole.choices[0].message.content == streamed.choices[0].message.content == words
    assert whole.usage is not None and whole.usage == streamed.usage
    assert heard == "strong words"


def test_openais_client_reads_tool_calls_and_structured_outputs_from_streams() -> None:
    from pydantic import BaseModel

    class Total(BaseModel):
        total: float

    called = Completion(None, "tool_calls", tool_calls=(ToolCall("call_1", "look", '{"at": "the sea"}'),) * 2)
    with served(efficiency=[called, '{"total": 2}', '{"total": 2}']) as gateway, client_of(gateway) as client:
        with client.chat.completions.stream(model="smart-select", messages=HELLO, tools=[TOOL]) as stream:
            calls = stream.get_final_completion().choices[0].message.tool_calls or []
        parsed = client.chat.completions.parse(model="smart-select", messages=HELLO, response_format=Total)
        with client.chat.completions.stream(model="smart-select", messages=HELLO, response_format=Total) as stream:
            streamed = stream.get_final_completion()
    assert [(call.id, call.function.name, call.function.arguments) for call in calls] == [
        ("call_1", "look", '{"at": "the sea"}')
    ] * 2
    assert parsed.choices[0].message.parsed == streamed.choices[0].message.parsed == Total(total=2)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"model": "ghost"}, openai.NotFoundError),
        ({"n": 2}, openai.BadRequestError),
        ({"model": "smart-select/invoice"}, openai.UnprocessableEntityError),
    ],
)
def test_openais_client_raises_its_own_errors(fields: dict[str, Any], kind: type[openai.APIStatusError]) -> None:
    with served() as gateway, client_of(gateway) as client, pytest.raises(kind) as caught:
        client.chat.completions.create(**{"model": "smart-select", "messages": HELLO, **fields})
    assert caught.value.body["message"]  # type: ignore[index, call-overload]


def test_openais_client_does_not_try_again_what_would_cost_again() -> None:
    with (
        served() as gateway,
        client_of(gateway, max_retries=2) as client,
        pytest.raises(openai.UnprocessableEntityError),
    ):
        client.chat.completions.create(model="smart-select/invoice", messages=HELLO)
    assert len(gateway.decisions) == 1


POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
HOSTILE: dict[str, tuple[list[bytes], bytes]] = {
    "ten thousand headers": (
        [b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n" + b"a: b\r\n" * 10_000 + b"\r\n"],
        b"400",
    ),
    "a header without end": ([b"GET /healthz HTTP/1.1\r\nhost: localhost\r\na: ", *[b"a" * 60_000] * 20], b"400"),
    "a path without end": ([b"GET /", *[b"a" * 60_000] * 20], b"400"),
    "no HTTP": ([b"\x16\x03\x01\x02\x00\x01\x00"], b"400"),
    "a body too large by its word": (
        [b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 104857600\r\n\r\n{"],
        b"413",
    ),
    "chunks without end": (
        [
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n",
            *[b"10000\r\n" + b"x" * 65_536 + b"\r\n"] * 40,
        ],
        b"413",
    ),
    "a session that is two headers": ([request(chat(), b"x-session-id: a\r\n\tset-cookie: b=c")], b"400"),
    "no UTF-8 in a header": ([request(chat(), b"x-session-id: \xff\xfe")], b"400"),
    "no UTF-8 in the body": ([request(b'{"model": "\xff"}')], b"400"),
    "deep JSON": ([request(b"[" * 900_000)], b"400"),
    "two lengths": ([POST + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}"], b"400"),
    "a length and chunks": ([POST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /"], b"400"),
    "a length below zero": ([POST + b"content-length: -1\r\n\r\n"], b"400"),
    "a length beyond all numbers": ([POST + b"content-length: " + b"9" * 30 + b"\r\n\r\n"], b"400"),
    "no transfer encoding that is known": ([POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n"], b"400"),
    "lines that end without CR": ([b"GET /healthz HTTP/1.1\nhost: localhost\n\n"], b"400"),
    "ten thousand trailers": (
        [POST + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 10_000 + b"\r\n"],
        b"400",
    ),
    "a path of no text": ([b"GET /\xff\xfe HTTP/1.1\r\nhost: localhost\r\n\r\n"], b"400"),
    "the preface of HTTP/2": ([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], b"400"),
    "a null character in a header": ([request(chat(), b"x-session-id: a\x00b")], b"400"),
    "a session of several lines": ([request(chat(user="a\r\nset-cookie: b=c"))], b"400"),
    "a session with a null character": ([request(chat(user="a\x00b"))], b"400"),
    "a session of 60,000 characters": ([request(chat(), b"x-session-id: " + b"a" * 60_000)], b"400"),
    "half of a surrogate pair": ([request(chat(user="\ud800"))], b"400"),
    "100 MB by their word and in fact": (
        [POST + b"content-length: 104857600\r\n\r\n", *[b"x" * 2**20] * 100],
        b"413",
    ),
    "100 MB in chunks": (
        [POST + b"transfer-encoding: chunked\r\n\r\n", *[b"100000\r\n" + b"x" * 2**20 + b"\r\n"] * 100],
        b"413",
    ),
}


@pytest.fixture(scope="module")
def small_gateway() -> Any:
    bodies._LINGER = 0.2
    with served(
        config=config_with(gateway={"max_body": "1MiB", "header_timeout": "300ms", "body_timeout": "300ms"})
    ) as it:
        yield it


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_are_refused_and_the_server_goes_on(name: str, small_gateway: Served) -> None:
    parts, status = HOSTILE[name]
    told = small_gateway.tell(*parts)
    assert told.split(b" ", 2)[1:2] == [status], told[:300]
    assert b"set-cookie" not in told.partition(b"\r\n\r\n")[0].lower()
    assert small_gateway.tell(request(chat())).startswith(b"HTTP/1.1 200")


UPGRADE = (b"connection: Upgrade, HTTP2-Settings", b"upgrade: h2c", b"http2-settings: AAMAAABkAAQCAAAAAAIAAAAA")


@pytest.mark.parametrize("cut", [None, 60, -40])
def test_a_wish_for_another_protocol_is_passed_over_and_the_body_is_read(
    cut: int | None, small_gateway: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """Java's client and `curl --http2` ask for HTTP/2 so; a parser that takes the body for HTTP/2 loses it."""
    wish = request(chat(), *UPGRADE).replace(b"connection: close\r\n", b"")
    with small_gateway.connect() as connection:
        connection.sendall(wish[:cut])
        if cut is not None:
            time.sleep(0.05)  # two packets
            connection.sendall(wish[cut:])
        answers = connection.recv(65_536)
        connection.sendall(request(chat()))  # and the connection is still good
        answers += read_all(connection)
    answers += small_gateway.tell(request(chat(), *UPGRADE))
    assert answers.count(b"HTTP/1.1 200") == answers.count(b"cheap words") == 3
    assert caplog.records == []


@pytest.mark.parametrize(("protocol", "status"), [(b"websocket", b"200"), (b"\x00", b"400")])
def test_who_asks_for_a_web_socket_gets_an_answer_in_http(
    protocol: bytes, status: bytes, small_gateway: Served
) -> None:
    told = small_gateway.tell(
        b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close, upgrade\r\nupgrade: " + protocol + b"\r\n\r\n"
    )
    assert told.split(b" ", 2)[1:2] == [status]


def test_no_tunnel_is_made(small_gateway: Served) -> None:
    told = small_gateway.tell(b"CONNECT localhost:80 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    assert not told.startswith(b"HTTP/1.1 2")


def test_a_head_that_does_not_come_ends_its_connection(small_gateway: Served) -> None:
    with small_gateway.connect() as silent, small_gateway.connect() as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nhost:")
        assert read_all(silent) == b""
        assert read_all(slow) == b""


def test_drop_by_drop_neither_a_head_nor_a_body_takes_longer(small_gateway: Served) -> None:
    head = POST + b"content-length: 5000\r\n\r\n"
    with small_gateway.connect() as slow_head, small_gateway.connect() as slow_body:
        slow_body.sendall(head)
        for drop in range(40):
            slow_body.sendall(b" ")
            with suppress(ConnectionError):
                slow_head.sendall(head[drop : drop + 1])
            time.sleep(0.01)
        assert read_all(slow_head) == b""
        assert read_all(slow_body).startswith(b"HTTP/1.1 408")


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux ends such connections")
def test_a_client_that_reads_nothing_of_its_stream_loses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "UNREAD", 0.1)
    with served(performance="words " * 1_500_000) as gateway:
        with gateway.connect() as connection:
            connection.sendall(request(chat(model="performance-model", stream=True)))
            wait_until(lambda: not gateway.server.server_state.connections and gateway.decisions)
            assert b"[DONE]" not in read_all(connection)
        assert gateway.tell(request(chat())).startswith(b"HTTP/1.1 200")
    assert [decision.outcome for decision in gateway.decisions] == ["cancelled", "accepted"]


DOUBLING = {f"x{step}": {"anyOf": [{"$ref": f"#/$defs/x{step + 1}"}] * 2} for step in range(40)}
SLOW_SCHEMAS: dict[str, tuple[dict[str, Any], bytes]] = {
    "a pattern that backtracks": ({"properties": {"a": {"pattern": "^(a+)+$"}}}, b"422"),
    "one that only Python reads": ({"properties": {"a": {"pattern": "^(?=(a+)+$)"}}}, b"400"),
    "references that double": ({"$defs": {**DOUBLING, "x40": {"type": "null"}}, "$ref": "#/$defs/x0"}, b"400"),
    "references back, with doubts": (
        {"properties": {"b": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}, "a": {"type": "null"}}},
        b"422",
    ),
}


@pytest.mark.parametrize("name", SLOW_SCHEMAS)
@pytest.mark.parametrize("of_tool", [False, True])
def test_no_schema_of_a_request_keeps_the_others_waiting(name: str, of_tool: bool) -> None:
    schema, status = SLOW_SCHEMAS[name]
    answer: Any = '{"b": ' * 60 + json.dumps({"a": "a" * 60 + "!"}) + "}" * 60
    if "references back" not in name:
        answer = json.dumps({"a": "a" * 60 + "!"})
    fields: dict[str, Any] = {
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    }
    if of_tool:
        fields = {"tools": [{"type": "function", "function": {"name": "look", "parameters": schema}}]}
        answer = Completion(None, "tool_calls", tool_calls=(ToolCall("call_1", "look", answer),))
    with served(efficiency=answer, performance=answer) as gateway:
        told = gateway.tell(request(chat(**fields)))
    assert told.split(b" ", 2)[1] == status, told[-300:]


def test_a_body_that_does_not_come_is_408(small_gateway: Served) -> None:
    told = small_gateway.tell(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50\r\n\r\n{")
    assert told.startswith(b"HTTP/1.1 408")


def test_a_connection_is_used_again_without_a_limit_on_how_long_it_rests(small_gateway: Served) -> None:
    with small_gateway.connect() as connection:
        for _ in range(2):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
            time.sleep(0.5)  # longer than a head may take


def test_a_client_that_hangs_up_cancels_its_request() -> None:
    async def never(messages: Any) -> Any:
        await anyio.sleep_forever()

    with served(efficiency=never) as gateway:
        with gateway.connect() as connection:
            connection.sendall(request(chat()))
            wait_until(lambda: bool(gateway.client.calls))
        wait_until(lambda: bool(gateway.decisions))
    assert [decision.outcome for decision in gateway.decisions] == ["cancelled"]


@pytest.mark.parametrize("stream", [False, True])
def test_an_ending_server_finishes_what_it_can_and_fails_the_rest_in_good_order(stream: bool) -> None:
    started, told = threading.Semaphore(0), list[bytes]()

    async def slow(messages: Any) -> Any:
        started.release()
        await anyio.sleep(0.2 if messages[-1]["content"] == "quick" else 600)
        return "words"

    config = config_with(gateway={"shutdown_grace": "1s", "first_keep_alive": "10ms"})
    with served(efficiency=slow, config=config) as gateway:
        for words in ("quick", "slow"):
            body = chat(messages=[{"role": "user", "content": words}], stream=stream)
            thread = threading.Thread(target=lambda body=body: told.append(gateway.tell(request(body))))
            thread.start()
            started.acquire(timeout=30)
        gateway.server.should_exit = True
    wait_until(lambda: len(told) == 2)
    finished, failed = told
    assert b"words" in finished
    assert b"shutting_down" in failed
    assert failed.startswith(b"HTTP/1.1 200" if stream else b"HTTP/1.1 503")
    assert b"[DONE]" not in failed
    assert [decision.outcome for decision in gateway.decisions] == ["accepted", "cancelled"]


def wait_until(true: Any) -> None:
    for _ in range(3000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to that")
