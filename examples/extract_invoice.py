"""Read an invoice into a pydantic model.

    python examples/extract_invoice.py                      # a document of the examples, by practice models
    python examples/extract_invoice.py my.txt --config qualityroute.toml --task invoice

You see the fields, and how the answer came about. Without `--config` nothing leaves this machine, and the model is
the `Invoice` below; with it, models, schema and task are those of your configuration.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from practice_models import practice_models
from pydantic import BaseModel

from qualityroute import Answer, Config, Engine
from qualityroute.practice import PracticeServer

DOCUMENT = Path(__file__).parent / "documents" / "subtotal.txt"


class Invoice(BaseModel):
    vendor: str
    invoice_number: str
    issue_date: date
    due_date: date | None
    currency: str
    total: float


def main() -> None:
    options = arguments()
    with opened(options.config) as engine:
        answer = engine.run_sync(options.task, options.file.read_text(encoding="utf-8"), session="example")
    show(answer)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Read an invoice into a pydantic model.")
    parser.add_argument("file", type=Path, nargs="?", default=DOCUMENT)
    parser.add_argument("--config", type=Path, help="your qualityroute.toml; else practice models answer")
    parser.add_argument("--task", default="invoice", help="a task of the configuration")
    return parser.parse_args()


@contextmanager
def opened(path: Path | None) -> Iterator[Engine]:
    if path is not None:
        with Engine.from_file(path) as engine:
            yield engine
        return
    task = {"instructions": "Extract the invoice's fields.", "schema": Invoice, "rubric": "extraction"}
    with PracticeServer() as server:
        config = Config.model_validate({**practice_models(server), "tasks": {"invoice": task}})
        with Engine(config, store="sqlite://") as engine:
            yield engine


def show(answer: Answer) -> None:
    output, decision = answer.output, answer.decision
    fields = dict(output) if isinstance(output, Invoice) else output
    for name, value in fields.items() if isinstance(fields, dict) else [("answer", fields)]:
        print(f"{name:15} {value}")
    print(f"\nOutcome: {decision.outcome}, answered by {decision.model}")
    for attempt in decision.attempts:
        print(f"  {attempt.tier}: {attempt.ruling} {attempt.message}".rstrip())
    cost = "unknown" if decision.cost is None else f"${decision.cost:.6f}"
    calls = sum(len(attempt.all_calls) for attempt in decision.attempts)
    print(f"Cost: {cost} in {calls} model call{'s' if calls > 1 else ''}")


if __name__ == "__main__":
    main()
