"""`qualityroute init`: a commented configuration with all that it names."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from qualityroute.commands.places import called, near
from qualityroute.commands.workplace import CONFIG, practice_files, starter_files, write_files
from qualityroute.errors import ConfigError
from qualityroute.practice import TASKS, documents
from qualityroute.templates import template


@click.command()
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=Path("."))
@click.option("--practice", is_flag=True, help="For the practice provider: four tasks, no key, no network.")
@click.option("--force", is_flag=True, help="Write over files that are there already.")
def init(folder: Path, practice: bool, force: bool) -> None:
    """Write qualityroute.toml, schemas, rubrics and a document into DIR."""
    files = _practice_files() if practice else starter_files()
    if not force:
        _check_free(folder, files)
    write_files(folder, files)
    for name in files:
        click.echo(f"wrote {near(folder / name)}")
    click.echo(_next_steps(folder, practice=practice))


def _practice_files() -> dict[str, str]:
    files = practice_files({task: documents(task)[0] for task in TASKS})
    return {**files, "documents/invoice.txt": template("invoice.txt")}


def _check_free(folder: Path, files: dict[str, str]) -> None:
    there = [str(folder / name) for name in files if (folder / name).exists()]
    if there:
        which = f"'{there[0]}' exists" if len(there) == 1 else f"'{there[0]}' and {len(there) - 1} more exist"
        raise ConfigError(f"{which} already, and nothing was written; --force writes over")


def _next_steps(folder: Path, *, practice: bool) -> str:
    here = folder.resolve() == Path.cwd()
    config = "" if here else f" --config {shlex.quote(near(folder / CONFIG))}"
    document = shlex.quote(near(folder / "documents" / "invoice.txt"))
    key = "" if practice else "  export OPENAI_API_KEY=...\n"
    return (
        f"\nNext:\n{key}"
        f"  {called()} check{config}\n"
        f"  {called()} run invoice {document} --session user-1{config}\n"
        f"  {called()} report{config}"
    )
