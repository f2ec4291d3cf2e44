"""A judge of your own: here a few lines of code, which ask no model and cost nothing.

    python examples/own_judge.py

The judge looks for the line that begins with "Total" and compares. The cheap model reads two invoices: of the first it
takes the right total, of the second the subtotal, which the judge sees, so that the performance tier answers.
"""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path

from practice_models import practice_models
from pydantic import BaseModel

from qualityroute import Config, Criterion, Engine, Judgement, Rubric
from qualityroute.practice import PracticeServer

DOCUMENTS = Path(__file__).parent / "documents"
RUBRIC = Rubric(criteria=(Criterion(id="total", ask="Is the total that of the line 'Total'?", critical=True),))


class Amount(BaseModel):
    total: float


class TotalLine:
    """Anything can stand here: a classifier, a service, a model asked in your own way."""

    async def judge(self, rubric: Rubric, source: str, candidate: str) -> Judgement:
        line = next((line for line in source.splitlines() if line.startswith("Total ")), "")
        right = f"{json.loads(candidate)['total']:.2f}" in line.split()
        return Judgement(yes={"total": right}, evidence={"total": line}, cost=Decimal(0))


async def main() -> None:
    task = {"instructions": "Extract the invoice's total.", "schema": Amount, "rubric": RUBRIC}
    with PracticeServer() as server:
        config = Config.model_validate({**practice_models(server), "tasks": {"amount": task}})
        async with Engine(config, judge=TotalLine(), store="sqlite://") as engine:
            for name in ("clear.txt", "subtotal.txt"):
                answer = await engine.run("amount", (DOCUMENTS / name).read_text(encoding="utf-8"))
                attempt = answer.decision.attempts[0]
                print(f"{name}: {answer.output}, outcome: {answer.decision.outcome}")
                print(f"  the judge's score: {attempt.verdicts[-1].score}, its call: {attempt.all_calls[-1].name}")


if __name__ == "__main__":
    asyncio.run(main())
