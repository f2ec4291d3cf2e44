"""`qualityroute store`: what is done to the store as a whole; no key and no model is needed."""

from __future__ import annotations

import click

from qualityroute.commands.store_prune import prune


@click.group()
def store() -> None:
    """Prune, check, export and vacuum the store."""


store.add_command(prune)
