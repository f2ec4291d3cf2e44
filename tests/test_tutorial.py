"""The tutorial is true: its files are written, and its commands run, in their order."""

from __future__ import annotations

import re
import runpy
import shlex
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from command_line import call

PAGE = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text(encoding="utf-8")
SELF_TEST = "qualityroute judge selftest invoice inputs.jsonl --most 20"
BLOCKS = re.findall(r"^```(sh|python|toml)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_who_follows_the_tutorial_ends_with_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said: dict[str, str] = {}
    for language, block in BLOCKS:
        if language == "sh":
            for line in block.splitlines():
                said[line] = done(line, monkeypatch)
        elif language == "python":
            Path(block.splitlines()[0].removeprefix("# ")).write_text(block, encoding="utf-8")
        else:
            where = block.splitlines()[0].removeprefix("# under ")
            config = Path("qualityroute.toml")
            config.write_text(
                config.read_text(encoding="utf-8").replace(where, f"{where}\n{block}", 1), encoding="utf-8"
            )
    assert said["cd shop"] == ""
    assert '"outcome":' in said["qualityroute run invoice documents/invoice.txt --session user-1"]
    assert len(Path("answers.jsonl").read_text(encoding="utf-8").splitlines()) == 66
    assert "false-accept risk" in said["qualityroute baseline compare invoice inputs.jsonl"]
    assert "drop (a value left out): the judge said no to 0 of 20" in " ".join(said[SELF_TEST].split())
    promise = " ".join(re.findall(r"^> (.+)$", PAGE, re.MULTILINE))
    assert promise in said["qualityroute calibrate invoice --alpha 0.1"]
    assert "At most 10 %" in " ".join(said["qualityroute report --task invoice"].split())


def done(line: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """One line of a shell, without one; what the program said."""
    words = shlex.split(line)
    match words:
        case ["cd", folder]:
            monkeypatch.chdir(folder)
            return ""
        case ["python", program, ">", out]:
            with Path(out).open("w", encoding="utf-8") as file, redirect_stdout(file):
                runpy.run_path(program)
            return ""
        case ["qualityroute", *arguments]:
            result = call(*arguments)
            expected = 1 if arguments[:2] == ["judge", "selftest"] else 0  # as the page says: the judge is weak
            assert result.exit_code == expected, result.output
            return result.output
    raise AssertionError(f"this test does not know how to do: {line}")
