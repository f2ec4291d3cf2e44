"""Runs the practice provider for the time of a command that needs it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import click

from qualityroute.config import Config
from qualityroute.errors import ConfigError
from qualityroute.practice import PracticeServer

PORT = 8399
NAME = "practice"
_LOOPBACK = ("127.0.0.1", "localhost")
_PATIENCE = 1.0
"""Seconds to wait for whoever may listen."""


@contextmanager
def with_practice(config: Config) -> Iterator[Config]:
    """The configuration; with a practice provider of our own when it names one and nobody listens there."""
    address = _address(config)
    if address is None or listens(*address):
        yield config
        return
    with PracticeServer() as server:
        url = config.known_providers[NAME].base_url
        click.echo(f"Nothing listens at {url}: a practice provider (a stand-in) runs for this command.", err=True)
        yield pointed_at(config, server)


@contextmanager
def practice_kept_up(config: Config) -> Iterator[None]:
    """The same for a command that goes on until it is ended: at the very address that the configuration names.

    There its workers find it, and whoever reads the configuration again. Raises `ConfigError`.
    """
    address = _address(config)
    if address is None or listens(*address):
        yield
        return
    url, (_, port) = config.known_providers[NAME].base_url, address
    try:
        server = PracticeServer(port=port)
    except OSError as error:
        raise ConfigError(
            f"nothing listens at {url}, and no practice provider can ({error.strerror}); "
            "name another port, and serve it there by `qualityroute practice --port`"
        ) from error
    with server:
        click.echo(f"Nothing listens at {url}: a practice provider (a stand-in) runs there until this ends.", err=True)
        yield


def pointed_at(config: Config, server: PracticeServer) -> Config:
    """The same configuration with its practice provider at `server`.

    On a port of its own, so that of two commands at once none loses its provider when the other one ends.
    """
    provider = config.known_providers[NAME].model_copy(update={"base_url": server.base_url})
    return config.model_copy(update={"providers": {**config.providers, NAME: provider}})


def _address(config: Config) -> tuple[str, int] | None:
    provider = config.known_providers.get(NAME)
    if provider is None or not any(model.startswith(f"{NAME}/") for model in config.models_used()):
        return None
    url = urlsplit(provider.base_url)
    return (url.hostname, url.port or 80) if url.hostname in _LOOPBACK else None


def listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE):
            return True
    except OSError:
        return False
