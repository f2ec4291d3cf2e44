"""One real demo for all tests of a session: it takes seconds, and most tests only read what it left."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

from command_line import spawn


@dataclass(frozen=True)
class Demo:
    folder: Path
    """Where it ran. Whoever changes something there takes a copy."""
    returncode: int
    stdout: str
    stderr: str


def the_demo(shared: Path) -> Demo:
    """Run it, unless another process of the session has. `shared` is a folder of all of them."""
    folder, told = shared / "demo", shared / "demo.json"
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            folder.mkdir()
            ended = spawn("demo", cwd=folder, env={**os.environ, "COLUMNS": "120"})
            told.write_text(json.dumps([ended.returncode, ended.stdout, ended.stderr]))
    return Demo(folder, *json.loads(told.read_text()))
