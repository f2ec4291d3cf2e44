"""The program as a whole: how fast it starts, how it is called, how it ends."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from command_line import call, one_line_error, spawn

from qualityroute import __version__
from qualityroute.cli import COMMANDS, main
from qualityroute.commands.exits import Exit, exit_of
from qualityroute.errors import (
    AnswerRejected,
    BudgetExceeded,
    ConfigError,
    DeadlineExceeded,
    ProviderError,
    QualityRouteError,
    StoreError,
)
from qualityroute.quantities import counted


def test_help_imports_neither_openai_nor_pydantic_nor_rich() -> None:
    code = "import sys; sys.argv = ['qualityroute', '--help']\ntry:\n    from qualityroute.cli import main; main()\n"
    code += (
        "except SystemExit: print(sorted({'openai', 'pydantic', 'rich', 'anyio', 'sqlite_utils'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "[]"


def test_help_waits_for_no_heavy_import() -> None:
    """Under half a second, that is; what costs the time is what is imported."""
    script = (
        "import sys\nfrom qualityroute.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'openai', 'pydantic', 'jsonschema', 'sqlite_utils', 'rich', 'anyio', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_begins_as_its_line_in_the_list(name: str) -> None:
    result = call(name, "--help")
    assert result.exit_code == 0
    assert result.output.split("\n\n")[1].split()[0] == COMMANDS[name].split()[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_no_line_of_a_list_of_commands_is_cut_off(name: str) -> None:
    listed = call(name, "--help").output.partition("\nCommands:\n")[2]
    assert "..." not in listed


def test_the_version_is_told() -> None:
    assert __version__ in call("--version").output


def test_an_unknown_command_is_a_usage_error() -> None:
    result = call("frobnicate")
    assert result.exit_code == Exit.USAGE
    assert "No such command 'frobnicate'" in one_line_error(result)


@pytest.mark.parametrize(
    ("name", "told"), [("reprot", "No such command 'reprot'; did you mean 'report'?"), ("x", "; --help lists them.")]
)
def test_an_unknown_command_is_told_the_nearest_one(name: str, told: str) -> None:
    assert told in one_line_error(call(name))


def test_a_number_that_is_none_is_told_in_plain_words() -> None:
    assert "'abc' is not a valid integer." in one_line_error(call("serve", "--port", "abc"))


def test_one_thing_is_told_in_the_singular(tmp_path: Path) -> None:
    call("init", tmp_path, "--practice")
    told = one_line_error(call("init", tmp_path, "--practice"))
    assert re.search(
        r"qualityroute\.toml' and \d+ more exist already, and nothing was written; --force writes over", told
    )
    assert (counted(1, "task"), counted(0, "task"), counted(1200, "task")) == ("1 task", "0 tasks", "1,200 tasks")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 2),
        (AnswerRejected("x"), 1),
        (BudgetExceeded("x"), 1),
        (ProviderError("x"), 3),
        (DeadlineExceeded("x"), 3),
        (StoreError("x"), 3),
        (QualityRouteError("x"), 2),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: QualityRouteError, code: int) -> None:
    assert exit_of(error) == code


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (StoreError("the file \x1b[31mis\x07 gone"), 3, "Error: the file ␛[31mis␇ gone"),
        (KeyboardInterrupt(), 130, "Error: interrupted"),
        (BrokenPipeError(), 141, ""),
        (
            OSError(28, "No space left on device"),
            3,
            "Error: standard output cannot be written: No space left on device",
        ),
        (OSError(28, "Full", "a.txt"), 3, "Error: 'a.txt' cannot be written: Full"),
        (
            ZeroDivisionError("x"),
            70,
            "Error: ZeroDivisionError: x\nThis is a bug; with QUALITYROUTE_TRACEBACK=1 it shows where.",
        ),
    ],
)
def test_what_a_command_raises_ends_in_a_code_and_a_line(
    raised: BaseException, code: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    def fails() -> None:
        raise raised

    monkeypatch.setattr(type(main), "get_command", lambda *_: fails)
    result = call("anything")
    assert result.exit_code == code
    assert result.stderr.strip() == told
    assert "Traceback" not in result.output


def test_a_reader_that_stops_is_no_error(tmp_path: Path) -> None:
    call("init", tmp_path, "--practice")
    command = f"{sys.executable} -m qualityroute run invoice documents/invoice.txt documents/receipt.txt | true"
    ended = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"], cwd=tmp_path, capture_output=True, text=True
    )
    assert "Traceback" not in ended.stderr
    assert "Broken" not in ended.stderr
    assert ended.returncode in (141, 0, 1)


def test_a_terminal_that_knows_only_ascii_gets_escapes_and_no_crash(tmp_path: Path) -> None:
    call("init", tmp_path, "--practice")
    call("pins", "add", "jürgen", "--config", tmp_path / "qualityroute.toml")
    import os

    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    listed = spawn("pins", "list", cwd=tmp_path, env=environment)
    assert listed.returncode == 0
    assert "j\\xfcrgen" in listed.stdout
