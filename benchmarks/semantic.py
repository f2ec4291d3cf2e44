"""What a similarity alone would serve wrongly, and what the guards of `cache.likeness` leave of it.

    python benchmarks/semantic.py --server embeddings_server.py [--python PYTHON] [--json FILE]

The server is an OpenAI-compatible one for embeddings that is started with `--port 0 --ready-file FILE`; PYTHON is the
interpreter that has what it needs. Nothing here asks a judge: what the guards let through is served.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from results import Row, begin, command
from semantic_pairs import PAIRS, Pair

from qualityroute.cache.likeness import difference, likeness

PLAIN = (0.80, 0.85, 0.90, 0.95)
GUARDED = (0.60, 0.70, 0.80)
WINDOW = 256
"""Tokens that the encoder reads; a text that fills them is not compared."""
PATIENCE = 60.0


@contextmanager
def served(server: Path, python: str) -> Iterator[str]:
    """The address of an embeddings server of our own."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder, "ready")
        process = subprocess.Popen(
            [python, str(server), "--port", "0", "--ready-file", str(ready)], stdout=subprocess.DEVNULL
        )
        try:
            until = time.monotonic() + PATIENCE
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"{server} did not start")
                time.sleep(0.05)
            yield ready.read_text().strip()
        finally:
            process.terminate()
            process.wait()


def embedded(address: str, text: str) -> tuple[np.ndarray, int]:
    """Its vector, and how many tokens were read."""
    body = json.dumps({"model": "all-minilm-l6-v2", "input": text}).encode()
    request = urllib.request.Request(f"{address}/embeddings", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        told = json.load(reply)
    return np.array(told["data"][0]["embedding"], np.float32), told["usage"]["prompt_tokens"]


def similarity(address: str, pair: Pair) -> tuple[float, bool]:
    """Of a pair, and whether both texts were read to their ends."""
    (one, read), (other, read_too) = embedded(address, pair.one), embedded(address, pair.other)
    return float(one @ other), max(read, read_too) < WINDOW


def rows(address: str) -> Iterator[Row]:
    found = [(pair, *similarity(address, pair)) for pair in PAIRS]
    traps, safe = ([one for one in found if one[0].alike is alike] for alike in (False, True))
    yield Row("traps", len(traps), "pairs")
    yield Row("paraphrases", len(safe), "pairs")
    for threshold in PLAIN:
        plain = [pair for pair, likeness, _ in traps if likeness >= threshold]
        yield Row(f"similarity of {threshold:.2f} alone: wrong answers", len(plain), "pairs")
        yield Row("paraphrases found", sum(likeness >= threshold for _, likeness, _ in safe), "pairs")
    for threshold in GUARDED:
        wrong, right = (_passed(group, threshold) for group in (traps, safe))
        yield Row(f"similarity of {threshold:.2f} with guards: wrong answers", len(wrong), "pairs").at_most(0)
        yield Row("paraphrases found", len(right), "pairs")


def _passed(found: Sequence[tuple[Pair, float, bool]], threshold: float) -> list[Pair]:
    return [
        pair
        for pair, alike, whole in found
        if alike >= threshold and whole and difference(likeness(pair.one), likeness(pair.other)) is None
    ]


def main() -> None:
    parser = command(__doc__, quick="the same")
    parser.add_argument("--server", type=Path, required=True)
    parser.add_argument("--python", default=sys.executable, help="the server's interpreter")
    run = begin("semantic", parser)
    options: argparse.Namespace = run.options
    with served(options.server, options.python) as address:
        run.tell(list(rows(address)))


if __name__ == "__main__":
    main()
