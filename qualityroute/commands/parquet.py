"""The door to DuckDB, which writes what is exported as Parquet."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from qualityroute.errors import ConfigError

_MONEY = "DECIMAL(38, 12)"
_CALL = {
    "role": "VARCHAR", "model": "VARCHAR", "input_tokens": "BIGINT", "cached_tokens": "BIGINT",
    "output_tokens": "BIGINT", "cost": _MONEY, "latency_ms": "DOUBLE", "error": "VARCHAR", "message": "VARCHAR",
}  # fmt: skip
_VERDICT = {
    "check": "VARCHAR", "ruling": "VARCHAR", "reason": "VARCHAR", "message": "VARCHAR", "score": "DOUBLE",
    "calls": [_CALL],
}  # fmt: skip
_ATTEMPT = {
    "tier": "VARCHAR", "model": "VARCHAR", "ruling": "VARCHAR", "reason": "VARCHAR", "message": "VARCHAR",
    "calls": [_CALL], "verdicts": [_VERDICT], "cost": _MONEY, "latency_ms": "DOUBLE",
}  # fmt: skip
COLUMNS = {
    "id": "VARCHAR", "at": "TIMESTAMP", "tenant": "VARCHAR", "session": "VARCHAR", "task": "VARCHAR",
    "route": "VARCHAR", "outcome": "VARCHAR", "reason": "VARCHAR", "message": "VARCHAR", "tier": "VARCHAR",
    "model": "VARCHAR", "attempts": [_ATTEMPT], "pin": "VARCHAR", "cost": _MONEY, "latency_ms": "DOUBLE",
    "fingerprint": "VARCHAR", "metadata": "VARCHAR",
}  # fmt: skip
"""Those of a decision as JSON, with their types; times are in UTC, and what callers name themselves stays JSON."""
PAYLOADS = {"payloads": "VARCHAR"}


def write_parquet(path: Path, pages: Iterable[Sequence[str]], *, payloads: bool) -> int:
    """Write lines of JSON as rows of Parquet; says how many. Raises `ConfigError` without DuckDB."""
    try:
        import duckdb  # noqa: PLC0415  (optional, and only this needs it)
    except ImportError as error:
        raise ConfigError("Parquet is written by DuckDB; install it with: pip install duckdb") from error
    structure = json.dumps({**COLUMNS, **(PAYLOADS if payloads else {})})
    with tempfile.TemporaryDirectory(prefix="qualityroute-") as folder, duckdb.connect(f"{folder}/lines.db") as lines:
        try:
            lines.execute("CREATE TABLE lines (line VARCHAR)")
            for page in pages:
                lines.execute("INSERT INTO lines SELECT unnest(?::VARCHAR[])", [list(page)])
            rows = lines.sql("SELECT unnest(from_json(line, $structure)) FROM lines", params={"structure": structure})
            rows.write_parquet(str(path), compression="zstd")
            (count,) = _one(lines.execute("SELECT COUNT(*) FROM lines").fetchone())
        except duckdb.IOException as error:
            raise ConfigError(f"DuckDB could not write: {str(error).splitlines()[0][:300]}") from error
    return int(count)


def _one(row: Any) -> tuple[Any, ...]:
    assert row is not None
    return tuple(row)
