"""From a batch of documents to a gate with a certificate: references, comparison, calibration.

    python examples/certified_batch.py [--dir FOLDER]       # default: a folder that is thrown away

Each command is shown before it is run, and is what you would type. The performance tier answers every document once,
and its answers are kept as references. Then the efficiency tier with its gate is held against them. From what the
judge's score said of right and of wrong answers comes a threshold with a proof, or the number of labels missing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import click

from qualityroute.cli import main as qualityroute
from qualityroute.practice import PracticeServer, documents

CONFIG = """\
[providers.practice]
base_url = "{base_url}"
[tiers.efficiency]
models = ["practice/small"]
[tiers.performance]
models = ["practice/careful"]
[judge]
model = "practice/checker"
[tasks.invoice]
instructions = "Extract the invoice's fields."
schema = "invoice.json"
rubric = "invoice"
gate = ["schema", "grounded", "judge"]
"""
PRICES = "".join(
    f'[[prices]]\nmodel = "practice/{model}"\ninput = {price}\noutput = {4 * price}\n'
    for model, price in (("small", 0.15), ("careful", 3), ("checker", 0.10))
)
YEARS = ("2026", "2025", "2024")
"""The practice documents are few; the same of another year are other documents."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Certify a gate on a batch of documents.")
    parser.add_argument("--dir", type=Path, help="where configuration, inputs and database are written")
    folder = parser.parse_args().dir
    with tempfile.TemporaryDirectory() as thrown_away:
        certify(folder or Path(thrown_away))


def certify(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    inputs = folder / "inputs.jsonl"
    with PracticeServer() as server:
        (folder / "qualityroute.toml").write_text(CONFIG.format(base_url=server.base_url) + PRICES, encoding="utf-8")
        (folder / "invoice.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
        inputs.write_text("".join(f"{line}\n" for line in batch()), encoding="utf-8")
        run(folder, "baseline", "run", "invoice", str(inputs))
        run(folder, "baseline", "compare", "invoice", str(inputs))
        run(folder, "calibrate", "invoice", "--alpha", "0.1")
        run(folder, "report")


SCHEMA = {
    "type": "object",
    "properties": {
        "vendor": {"type": "string"}, "invoice_number": {"type": "string"}, "total": {"type": ["number", "null"]},
    },
    "required": ["vendor", "invoice_number", "total"],
}  # fmt: skip


def batch() -> list[str]:
    texts = [document.input.replace("2026", year) for year in YEARS for document in documents("invoice")]
    return [json.dumps({"id": f"invoice-{number}", "input": text}) for number, text in enumerate(texts, 1)]


def run(folder: Path, *command: str) -> None:
    print(f"\n$ qualityroute {' '.join(command)}", flush=True)
    try:
        qualityroute([*command, "--config", str(folder / "qualityroute.toml")], standalone_mode=False)
    except click.exceptions.Exit as ended:  # such as 1 of `calibrate`, which says how many labels are missing
        print(f"(exit code {ended.exit_code})")


if __name__ == "__main__":
    main()
