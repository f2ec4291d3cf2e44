"""The pages under `docs/` are true: their commands run, their links lead somewhere, their keys exist."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import tomllib
from dataclasses import replace
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any

import anyio
import pytest
import sqlite_utils
from click.testing import CliRunner
from command_line import call
from conftest import config_with
from test_readme import run_shell
from test_upgrades import FILES, load_file

from qualityroute import Rubric, Task
from qualityroute.config import Accept, Cache, Judge, Store
from qualityroute.gates.interface import Candidate, Check
from qualityroute.metering import Meter
from qualityroute.records import Completion, Ruling, Verdict

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
JUDGE = (ROOT / "docs" / "judge.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def typed(lines: str, folder: Path) -> str:
    """What is printed where somebody types these lines in a folder, and each does what it should.

    Our own commands run in this process, which has imported already what each would import anew.
    """
    printed = ""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COLUMNS", "120")
        for program, group in groupby(lines.splitlines(), key=whose):
            if program == "cd":
                patch.chdir(next(group).split()[1])
            elif program == "qualityroute":
                printed += "".join(map(printed_by, group))
            else:
                printed += run_shell("\n".join(group), Path.cwd())
    return printed


def whose(line: str) -> str:
    """`cd`, `qualityroute`, or nothing for what the shell does; a document that it reads stays in one piece."""
    program = line.partition(" ")[0]
    return program if program in ("cd", "qualityroute") else ""


def printed_by(line: str) -> str:
    command, _, otherwise = line.partition(" || ")
    done = call(*shlex.split(command)[1:])
    assert done.exit_code == 0 or otherwise, (line, done.output)
    return done.stdout


def test_the_commands_about_the_judge_run_one_after_another(tmp_path: Path) -> None:
    printed = typed("\n".join(blocks(JUDGE, "sh")), tmp_path)
    assert "44 references made" in printed
    assert "false-accept risk" in printed
    assert "invoice is certified: at most 10 % of accepted answers differ from the performance tier's" in printed
    assert "Judge of invoice on 20 accepted answers" in printed
    assert "Judge of invoice: 20 answers, each judged 3 times" in printed


def test_the_commands_about_the_store_run_one_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlite_utils.cli import cli

    monkeypatch.chdir(tmp_path)
    load_file(FILES[-1], tmp_path)
    Path("q.db").rename("qualityroute.db")
    page = (ROOT / "docs" / "store.md").read_text(encoding="utf-8")
    printed = ""
    for line in "".join(blocks(page, "sh")).splitlines():
        program, *arguments = shlex.split(line)
        done = call(*arguments) if program == "qualityroute" else CliRunner().invoke(cli, arguments)
        assert done.exit_code == 0, (line, done.output)
        printed += done.output
    for told in ("The store is whole: 5 decisions", "Would prune ", "The store takes ", '"problems": []', "Wrote 5"):
        assert told in printed
    (settings,) = blocks(page, "toml")
    Store.model_validate(tomllib.loads(settings)["store"])


def test_what_the_page_says_of_a_certificate_is_what_is_promised() -> None:
    from qualityroute.calibration import promise

    assert promise(0.1, 0.1) in " ".join(JUDGE.split())


def test_the_page_for_python_is_a_program_that_prints_what_its_comments_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = "\n".join(blocks((ROOT / "docs" / "guides" / "python.md").read_text(encoding="utf-8"), "python"))
    monkeypatch.chdir(tmp_path)
    Path("program.py").write_text(program, encoding="utf-8")
    runpy.run_path("program.py")
    printed = capsys.readouterr().out.splitlines()
    assert printed == re.findall(r"^ *print\(.+\) +# (.+)$", program, re.MULTILINE)
    assert len(printed) >= 10


def test_the_keys_that_the_page_sets_exist() -> None:
    (settings,) = blocks(JUDGE, "toml")
    Accept.model_validate(tomllib.loads(settings)["tasks"]["invoice"]["accept"])
    assert all(line == "" or json.loads(line) for line in blocks(JUDGE, "json")[0].splitlines())
    for mode in re.findall(r'`mode = "(\w+)"`', JUDGE):
        Judge.model_validate({"model": "a/b", "mode": mode})


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


GUIDES = [
    (page.name, tomllib.loads(block))
    for page in sorted((ROOT / "docs" / "guides").glob("*.md"))
    for block in blocks(page.read_text(encoding="utf-8"), "toml")
]


@pytest.mark.parametrize(("name", "settings"), GUIDES, ids=lambda value: value if isinstance(value, str) else "")
def test_what_a_guide_sets_can_be_set(name: str, settings: dict[str, Any]) -> None:
    if "criteria" in settings:
        Rubric.model_validate(settings)
        return
    for task in settings.pop("tasks", {}).values():
        Task.model_validate(task)
    config_with(**settings)


def test_every_file_that_the_architecture_names_is_there() -> None:
    for page in ("architecture.md", "statistics.md"):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        named = set(re.findall(r"`((?:\w+/)*\w+\.(?:py|toml))`", text))
        assert len(named) >= 5
        for name in named:
            assert any((folder / name).exists() for folder in (ROOT, ROOT / "qualityroute")), name


def test_the_check_of_the_architecture_is_a_check() -> None:
    (code,) = blocks((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"), "python")
    names: dict[str, Any] = {
        "Candidate": Candidate,
        "Meter": Meter,
        "Reason": StrEnum("Reason", {"LENGTH": "length"}),
        "Ruling": Ruling,
        "Verdict": Verdict,
    }
    exec(code, names)
    made: Check = names["LengthCheck"](5)
    rulings = [anyio.run(made.check, replace(ANSWER, text=text), None).ruling for text in ("short", "longer")]
    assert rulings == [Ruling.ACCEPTED, Ruling.REJECTED]


ANSWER = Candidate((), "source", Completion("short"), "short", "short", "short")


def test_who_removes_somebodys_data_is_told_of_every_table_that_has_some(tmp_path: Path) -> None:
    load_file(FILES[-1], tmp_path)
    tables = sqlite_utils.Database(tmp_path / "q.db").tables
    about = {"decision_id", "session", "tenant"}
    concerned = {table.name for table in tables if about & {column.name for column in table.columns}} - {"keys"}
    page = (ROOT / "docs" / "guides" / "privacy.md").read_text(encoding="utf-8")
    section = page.partition("## Somebody wants")[2].partition("\n## ")[0]
    assert len(concerned) >= 10
    assert concerned - set(re.findall(r"`(\w+)`", section)) == {"decisions"}


def test_the_cache_is_turned_on_as_its_page_says(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "cache.md").read_text(encoding="utf-8")
    for settings in blocks(page, "toml"):
        Cache.model_validate(tomllib.loads(settings)["cache"])
    printed = typed("\n".join(blocks(page, "sh")), tmp_path)
    assert sorted(re.findall(r'^"outcome": *"(\w+)"', printed, re.MULTILINE)) == ["accepted", "cached"]
    assert "1 request was served an earlier answer (50 %), which saved $" in printed
