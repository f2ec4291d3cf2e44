"""What the semantic cache serves of pairs of questions: paraphrases, and traps that no similarity tells from them.

    python benchmarks/semantic.py --server embeddings_server.py [--python PYTHON] [--json FILE]

The engine is the real one, with `cache = "semantic"`, and so are the vectors: the server is an OpenAI-compatible one
for embeddings that is started with `--port 0 --ready-file FILE`, and PYTHON is the interpreter that has what it needs.
The models' answers name their question, so that it is seen whose answer was served. All first questions of the pairs
are asked, then all second ones: each of them can meet any of the others. Once with a judge who says yes to everything,
so that nothing but the guards is measured, and once with one who knows.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import numpy as np
from results import Row, begin, command
from semantic_pairs import PAIRS, Pair

from qualityroute import Config, Engine
from qualityroute.client import CompletionRequest
from qualityroute.config import Provider
from qualityroute.openai_client import OpenAIClient
from qualityroute.records import Completion, Decision, Message, Outcome, Role
from qualityroute.testing import ScriptedClient

PLAIN = (0.80, 0.85, 0.90, 0.95)
WINDOW = 256
"""Tokens that the encoder reads."""
PATIENCE = 60.0
RUBRIC = {"name": "help", "criteria": [{"id": "right", "ask": "Does the answer answer this question?"}]}
KINDS = {"paraphrases": True, "traps": False}


@contextmanager
def served(server: Path, python: str) -> Iterator[str]:
    """The address of an embeddings server of our own."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder, "ready")
        process = subprocess.Popen(
            [python, str(server), "--port", "0", "--ready-file", str(ready)], stdout=subprocess.DEVNULL
        )
        try:
            until = time.monotonic() + PATIENCE
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"{server} did not start")
                time.sleep(0.05)
            yield ready.read_text().strip()
        finally:
            process.terminate()
            process.wait()


def config(address: str) -> Config:
    models = {"efficiency": {"models": ["scripted/small"]}, "performance": {"models": ["scripted/large"]}}
    return Config.model_validate(
        {
            "providers": {"scripted": {"base_url": "http://127.0.0.1:9/v1"}, "local": {"base_url": address}},
            "tiers": models,
            "judge": {"model": "scripted/judge"},
            "cache": {"embeddings": "local/all-minilm-l6-v2", "window": WINDOW},
            "tasks": {"help": {"rubric": RUBRIC, "gate": ["judge"], "cache": "semantic"}},
        }
    )


class Models:
    """Vectors from the server, everything else from a script."""

    def __init__(self, address: str, twins: Mapping[str, str] | None) -> None:
        """`twins`: which other question an answer may answer as well; `None`: any."""
        self.vectors = OpenAIClient({"local": Provider(base_url=address)})
        self.said: dict[str, list[float]] = {}
        self._twins = twins
        self.scripted = ScriptedClient({"efficiency": _answer, "performance": _answer, "judge": self._judged})
        self._asked = ""

    async def complete(self, request: CompletionRequest) -> Completion:
        if request.role is not Role.EMBEDDING:
            return await self.scripted.complete(request)
        completion = await self.vectors.complete(request)
        assert completion.raw is not None
        self.said[request.messages[0]["content"]] = completion.raw["embedding"]
        return completion

    async def read_as_it_is(self, question: str) -> None:
        """Also what the engine did not send, because it would be cut off."""
        if question not in self.said:
            message = {"role": "user", "content": question}
            await self.complete(
                CompletionRequest(Role.EMBEDDING, None, "local", "all-minilm-l6-v2", (message,), embeds=True)
            )

    async def aclose(self) -> None:
        await self.vectors.aclose()

    def now_asks(self, question: str) -> None:
        self._asked = question

    def _judged(self, messages: Sequence[Message]) -> str:
        if self._twins is None:
            return "yes"
        candidate = messages[-1]["content"].rpartition("BEGIN CANDIDATE")[2]
        right = (self._asked, self._twins.get(self._asked, self._asked))
        return "yes" if any(_quoted(question) in candidate for question in right) else "no"


