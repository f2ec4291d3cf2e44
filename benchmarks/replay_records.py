"""The recorded cases: what each model answered, whether that was right, and what it cost."""

from __future__ import annotations

import argparse
import gzip
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Case = Mapping[str, Any]
Prices = Mapping[str, Sequence[float]]
"""USD per 1M tokens, in and out."""

MINI = "gpt-4o-mini-2024-07-18-FC"
GPT35 = "gpt-3.5-turbo-0125"
NEMO = "open-mistral-nemo-2407-FC-Any"
NEMO_PROMPTED = "open-mistral-nemo-2407"
HAIKU = "claude-3-haiku-20240307"
SONNET = "claude-3-5-sonnet-20240620"
GPT4 = "gpt-4-0125-preview"
MIXTRAL = "mistralai/Mixtral-8x7B-Instruct-v0.1"
GPT4_TURBO = "gpt-4-1106-preview"

VARIABLE = "QUALITYROUTE_REPLAY"
"""The environment variable that names the folder of recorded answers."""
BFCL = ("bfcl-simple", "bfcl-multiple", "bfcl-parallel")


def add_data(parser: argparse.ArgumentParser) -> None:
    """The option that names the folder; `None` where nothing does, or there is none."""
    named = os.environ.get(VARIABLE)
    default = Path(named) if named and Path(named).is_dir() else None
    words = f"the folder of recorded answers; else {VARIABLE}"
    parser.add_argument("--data", type=Path, metavar="FOLDER", default=default, help=words)


@dataclass(frozen=True)
class Pair:
    efficiency: str
    performance: str


PAIR = Pair(MINI, SONNET)
"""The one whose figures `replay/README.md` and the issue state."""


@dataclass(frozen=True)
class Served:
    """One request's end."""

    model: str | None
    """Whose answer the caller got; `None` where the request ended in `AnswerRejected`."""
    cost: float
    """USD, everything asked for this request."""
    refused: str | None = None
    """Whose answer lies in the error: the performance tier's, which failed its checks."""
    asked: int = 0
    """Calls of peers and judges."""

    @property
    def taken(self) -> str | None:
        """Whose answer the caller has when they take the performance tier's from the error."""
        return self.model or self.refused


class Records:
    """The cases of one pair of tiers, and what follows from them alone."""

    def __init__(self, cases: Sequence[Case], prices: Prices, pair: Pair) -> None:
        self.cases, self.prices, self.pair = cases, prices, pair

    def cost(self, case: Case, model: str) -> float:
        into, out = self.prices[model]
        answer = case["answers"][model]
        return float(answer["prompt_tokens"] * into + answer["completion_tokens"] * out) / 1e6

    def costs(self, model: str) -> list[float]:
        return [self.cost(case, model) for case in self.cases]

    def right(self, model: str) -> float:
        return sum(correct(case, model) for case in self.cases) / len(self.cases)


def correct(case: Case, model: str | None) -> bool:
    """By the source's own verdict; no answer is not right."""
    return model is not None and bool(case["answers"][model]["correct"])


def valid(case: Case, model: str) -> bool:
    return bool(case["answers"][model].get("schema_valid", True))


def answer_of(case: Case, model: str) -> Any:
    """The recorded answer as JSON. Raises `ValueError` where it is none."""
    return json.loads(case["answers"][model]["content"])


def question(case: Case) -> str:
    """What the user said."""
    return "\n".join(message["content"] for message in case["messages"] if message["role"] == "user")


def read_bfcl(folder: Path) -> list[Case]:
    return [case for name in BFCL for case in read_rows(folder, name)]


def read_gsm8k(folder: Path) -> list[Case]:
    """Without the prompts that RouteLLM drops as contaminated, so that its figures compare."""
    return [case for case in read_rows(folder, "gsm8k") if not case["contaminated"]]


def read_rows(folder: Path, name: str) -> list[Case]:
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_prices(folder: Path) -> Prices:
    prices: Prices = json.loads((folder / "prices.json").read_text(encoding="utf-8"))["prices"]
    return prices
