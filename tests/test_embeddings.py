"""Vectors from an endpoint: asked for as OpenAI's `/embeddings` is, and never a reason to fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from conftest import RUBRIC, config_with
from fault_server import FaultServer, Play, completion, failing, good

from qualityroute import Completion, Engine, Outcome, ProviderError, Usage
from qualityroute.client import CompletionRequest
from qualityroute.config import Provider
from qualityroute.openai_client import OpenAIClient
from qualityroute.records import Role

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_loopback")]
USAGE = {"prompt_tokens": 7, "total_tokens": 7}


def embedding(*numbers: Any, **fields: Any) -> dict[str, Any]:
    data = [{"object": "embedding", "index": 0, "embedding": list(numbers)}]
    return {"object": "list", "model": "served-vectors", "data": data, "usage": USAGE, **fields}


@asynccontextmanager
async def served(*script: Any, retries: int = 0) -> AsyncIterator[tuple[OpenAIClient, FaultServer]]:
    with FaultServer(*script) as server:
        client = OpenAIClient({"practice": Provider(base_url=server.url, retries=retries)})
        try:
            yield client, server
        finally:
            await client.aclose()


async def asked(client: OpenAIClient, **more: Any) -> Completion:
    message = {"role": "user", "content": "Do you ship?"}
    request = CompletionRequest(
        Role.EMBEDDING, None, "practice", "vectors", (message,), max_output_tokens=0, embeds=True, waits=False, **more
    )
    return await client.complete(request)


async def test_a_vector_is_asked_for_as_the_sdk_does() -> None:
    async with served(Play(embedding(0.6, -0.8, 0))) as (client, server):
        found = await asked(client, parameters={"dimensions": 3})
    assert (found.raw, found.content, found.model) == ({"embedding": [0.6, -0.8, 0]}, None, "served-vectors")
    assert found.usage == Usage(7, output_tokens=0)
    assert [request.path for request in server.requests] == ["/v1/embeddings"]
    assert server.bodies == [{"model": "vectors", "input": "Do you ship?", "dimensions": 3}]


async def test_tokens_that_nobody_counted_are_marked_as_estimated() -> None:
    async with served(Play(embedding(1.0, usage=None))) as (client, _):
        assert (await asked(client)).usage.estimated


@pytest.mark.parametrize(
    "body",
    [
        completion("words"), embedding(data=[]), {**embedding(), "data": None}, {**embedding(), "data": [{}]},
        embedding("0.5"), embedding(True), {**embedding(), "data": [{"embedding": "AACAPw=="}]},
    ],
    ids=["words", "nothing", "null", "bare", "texts", "booleans", "base64"],
)  # fmt: skip
async def test_a_reply_without_numbers_is_trouble(body: Mapping[str, Any]) -> None:
    async with served(Play(body)) as (client, _):
        with pytest.raises(ProviderError, match="gave no usable answer: the reply has no embedding made of numbers"):
            await asked(client)


async def test_a_busy_endpoint_is_asked_again_as_for_any_call() -> None:
    async with served(failing(429, headers={"retry-after": "0"}), Play(embedding(1.0)), retries=1) as (client, _):
        assert (await asked(client)).retries == 1


async def test_an_endpoint_without_embeddings_costs_the_request_nothing_but_a_look() -> None:
    def reply(body: Mapping[str, Any]) -> Play:
        if "input" in body:
            return failing(501, "no embeddings here")
        return good("yes") if "messages" in body else failing(400, "what?")

    with FaultServer(reply) as server:
        task = {"rubric": RUBRIC, "gate": ["judge"], "cache": "semantic", "on_undecided": "accept"}
        config = config_with(
            task, providers={"practice": {"base_url": server.url}},
            cache={"embeddings": "practice/vectors", "window": 256},
        )  # fmt: skip
        async with Engine(config, store="sqlite://") as engine:
            told = (await engine.run("invoice", "Do you ship?")).decision
            kept = await engine.explain(told.id)
    assert told.outcome is Outcome.ACCEPTED
    assert told.likening is not None and kept.likening is not None
    (call,) = kept.likening.all_calls
    assert (call.role, call.cost) == (Role.EMBEDDING, Decimal(0))
    assert told.likening.message == "no vector, or no time"
