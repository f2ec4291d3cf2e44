"""`qualityroute baseline import`: what people say is right, which wins over agreement between the tiers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import anyio
import click

from qualityroute.commands.exits import Exit, tell_error
from qualityroute.commands.json_lines import called, read_json_lines
from qualityroute.commands.options import as_json, placed
from qualityroute.commands.peoples_lines import PeoplesLines, Wrong
from qualityroute.commands.places import Place, opened
from qualityroute.config import Config
from qualityroute.ground_truth import GroundTruth
from qualityroute.labels import Fact, Label, Reference
from qualityroute.render import visible
from qualityroute.setup import Setup, build_setup
from qualityroute.store import SessionStore

MOST_MISTAKES = 20


@dataclass(slots=True)
class Findings:
    """What a file of labels says, and what is wrong in it."""

    facts: list[Fact] = field(default_factory=list)
    mistakes: list[tuple[int, str]] = field(default_factory=list)
    """Line and message."""
    stale: int = 0
    """Labels of today that `baseline compare` will make anew."""

    @property
    def references(self) -> int:
        return sum(isinstance(fact, Reference) for fact in self.facts)

    @property
    def labels(self) -> int:
        return sum(isinstance(fact, Label) for fact in self.facts)


@click.command("import")
@click.argument("task")
@click.argument("file", metavar="LABELS.jsonl")
@placed
@as_json
def import_labels(place: Place, task: str, file: str, plain_json: bool) -> None:
    """Take over what people say of TASK.

    All lines of LABELS.jsonl are taken, or none. {"id": INPUT, "output": ...} says what is right for an input;
    {"decision": ID, "right": true} says whether that recorded efficiency answer is.
    """
    config = place.load()
    setup = build_setup(config, time.monotonic)
    setup.task(task)
    found = anyio.run(_imported, place, config, setup, task, file)
    if plain_json:
        click.echo(json.dumps(_to_json(found, task), indent=2))
    if found.mistakes:
        _tell_mistakes(found, file, shown=not plain_json)
        click.get_current_context().exit(Exit.USAGE)
    if not plain_json:
        click.echo("\n".join(_summary(found, task)))


async def _imported(place: Place, config: Config, setup: Setup, task: str, file: str) -> Findings:
    async with opened(place.store(config)) as store:
        found = await _read(store, config, setup, task, file)
        if not found.mistakes:
            await store.add_facts(found.facts)
        return found


async def _read(store: SessionStore, config: Config, setup: Setup, task: str, file: str) -> Findings:
    references, labels = await store.references(task), await store.labels(task)
    known = GroundTruth.of(
        references, labels, fingerprint=setup.reference_keys[task], pipeline=setup.pipelines[task]
    )  # fmt: skip
    keeps = config.store.payloads != "none"
    lines = PeoplesLines(task, setup.gates[task].schema, known, labels, datetime.now(UTC), keeps_answers=keeps)
    found = Findings()
    for line in read_json_lines(file, config.max_input):
        try:
            if line.mistake:
                raise Wrong(line.mistake)
            fact = lines.fact(line)
            if fact is None:
                raise Wrong(await _unlabelled(store, task, line.value["decision"]))
        except Wrong as wrong:
            found.mistakes.append((line.number, str(wrong)))
        else:
            found.facts.append(fact)
            found.stale += isinstance(fact, Reference) and fact.input_id in known.labels
    if not found.facts and not found.mistakes:
        found.mistakes.append((0, f"{called(file)} has no line"))
    return found


async def _unlabelled(store: SessionStore, task: str, decision_id: str) -> str:
    decision = await store.decision(decision_id)
    if decision is None:
        return f"no decision '{decision_id[:100]}' in the store; `baseline compare` names those of its answers"
    if decision.task != task:
        return f"decision '{decision_id}' is of task '{decision.task}', not of '{task}'"
    return (
        f"decision '{decision_id}' has no label that people could overrule: only answers of `baseline compare` and of "
        "audited or explored requests have, since others that somebody picks say nothing of the rest"
    )


def _tell_mistakes(found: Findings, file: str, *, shown: bool) -> None:
    for number, message in found.mistakes[:MOST_MISTAKES] if shown else ():
        click.echo(f"line {number}: {visible(message, 500)}" if number else visible(message, 500), err=True)
    if shown and len(found.mistakes) > MOST_MISTAKES:
        click.echo(f"and {len(found.mistakes) - MOST_MISTAKES:,} more like these", err=True)
    mistakes = "1 mistake" if len(found.mistakes) == 1 else f"{len(found.mistakes):,} mistakes"
    tell_error(f"{mistakes} in {called(file)}; nothing was written")


def _summary(found: Findings, task: str) -> Iterator[str]:
    references = f"{found.references:,} reference{'' if found.references == 1 else 's'}"
    labels = f"{found.labels:,} label{'' if found.labels == 1 else 's'}"
    yield f"{visible(task, 64)}: {references} and {labels} of people written"
    if found.stale:
        asked = "1 answer was" if found.stale == 1 else f"{found.stale:,} answers were"
        yield f"{asked} held against other references; the next `baseline compare` asks those inputs again"


def _to_json(found: Findings, task: str) -> dict[str, Any]:
    written = not found.mistakes
    return {
        "version": 1,
        "task": task,
        "written": written,
        "references": found.references if written else 0,
        "labels": found.labels if written else 0,
        "stale": found.stale if written else 0,
        "mistakes": [{"line": line or None, "error": message} for line, message in found.mistakes],
    }
