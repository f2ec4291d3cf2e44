"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from qualityroute.commands.places import Place

Command = Callable[..., None]


class Integer(click.IntRange):
    """Called so where it is none; click says "integer range"."""

    name = "integer"


def placed(command: Command) -> Command:
    """`--config` and `--db`, handed in as one `place`."""

    @click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        metavar="PATH",
        default=Path("qualityroute.toml"),
        show_default=True,
        help="The configuration.",
    )
    @click.option("--db", metavar="PATH_OR_URL", help="The database, in place of the configuration's.")
    @functools.wraps(command)
    def with_place(*args: Any, config_path: Path, db: str | None, **options: Any) -> None:
        command(*args, place=Place(config_path, db), **options)

    return with_place


def as_json(command: Command) -> Command:
    """`--json`, handed in as `plain_json`."""
    return click.option("--json", "plain_json", is_flag=True, help="JSON for programs.")(command)


def forced(command: Command) -> Command:
    """`--force`, of the commands that write a file one names."""
    return click.option("--force", is_flag=True, help="Write over a file that this command did not make.")(command)


def as_dollars(ctx: click.Context, param: click.Parameter, value: str | None) -> Decimal | None:
    """The callback of an option that takes USD, more than nothing."""
    if value is None:
        return None
    try:
        amount = Decimal(value.strip().removeprefix("$"))
    except InvalidOperation:
        raise click.BadParameter(f"'{value}' is no amount; right is one such as 0.50") from None
    if not amount.is_finite() or amount <= 0:
        raise click.BadParameter(f"{value} buys nothing; right is an amount above 0, such as 0.50")
    return amount
