"""LiteLLM's Router and instructor against the `AsyncOpenAI` of their own environment; started by `overhead.py --peers`.

    python benchmarks/overhead_peers.py BASE_URL REQUESTS     (prints rows as JSON)

They may want another openai than we, so that each is compared with the one that they get.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

# Or LiteLLM fetches a list of prices when it is imported.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import instructor
import litellm
from blocks import Ask, Variant, compare_all
from openai import AsyncOpenAI
from overhead_task import INSTRUCTIONS, document
from pydantic import create_model
from upstream import INVOICE

MESSAGES: list[Any] = [{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": document()}]


def model_of(name: str, value: dict[str, Any]) -> Any:
    """The pydantic model somebody would write for a value such as this."""
    return create_model(name, **{key: (type_of(key, part), ...) for key, part in value.items()})


def type_of(name: str, value: Any) -> Any:
    match value:
        case dict():
            return model_of(name, value)
        case list():
            return list[type_of(name, value[0])]  # type: ignore[misc]
        case bool() | str():
            return type(value)
        case int() | float():
            return float
        case _:
            return str | None


def calling(call: Any) -> Ask:
    async def ask(number: int) -> int:
        await call(number)
        return 1

    return ask


def variants_of(base_url: str) -> list[Variant]:
    bare = f"AsyncOpenAI {version('openai')} create"
    client = AsyncOpenAI(base_url=base_url, api_key="none")
    access = {"api_base": base_url, "api_key": "none"}
    router = litellm.Router(
        model_list=[
            {"model_name": name, "litellm_params": {"model": f"openai/{name}", **access}} for name in ("small", "large")
        ],
        fallbacks=[{"small": ["large"]}],
    )
    instructed = instructor.from_openai(client, mode=instructor.Mode.JSON_SCHEMA)
    invoice = model_of("Invoice", INVOICE)
    asked = {"model": "small", "messages": MESSAGES}
    return [
        Variant(bare, 1, bare, calling(lambda _: client.chat.completions.create(**asked))),
        Variant(
            f"LiteLLM {version('litellm')} Router", 1, bare, calling(lambda _: router.acompletion(**asked))
        ),
        Variant(
            f"instructor {version('instructor')}", 1, bare,
            calling(lambda _: instructed.chat.completions.create(**asked, response_model=invoice)),
        ),
    ]  # fmt: skip


def main() -> None:
    base_url, requests = sys.argv[1:]
    rows = asyncio.run(compare_all(variants_of(base_url), int(requests)))
    print(json.dumps([asdict(row) for row in rows]))


if __name__ == "__main__":
    main()
