"""`qualityroute serve`: the OpenAI-compatible gateway."""

from __future__ import annotations

import gc
import importlib
import time
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

import anyio
import click

from qualityroute.commands.options import Integer, placed
from qualityroute.commands.places import Place, opened
from qualityroute.commands.stand_in import practice_kept_up
from qualityroute.config import Config
from qualityroute.doors import utc_now
from qualityroute.errors import ConfigError
from qualityroute.telemetry.processes import shared_by_workers

if TYPE_CHECKING:
    from qualityroute.gateway.app import App


@click.command()
@placed
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=Integer(0, 65_535), default=8080, show_default=True, help="0: any free one.")
@click.option("--workers", type=Integer(1, 256), default=1, show_default=True, help="Processes to serve with.")
def serve(place: Place, host: str, port: int, workers: int) -> None:
    """Serve any OpenAI client: the engine behind POST /v1/chat/completions.

    Point a client's base URL at it and name a model: smart-select (proved, falls back), performance-model,
    efficiency-model, or one of them with a task, such as smart-select/invoice. SIGHUP reads the configuration again.
    """
    try:
        # Of the extra `server`; `--help` does without.
        from qualityroute.gateway.serving import Address, bound, server_config  # noqa: PLC0415
        from qualityroute.gateway.serving import serve as serve_until_told  # noqa: PLC0415
        from qualityroute.gateway.visitors import is_loopback  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(f"serve needs '{error.name}'; pip install 'qualityroute[server]'") from error
    config = place.load()
    keyed = anyio.run(_has_keys, place, config)
    if not keyed and not is_loopback(host):
        raise ConfigError(
            f"--host {host}: there is no key, and others could reach it; `qualityroute keys add` makes one"
        )
    address = Address(host, port, workers)
    make_app = partial(made_app, place)
    with shared_by_workers() if workers > 1 else nullcontext(), bound(address) as listener, practice_kept_up(config):
        made = make_app()  # every mistake is found here, and not in each worker
        if workers == 1:
            make_app = partial(_itself, made)
        _announce(config, listener.getsockname()[1], address.host, keyed=keyed)
        serve_until_told(server_config(make_app, address, config.gateway), listener)


def made_app(place: Place) -> App:
    """The application of one worker."""
    from qualityroute.engine import Engine  # noqa: PLC0415  (takes as long to import as all of `--help`)
    from qualityroute.gateway import build_app  # noqa: PLC0415
    from qualityroute.gateway.dashboard import dashboard_routes  # noqa: PLC0415
    from qualityroute.gateway.keyring import Keyring  # noqa: PLC0415
    from qualityroute.telemetry.metrics import Metrics  # noqa: PLC0415

    for slow in ("openai", "jsonschema"):
        importlib.import_module(slow)  # here, since the first request would wait for it
    config = place.load()
    store = place.store(config)
    engine, keyring = Engine(config, store=store), Keyring(store, utc_now, time.monotonic)
    app = build_app(engine, keyring=keyring, metrics=Metrics(), pages=dashboard_routes(engine, keyring))
    _search_seldom_for_garbage()
    return app


def _search_seldom_for_garbage() -> None:
    """What is loaded by now stays, and an answered request leaves no cycles: to look through both again and again takes
    a busy gateway 5 % of its CPU time."""
    gc.freeze()
    gc.set_threshold(5_000, *gc.get_threshold()[1:])


def _itself(made: App) -> App:
    return made


async def _has_keys(place: Place, config: Config) -> bool:
    async with opened(place.store(config), make=True) as store:
        return await store.has_keys()


def _announce(config: Config, port: int, host: str, *, keyed: bool) -> None:
    from qualityroute.gateway.models import names, with_chat  # noqa: PLC0415  (of the extra `server`)

    shown = f"[{host}]" if ":" in host else host
    who = "each request needs a key" if keyed else "no key is needed, and only this machine may ask"
    click.echo(f"Gateway at http://{shown}:{port}/v1 ({who}). End it with Ctrl-C.")
    click.echo(f"Models: {', '.join(names(with_chat(config).tasks))}")
    click.echo(f"Dashboard: http://{shown}:{port}/dashboard")
