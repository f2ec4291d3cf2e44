"""The real llama.cpp server, from the wheel xllamacpp, over tiny random models that are made on the spot.

The models write word salad; what the server guarantees is real. Its starter, `tools/tiny_server.sh`, stands in the
folder that `QUALITYROUTE_SHARED` names, or in `../shared` beside this repository; without it these tests are skipped,
unless `CI` is set. What it installs is kept in `.venv/llama`, or in the folder that `QUALITYROUTE_LLAMA` names.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import Ear, failure

from qualityroute import AnswerRejected, Config, Engine, Reason
from qualityroute.client import CompletionRequest
from qualityroute.config import Provider
from qualityroute.openai_client import OpenAIClient
from qualityroute.records import Role, Tier

ROOT = Path(__file__).parents[1]
STARTER = Path(os.environ.get("QUALITYROUTE_SHARED", ROOT.parent / "shared"), "tools", "tiny_server.sh")
KEY = "sk-test"
USER = ({"role": "user", "content": "What is the capital of France?"},)
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("openai_imported")]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server's own virtual environment and models are kept between runs."""
    if not STARTER.exists():
        told = f"no {STARTER}"
        pytest.fail(told) if os.environ.get("CI") else pytest.skip(told)
    kept = Path(os.environ.get("QUALITYROUTE_LLAMA", ROOT / ".venv" / "llama"))
    kept.mkdir(parents=True, exist_ok=True)
    return kept


