"""`qualityroute store export`: the ledger as lines of JSON or as Parquet, however long it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TextIO

import anyio
import anyio.from_thread
import anyio.to_thread
import click

from qualityroute.commands.json_lines import STDIN
from qualityroute.commands.options import forced, placed
from qualityroute.commands.overwriting import DECISIONS, PARQUET, check_replaceable
from qualityroute.commands.parquet import write_parquet
from qualityroute.commands.places import Place, opened
from qualityroute.commands.progress import Progress, progress_on
from qualityroute.commands.replacing import replacing
from qualityroute.commands.screens import news
from qualityroute.errors import ConfigError
from qualityroute.inputs import moment
from qualityroute.quantities import counted
from qualityroute.render import json_line, recorded_json
from qualityroute.store import Place as LedgerPlace
from qualityroute.store import Recorded, Search, SessionStore

PAGE = 500
"""Decisions read at a time; no more of them are in memory."""
STDOUT = STDIN


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is exported, and as what."""

    search: Search
    form: str
    payloads: bool


@click.command()
@click.option("--task", default=None, help="Of this task only.")
@click.option("--since", default=None, metavar="D", help="A date such as 2026-11-01, or a time such as 7d.")
@click.option("--format", "form", type=click.Choice(["jsonl", "parquet"]), default="jsonl", show_default=True)
@click.option("--json", "as_lines", is_flag=True, help="The same as --format jsonl.")
@click.option("--out", metavar="FILE", default=STDOUT, show_default=True, help="A file, put in place whole; or -.")
@forced
@click.option("--payloads", is_flag=True, help="With the prompts and answers that were kept.")
@placed
def export(
    place: Place,
    task: str | None,
    since: str | None,
    form: str,
    as_lines: bool,
    out: str,
    force: bool,
    payloads: bool,
) -> None:
    """Write each decision with its calls and verdicts.

    The oldest comes first: one line of JSON, or one row of Parquet.
    """
    form = "jsonl" if as_lines else form
    if form == "parquet" and out == STDOUT:
        raise ConfigError("Parquet is no text for a terminal or a pipe; name a file: --out decisions.parquet")
    if out != STDOUT:
        check_replaceable(Path(out), place, PARQUET if form == "parquet" else DECISIONS, force=force)
    search = Search(task=task, since=moment(since, datetime.now(UTC)))
    count = anyio.run(_export, place, Wanted(search, form, payloads), out)
    if out != STDOUT:
        click.echo(f"Wrote {counted(count, 'decision')}.", err=True)


async def _export(place: Place, wanted: Wanted, out: str) -> int:
    store, _ = place.store_alone()
    async with opened(store, to_read=True):
        with progress_on(news(), None, "Exporting") as bar:
            # In a thread, which asks the store for page after page.
            return await anyio.to_thread.run_sync(_write, out, wanted, _pages(store, wanted, bar))


def _pages(store: SessionStore, wanted: Wanted, bar: Progress) -> Iterator[Sequence[str]]:
    after: LedgerPlace | None = None
    while True:
        ask = partial(store.recorded, wanted.search, after=after, most=PAGE, payloads=wanted.payloads)
        found = anyio.from_thread.run(ask)
        yield [json_line(_told(recorded, payloads=wanted.payloads)) for recorded in found]
        bar.advance(len(found))
        if len(found) < PAGE:
            return
        after = LedgerPlace(found[-1].decision.at, found[-1].decision.id)


def _told(recorded: Recorded, *, payloads: bool) -> dict[str, object]:
    told = recorded_json(recorded.decision)
    return {**told, "payloads": dict(recorded.payloads)} if payloads else told


def _write(out: str, wanted: Wanted, pages: Iterator[Sequence[str]]) -> int:
    if wanted.form == "parquet":
        with replacing(Path(out)) as beside:
            return write_parquet(beside, pages, payloads=wanted.payloads)
    with _stream(out) as stream:
        count = 0
        for page in pages:
            stream.writelines(f"{line}\n" for line in page)
            count += len(page)
        return count


@contextmanager
def _stream(out: str) -> Iterator[TextIO]:
    if out == STDOUT:
        yield sys.stdout
        return
    with replacing(Path(out)) as beside, beside.open("w", encoding="utf-8", newline="") as stream:
        yield stream
