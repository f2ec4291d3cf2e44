"""The common form of what a benchmark finds: its command line, rows as a table, and JSON that tells the machine.

    run = begin("store", command(__doc__, quick="fewer pins"))
    run.tell([Row.of("pins looked up", [9100.0, 9400.0, 8800.0], "/s").at_least(5000)])

What the machine is: its processor, cores and versions. Never its name, a path or a user.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sqlite3
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from qualityroute import __version__

PACKAGES = (
    *("openai", "httpx", "httpx2", "aiohttp", "jsonschema", "jsonschema-rs", "pydantic", "anyio"),
    *("uvicorn", "uvloop", "psycopg", "numpy"),
)
"""Those that a figure may depend on; the ones that are installed are told."""
WIDTH = 150


@dataclass(frozen=True)
class Row:
    """One figure."""

    what: str
    value: float
    """The median where there were rounds."""
    unit: str
    """us, ms, s, MiB, /s, %, a count of something; "x" for a ratio."""
    ratio_to: str | None = None
    """What `value` is a multiple of."""
    min: float | None = None
    """Least of all rounds; `max` is the most."""
    max: float | None = None
    rounds: int | None = None
    limit: str | None = None
    """What was promised, "at most 1.08"."""
    met: bool | None = None

    @classmethod
    def of(cls, what: str, values: Sequence[float], unit: str, *, ratio_to: str | None = None) -> Row:
        """The median of rounds."""
        return cls(what, statistics.median(values), unit, ratio_to, min(values), max(values), len(values))

    @classmethod
    def ratio(cls, what: str, values: Sequence[float], others: Sequence[float], ratio_to: str) -> Row:
        """Each round's value to the other's in the same round, so that a busy machine slows both."""
        return cls.of(what, [one / other for one, other in zip(values, others, strict=True)], "x", ratio_to=ratio_to)

    def at_most(self, limit: float) -> Row:
        return replace(self, limit=f"at most {limit:,g}", met=self.value <= limit)

    def at_least(self, limit: float) -> Row:
        return replace(self, limit=f"at least {limit:,g}", met=self.value >= limit)


@dataclass(frozen=True)
class Run:
    """One run of a benchmark, from its command line to its figures."""

    benchmark: str
    options: argparse.Namespace
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    load: float = field(default_factory=lambda: os.getloadavg()[0])
    """Processes that wanted a processor in the minute before the run."""

    def tell(self, rows: Sequence[Row]) -> None:
        """The table, what machine it was, and the JSON if it was asked for."""
        console = Console(width=None if Console().is_terminal else WIDTH)
        console.print(table_of(rows))
        console.print(Text(", ".join(f"{name} {told}" for name, told in self.machine().items() if name != "packages")))
        self.write(rows)

    def write(self, rows: Sequence[Row]) -> None:
        """The JSON alone, for a benchmark whose tables have more to show."""
        if self.options.json is not None:
            self.options.json.write_text(json.dumps(self.told(rows), indent=1) + "\n", encoding="utf-8")

    def told(self, rows: Sequence[Row]) -> dict[str, Any]:
        """What is written; parts of a row that are unknown are left out."""
        return {
            "benchmark": self.benchmark,
            "version": __version__,
            "at": self.at.isoformat(timespec="seconds"),
            "machine": self.machine(),
            "quick": bool(self.options.quick),
            "rows": [{name: part for name, part in asdict(row).items() if part is not None} for row in rows],
        }

    def machine(self) -> dict[str, Any]:
        return {**machine(), "load": f"{self.load:.1f} before the run"}


def command(description: str | None, *, quick: str) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    return parser


def begin(benchmark: str, parser: argparse.ArgumentParser) -> Run:
    return Run(benchmark, parser.parse_args())


def machine() -> dict[str, Any]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    release = re.match(r"[\d.]*", platform.release())
    return {
        "cpu": processor(),
        "cores": max(cores or 1, os.cpu_count() or 1),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB",
        "os": f"{platform.system()} {release[0] if release else ''}".strip(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {"sqlite": sqlite3.sqlite_version, **installed()},
    }


def installed() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """Its model, or its architecture where the system does not tell."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        told = ""
    names = [line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def table_of(rows: Sequence[Row]) -> Table:
    """Only with the columns that some row fills."""
    columns = {
        "": [Text(row.what) for row in rows],
        "value": [Text(f"{shown(row.value)} {row.unit}".strip(), justify="right") for row in rows],
        "of": [Text(row.ratio_to or "") for row in rows],
        "least to most": [Text(between(row), justify="right") for row in rows],
        "rounds": [Text(f"{row.rounds or ''}", justify="right") for row in rows],
        "promised": [Text(promise(row)) for row in rows],
    }
    kept = {name: cells for name, cells in columns.items() if any(cell.plain for cell in cells)}
    table = Table(*kept)
    for cells in zip(*kept.values(), strict=True):
        table.add_row(*cells)
    return table


def between(row: Row) -> str:
    return "" if row.min is None or row.max is None else f"{shown(row.min)} to {shown(row.max)}"


def promise(row: Row) -> str:
    return "" if row.limit is None else f"{row.limit}{'' if row.met else ': MISSED'}"


def shown(value: float) -> str:
    """Three digits, or all of a whole part that has more."""
    if float(value).is_integer() or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
