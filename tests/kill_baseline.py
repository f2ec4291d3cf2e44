"""Kills `baseline run` and `baseline compare` with `kill -9` again and again, then counts: nothing lost, nothing twice.

python tests/kill_baseline.py --kills 20
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
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from qualityroute.practice import PracticeServer, documents

PROGRAM = (sys.executable, "-m", "qualityroute")
LATENCY = {"small": 0.02, "careful": 0.03, "checker": 0.02}
CONCURRENCY = 8
STARTED_WITHIN = 30.0
"""Seconds until a command must have asked something new."""


@dataclass(frozen=True)
class Findings:
    """What is left in the end of one command."""

    command: str
    kills: int
    """Those that hit while it was working."""
    inputs: int
    facts: int
    """References, or labels."""
    doubled: int
    asked: int
    """Requests that the practice provider's model of the tier counted."""
    repeated: int
    """Inputs that a finished decision was made for more than once."""
    integrity: str
    half_written: int
    """Decisions without a call or a verdict, or facts without a decision."""

    @property
    def good(self) -> bool:
        whole = self.facts == self.inputs and self.integrity == "ok"
        in_flight = self.kills * CONCURRENCY
        return (
            whole and self.asked <= self.inputs + in_flight and not (self.doubled + self.repeated + self.half_written)
        )


@dataclass(frozen=True)
class Command:
    name: str
    model: str
    """Whose requests are counted."""
    count: str
    distinct: str
    route: str

    @property
    def arguments(self) -> list[str]:
        return [*PROGRAM, "baseline", self.name, "invoice", "inputs.jsonl", "--concurrency", str(CONCURRENCY)]


RUN = Command(
    "run", "careful", "SELECT COUNT(*) FROM baselines", "SELECT COUNT(DISTINCT input_id) FROM baselines", "baseline"
)
COMPARE = Command(
    "compare", "small", "SELECT COUNT(*) FROM labels", "SELECT COUNT(DISTINCT input_id) FROM labels", "compare"
)


def kill_and_resume(folder: Path, *, kills: int, inputs: int, seed: int = 1) -> list[Findings]:
    """Each command over `inputs` inputs, killed `kills` times on the way, then left to finish."""
    chance = random.Random(seed)
    with PracticeServer(latency=LATENCY) as server:
        _prepare(folder, server.base_url, inputs)
        return [_worked(command, folder, server, kills, inputs, chance) for command in (RUN, COMPARE)]


def _prepare(folder: Path, base_url: str, inputs: int) -> None:
    subprocess.run([*PROGRAM, "init", str(folder), "--practice"], check=True, stdout=subprocess.DEVNULL)
    config = folder / "qualityroute.toml"
    config.write_text(config.read_text().replace("http://127.0.0.1:8399/v1", base_url))
    texts = [document.input for document in documents("invoice")]
    lines = [{"id": f"in-{number}", "input": texts[number % len(texts)]} for number in range(inputs)]
    (folder / "inputs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def _worked(
    command: Command, folder: Path, server: PracticeServer, kills: int, inputs: int, chance: random.Random
) -> Findings:
    before = server.calls.get(command.model, 0)
    hit = sum(_killed(command, folder, server, chance) for _ in range(kills))
    done = subprocess.run(command.arguments, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return _findings(command, folder, server.calls[command.model] - before, hit, inputs)


def _killed(command: Command, folder: Path, server: PracticeServer, chance: random.Random) -> bool:
    """Start the command, let it ask something, kill it; was it still running then?"""
    before = server.calls.get(command.model, 0)
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command.arguments, cwd=folder, stdout=quiet, stderr=quiet)
    latest = time.monotonic() + STARTED_WITHIN
    while process.poll() is None and server.calls.get(command.model, 0) <= before and time.monotonic() < latest:
        time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.15))
    running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return running


def _findings(command: Command, folder: Path, asked: int, kills: int, inputs: int) -> Findings:
    with closing(sqlite3.connect(folder / "qualityroute.db")) as database:

        def number(query: str, *values: object) -> int:
            return int(database.execute(query, values).fetchone()[0])

        facts = number(command.count)
        finished = number(
            "SELECT COUNT(*) FROM decisions WHERE route = ? AND outcome NOT IN ('cancelled', 'failed')", command.route
        )
        half = number(
            "SELECT COUNT(*) FROM decisions WHERE id NOT IN (SELECT decision_id FROM calls)"
            " OR (outcome NOT IN ('cancelled', 'failed') AND id NOT IN (SELECT decision_id FROM verdicts))"
        )
        half += number(
            "SELECT COUNT(*) FROM (SELECT decision_id FROM baselines UNION ALL SELECT decision_id FROM labels)"
            " WHERE decision_id NOT IN (SELECT id FROM decisions)"
        )
        return Findings(
            command=command.name,
            kills=kills,
            inputs=inputs,
            facts=facts,
            doubled=facts - number(command.distinct),
            asked=asked,
            repeated=finished - facts,
            integrity=database.execute("PRAGMA integrity_check").fetchone()[0],
            half_written=half,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of each command")
    parser.add_argument("--inputs", type=int, default=0, help="default: 30 for each kill")
    options = parser.parse_args()
    inputs = options.inputs or 30 * options.kills + 20
    with tempfile.TemporaryDirectory() as folder:
        found = kill_and_resume(Path(folder), kills=options.kills, inputs=inputs)
    for one in found:
        print(one)
    sys.exit(0 if all(one.good for one in found) else 1)


if __name__ == "__main__":
    main()
