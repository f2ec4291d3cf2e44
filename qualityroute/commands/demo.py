"""`qualityroute demo`: the whole story over practice documents, with no key and no network."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio
import click
import tomlkit
from rich.console import Console, RenderableType
from rich.text import Text

from qualityroute.commands.places import called, near
from qualityroute.commands.progress import Progress, progress_on
from qualityroute.commands.screens import box_for, news, screen, show
from qualityroute.commands.stand_in import pointed_at
from qualityroute.commands.weeks import WEEKS, Arrival, Clock, live_through, weeks_up_to
from qualityroute.commands.workplace import CONFIG, practice_files, write_files
from qualityroute.config import Config
from qualityroute.engine import Engine
from qualityroute.errors import ConfigError
from qualityroute.pins import Pin
from qualityroute.practice import Document, PracticeServer, documents
from qualityroute.records import Decision, Outcome, Reason
from qualityroute.render import pin_table, report_view, story_of
from qualityroute.report import Report
from qualityroute.store import open_store

MARK = "# `qualityroute demo` writes this folder anew each time it runs."
DATABASE = "qualityroute.db"
PRICES = {
    "practice/small": ("0.75", "3.00"),
    "practice/careful": ("3.00", "15.00"),
    "practice/checker": ("0.50", "2.00"),
}
"""USD per 1M tokens in and out: examples at which trying the cheap model pays below a fallback rate of about 60 %."""
LATENCY = {"small": 0.01, "careful": 0.04, "checker": 0.01}
"""Seconds the practice models think, so that the report has times to tell."""


@dataclass(frozen=True, slots=True)
class Story:
    """What the demo did."""

    decisions: tuple[Decision, ...]
    report: Report
    pins: tuple[Pin, ...]
    explained: Decision


@click.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("qualityroute-demo"),
    show_default=True,
    help="Where to write configuration, documents and database.",
)
def demo(folder: Path) -> None:
    """Show the whole story with practice models: no key, no network."""
    _write_folder(folder, documents())
    console, now = screen(), datetime.now(UTC)
    arrivals = [arrival for day in weeks_up_to(now, documents()) for arrival in day]
    show(console, _opening(arrivals, folder))
    with PracticeServer(latency=LATENCY) as server, progress_on(news(), len(arrivals), "Answering") as progress:
        config = pointed_at(Config.load(folder / CONFIG), server)
        story = anyio.run(partial(told, config, None, progress, now=now))
    show(console, *_chapters(console, story))
    click.echo(_next_commands(folder, story))  # not by rich, which would fold a command where the screen ends


def _write_folder(folder: Path, workload: Sequence[Document]) -> None:
    config = folder / CONFIG
    if folder.exists() and not _ours(folder, config):
        raise ConfigError(f"'{folder}' exists and is not the demo's; name another folder by --dir")
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
        (folder / name).unlink(missing_ok=True)
    files = practice_files({document.id: document for document in workload})
    write_files(folder, {**files, CONFIG: f"{MARK}\n{_priced(files[CONFIG])}"})


def _priced(text: str) -> str:
    config = tomlkit.parse(text)
    for row in config["prices"]:
        row["input"], row["output"] = (tomlkit.float_(price) for price in PRICES[row["model"]])
    return tomlkit.dumps(config)


def _ours(folder: Path, config: Path) -> bool:
    if not folder.is_dir():
        return False
    if not any(folder.iterdir()):
        return True
    return config.is_file() and config.read_text(encoding="utf-8", errors="replace").startswith(MARK)


async def told(config: Config, database: str | None, progress: Progress, *, now: datetime) -> Story:
    """The weeks up to `now`, lived through by this configuration, and kept in this database (or the configuration's).

    Decisions are dated by a clock that goes along with the weeks.
    """
    clock = Clock(now)
    store = open_store(database or config.store.url, folder=config.folder, now=clock)
    async with Engine(config, store=store, now=clock) as engine:
        decisions = await live_through(engine, clock, weeks_up_to(now, documents()), progress)
        pins = tuple(await engine.pins.list())
        explained = _instructive(decisions, pins)
        return Story(
            decisions,
            await engine.report(),
            pins,
            await engine.explain(explained.id),
        )


def _instructive(decisions: Sequence[Decision], pins: Sequence[Pin]) -> Decision:
    """A fallback that the judge asked for and that made a pin; else the nearest thing to it."""
    made_a_pin = {pin.decision_id for pin in pins}

    def worth(decision: Decision) -> tuple[bool, bool, bool]:
        fell_back = decision.outcome is Outcome.FALLBACK
        return fell_back and decision.id in made_a_pin, fell_back, decision.reason is Reason.JUDGED

    # By name, because the order in which several sessions at once come to an end is chance.
    return max(sorted(decisions, key=lambda decision: decision.session or ""), key=worth)


def _opening(arrivals: Sequence[Arrival], folder: Path) -> Text:
    sessions = len({arrival.session for arrival in arrivals})
    tasks = len({arrival.document.task for arrival in arrivals})
    times = Counter(arrival.document.id for arrival in arrivals)
    new = list(times.values()).count(1)
    return Text(
        f"{WEEKS} weeks of documents, {len(arrivals)} requests of {sessions} sessions and {tasks} tasks, go over HTTP "
        "to practice models on this machine. These are a stand-in: small programs that really read the documents, no "
        f"language models. The same {len(times) - new} documents come week after week, and {new} new ones in the last. "
        "A clock that goes along dates the requests, so that there is a history to judge by; in truth all of it "
        "happens now. "
        f"Prices are examples. Everything is written to {near(folder)}."
    )


def _chapters(console: Console, story: Story) -> Iterator[RenderableType]:
    box, now = box_for(console), datetime.now(UTC)
    yield _heading("The fallback report")
    yield report_view(story.report, box)
    yield _heading("Who is pinned to the performance tier, and why")
    yield pin_table(story.pins, now, box)
    yield _heading("One decision, explained")
    yield story_of(story.explained)


def _heading(text: str) -> Text:
    return Text.assemble("\n", (text, "bold underline"))


def _next_commands(folder: Path, story: Story) -> str:
    config = f"--config {shlex.quote(near(folder / CONFIG))}"
    lines = (
        f"pins show {shlex.quote(story.explained.session or '')} {config}",
        f"explain {story.explained.id} {config}",
        f"report --apply --yes {config}",
    )
    typed = "\n".join(f"  {called()} {line}" for line in lines)
    database = near(folder / DATABASE)
    return (
        f"\nNext, type:\n{typed}\n"
        "The last one writes the suggested change into the demo's configuration; without --yes it asks first.\n"
        "`report --html report.html` makes a page of the report, with pictures (it needs the extra 'html').\n"
        f"The database to look into, with sqlite-utils or Datasette: {database}"
    )
