"""Pins and the ledger in PostgreSQL, shared by gateways on several hosts (extra `postgres`)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from qualityroute.errors import ConfigError
from qualityroute.store.interface import SessionStore
from qualityroute.store.location import check_server, without_password


def postgres_store(url: str, now: Callable[[], datetime]) -> SessionStore:
    """The store a URL names, not opened yet. Raises `ConfigError`, which never quotes a password."""
    check_server(url)
    shown = without_password(url)
    try:
        # psycopg is an extra, and takes 0.1 s to import.
        from qualityroute.store.postgres.driver import parameters_of  # noqa: PLC0415
        from qualityroute.store.postgres.store import PostgresStore  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            f"the store '{shown}' needs psycopg ({error}); install it with: pip install 'qualityroute[postgres]'"
        ) from error
    try:
        parameters_of(shown)
    except ValueError as error:
        raise ConfigError(f"the store '{shown}' is no URL of a PostgreSQL database: {error}") from error
    parameters = None
    with suppress(ValueError):  # whose text may quote the password
        parameters = parameters_of(url)
    if parameters is None:
        raise ConfigError(
            f"the store '{shown}' has a password or an option that libpq does not understand; "
            "right would be '?option=value' with one of libpq's own, and a password with its signs as %XX"
        )
    return PostgresStore(parameters, shown, now=now)