def started(workshop: Path, alias: str, seed: str, tool_bias: str) -> Iterator[str]:
    port = str(free_port())
    environment = {**os.environ, "PYTHON": sys.executable, "KEY": KEY}
    up = ["bash", str(STARTER), "up", str(workshop), port, alias, seed, tool_bias]
    with (workshop / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes must not install at once
        done = subprocess.run(
            up, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True
        )
    yield done.stdout.split()[-1]
    subprocess.run(["bash", str(STARTER), "down", str(workshop), port], check=True)


@pytest.fixture(scope="session")
def text_server(workshop: Path) -> Iterator[str]:
    yield from started(workshop, "text-model", "1", "0")


@pytest.fixture(scope="session")
def tool_server(workshop: Path) -> Iterator[str]:
    yield from started(workshop, "tool-model", "2", "30")


def ask(**fields: Any) -> CompletionRequest:
    standard: dict[str, Any] = {"role": Role.ANSWER, "tier": Tier.EFFICIENCY, "provider": "llama", "model": "any"}
    return CompletionRequest(**standard | {"messages": USER, "max_output_tokens": 400} | fields)


def client_of(url: str, key: str = KEY) -> OpenAIClient:
    return OpenAIClient({"llama": Provider(base_url=url)}, keys={"llama": key})


def config_for(url: str, schema: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("LLAMA_KEY", KEY)
    return Config.model_validate(
        {
            "providers": {"llama": {"base_url": url, "api_key_env": "LLAMA_KEY"}},
            "tiers": {"efficiency": {"models": ["llama/a"]}, "performance": {"models": ["llama/b"]}},
            "tasks": {"read": {"schema": schema, "max_output_tokens": 400}},
        }
    )


async def test_answers_under_a_schema_keep_to_it_with_bounds_of_integers_and_optional_properties(
    text_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = {
        "type": "object",
        "properties": {
            "stars": {"type": "integer", "minimum": 1, "maximum": 5},
            "mood": {"enum": ["good", "bad"]},
            "note": {"type": "boolean"},
        },
        "required": ["stars", "mood"],
    }
    async with Engine(config_for(text_server, schema, monkeypatch), store="sqlite://") as engine:
        answers = [await engine.run("read", f"review {n}", parameters={"seed": n}) for n in range(10)]
    assert all(1 <= answer.output["stars"] <= 5 for answer in answers)
    assert {answer.decision.outcome for answer in answers} == {"accepted"}
    assert any("note" not in answer.output for answer in answers)
    usages = [answer.decision.attempts[0].usage for answer in answers]
    assert all(usage.input_tokens and usage.output_tokens and not usage.estimated for usage in usages)


async def test_bounds_of_numbers_that_the_server_does_not_enforce_are_caught_by_ours(
    text_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = {
        "type": "object",
        "properties": {"share": {"type": "number", "minimum": 0, "maximum": 1}},
        "required": ["share"],
    }
    broken: list[AnswerRejected] = []
    async with Engine(config_for(text_server, schema, monkeypatch), store="sqlite://") as engine:
        for number in range(10):
            try:
                answer = await engine.run("read", f"share {number}", parameters={"seed": number})
                assert 0 <= answer.output["share"] <= 1
            except AnswerRejected as error:
                broken.append(error)
    assert broken
    reasons = {attempt.reason for error in broken for attempt in error.attempts}
    assert reasons <= {Reason.SCHEMA, Reason.NOT_JSON}
    assert Reason.SCHEMA in reasons


async def test_log_probabilities_come_with_the_answer(text_server: str) -> None:
    client = client_of(text_server)
    answer = await client.complete(ask(top_logprobs=3, max_output_tokens=5))
    await client.aclose()
    assert answer.raw is not None
    tokens = answer.raw["choices"][0]["logprobs"]["content"]
    assert tokens
    assert all(len(token["top_logprobs"]) == 3 for token in tokens)


async def test_an_answer_cut_at_the_limit_says_length(text_server: str) -> None:
    client = client_of(text_server)
    answer = await client.complete(ask(max_output_tokens=2, parameters={"logit_bias": [], "ignore_eos": True}))
    await client.aclose()
    assert (answer.finish_reason, answer.usage.output_tokens) == ("length", 2)


async def test_tools_are_called_and_read(tool_server: str) -> None:
    client = client_of(tool_server)
    answer = await client.complete(ask(tools=(TOOL,), parameters={"tool_choice": "required"}))
    await client.aclose()
    assert answer.tool_calls
    assert answer.tool_calls[0].name == "get_weather"
    assert isinstance(json.loads(answer.tool_calls[0].arguments), dict)


async def test_a_model_that_cannot_be_made_to_call_a_tool_is_truncated_and_not_a_call(text_server: str) -> None:
    """`tool_choice = "required"` is accepted by the server and not enforced."""
    client = client_of(text_server)
    parameters = {"tool_choice": "required"}
    answer = await client.complete(ask(tools=(TOOL,), parameters=parameters, max_output_tokens=30))
    await client.aclose()
    assert answer.tool_calls == ()


async def test_a_wrong_key_names_the_provider_and_is_not_repeated(text_server: str) -> None:
    client = client_of(text_server, key="sk-wrong")
    error = await failure(client, ask())
    await client.aclose()
    assert (error.status, error.retryable, error.retries) == (401, False, 0)
    assert "'llama' refused the key (HTTP 401)" in str(error)
    assert "sk-wrong" not in str(error)


async def test_a_document_beyond_the_context_is_an_overflow(text_server: str) -> None:
    client = client_of(text_server)
    error = await failure(client, ask(messages=({"role": "user", "content": "total amount " * 20_000},)))
    await client.aclose()
    assert (error.reason, error.retryable) == (Reason.CONTEXT_OVERFLOW, False)


async def test_an_unknown_model_is_answered_by_the_one_that_is_loaded_and_its_name_is_kept(text_server: str) -> None:
    client = client_of(text_server)
    answer = await client.complete(ask(model="no-such-model", max_output_tokens=3))
    await client.aclose()
    assert answer.model == "text-model"


@pytest.mark.parametrize("tools", [(), (TOOL,)])
async def test_an_answer_that_is_heard_is_the_answer_that_is_not(
    tools: tuple[Any, ...], text_server: str, tool_server: str
) -> None:
    ear, client = Ear(), client_of(tool_server if tools else text_server)
    same = {"seed": 7, "temperature": 0, "cache_prompt": False, **({"tool_choice": "required"} if tools else {})}
    plain = await client.complete(ask(tools=tools, parameters=same, max_output_tokens=100))
    heard = await client.complete(ask(tools=tools, parameters=same, max_output_tokens=100, hear=ear))
    await client.aclose()
    for answer in (plain, heard):
        assert not answer.usage.estimated
    assert [(call.name, call.arguments) for call in heard.tool_calls] == [
        (call.name, call.arguments) for call in plain.tool_calls
    ]
    assert (heard.content or "", heard.finish_reason) == (plain.content or "", plain.finish_reason)
    assert (heard.usage, heard.model) == (plain.usage, plain.model)
    assert ear.text == (heard.content or "")
    assert len(ear.heard) > 1


def test_the_last_chunk_of_a_stream_has_usage_and_no_choices(text_server: str) -> None:
    """What whoever hears an answer while it is written has to live with."""
    body = {"model": "any", "messages": list(USER), "max_tokens": 5, "stream": True}
    body |= {"stream_options": {"include_usage": True}}
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    request = urllib.request.Request(f"{text_server}/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as reply:
        lines = [line.decode().strip() for line in reply if line.startswith(b"data: ")]
    assert lines[-1] == "data: [DONE]"
    last = json.loads(lines[-2].removeprefix("data: "))
    assert last["choices"] == []
    assert 0 < last["usage"]["completion_tokens"] <= 5


async def test_probing_finds_what_the_real_server_honours(text_server: str) -> None:
    client = client_of(text_server)
    found = {finding.probe: finding.standing.value for finding in await client.probe("llama", "any")}
    await client.aclose()
    honoured = {"answers", "json_schema", "logprobs", "seed", "stream usage"}
    assert {name: found[name] for name in honoured} == dict.fromkeys(honoured, "honoured")
    # Word salad may end before a limit, and nothing forces this model to call a tool.
    assert {found["max_tokens"], found["max_completion_tokens"]} <= {"honoured", "accepted"}
    assert found["tools"] == "ignored"
