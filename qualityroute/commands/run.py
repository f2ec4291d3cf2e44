"""`qualityroute run`: files or lines of JSON in, one JSON line out for each as soon as it is answered."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import click

from qualityroute.commands.exits import Exit, tell_error
from qualityroute.commands.given import Given, is_lines, read_inputs
from qualityroute.commands.json_lines import STDIN
from qualityroute.commands.options import Integer, placed
from qualityroute.commands.overwriting import check_not_ours
from qualityroute.commands.places import Place
from qualityroute.commands.progress import Progress, progress_on
from qualityroute.commands.row_files import Finished, open_rows
from qualityroute.commands.rows import PrintedRows, Rows, answer_row, error_row
from qualityroute.commands.screens import news
from qualityroute.commands.stand_in import with_practice
from qualityroute.commands.tally import Tally
from qualityroute.commands.working import Work, drawn
from qualityroute.config import Config
from qualityroute.engine import Engine
from qualityroute.errors import ConfigError, StoreError
from qualityroute.inputs import checked_name
from qualityroute.quantities import counted
from qualityroute.render import visible
from qualityroute.setup import build_setup

MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Order:
    """What the caller asked for."""

    task: str
    files: tuple[str, ...]
    form: str | None
    session: str | None
    tenant: str
    concurrency: int


@click.command()
@click.argument("task")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--session", default=None, help="Whose inputs these are; a line of JSON may name its own.")
@click.option("--tenant", default="default", show_default=True, help="Whose sessions.")
@click.option(
    "--input-format",
    "form",
    type=click.Choice(["text", "jsonl"]),
    default=None,
    help='text: each file is one input. jsonl: each line is {"input": ..., "id"?: ..., "session"?: ...}. '
    "By default files named *.jsonl or *.ndjson are lines, all others text.",
)
@click.option("--out", type=click.Path(path_type=Path), default=None, metavar="F", help="Write the rows to this file.")
@click.option("--resume", is_flag=True, help="With --out: do only what is not finished in it.")
@click.option("--concurrency", type=Integer(1, 1024), default=16, show_default=True, help="Requests at once.")
@placed
def run(
    place: Place,
    task: str,
    files: tuple[str, ...],
    session: str | None,
    tenant: str,
    form: str | None,
    out: Path | None,
    resume: bool,
    concurrency: int,
) -> None:
    """Answer each FILE by TASK, one JSON line each; `-` or no FILE reads standard input.

    Inputs of one session are answered in their order. A row is written once its decision is in the database. It names
    its task, and by its input_key what was asked: --resume goes on with no other task's rows, and answers no input anew
    that has changed since, but says which did.
    """
    if resume and out is None:
        raise click.UsageError("--resume needs --out, the file to go on with")
    config = place.load()
    if out is not None:
        check_not_ours(out, place)
    build_setup(config, time.monotonic).task(task)
    order = Order(task, files or (STDIN,), form, checked_name(session, "session"), tenant, concurrency)
    checked_name(tenant, "tenant")
    if STDIN in order.files and sys.stdin.isatty():
        click.echo("Reading standard input; end it with Ctrl-D.", err=True)
    rows, finished = open_rows(out, task, resume=resume) if out is not None else (PrintedRows(), {})
    try:
        code = _answered(place, config, order, rows, finished, resumable=out is not None)
    finally:
        rows.close()
    click.get_current_context().exit(code)


def _answered(place: Place, config: Config, order: Order, rows: Rows, finished: Finished, *, resumable: bool) -> int:
    with with_practice(config) as config, progress_on(news(), _total(order, finished)) as progress:
        running = Run(order, rows, finished, progress)
        engine = Engine(config, store=place.store(config))
        anyio.run(running.through, engine)
    news().print(running.tally.summary())
    return running.ending(resumable=resumable)


def _total(order: Order, finished: Finished) -> int | None:
    """`None` where lines would have to be counted."""
    if any(is_lines(file, order.form) for file in order.files):
        return None
    return len(order.files) - len(finished.keys() & order.files)


@dataclass(slots=True)
class Run:
    """One `run` on its way."""

    order: Order
    rows: Rows
    finished: Finished
    progress: Progress
    tally: Tally = field(default_factory=Tally)
    changed: list[str] = field(default_factory=list)
    """Finished inputs that are others now."""
    work: Work = field(default_factory=Work)
    id: str = field(default_factory=lambda: secrets.token_hex(6))

    async def through(self, engine: Engine) -> None:
        """Answer everything."""
        async with engine:
            await self.work.through(
                partial(drawn, self._inputs(engine.config.max_input)),
                partial(self._one, engine),
                session_of=lambda given: given.session,
                concurrency=self.order.concurrency,
            )

    def ending(self, *, resumable: bool) -> int:
        """Say why it ended, if it ended early; the exit code."""
        how = "the same command with --resume does the rest" if resumable else "with --out, --resume could do the rest"
        early = self.work.early_exit(how)
        if early is not None:
            return early
        if not self.changed:
            return self.tally.exit
        have = f"{counted(len(self.changed), 'input')} {'has' if len(self.changed) == 1 else 'have'}"
        more = f" and {len(self.changed) - MOST_NAMED:,} more" if len(self.changed) > MOST_NAMED else ""
        names = f"{', '.join(visible(name, 80) for name in self.changed[:MOST_NAMED])}{more}"
        tell_error(
            f"{have} changed since a row was written: {names}; take those rows out to have them answered anew, "
            "or name another file by --out"
        )
        return max(self.tally.exit, Exit.REJECTED)

    def _inputs(self, most: int) -> Iterator[Given]:
        order = self.order
        for given in read_inputs(order.files, order.form, most, order.session):
            if given.id not in self.finished:
                yield given
            elif given.key in (None, self.finished[given.id]) or self.finished[given.id] is None:
                self.tally.there += 1
            else:
                self.changed.append(given.id)

    async def _one(self, engine: Engine, given: Given) -> None:
        try:
            if given.mistake:
                raise ConfigError(given.mistake)
            answer = await engine.run(
                self.order.task,
                given.input,
                session=given.session,
                tenant=self.order.tenant,
                metadata={"run": self.id, "input": given.id},
            )
        except Exception as error:  # one failed input does not end the others
            self.tally.add_error(error)
            self._write(error_row(self.order.task, given, error))
            if isinstance(error, StoreError):  # money spent on answers that nobody could serve
                self.work.end(error)
            return
        self.tally.add(answer.decision)
        self._write(answer_row(self.order.task, given, answer))

    def _write(self, row: dict[str, object]) -> None:
        try:
            self.rows.write(row)
        except (StoreError, OSError) as error:
            self.work.end(error)
        else:
            self.progress.advance()
