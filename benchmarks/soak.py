"""An hour of steady traffic with faults: does the gateway hold its memory, files, threads and tasks?

    python benchmarks/soak.py [--minutes 60] [--rate 14] [--out FOLDER] [--quick] [--json FILE]

`qualityroute serve` in a process of its own, with its ledger on a file, stands between a mixture of clients (streams,
returning sessions, schemas of their own, some that leave or ask nonsense) and an upstream of which one call of ten
fails. Its metrics and dashboard are read and its configuration is reloaded meanwhile. Every few seconds it is looked
at; the samples are in FOLDER/samples.jsonl, and at the end a picture is beside them. Nothing leaves this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import aiohttp
import tomlkit
from gateway_peers import PRICE, Gateway, running
from overhead_task import INSTRUCTIONS, schema_of
from soak_load import Clients
from soak_plot import write_pictures
from soak_samples import MIB, Watched, heard
from soak_slope import Slope, medians, slope_of
from upstream import INVOICE, running_upstream
from upstream_faults import Misbehaving

EVERY, INSIDE_EVERY, PAGES_EVERY, RELOAD_EVERY = 5.0, 30.0, 15.0, 300.0
"""Seconds between samples, looks inside, visits of the pages, and reloads."""
WARM_UP = 1 / 6
"""The first part of the run fills pools and caches, and is not judged."""
JUDGED_POINTS = 50
LIMIT = 1.0
"""MiB over 10,000 requests."""
PAGES = ("/metrics", "/readyz", "/v1/models", "/dashboard", "/dashboard/decisions", "/dashboard/pins")


def config_of(upstream: str, store: Path, deadline: str = "20s") -> dict[str, Any]:
    models = ("up/small", "up/spare", "up/large", "up/reserve", "up/judge")
    return {
        "version": 1,
        "deadline": deadline,
        "providers": {"up": {"base_url": upstream, "max_concurrency": 256, "timeout": "3s"}},
        "tiers": {"efficiency": {"models": list(models[:2])}, "performance": {"models": list(models[2:4])}},
        "judge": {"model": models[4], "timeout": "3s"},
        "tasks": {
            "invoice": {
                "instructions": INSTRUCTIONS,
                "schema": schema_of(INVOICE),
                "rubric": "extraction",
                "gate": ["schema", "judge"],
            }
        },
        "store": {"url": f"sqlite:///{store}", "payloads": "rejected"},
        "prices": [{"model": model, **PRICE} for model in models],
    }


@contextmanager
def watched_gateway(folder: Path, upstream: str) -> Iterator[tuple[str, Watched]]:
    """Its address, and what to watch."""
    config, store, inside = folder / "qualityroute.toml", folder / "soak.db", folder / "inside.jsonl"
    deadlines = cycle(("20s", "21s"))

    def write_config() -> None:
        # Each time another one, since what has not changed is not made anew.
        told = tomlkit.dumps(config_of(upstream, store, next(deadlines)))
        config.write_text(told.replace('"2026-01-01"', "2026-01-01"))

    write_config()
    program = str(Path(__file__).with_name("soak_gateway.py"))
    command = (sys.executable, program, "serve", "--config", str(config), "--port", "{port}")
    gateway = Gateway("qualityroute", command, "performance-model", environment={"SOAK_INSIDE": str(inside)})
    with running(gateway, None) as served:
        yield f"http://127.0.0.1:{served.port}", Watched(served.pid, store, inside, write_config)


async def soak(url: str, watched: Watched, seconds: float, rate: float, lines: Path) -> list[dict[str, Any]]:
    began = time.monotonic()

    def over() -> bool:
        return time.monotonic() - began >= seconds

    clients = Clients(url, rate)
    async with asyncio.TaskGroup() as group:
        group.create_task(clients.run(over))
        group.create_task(every(PAGES_EVERY, over, lambda: read_pages(url)))
        group.create_task(every(RELOAD_EVERY, over, lambda: reload(watched)))
        samples: list[dict[str, Any]] = []
        inside_due = 0.0
        while not over():
            if (gone := time.monotonic() - began) >= inside_due:
                watched.ask_inside()
                inside_due += INSIDE_EVERY
            await asyncio.sleep(EVERY)
            sample = {"minute": gone / 60, "requests": clients.asked, **watched.sample(), **heard(clients.take())}
            samples.append({**sample, "inside": watched.told_inside()})
            with lines.open("a") as file:
                file.write(json.dumps(samples[-1]) + "\n")
    return samples


async def every(seconds: float, over: Any, work: Any) -> None:
    due = time.monotonic() + seconds
    while not over():
        await asyncio.sleep(min(1.0, max(0.0, due - time.monotonic())))
        if time.monotonic() >= due:
            await work()
            due += seconds


async def read_pages(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        for page in PAGES:
            async with http.get(url + page) as reply:
                await reply.read()
                if reply.status != 200:
                    raise SystemExit(f"GET {page}: {reply.status}")


async def reload(watched: Watched) -> None:
    watched.write_config()
    os.kill(watched.pid, signal.SIGHUP)


def flat(sample: dict[str, Any]) -> dict[str, Any]:
    """With the inside's figures beside the others, in the units of the picture."""
    inside = sample["inside"]
    total = sum(sample["outcomes"].values())
    failed = sum(count for outcome, count in sample["outcomes"].items() if is_failure(outcome))
    more = {"failed": 100 * failed / total if total else None}
    if inside:
        heap = inside["heap"]
        more |= {"tasks": inside["tasks"], "objects": inside["objects"] / 1000}
        more |= {f"heap {kind}": heap[kind] / MIB for kind in ("used", "free") if kind in heap}
    return {**sample, **more}


