"""The pages under `docs/` are true: their commands run, their links lead somewhere, their keys exist."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from test_readme import run_shell

from qualityroute.config import Accept, Cache, Judge

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
JUDGE = (ROOT / "docs" / "judge.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_the_commands_about_the_judge_run_one_after_another(tmp_path: Path) -> None:
    printed = run_shell("\n".join(blocks(JUDGE, "sh")), tmp_path)
    assert "44 references made" in printed
    assert "false-accept risk" in printed
    assert "invoice is certified: at most 10 % of accepted answers differ from the performance tier's" in printed
    assert "Judge of invoice on 20 accepted answers" in printed
    assert "Judge of invoice: 20 answers, each judged 3 times" in printed


def test_what_the_page_says_of_a_certificate_is_what_is_promised() -> None:
    from qualityroute.calibration import promise

    assert promise(0.1, 0.1) in " ".join(JUDGE.split())


def test_the_keys_that_the_page_sets_exist() -> None:
    (settings,) = blocks(JUDGE, "toml")
    Accept.model_validate(tomllib.loads(settings)["tasks"]["invoice"]["accept"])
    assert all(line == "" or json.loads(line) for line in blocks(JUDGE, "json")[0].splitlines())
    for mode in re.findall(r'`mode = "(\w+)"`', JUDGE):
        Judge.model_validate({"model": "a/b", "mode": mode})


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


def test_the_cache_is_turned_on_as_its_page_says(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "cache.md").read_text(encoding="utf-8")
    (settings,) = blocks(page, "toml")
    Cache.model_validate(tomllib.loads(settings)["cache"])
    printed = run_shell("\n".join(blocks(page, "sh")), tmp_path)
    assert sorted(re.findall(r'^"outcome": *"(\w+)"', printed, re.MULTILINE)) == ["accepted", "cached"]
    assert "1 request was served an earlier answer (50%), which saved $" in printed
