"""The official clients of Python and Node before a real gateway, which stands before a real, if obedient, provider."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import openai
import pytest
from conftest import INVOICE_SCHEMA, plain
from fault_server import FaultServer, Play, completion, event, failing, good, streaming
from gateway_server import Running, running
from pydantic import BaseModel

from qualityroute import Config, Engine
from qualityroute.gateway.keyring import Keyring
from qualityroute.gateway.models import WAYS
from qualityroute.keys import Key, digest_of, hint_of, token_of
from qualityroute.store import open_store

pytestmark = pytest.mark.usefixtures("plain_loopback")
SCRIPTS = Path(__file__).parent / "clients"
NODE_PACKAGES = Path(__file__).parents[1] / ".venv/node/node_modules"
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Paris"}'},
}
GOOD_KEY, POOR_KEY, BUSY_KEY = (token_of(bytes([number]) * 32) for number in range(3))


def says(words: str) -> Any:
    return [{"role": "user", "content": words}]


def obey(body: Mapping[str, Any]) -> Play:
    """What a model would do with such a request; some words say how the provider fails instead."""
    words = body["messages"][-1]["content"]
    match words:
        case "be slow":
            return Play(completion(), delay=60)
        case "too many":
            return failing(429, "slow down", headers={"retry-after": "300"})
        case "break":
            return failing(500, "oops")
        case "hang":
            return streaming("a word", then="hang")
    if body.get("tools"):
        return (
            streaming({"tool_calls": [{"index": 0, **CALL}]}) if body.get("stream") else good(None, tool_calls=[CALL])
        )
    if "json" in body.get("response_format", {}).get("type", ""):
        return good('{"city": "Paris"}')
    return streaming("said: ", event({"content": words})) if body.get("stream") else good(f"said: {words}")


def config_of(upstream: FaultServer, **gateway: Any) -> Config:
    models = ("up/small", "up/large")
    return Config.model_validate(
        {
            "providers": {"up": {"base_url": upstream.url, "retries": 0}},
            "tiers": {"efficiency": {"models": models[:1]}, "performance": {"models": models[1:]}},
            "tasks": {"invoice": {"schema": INVOICE_SCHEMA}, "hurried": {"deadline": "200ms"}},
            "prices": [{"model": name, "input": 1, "output": 1, "effective_from": "2026-01-01"} for name in models],
            "gateway": gateway,
        }
    )


@dataclass
class Gateways:
    upstream: FaultServer
    main: Running
    """With keys."""
    troubled: Running
    """Whose models fail, and are left alone after it."""
    full: Running
    """Which answers somebody else."""

    def client(self, **options: Any) -> openai.OpenAI:
        return openai.OpenAI(**{"base_url": self.main.url, "api_key": GOOD_KEY, "max_retries": 0, **options})


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory, openai_imported: None) -> Iterator[Gateways]:
    folder = tmp_path_factory.mktemp("gateways")
    with ExitStack() as stack:
        plain(stack.enter_context(pytest.MonkeyPatch.context()), folder)
        upstream = stack.enter_context(FaultServer(obey))
        main = stack.enter_context(with_keys(config_of(upstream, max_body="64KiB"), folder / "keys.db"))
        troubled = stack.enter_context(running(Engine(config_of(upstream), store="sqlite://")))
        full = stack.enter_context(running(Engine(config_of(upstream, max_concurrent=1), store="sqlite://")))
        made = Gateways(upstream, main, troubled, full)
        somebody = stack.enter_context(made.client(base_url=full.url))
        held = stack.enter_context(
            somebody.chat.completions.create(model="performance-model", messages=says("hang"), stream=True)
        )
        next(held)
        with made.client(api_key=BUSY_KEY) as busy:  # its one request of this minute
            busy.chat.completions.create(model="smart-select", messages=says("hello"))
        yield made


@contextmanager
def with_keys(config: Config, path: Path) -> Iterator[Running]:
    limits: dict[str, dict[str, Any]] = {
        GOOD_KEY: {},
        POOR_KEY: {"budget_per_day": Decimal("0.000001")},
        BUSY_KEY: {"requests_per_minute": 1},
    }

    async def add() -> None:
        store = open_store(f"sqlite:///{path}", folder=path.parent)
        await store.open()
        for token, limit in limits.items():
            name = f"key {hint_of(token)}"
            key = Key(name, name, "acme", digest_of(token), hint_of(token), datetime.now(UTC), **limit)
            assert await store.add_key(key)
        await store.aclose()

    anyio.run(add)
    engine = Engine(config, store=f"sqlite:///{path}")
    keyring = Keyring(engine.store, lambda: datetime.now(UTC), time.monotonic)
    with running(engine, keyring=keyring) as gateway:
        yield gateway


@dataclass(frozen=True)
class Refused:
    """A request, and what OpenAI's clients make of its refusal."""

    fields: Mapping[str, Any]
    status: int
    error: str
    code: str | None
    at: str = "main"
    key: str = GOOD_KEY
    waits: bool = False
    """Does the gateway say how long to wait?"""
    retries: int = 0
    """As many as the client would make; the gateway keeps it from all of them."""

    def told(self, *, error: str | None = None) -> dict[str, Any]:
        verdicts = [["form", "accepted"], ["schema", "rejected"]] * 2 if self.status == 422 else None
        return {
            "error": error or self.error,
            "status": self.status,
            "code": self.code,
            "waits": self.waits,
            "verdicts": verdicts,
            "tries": 1,
        }


