"""The documents and schemas that come with the practice provider; its programs never look in here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from qualityroute.records import Json

TASKS = ("invoice", "receipt", "triage", "contract")

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Document:
    """One document with the answer a careful person would give."""

    id: str
    task: str
    session: str
    """The person or inbox the document came through."""
    input: str
    expected: Json


def documents(task: str | None = None) -> list[Document]:
    """All documents, or those of one task, in the order of the files."""
    tasks = TASKS if task is None else (_known(task),)
    return [document for name in tasks for document in _documents_in(_HERE / "documents" / f"{name}.jsonl")]


def schema_path(task: str) -> Path:
    return _HERE / "schemas" / f"{_known(task)}.json"


def _documents_in(path: Path) -> list[Document]:
    return [Document(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _known(task: str) -> str:
    if task not in TASKS:
        raise ValueError(f"no practice task {task!r}; there are: {', '.join(TASKS)}")
    return task
