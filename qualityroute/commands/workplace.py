"""The working folders that `init` and `demo` write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qualityroute.errors import ConfigError
from qualityroute.practice import TASKS, Document, schema_path
from qualityroute.rubrics import builtin_rubrics
from qualityroute.templates import template

CONFIG = "qualityroute.toml"


def starter_files() -> dict[str, str]:
    """By path in the folder: a configuration for one task, to be filled with one's own models."""
    return {
        CONFIG: template("starter.toml"),
        **_task_files("invoice"),
        "documents/invoice.txt": template("invoice.txt"),
    }


def practice_files(documents: Mapping[str, Document]) -> dict[str, str]:
    """A configuration for the four practice tasks, with `documents` by file name."""
    tasks = {path: text for task in TASKS for path, text in _task_files(task).items()}
    texts = {f"documents/{name}.txt": f"{document.input}\n" for name, document in documents.items()}
    return {CONFIG: template("practice.toml"), **tasks, **texts}


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Raises `ConfigError` that names the first file that cannot be written."""
    for name, text in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"'{path}' cannot be written: {error.strerror}") from error


def _task_files(task: str) -> dict[str, str]:
    return {
        f"schemas/{task}.json": schema_path(task).read_text(encoding="utf-8"),
        f"rubrics/{task}.toml": builtin_rubrics()[task].read_text(encoding="utf-8"),
    }
