"""A process that answers and audits until it is killed, and prints each finished audit's decision."""

from __future__ import annotations

import sys
from itertools import count

import anyio
from conftest import config_with
from worlds import TEXT, client_with

from qualityroute import Decision, Engine, Route


def tell(decision: Decision) -> None:
    if decision.route is Route.AUDIT:
        print(decision.id, flush=True)


async def main(path: str) -> None:
    task = {**config_with().tasks["invoice"].model_dump(by_alias=True, exclude_unset=True), "accept": {"audit": 1.0}}
    async with Engine(config_with(task), client=client_with(), store=path) as engine:
        engine.subscribe(tell)
        for number in count():
            await engine.run("invoice", TEXT, session=f"{path}-{number}-{id(engine)}")


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
