"""What is seen of the gateway's process every few seconds, from outside and from inside."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_peers import TICKS
from soak_load import Window

MIB = 2**20


@dataclass(frozen=True)
class Watched:
    pid: int
    store: Path
    inside: Path
    """Where the gateway appends what it tells of its inside."""
    write_config: Callable[[], None]
    """Gives it another configuration to read."""

    def sample(self) -> dict[str, Any]:
        """Memory in MiB, `cpu` in seconds since its start."""
        process = Path(f"/proc/{self.pid}")
        lines = (line.partition(":") for line in (process / "status").read_text().splitlines())
        status = {name: value.split() for name, _, value in lines}
        return {
            "resident": int(status["VmRSS"][0]) / 1024,
            "anonymous": int(status["RssAnon"][0]) / 1024,
            "files": len(list((process / "fd").iterdir())),
            "threads": int(status["Threads"][0]),
            "store": _size(self.store),
            "wal": _size(self.store.with_name(self.store.name + "-wal")),
            "cpu": _cpu(process),
        }

    def ask_inside(self) -> None:
        """It answers within the second, by a line more in `inside`."""
        os.kill(self.pid, signal.SIGUSR1)

    def told_inside(self) -> dict[str, Any]:
        """The newest line; empty before the first."""
        lines = self.inside.read_text().splitlines() if self.inside.exists() else []
        return json.loads(lines[-1]) if lines else {}


def heard(window: Window) -> dict[str, Any]:
    """Milliseconds, and how each request ended; `None` where none was answered."""
    ordered = sorted(window.seconds)
    return {
        "p50": _quantile(ordered, 0.50),
        "p99": _quantile(ordered, 0.99),
        "outcomes": dict(window.outcomes),
    }


def _quantile(ordered: list[float], share: float) -> float | None:
    return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _size(path: Path) -> float:
    return path.stat().st_size / MIB if path.exists() else 0.0


def _cpu(process: Path) -> float:
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
