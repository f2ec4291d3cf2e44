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
from typing import Any

import anyio
import numpy as np
from results import Row, begin, command
from semantic_pairs import PAIRS, TWINS, WRITTEN, Pair

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

    def __init__(self, address: str, twins: Mapping[str, set[str]] | None, known: dict[str, Completion]) -> None:
        """`twins`: which other question an answer may answer as well; `None`: any. `known`: vectors from before."""
        self._known = known
        self.vectors = OpenAIClient({"local": Provider(base_url=address)})
        self.said: dict[str, list[float]] = {}
        self._twins = twins
        self.scripted = ScriptedClient({"efficiency": _answer, "performance": _answer, "judge": self._judged})
        self._asked = ""

    async def complete(self, request: CompletionRequest) -> Completion:
        if request.role is not Role.EMBEDDING:
            return await self.scripted.complete(request)
        question = request.messages[0]["content"]
        if question not in self._known:
            self._known[question] = await self.vectors.complete(request)
        completion = self._known[question]
        assert completion.raw is not None
        self.said[question] = completion.raw["embedding"]
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
        return "yes" if any(_quoted(question) in candidate for question in self._twins[self._asked]) else "no"


def _answer(messages: Sequence[Message]) -> str:
    return f"This answers: {messages[-1]['content']}"


def _quoted(question: str) -> str:
    """As the judge is shown it, within the answer's JSON."""
    return f"This answers: {question}".replace("\\", "\\\\").replace('"', '\\"')


@dataclass(frozen=True)
class Tried:
    """What became of a question of a pair."""

    pair: Pair
    is_second: bool
    decision: Decision
    right: bool
    """Was its answer one to this question, or to one that may be answered alike?"""

    @property
    def was_served(self) -> bool:
        return self.decision.outcome is Outcome.CACHED


async def tried(
    address: str, known: dict[str, Completion], twins: Mapping[str, set[str]] | None
) -> tuple[list[Tried], Models, str]:
    """All pairs through one engine; and what its report says."""
    models, found = Models(address, twins, known), []
    with tempfile.TemporaryDirectory() as folder:
        async with Engine(config(address), client=models, store=str(Path(folder, "q.db"))) as engine:
            for is_second in (False, True):
                for pair in PAIRS:
                    question = pair.other if is_second else pair.one
                    models.now_asks(question)
                    answer = await engine.run("help", question)
                    right = answer.output in {f"This answers: {one}" for one in TWINS[question]}
                    found.append(Tried(pair, is_second, answer.decision, right))
            for pair in PAIRS:
                for question in (pair.one, pair.other):
                    await models.read_as_it_is(question)
            report = await engine.report()
            told = report.tasks["help"].cache
    await models.aclose()
    return found, models, told.sentence if told is not None else ""


def rows(address: str) -> Iterator[Row]:
    known = dict[str, Completion]()
    credulous, models, _ = anyio.run(tried, address, known, None)
    yield from _written()
    for threshold in PLAIN:
        counts = Counter(pair.alike for pair in PAIRS if cosine(models, pair) >= threshold)
        yield Row(f"similarity of {threshold:.2f} alone: wrong answers", counts[False], "pairs")
        yield Row(f"similarity of {threshold:.2f} alone: paraphrases found", counts[True], "pairs")
    yield from _outcomes("judge who says yes to everything", credulous)
    knowing, _, told = anyio.run(tried, address, known, TWINS)
    yield from _outcomes("judge who knows", knowing)
    for fate, count in Counter(look["fate"] for look in _looks(knowing)).most_common():
        yield Row(f"looks that came to `{fate}`", count, "pairs")
    near = [look["similarity"] for look in _looks(knowing) if look["fate"] == "confirmed"]
    yield Row.of("similarity of the paraphrases found", near, "")
    for threshold in PLAIN:
        yield Row(f"paraphrases found with a similarity of {threshold:.2f}", sum(s >= threshold for s in near), "pairs")
    print(told)


def _written() -> Iterator[Row]:
    for written in WRITTEN:
        for name, alike in KINDS.items():
            count = sum(pair.written == written and pair.alike is alike for pair in PAIRS)
            if count:
                yield Row(f"{written} {name}", count, "pairs")
    yield Row("paraphrases that a second look doubts", sum(bool(pair.doubt) for pair in PAIRS), "pairs")


def _outcomes(who: str, found: Sequence[Tried]) -> Iterator[Row]:
    wrong = sum(one.was_served and not one.right for one in found)
    yield Row(f"engine, {who}: wrong answers", wrong, "pairs").at_most(0)
    for written in WRITTEN:
        right = [one for one in found if one.is_second and one.pair.alike and one.pair.written == written]
        if right:
            served = sum(one.was_served and one.right for one in right)
            yield Row(f"engine, {who}: {written} paraphrases found", served, "pairs")


def _looks(found: Sequence[Tried]) -> list[Mapping[str, Any]]:
    """What came of those of second questions."""
    looks = [one.decision.likening for one in found if one.is_second]
    return [look.verdicts[0].details for look in looks if look is not None]


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
