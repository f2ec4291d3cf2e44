"""Kills `run --resume` with `kill -9` again and again, then counts: nothing printed is lost, doubled or half there.

python tests/kill_resume.py --kills 50
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qualityroute.practice import PracticeServer, documents

PROGRAM = (sys.executable, "-m", "qualityroute")
LATENCY = {"small": 0.02, "careful": 0.03, "checker": 0.02}
STARTED_WITHIN = 30.0
"""Seconds until a run must have written its first new row."""


@dataclass(frozen=True)
class Findings:
    """What is left in the end."""

    kills: int
    printed: int
    inputs: int
    doubled: list[str]
    """Ids printed more than once."""
    without_decision: list[str]
    integrity: str
    decisions: int
    half_written: int
    """Decisions without a call or a verdict."""
    torn: int
    """Lines that are no JSON."""

    @property
    def good(self) -> bool:
        whole = self.printed == self.inputs and self.integrity == "ok"
        return whole and not (self.doubled or self.without_decision or self.half_written or self.torn)


def kill_and_resume(folder: Path, *, kills: int, inputs: int, seed: int = 1) -> Findings:
    """Run `inputs` inputs, killed `kills` times on the way, then let it finish."""
    with PracticeServer(latency=LATENCY) as server:
        command = _prepare(folder, server.base_url, inputs)
        chance = random.Random(seed)
        done = sum(_killed(command, folder / "out.jsonl", chance) for _ in range(kills))
        subprocess.run(command, check=False, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return _findings(folder, done, inputs)


def _prepare(folder: Path, base_url: str, inputs: int) -> list[str]:
    subprocess.run([*PROGRAM, "init", str(folder), "--practice"], check=True, stdout=subprocess.DEVNULL)
    config = folder / "qualityroute.toml"
    config.write_text(config.read_text().replace("http://127.0.0.1:8399/v1", base_url))
    texts = [document.input for document in documents("invoice")]
    lines = [
        {"id": f"in-{number}", "input": texts[number % len(texts)], "session": f"s-{number % 40}"}
        for number in range(inputs)
    ]
    (folder / "inputs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    options = ["--input-format", "jsonl", "--out", "out.jsonl", "--resume", "--concurrency", "8"]
    return [*PROGRAM, "run", "invoice", "inputs.jsonl", *options]


def _killed(command: list[str], out: Path, chance: random.Random) -> bool:
    """Start the run, let it write something, kill it; was it still running then?"""
    before = _size(out)
    process = subprocess.Popen(command, cwd=out.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    latest = time.monotonic() + STARTED_WITHIN
    while process.poll() is None and _size(out) <= before and time.monotonic() < latest:
        time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.15))
    running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return running


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _findings(folder: Path, kills: int, inputs: int) -> Findings:
    rows, torn = _rows(folder / "out.jsonl")
    ids = Counter(row["id"] for row in rows)
    with sqlite3.connect(folder / "qualityroute.db") as database:
        known = Counter(name for (name,) in database.execute("SELECT id FROM decisions"))
        integrity = database.execute("PRAGMA integrity_check").fetchone()[0]
        half = database.execute(
            "SELECT COUNT(*) FROM decisions WHERE id NOT IN (SELECT decision_id FROM calls)"
            " OR (outcome NOT IN ('cancelled', 'failed') AND id NOT IN (SELECT decision_id FROM verdicts))"
        ).fetchone()[0]
    database.close()
    return Findings(
        kills=kills,
        printed=len(ids),
        inputs=inputs,
        doubled=[name for name, count in ids.items() if count > 1],
        without_decision=[row["id"] for row in rows if known[row["decision"]] != 1],
        integrity=integrity,
        decisions=known.total(),
        half_written=half,
        torn=torn,
    )


def _rows(path: Path) -> tuple[list[dict[str, Any]], int]:
    rows, torn = [], 0
    for line in path.read_bytes().splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            torn += 1
    return rows, torn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--inputs", type=int, default=0, help="default: 20 for each kill")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        findings = kill_and_resume(Path(folder), kills=options.kills, inputs=options.inputs or 20 * options.kills + 20)
    print(findings)
    sys.exit(0 if findings.good else 1)


if __name__ == "__main__":
    main()
