"""Read a folder of documents into one table, CSV or SQLite, and go on where you stopped.

    python examples/folder_to_table.py                                  # the examples' documents, to a table shown here
    python examples/folder_to_table.py inbox/ --out invoices.csv
    python examples/folder_to_table.py inbox/ --out invoices.db         # a table `documents`, by the file's name

Progress is on standard error. A document for which no answer is served gets a row that says why. Called again,
documents that are in the table are left out, and those without an answer are tried once more.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import sqlite3
import sys
from pathlib import Path

from practice_models import practice_models
from pydantic import BaseModel

from qualityroute import Config, Engine
from qualityroute.practice import PracticeServer

DOCUMENTS = Path(__file__).parent / "documents"
COLUMNS = ("file", "vendor", "invoice_number", "currency", "total", "outcome", "problem")
Row = dict[str, object]


class Invoice(BaseModel):
    vendor: str
    invoice_number: str
    currency: str
    total: float


async def main() -> None:
    parser = argparse.ArgumentParser(description="Read a folder of documents into one table.")
    parser.add_argument("folder", type=Path, nargs="?", default=DOCUMENTS)
    parser.add_argument("--out", type=Path, help="a .csv or .db file; default: shown here")
    options = parser.parse_args()
    kept = {str(row["file"]): row for row in before(options.out) if not row["problem"]}
    files = [path for path in sorted(options.folder.glob("*.txt")) if path.name not in kept]
    print(f"{len(files)} to read, {len(kept)} read before", file=sys.stderr)
    rows = [*kept.values(), *await answered(files)]
    write(sorted(rows, key=lambda row: str(row["file"])), options.out)


async def answered(files: list[Path]) -> list[Row]:
    task = {"instructions": "Extract the invoice's fields.", "schema": Invoice, "rubric": "extraction"}
    rows: list[Row] = []
    with PracticeServer() as server:
        config = Config.model_validate({**practice_models(server), "tasks": {"invoice": task}})
        async with Engine(config, store="sqlite://") as engine:
            texts = [path.read_text(encoding="utf-8") for path in files]
            async for item in engine.map("invoice", texts, concurrency=8):
                row: Row = {**dict.fromkeys(COLUMNS, ""), "file": files[item.index].name}
                if item.answer is not None:
                    row |= {**item.answer.output.model_dump(), "outcome": str(item.answer.decision.outcome)}
                rows.append(row | {"problem": "" if item.error is None else str(item.error)})
                # On a terminal one line that changes; in a pipe or a file a line each.
                end = "\r" if sys.stderr.isatty() and len(rows) < len(files) else "\n"
                print(f"{len(rows)} of {len(files)}", end=end, file=sys.stderr, flush=True)
    return rows


def before(out: Path | None) -> list[Row]:
    """The rows of an earlier run."""
    if out is None or not out.exists():
        return []
    if out.suffix == ".csv":
        with out.open(newline="", encoding="utf-8") as lines:
            return list[Row](map(dict, csv.DictReader(lines)))
    with sqlite3.connect(out) as database:
        found = database.execute(f"SELECT {', '.join(COLUMNS)} FROM documents").fetchall()
    return [dict(zip(COLUMNS, values, strict=True)) for values in found]


def write(rows: list[Row], out: Path | None) -> None:
    if out is not None and out.suffix == ".db":
        with sqlite3.connect(out) as database:
            database.execute(f"CREATE TABLE IF NOT EXISTS documents ({', '.join(COLUMNS)}, PRIMARY KEY (file))")
            marks = ", ".join(f":{name}" for name in COLUMNS)
            database.executemany(f"INSERT OR REPLACE INTO documents VALUES ({marks})", rows)
        return
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    if out is None:
        print(table.getvalue(), end="")
    else:
        out.write_text(table.getvalue(), encoding="utf-8", newline="")


if __name__ == "__main__":
    asyncio.run(main())
