"""An hour of steady traffic with faults: does the gateway hold its memory, files, threads and tasks?

    python benchmarks/soak.py [--minutes 60] [--rate 14] [--out FOLDER [--read]] [--quick] [--json FILE]

`qualityroute serve` in a process of its own, with its ledger on a file, stands between a mixture of clients (streams,
returning sessions, schemas of their own, some that leave or ask nonsense) and an upstream of which one call of ten
fails. Its metrics and dashboard are read and its configuration is reloaded meanwhile. Every few seconds it is looked
at; the samples are in FOLDER/samples.jsonl, and at the end a picture is beside them. Nothing leaves this machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import aiohttp
import tomlkit
from gateway_peers import PRICE, Gateway, running
from overhead_task import INSTRUCTIONS, schema_of
from results import begin, command
from soak_load import Clients
from soak_plot import write_pictures
from soak_samples import Watched, heard
from soak_verdict import figures, flat, title_of
from upstream import INVOICE, running_upstream
from upstream_faults import Misbehaving

EVERY, INSIDE_EVERY, PAGES_EVERY, RELOAD_EVERY = 5.0, 30.0, 15.0, 300.0
"""Seconds between samples, looks inside, visits of the pages, and reloads."""
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


async def soak(url: str, watched: Watched, seconds: float, rate: float, lines: Path) -> None:
    began = time.monotonic()

    def over() -> bool:
        return time.monotonic() - began >= seconds

    clients = Clients(url, rate)
    async with asyncio.TaskGroup() as group:
        group.create_task(clients.run(over))
        group.create_task(every(PAGES_EVERY, over, lambda: read_pages(url)))
        group.create_task(every(RELOAD_EVERY, over, lambda: reload(watched)))
        inside_due = 0.0
        while not over():
            if (gone := time.monotonic() - began) >= inside_due:
                watched.ask_inside()
                inside_due += INSIDE_EVERY
            await asyncio.sleep(EVERY)
            sample = {"minute": gone / 60, "requests": clients.asked, **watched.sample(), **heard(clients.take())}
            with lines.open("a") as file:
                file.write(json.dumps({**sample, "inside": watched.told_inside()}) + "\n")


async def every(seconds: float, over: Callable[[], bool], work: Callable[[], Awaitable[None]]) -> None:
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


def run_for(seconds: float, rate: float, out: Path) -> None:
    """The soak; its samples and the upstream's faults are then in `out`."""
    lines = out / "samples.jsonl"
    lines.unlink(missing_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_upstream(exchange=Misbehaving) as upstream,
        watched_gateway(Path(folder), upstream) as (url, watched),
    ):
        asyncio.run(soak(url, watched, seconds, rate, lines))
        with urllib.request.urlopen(upstream.replace("/v1", "/faults")) as reply:
            (out / "faults.json").write_bytes(reply.read())


def main() -> None:
    parser = command(__doc__, quick="half a minute")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=14.0, help="requests a second")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for the samples and the picture")
    parser.add_argument("--read", action="store_true", help="what an earlier soak left in FOLDER; soak nothing")
    run = begin("soak", parser)
    with tempfile.TemporaryDirectory() as folder:
        out = run.options.out or Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        if not run.options.read:
            run_for(30.0 if run.options.quick else 60 * run.options.minutes, run.options.rate, out)
        samples = [flat(json.loads(line)) for line in (out / "samples.jsonl").read_text().splitlines()]
        faults = json.loads((out / "faults.json").read_text())
        write_pictures(samples, title_of(samples), out / "soak.svg", out / "soak.png")
        run.tell(list(figures(samples, faults)))


if __name__ == "__main__":
    main()
