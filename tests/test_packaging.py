"""What is said of the package in its metadata is true; `packages.py` installs it, which takes minutes."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import licences
import packages
import pytest
from click.testing import CliRunner
from image import read_image

from qualityroute.cli import main

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_extra_has_a_trial_of_its_own() -> None:
    assert set(packages.TRIALS) == {*PROJECT["optional-dependencies"], packages.NONE}


def test_every_extra_is_installed_for_the_tests() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.search(r"^\t\$\(UV\) .*-e '\.\[(.*)\]' --group dev$", makefile, re.MULTILINE)
    assert named is not None
    assert set(named[1].split(",")) == set(PROJECT["optional-dependencies"])


def test_make_refuses_an_older_python_and_leaves_nothing_of_it_behind(tmp_path: Path) -> None:
    old = tmp_path / "old"
    told = "import sys; sys.version_info = (3, 10); exec(sys.argv[1])"
    old.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{told}' \"$2\"\n")
    old.chmod(0o755)
    command = ["make", "--file", ROOT / "Makefile", ".venv/uv", f"PYTHON={old}"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert made.returncode == 2
    assert "Python 3.11 or later is needed" in made.stderr
    assert list(tmp_path.iterdir()) == [old]
    assert PROJECT["requires-python"] == ">=3.11"


def test_every_dependency_has_its_version_for_the_tests() -> None:
    constrained = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    extras = PROJECT["optional-dependencies"].values()
    named = {
        re.split(r"[\[<>=!;~ ]", line)[0] for line in (*PROJECT["dependencies"], *(one for e in extras for one in e))
    }
    assert named <= constrained


def test_nothing_that_comes_with_us_is_under_copyleft_without_a_word_on_it() -> None:
    copyleft = {package.name for package in licences.packages() if package.is_copyleft}
    assert copyleft == set(licences.ALLOWED)
    assert not [package for package in licences.packages() if package.is_copyleft and package.comes_with == "always"]
    assert not [package for package in licences.packages() if package.licence == "unknown"]


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="another Python brings other packages")
def test_the_page_of_licences_is_what_is_installed() -> None:
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    assert page == licences.page(), "stale; `make licences` writes it"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_the_script_that_completes_the_program(shell: str) -> None:
    script = completing(f"{shell}_source")
    assert f"_QUALITYROUTE_COMPLETE={shell}_complete" in script


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("qualityroute ba", {"baseline"}),
        ("qualityroute pins ", {"list", "show", "add", "release", "export"}),
        ("qualityroute run --s", {"--session"}),
    ],
)
def test_what_is_typed_so_far_is_completed(typed: str, offered: set[str]) -> None:
    position = typed.count(" ")
    lines = completing("bash_complete", COMP_WORDS=typed, COMP_CWORD=str(position)).splitlines()
    assert {line.partition(",")[2] for line in lines if line} >= offered
    assert all(line.startswith("plain,") for line in lines if line)


def completing(instruction: str, **environment: str) -> str:
    """What the program answers its shell."""
    asked = {"_QUALITYROUTE_COMPLETE": instruction, **environment}
    return CliRunner().invoke(main, [], env=asked, prog_name="qualityroute").output


def test_the_installed_program_is_the_one_that_is_tested() -> None:
    program = importlib.metadata.entry_points(group="console_scripts")["qualityroute"]
    assert program.load() is main


IMAGE = read_image((ROOT / "Dockerfile").read_text(encoding="utf-8"))


def test_the_image_runs_as_nobody_the_host_knows() -> None:
    assert IMAGE.last("USER") == "10001:10001"
    assert "--uid 10001" in IMAGE.last("RUN")
    assert "root" not in IMAGE.last("RUN")


def test_the_image_serves_where_it_says_and_is_looked_at_there() -> None:
    port = IMAGE.last("EXPOSE")
    program, name, *arguments = IMAGE.command
    assert program == "qualityroute"
    group = click.Context(main, **main.context_settings)  # click keeps the names of `--help` from the first context
    command = main.get_command(group, name)
    assert command is not None
    asked = command.make_context(name, arguments, parent=group).params
    assert (str(asked["port"]), asked["host"]) == (port, "0.0.0.0")
    assert f"http://127.0.0.1:{port}/healthz" in IMAGE.health_check[-1]


def test_the_image_is_built_of_files_that_are_there_and_not_ignored() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert kept == set(IMAGE.copied)
    assert all((ROOT / name).exists() for name in kept)
    extras = re.search(r"\.\[(.*)\]", IMAGE.installed[-1])
    assert extras is not None
    assert set(extras[1].split(",")) <= set(PROJECT["optional-dependencies"])
