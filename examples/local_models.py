"""Models on this machine as the efficiency tier: Ollama, llama.cpp, vLLM, each by its OpenAI-compatible address.

    ollama pull qwen3:4b;  python examples/local_models.py --server ollama --model qwen3:4b
    llama-server -m model.gguf --port 8081;  python examples/local_models.py --server llama.cpp
    vllm serve Qwen/Qwen3-8B;  python examples/local_models.py --server vllm --model Qwen/Qwen3-8B

Local tokens cost next to nothing: what is saved is what the performance tier is not asked. Without `--performance` (say
`openai/gpt-5.2`, with OPENAI_API_KEY set) the practice models take its place, and the judge's, so that you can try it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from practice_models import practice_models
from pydantic import BaseModel

from qualityroute import AnswerRejected, Config, Engine
from qualityroute.practice import PracticeServer

DOCUMENTS = Path(__file__).parent / "documents"
SERVERS: dict[str, dict[str, Any]] = {
    # A small machine answers one or two at a time; more would only wait inside it, past their time.
    "ollama": {"base_url": "http://127.0.0.1:11434/v1", "max_concurrency": 2, "timeout": "5m"},
    "llama.cpp": {"base_url": "http://127.0.0.1:8081/v1", "max_concurrency": 4, "timeout": "5m"},
    "vllm": {"base_url": "http://127.0.0.1:8000/v1", "max_concurrency": 64, "timeout": "2m"},
}
"""None of them asks for a key."""


class Invoice(BaseModel):
    vendor: str
    invoice_number: str
    total: float


def main() -> None:
    parser = argparse.ArgumentParser(description="Ask a local model first.")
    parser.add_argument("--server", choices=SERVERS, default="ollama")
    parser.add_argument("--address", help="another than the server's usual one")
    parser.add_argument("--model", default="default", help="as the server calls it")
    parser.add_argument("--performance", help="provider/model; default: a practice model")
    options = parser.parse_args()
    server = SERVERS[options.server] | ({"base_url": options.address} if options.address else {})
    with PracticeServer() as practice:
        config = Config.model_validate(settings(practice, server, options.model, options.performance))
        with Engine(config, store="sqlite://") as engine:
            for path in sorted(DOCUMENTS.glob("*.txt")):
                read(engine, path)


def settings(practice: PracticeServer, server: dict[str, Any], model: str, performance: str | None) -> dict[str, Any]:
    stand_in = practice_models(practice)
    tiers = stand_in["tiers"] | {"efficiency": {"models": [f"local/{model}"]}}
    if performance is not None:
        tiers = tiers | {"performance": {"models": [performance]}}
    return {
        **stand_in,
        "providers": {**stand_in["providers"], "local": server},
        "tiers": tiers,
        # Electricity, perhaps: a price of 0 is known, and a missing one is unknown.
        "prices": [*stand_in["prices"], {"model": f"local/{model}", "input": 0, "output": 0}],
        "tasks": {"invoice": {"instructions": "Extract its fields.", "schema": Invoice, "rubric": "extraction"}},
    }


def read(engine: Engine, path: Path) -> None:
    try:
        answer = engine.run_sync("invoice", path.read_text(encoding="utf-8"))
    except AnswerRejected as error:
        print(f"{path.name}: no answer is served: {error}")
        return
    decision = answer.decision
    print(f"{path.name}: {decision.outcome}, answered by {decision.model}, ${decision.cost}")
    for attempt in decision.attempts:
        print(f"  {attempt.tier}: {attempt.ruling} {attempt.message}".rstrip())


if __name__ == "__main__":
    main()