def _answer(messages: Sequence[Message]) -> str:
    return f"This answers: {messages[-1]['content']}"


def _quoted(question: str) -> str:
    """As the judge is shown it, within the answer's JSON."""
    return f"This answers: {question}".replace("\\", "\\\\").replace('"', '\\"')


@dataclass(frozen=True)
class Tried:
    """What became of the second question of a pair."""

    pair: Pair
    decision: Decision
    right: bool
    """Was its answer one to this question?"""

    @property
    def was_served(self) -> bool:
        return self.decision.outcome is Outcome.CACHED


async def tried(address: str, twins: Mapping[str, str] | None) -> tuple[list[Tried], Models, str]:
    """All pairs through one engine; and what its report says."""
    models, found = Models(address, twins), []
    with tempfile.TemporaryDirectory() as folder:
        async with Engine(config(address), client=models, store=str(Path(folder, "q.db"))) as engine:
            for pair in PAIRS:
                models.now_asks(pair.one)
                await engine.run("help", pair.one)
            for pair in PAIRS:
                models.now_asks(pair.other)
                answer = await engine.run("help", pair.other)
                mine = [f"This answers: {question}" for question in (pair.other, pair.one)[: 1 + pair.alike]]
                found.append(Tried(pair, answer.decision, answer.output in mine))
            for pair in PAIRS:
                for question in (pair.one, pair.other):
                    await models.read_as_it_is(question)
            report = await engine.report()
            told = report.tasks["help"].cache
    await models.aclose()
    return found, models, told.sentence if told is not None else ""


def rows(address: str) -> Iterator[Row]:
    twins = {pair.other: pair.one for pair in PAIRS if pair.alike}
    credulous, models, _ = anyio.run(tried, address, None)
    for written in ("first", "second", "fresh"):
        for name, alike in KINDS.items():
            yield Row(f"{written} {name}", sum(p.written == written and p.alike is alike for p in PAIRS), "pairs")
    for threshold in PLAIN:
        counts = Counter(pair.alike for pair in PAIRS if cosine(models, pair) >= threshold)
        yield Row(f"similarity of {threshold:.2f} alone: wrong answers", counts[False], "pairs")
        yield Row(f"similarity of {threshold:.2f} alone: paraphrases found", counts[True], "pairs")
    yield from _outcomes("judge who says yes to everything", credulous)
    knowing, _, told = anyio.run(tried, address, twins)
    yield from _outcomes("judge who knows", knowing)
    fates = Counter(one.decision.likening.verdicts[0].details["fate"] for one in knowing if one.decision.likening)
    for fate, count in fates.most_common():
        yield Row(f"looks that came to `{fate}`", count, "pairs")
    found = [one for one in credulous if one.was_served]
    yield Row.of("similarity of the paraphrases found", [cosine(models, one.pair) for one in found], "")
    print(told)


def _outcomes(who: str, found: Sequence[Tried]) -> Iterator[Row]:
    wrong = sum(one.was_served and not one.right for one in found)
    yield Row(f"engine, {who}: wrong answers", wrong, "pairs").at_most(0)
    for written in ("first", "second", "fresh"):
        right = sum(one.was_served and one.right and one.pair.written == written for one in found)
        yield Row(f"engine, {who}: {written} paraphrases found", right, "pairs")


def cosine(models: Models, pair: Pair) -> float:
    one, other = (np.array(models.said[question]) for question in (pair.one, pair.other))
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def main() -> None:
    parser = command(__doc__, quick="the same")
    parser.add_argument("--server", type=Path, metavar="FILE", help="the embeddings server's program")
    parser.add_argument("--python", default=sys.executable, help="the server's interpreter")
    run = begin("semantic", parser)
    options: argparse.Namespace = run.options
    if options.server is None:
        print("not measured: no embeddings; --server FILE names a server of them")
        return
    with served(options.server, options.python) as address:
        run.tell(list(rows(address)))


if __name__ == "__main__":
    main()
