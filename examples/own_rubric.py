"""Say yourself what a good answer is: a rubric of one's own, and a check in Python.

    python examples/own_rubric.py

Three invoices are read. You see one accepted, one whose cheap answer the check rejects, so that the performance tier
answers, and one that adds up nowhere: no answer is served, and the error says why.
"""

from __future__ import annotations

from pathlib import Path

from practice_models import practice_models
from pydantic import BaseModel

from qualityroute import AnswerRejected, Config, Criterion, Engine, FieldRule, Rubric
from qualityroute.practice import PracticeServer

DOCUMENTS = Path(__file__).parent / "documents"

RUBRIC = Rubric(
    name="sums",
    purpose="The amounts of an invoice, for paying it.",
    threshold=0.8,
    criteria=(
        Criterion(id="supported", ask="Is every non-null value stated in the source?", critical=True),
        Criterion(id="own_field", ask="Does every value belong to its own field?", critical=True),
    ),
    fields={"net": FieldRule(ground="literal", compare="money"), "total": FieldRule(ground="literal", compare="money")},
)


class Sums(BaseModel):
    net: float
    vat: float
    total: float


def total_adds_up(output: Sums, source: str) -> str | None:
    """Why the answer is wrong, or None. It gets the answer, and the text it was read from."""
    expected = round(output.net + output.vat, 2)
    if expected == output.total:
        return None
    return f"net {output.net} and VAT {output.vat} make {expected}, not {output.total}"


def main() -> None:
    task = {
        "instructions": "Extract the invoice's amounts.",
        "schema": Sums,
        "rubric": RUBRIC,
        "checks": [total_adds_up],
    }
    with PracticeServer() as server:
        config = Config.model_validate({**practice_models(server), "tasks": {"sums": task}})
        with Engine(config, store="sqlite://") as engine:
            for name in ("clear.txt", "subtotal.txt", "wrong_sum.txt"):
                read(engine, name)


def read(engine: Engine, name: str) -> None:
    print(f"\n{name}")
    try:
        answer = engine.run_sync("sums", (DOCUMENTS / name).read_text(encoding="utf-8"))
    except AnswerRejected as error:
        print("  no answer is served:")
        attempts = error.attempts
    else:
        print(f"  {answer.output}, outcome: {answer.decision.outcome}")
        attempts = answer.decision.attempts
    for attempt in attempts:
        verdict = attempt.failed_verdict
        why = f" by '{verdict.check}': {verdict.message}" if verdict else ""
        print(f"  {attempt.tier}: {attempt.ruling}{why}")


if __name__ == "__main__":
    main()
