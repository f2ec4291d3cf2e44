"""`qualityroute demo`: the whole story over practice documents, with no key and no network."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path

import anyio
import click
from rich.console import Console, RenderableType
from rich.text import Text

from qualityroute.commands.places import called, near
from qualityroute.commands.progress import Progress, progress_on
from qualityroute.commands.screens import box_for, news, screen, show
from qualityroute.commands.stand_in import pointed_at
from qualityroute.commands.workplace import CONFIG, practice_files, write_files
from qualityroute.config import Config
from qualityroute.engine import Engine
from qualityroute.errors import AnswerRejected, ConfigError
from qualityroute.lanes import work_through
from qualityroute.pins import Pin, PinEffect
from qualityroute.practice import Document, PracticeServer, documents
from qualityroute.records import Decision, Outcome, Reason
from qualityroute.render import pin_table, report_view, story_of
from qualityroute.report import Report
from qualityroute.store import open_store

MARK = "# `qualityroute demo` writes this folder anew each time it runs."
DATABASE = "qualityroute.db"
SESSIONS_AT_ONCE = 8
LATENCY = {"small": 0.01, "careful": 0.04, "checker": 0.01}
"""Seconds the practice models think, so that the report has times to tell."""


@dataclass(frozen=True, slots=True)
class Story:
    """What the demo did."""

    decisions: tuple[Decision, ...]
    report: Report
    pins: tuple[Pin, ...]
    explained: Decision
    effect: PinEffect | None


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
    workload = documents()
    _write_folder(folder, workload)
    console = screen()
    show(console, _opening(workload, folder))
    with PracticeServer(latency=LATENCY) as server, progress_on(news(), len(workload), "Answering") as progress:
        story = anyio.run(_told, pointed_at(Config.load(folder / CONFIG), server), workload, progress)
    show(console, *_chapters(console, story))
    click.echo(_next_commands(folder, story))  # not by rich, which would fold a command where the screen ends


def _write_folder(folder: Path, workload: Sequence[Document]) -> None:
    config = folder / CONFIG
    if folder.exists() and not _ours(folder, config):
        raise ConfigError(f"'{folder}' exists and is not the demo's; name another folder by --dir")
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
        (folder / name).unlink(missing_ok=True)
    files = practice_files({document.id: document for document in workload})
    write_files(folder, {**files, CONFIG: f"{MARK}\n{files[CONFIG]}"})


def _ours(folder: Path, config: Path) -> bool:
    if not folder.is_dir():
        return False
    if not any(folder.iterdir()):
        return True
    return config.is_file() and config.read_text(encoding="utf-8", errors="replace").startswith(MARK)


async def _told(config: Config, workload: Sequence[Document], progress: Progress) -> Story:
    store = open_store(config.store.url, folder=config.folder)
    async with Engine(config, store=store) as engine:
        decisions = await _answered(engine, workload, progress)
        pins = tuple(await engine.pins.list())
        explained = _instructive(decisions, pins)
        return Story(
            decisions,
            await engine.report(),
            pins,
            await engine.explain(explained.id),
            await store.pin_effect(explained.id),
        )


async def _answered(engine: Engine, workload: Sequence[Document], progress: Progress) -> tuple[Decision, ...]:
    """Every document through the engine: several sessions at once, each session's documents in their order."""
    decisions: list[Decision] = []
    waiting = iter(_interleaved(workload))

    async def draw() -> Document | None:
        return next(waiting, None)

    async def one(document: Document) -> None:
        try:
            answer = await engine.run(document.task, document.input, session=document.session)
            decisions.append(answer.decision)
        except AnswerRejected as error:
            decisions.extend(filter(None, (error.decision,)))
        progress.advance()

    await work_through(draw, one, session_of=lambda document: document.session, concurrency=SESSIONS_AT_ONCE)
    return tuple(decisions)


def _interleaved(workload: Sequence[Document]) -> list[Document]:
    """As in real life: each session's documents in their order, the sessions taking turns."""
    sessions: dict[str, list[Document]] = defaultdict(list)
    for document in workload:
        sessions[document.session].append(document)
    rounds = zip_longest(*sessions.values())
    return [document for turn in rounds for document in turn if document is not None]


def _instructive(decisions: Sequence[Decision], pins: Sequence[Pin]) -> Decision:
    """A fallback that the judge asked for and that made a pin; else the nearest thing to it."""
    made_a_pin = {pin.decision_id for pin in pins}

    def worth(decision: Decision) -> tuple[bool, bool, bool]:
        fell_back = decision.outcome is Outcome.FALLBACK
        return fell_back and decision.id in made_a_pin, fell_back, decision.reason is Reason.JUDGED

    return max(decisions, key=worth)


def _opening(workload: Sequence[Document], folder: Path) -> Text:
    sessions = len({document.session for document in workload})
    tasks = len({document.task for document in workload})
    return Text(
        f"{len(workload)} documents of {sessions} sessions go through {tasks} tasks, over HTTP, to practice models on "
        "this machine. These are a stand-in: small programs that really read the documents, no language models. "
        f"Prices are examples. Everything is written to {near(folder)}."
    )


def _chapters(console: Console, story: Story) -> Iterator[RenderableType]:
    box, now = box_for(console), datetime.now(UTC)
    yield _heading("The fallback report")
    yield report_view(story.report, box)
    yield _heading("Who is pinned to the performance tier, and why")
    yield pin_table(story.pins, now, box)
    yield _heading("One decision, explained")
    yield story_of(story.explained, story.effect)


def _heading(text: str) -> Text:
    return Text.assemble("\n", (text, "bold underline"))


def _next_commands(folder: Path, story: Story) -> str:
    config = f"--config {shlex.quote(near(folder / CONFIG))}"
    session = story.pins[0].key.session if story.pins else story.explained.session or ""
    document = shlex.quote(near(folder / "documents" / "invoice-01.txt"))
    lines = (
        f"pins show {shlex.quote(session)} {config}",
        f"explain {story.explained.id} {config}",
        f"run invoice {document} --session you {config}",
    )
    typed = "\n".join(f"  {called()} {line}" for line in lines)
    database = near(folder / DATABASE)
    return f"\nNext, type:\n{typed}\nThe database to look into, with sqlite-utils or Datasette: {database}"
