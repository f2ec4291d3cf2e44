"""Writes the figures in benchmarks/results into docs/benchmarks.md, each between the two comments that name it.

python benchmarks/store.py --json benchmarks/results/store.json
python benchmarks/page.py [--check]
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from results import Row, between, promise, shown

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "benchmarks.md"
BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
PICKED = {
    "overhead": r": CPU",
    "history": r": CPU|decision",
    "routing": r"cascade|oracle|prompt routing|rule|ever sent|processor time",
}
"""Of some benchmarks only the rows whose words match; the JSON has all."""


def page(text: str, results: Mapping[str, Mapping[str, Any]]) -> str:
    """The text with each block of figures made anew; a benchmark without a result has none, and says so."""

    def block(match: re.Match[str]) -> str:
        name = match[2]
        return f"{match[1]}{figures(name, results[name]) if name in results else MISSING}{match[3]}"

    return BLOCK.sub(block, text)


MISSING = "No figures are kept here: run it.\n"


def figures(name: str, result: Mapping[str, Any]) -> str:
    rows = [Row(**row) for row in result["rows"] if re.search(PICKED.get(name, ""), row["what"])]
    return "\n".join(["", *table(rows), "", machine(result), "", ""])


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Only with the columns that some row fills."""
    columns = {
        "": [row.what for row in rows],
        "value": [f"{shown(row.value)} {row.unit}".strip() for row in rows],
        "of": [row.ratio_to or "" for row in rows],
        "least to most": [between(row) for row in rows],
        "promised": [promise(row) for row in rows],
    }
    kept = {name: cells for name, cells in columns.items() if any(cells)}
    yield line(list(kept))
    yield line(["---"] * len(kept))
    for cells in zip(*kept.values(), strict=True):
        yield line(cells)


def line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def machine(result: Mapping[str, Any]) -> str:
    """What the figures were measured on, and when."""
    told = result["machine"]
    form = "The quick form, " if result["quick"] else ""
    return (
        f"*{form}{result['at'][:10]}, version {result['version']}: {told['cpu']}, {told['cores']} cores, "
        f"{told['memory']}, {told['os']}, {told['python']}; load {told['load']}.*"
    )


def read() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say whether the page tells what the figures tell")
    options = parser.parse_args()
    there = PAGE.read_text(encoding="utf-8")
    text = page(there, read())
    if not options.check:
        PAGE.write_text(text, encoding="utf-8")
    elif there != text:
        raise SystemExit("docs/benchmarks.md does not tell what benchmarks/results does; run benchmarks/page.py")


if __name__ == "__main__":
    main()
