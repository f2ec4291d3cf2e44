"""How tests call the program: in this process, or as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from qualityroute.cli import main


def call(*arguments: object, given: str | bytes | None = None) -> Result:
    """The program in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=given)


def spawn(
    *arguments: object, cwd: Path | None = None, given: str = "", **options: Any
) -> subprocess.CompletedProcess[str]:
    """The program as a process of its own."""
    command = [sys.executable, "-m", "qualityroute", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, input=given, capture_output=True, text=True, timeout=120, **options)


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def one_line_error(result: Result) -> str:
    """What went wrong, told in one or two lines without a traceback."""
    assert "Traceback" not in result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, result.output
    return lines[0]
