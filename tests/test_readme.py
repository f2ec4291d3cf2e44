"""The README is true: its programs and commands run, its output is real, and it leaves out no command and no error."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest
from one_demo import Demo

import qualityroute
from qualityroute import QualityRouteError, fallback
from qualityroute.cli import COMMANDS
from qualityroute.rubrics import builtin_rubrics, load_rubric

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The name in a first line such as `# shop.py`, for blocks that are files."""
        match = re.match(r"# (\S+\.(?:py|toml))$", self.text.splitlines()[0])
        return match[1] if match else None


BLOCKS = [Block(*match) for match in re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)]


def blocks(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def programs() -> list[Block]:
    return [block for block in blocks("python") if block.file is None]


def run(arguments: Sequence[str], folder: Path) -> str:
    """What it printed; a failure fails the test with everything it said."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "OPENAI_API_KEY": "not-a-key", "COLUMNS": "120"}
    done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_shell(lines: str, folder: Path) -> str:
    return run(["bash", "-euo", "pipefail", "-c", lines], folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the README shows, as its reader has them."""
    for block in BLOCKS:
        if block.file is not None:
            path = tmp_path / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    return tmp_path


def test_the_readme_is_short_and_is_made_of_blocks_that_this_file_knows() -> None:
    assert len(README.splitlines()) <= 320
    assert {block.language for block in BLOCKS} == {"console", "python", "sh", "text", "toml", "ts"}


def test_the_first_program_prints_what_its_comments_say(folder: Path) -> None:
    program = programs()[0].text
    said = re.findall(r"print\(.*\) +# (.+)$", program, re.MULTILINE)
    assert run([sys.executable, "-W", "error", "-c", program], folder).splitlines() == said
    assert len(said) == 2


def test_the_program_about_pins_lists_those_of_the_demo(demo: Demo) -> None:
    (program,) = programs()[1:]
    printed = run([sys.executable, "-W", "error", "-c", program.text], demo.folder)
    assert re.search(r"^expenses-farid judged own_field: no", printed, re.MULTILINE)


def test_the_configuration_is_complete_and_sound(folder: Path) -> None:
    said = " ".join(run(["qualityroute", "check"], folder).split())
    assert "gate schema > checks > grounded > judge, rubric 'invoice' with 1 questions, checks total_adds_up" in said
    assert "mistake " not in said
    assert "warning " not in said


def test_the_rubric_loads_and_its_total_must_be_in_the_source(folder: Path) -> None:
    rubric = load_rubric(folder / "rubrics" / "invoice.toml")
    assert [criterion.id for criterion in rubric.criteria if criterion.critical] == ["own_field"]
    assert rubric.fields["total"].ground == "literal"


def test_the_tests_that_the_readme_shows_pass(folder: Path) -> None:
    said = run([sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "test_shop.py"], folder)
    assert "2 passed" in said


def test_the_shell_commands_run_and_do_what_they_say(folder: Path) -> None:
    (commands,) = [block.text for block in blocks("sh")]
    newest = "$(sqlite-utils query qualityroute.db 'select id from decisions' --raw)"
    printed = run_shell(commands.replace("explain ID ", f"explain {newest} "), folder)
    assert printed.count("mistake ") == 0
    assert '"outcome": "accepted"' in printed
    assert "Outcome: accepted, the efficiency answer passed its gate" in printed
    assert "Session user-7 is held on the performance tier" in printed
    assert "Session user-7 is released" in printed
    assert json.loads(printed[printed.rindex("\n[{") :])[0]["session"] == "user-1"


def test_the_demo_says_what_the_readme_shows_of_it(demo: Demo) -> None:
    (shown,) = [block.text for block in blocks("console")]
    said = [" ".join(line.split()) for line in demo.stdout.splitlines()]
    for line in [" ".join(line.split()) for line in shown.splitlines()[1:]]:
        if line.endswith("…"):
            assert any(whole.startswith(line.removesuffix("…").strip()) for whole in said), line
        else:
            assert line in said


def test_every_make_target_in_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"[`$] ?make (\w+)", README))
    assert named == {"demo", "test", "check", "bench"}
    assert named <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))


def test_the_pythons_it_is_installed_on_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["readme"] == "README.md"
    versions = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    assert f"Python {versions[0]} to {versions[-1]}:" in README


def test_every_command_is_mentioned() -> None:
    missing = [name for name in COMMANDS if f"qualityroute {name}" not in README]
    assert missing == []


def test_every_error_is_mentioned_and_no_other() -> None:
    errors = {name for name in qualityroute.__all__ if _is_error(getattr(qualityroute, name))}
    table = set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE))
    assert table | {"QualityRouteError"} == errors


def _is_error(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, QualityRouteError)


def test_the_order_of_deciding_is_that_of_the_code() -> None:
    order = (fallback.__doc__ or "").split("here:\n\n")[1]
    assert dedent(order).strip() in [block.text.strip() for block in blocks("text")]


def test_the_built_in_rubrics_that_the_readme_names_exist() -> None:
    (named,) = re.findall(r"a built-in one: ([\w, ]+)$", README, re.MULTILINE)
    assert set(named.split(", ")) <= set(builtin_rubrics())