def is_failure(outcome: str) -> bool:
    """Not the client's own doing: a fault that came through to a client."""
    return outcome not in ("200", "200 [DONE]", "left") and not outcome.startswith(("400", "404"))


def growth(samples: Sequence[dict[str, Any]], figure: str, along: str) -> Slope:
    """After the warm-up."""
    judged = samples[int(len(samples) * WARM_UP) :]
    points = [(sample[along], sample[figure]) for sample in judged if sample.get(figure) is not None]
    return slope_of(medians(points, JUDGED_POINTS))


def summary(samples: Sequence[dict[str, Any]], faults: dict[str, int]) -> dict[str, Any]:
    told = [flat(sample) for sample in samples]
    outcomes: Counter[str] = Counter()
    for sample in samples:
        outcomes.update(sample["outcomes"])
    figures = ("resident", "anonymous", "files", "threads", "tasks", "objects", "heap used", "p50", "p99")
    return {
        "minutes": told[-1]["minute"],
        "requests": told[-1]["requests"],
        "cpu share": told[-1]["cpu"] / (60 * told[-1]["minute"]),
        "outcomes": dict(outcomes.most_common()),
        "faults": faults,
        "first and last": {name: (told[0].get(name), told[-1].get(name)) for name in (*figures, "store", "wal")},
        "per hour": {name: vars(growth(told, name, "minute").times(60)) for name in figures},
        "resident per 10,000 requests": vars(growth(told, "resident", "requests").times(10_000)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=14.0, help="requests a second")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for the samples and the picture")
    parser.add_argument("--quick", action="store_true", help="half a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        lines = out / "samples.jsonl"
        lines.unlink(missing_ok=True)
        with running_upstream(exchange=Misbehaving) as upstream, watched_gateway(Path(folder), upstream) as (url, seen):
            seconds = 30.0 if options.quick else 60 * options.minutes
            samples = asyncio.run(soak(url, seen, seconds, options.rate, lines))
            with urllib.request.urlopen(upstream.replace("/v1", "/faults")) as reply:
                faults = json.load(reply)
        told = summary(samples, faults)
        write_pictures([flat(sample) for sample in samples], "Soak", out / "soak.svg", out / "soak.png")
        (out / "summary.json").write_text(json.dumps(told, indent=2) + "\n")
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