SERVER_ERROR, LIMITED = "InternalServerError", "RateLimitError"
REFUSED = {
    "a wrong field": Refused({"n": 2}, 400, "BadRequestError", None, retries=2),
    "a wrong key": Refused({}, 401, "AuthenticationError", "invalid_api_key", key="qr-wrong", retries=2),
    "no such model": Refused({"model": "gpt-9"}, 404, "NotFoundError", "model_not_found", retries=2),
    "a large body": Refused({"messages": says("x" * 70_000)}, 413, "APIStatusError", None, retries=2),
    "a rejected answer": Refused(
        {"model": "smart-select/invoice"}, 422, "UnprocessableEntityError", "answer_rejected", retries=2
    ),
    "a used-up budget": Refused({}, 429, LIMITED, "insufficient_quota", key=POOR_KEY, retries=2),
    "a key's limit": Refused({}, 429, LIMITED, "rate_limit_exceeded", key=BUSY_KEY, waits=True),
    "too many at once": Refused({}, 503, SERVER_ERROR, "overloaded", at="full", waits=True),
    "a deadline": Refused(
        {"model": "efficiency-model/hurried", "messages": says("be slow")},
        504,
        SERVER_ERROR,
        "deadline_exceeded",
        at="troubled",
    ),
    "a broken provider": Refused(
        {"model": "efficiency-model", "messages": says("break")}, 502, SERVER_ERROR, "provider_error", at="troubled"
    ),
    "a provider's limit": Refused(
        {"model": "performance-model", "messages": says("too many")},
        429,
        LIMITED,
        "rate_limit_exceeded",
        at="troubled",
        waits=True,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_pythons_client_knows_each_refusal_by_its_class_and_does_not_repeat_what_would_not_help(
    name: str, gateways: Gateways
) -> None:
    refused, tries = REFUSED[name], 0
    where = getattr(gateways, refused.at)

    def count(request: Any) -> None:
        nonlocal tries
        tries += 1

    http = openai.DefaultHttpxClient(event_hooks={"request": [count]})
    options = {"base_url": where.url, "api_key": refused.key, "max_retries": refused.retries, "http_client": http}
    asked: Any = {"model": "smart-select", "messages": says("hello"), **refused.fields}
    with gateways.client(**options) as client, pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**asked)
    error, body = caught.value, caught.value.body
    assert isinstance(body, dict)
    verdicts = [[verdict["check"], verdict["ruling"]] for verdict in body.get("verdicts", [])]
    told = {
        "error": type(error).__name__,
        "status": error.status_code,
        "code": error.code,
        "waits": "retry-after" in error.response.headers,
        "verdicts": verdicts or None,
        "tries": tries,
    }
    assert told == refused.told()


class Place(BaseModel):
    city: str


# On trio OpenAI's client leaves its streams' generators to the garbage collector, which trio complains of.
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_pythons_asynchronous_client_is_answered_as_well(gateways: Gateways) -> None:
    tool: Any = {"type": "function", "function": {"name": "weather", "parameters": Place.model_json_schema()}}
    asked: Any = {"model": "smart-select", "messages": says("hello")}
    async with openai.AsyncOpenAI(base_url=gateways.main.url, api_key=GOOD_KEY, max_retries=0) as client:
        create = client.chat.completions.create
        plain_one = await create(**asked)
        whole = await client.chat.completions.parse(**asked, response_format=Place)
        called = await create(**asked, tools=[tool])
        async with client.chat.completions.stream(**{**asked, "model": "performance-model"}, tools=[tool]) as stream:
            streamed = await stream.get_final_completion()
        live = await create(**{**asked, "model": "performance-model"}, stream=True)
        heard = [chunk.choices[0].delta.content async for chunk in live if chunk.choices[0].delta.content]
        names = [model.id async for model in client.models.list()]
    assert (plain_one.choices[0].message.content, plain_one.model) == ("said: hello", "up/small")
    assert whole.choices[0].message.parsed == Place(city="Paris")
    for answer in (called, streamed):
        [call] = answer.choices[0].message.tool_calls
        assert (call.id, call.function.name, call.function.arguments) == ("call_1", "weather", '{"city": "Paris"}')
    assert heard == ["said: ", "hello"]
    assert "performance-model/invoice" in names


TOLD_BY_NODE = {
    "plain": {"content": "said: hello", "finish": "stop", "model": "up/small", "tokens": 18, "outcome": "accepted"},
    "stream": {"content": "said: hello", "finish": "stop", "tokens": 18},
    "performance_stream": {"content": "said: hello", "model": "up/large", "pieces": ["said: ", "hello"]},
    "tools": {"finish": "tool_calls", "name": "weather", "arguments": {"city": "Paris"}},
    "tools_stream": {"finish": "tool_calls", "name": "weather", "arguments": {"city": "Paris"}},
    "structured": {"parsed": {"city": "Paris"}},
    "models": {"names": [*WAYS, *(f"{way}/{task}" for way in WAYS for task in ("chat", "hurried", "invoice"))]},
    "leaves": {"heard": "a word"},
}
NODE_CLASSES = {"APIStatusError": "APIError"}
"""Node's clients have one name less."""


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder in which Node finds the scripts and, beside them, their packages."""
    if shutil.which("node") is None or not NODE_PACKAGES.is_dir():
        if "CI" in os.environ:
            pytest.fail("CI runs Node's clients; `make .venv/node/ready` installs them")
        pytest.skip("there is no Node here, or no `make .venv/node/ready`")
    shutil.copytree(SCRIPTS, tmp_path / "clients")
    (tmp_path / "clients/node_modules").symlink_to(NODE_PACKAGES, target_is_directory=True)
    return tmp_path / "clients"


def run_node(folder: Path, *arguments: str, asked: Any = None, **environment: str) -> Any:
    done = subprocess.run(
        ["node", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_nodes_client_is_answered_and_knows_each_refusal_by_its_class(gateways: Gateways, scripts: Path) -> None:
    refused = {
        name: {
            "baseURL": getattr(gateways, it.at).url,
            "apiKey": it.key,
            "maxRetries": it.retries,
            "fields": it.fields,
        }
        for name, it in REFUSED.items()
    }
    gateways.upstream.left.clear()
    asked = {"gateway": {"baseURL": gateways.main.url, "apiKey": GOOD_KEY}, "refused": refused}
    told = run_node(scripts, "cases.mjs", asked=asked)
    assert told["cases"] == TOLD_BY_NODE
    assert told["refused"] == {name: it.told(error=NODE_CLASSES.get(it.error)) for name, it in REFUSED.items()}
    assert gateways.upstream.left.wait(30)  # with the client that left, the provider was left


def test_the_guides_typescript_runs_with_another_base_url(gateways: Gateways, scripts: Path) -> None:
    routine, hard = run_node(scripts, "--import", "tsx", "guide.mts", BASE_URL=gateways.main.url, API_KEY=GOOD_KEY)
    assert routine == {"model": "up/small", "content": "said: What is the capital of France?", "tokens": 18}
    assert hard == {"model": "up/large", "content": "said: Compare the two contracts clause by clause.", "tokens": 18}
