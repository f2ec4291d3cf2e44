"""`report --apply`, `--html`, `--rebuild`: what is suggested is written where it belongs, and nothing else is."""

from __future__ import annotations

import os
import pty
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from command_line import call, one_line_error
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.commands import apply, replacing
from qualityroute.commands.apply import with_suggestions, write_suggestions
from qualityroute.commands.overwriting import PAGE
from qualityroute.commands.replacing import replace_text
from qualityroute.config import Config
from qualityroute.engine import Engine
from qualityroute.errors import AnswerRejected, ConfigError
from qualityroute.report import Suggestion
from qualityroute.testing import ScriptedClient

TO_PERFORMANCE = Suggestion(
    ("tasks", "invoice", "tier"), "performance", ' [tasks.invoice]\n-tier = "efficiency"\n+tier = "performance"\n'
)
PIN_LATER = Suggestion(("pins", "after"), 2, " [pins]\n-after = 1\n+after = 2\n")
CONFIG = """\
version = 1   # the only one there is

[providers.practice]
base_url = "http://127.0.0.1:1/v1"

[tiers.efficiency]
models = ["practice/small"]
[tiers.performance]
models = ["practice/careful"]

# What this is all about.
[tasks.invoice]
schema = {type = "object"}     # anything goes
# tier is chosen by the report

# ----- pins -----
[pins]
first = 3                      # held before a probe

[[prices]]
model = "practice/small"
input = 2.50
output = 10.00

[[prices]]
model = "practice/careful"
input = 3.00
output = 15.00
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration whose one task loses money, with the ledger that shows it; the current folder."""
    (tmp_path / "qualityroute.toml").write_text(CONFIG, encoding="utf-8")
    anyio.run(_lose, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def _lose(folder: Path, sessions: int = 30, name: str = "s") -> None:
    """Sessions whose first answer breaks the form; an efficiency answer costs nearly as much as a performance one."""
    client = ScriptedClient({"efficiency": ["no JSON"], "performance": ["{}"]})
    earlier = datetime.now(UTC) - timedelta(days=1)
    async with Engine(
        Config.load(folder / "qualityroute.toml"),
        client=client,
        now=lambda: earlier,
        store=str(folder / "qualityroute.db"),
    ) as engine:
        for number in range(sessions):
            try:
                await engine.run("invoice", "text", session=f"{name}{number}")
            except AnswerRejected as error:
                raise AssertionError(error) from error


def config(folder: Path) -> str:
    return (folder / "qualityroute.toml").read_text(encoding="utf-8")


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".new")


def test_the_suggestion_is_shown_and_written_with_every_comment_kept(folder: Path) -> None:
    result = call("report", "--apply", "--yes")
    assert result.exit_code == 0, result.output
    assert '-tier = "efficiency"\n  +tier = "performance"' in result.output
    assert 'Wrote tasks.invoice.tier = "performance" into qualityroute.toml.' in result.output
    line = 'schema = {type = "object"}     # anything goes\n'
    assert config(folder) == CONFIG.replace(line, f'{line}tier = "performance"\n')
    assert Config.load(folder / "qualityroute.toml").tasks["invoice"].tier == "performance"
    assert leftovers(folder) == []


def test_the_second_time_there_is_nothing_to_write(folder: Path) -> None:
    call("report", "--apply", "--yes")
    written = config(folder)
    again = call("report", "--apply", "--yes")
    assert (again.exit_code, config(folder)) == (0, written)
    assert "The report suggests nothing, so qualityroute.toml stays as it is." in again.output


def test_the_report_says_how_to_apply_what_it_suggests(folder: Path) -> None:
    text = call("report", "--db", "qualityroute.db").output
    assert "invoice: MISCLASSIFIED" in text
    assert "To apply, type:\n" in text
    assert text.endswith(" report --apply --db qualityroute.db\n")
    assert "--apply" not in call("report", "--since", "2999-01-01").output


def test_without_a_terminal_and_without_yes_nothing_is_written(folder: Path) -> None:
    result = call("report", "--apply")
    assert result.exit_code == 2
    assert "with --yes it is done without asking" in one_line_error(result)
    assert '+tier = "performance"' in result.output
    assert config(folder) == CONFIG


@pytest.mark.parametrize(("typed", "written"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_at_a_terminal_it_asks_first(folder: Path, typed: str, written: bool) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    command = [sys.executable, "-m", "qualityroute", "report", "--apply"]
    done = subprocess.run(command, cwd=folder, stdin=theirs, capture_output=True, text=True, timeout=60)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0, done.stderr
    assert "Write this into qualityroute.toml? [y/N]" in done.stderr
    assert ("Nothing was written." in done.stdout) is not written
    assert ('tier = "performance"' in config(folder)) is written


def test_a_read_only_configuration_stays_as_it_is(folder: Path) -> None:
    (folder / "qualityroute.toml").chmod(0o444)
    result = call("report", "--apply", "--yes")
    assert result.exit_code == 2
    assert "'qualityroute.toml' cannot be written: it is read-only" in one_line_error(result)
    assert config(folder) == CONFIG
    assert leftovers(folder) == []


def test_a_configuration_that_changed_meanwhile_is_not_written_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = Config.load

    def edited_just_then(path: str | Path) -> Config:
        if Path(path).suffix == ".new":
            (folder / "qualityroute.toml").write_text(f"{CONFIG}# mine\n", encoding="utf-8")
        return loads(path)

    monkeypatch.setattr(apply.Config, "load", edited_just_then)
    result = call("report", "--apply", "--yes")
    assert result.exit_code == 2
    assert "'qualityroute.toml' has changed meanwhile, so nothing was written" in one_line_error(result)
    assert config(folder) == f"{CONFIG}# mine\n"
    assert leftovers(folder) == []


def test_a_configuration_that_is_gone_meanwhile_is_not_made_anew(folder: Path) -> None:
    path = folder / "qualityroute.toml"
    path.unlink()
    with pytest.raises(ConfigError, match="no configuration"):
        write_suggestions(path, CONFIG, [TO_PERFORMANCE])
    assert not path.exists()
    assert leftovers(folder) == []


def test_a_suggestion_that_would_not_load_is_not_written(folder: Path) -> None:
    wrong = Suggestion(("pins", "first"), 900, "")  # above the cap
    with pytest.raises(ConfigError, match=r"nothing was written, .*qualityroute.toml: pins: cap \(64\) is below first"):
        write_suggestions(folder / "qualityroute.toml", CONFIG, [wrong])
    assert config(folder) == CONFIG


def test_a_link_stays_a_link_and_the_mode_stays(folder: Path) -> None:
    real = folder / "elsewhere"
    real.mkdir()
    shutil.move(folder / "qualityroute.toml", real / "real.toml")
    (real / "real.toml").chmod(0o640)
    (folder / "qualityroute.toml").symlink_to(real / "real.toml")
    write_suggestions(folder / "qualityroute.toml", CONFIG, [TO_PERFORMANCE])
    assert (folder / "qualityroute.toml").is_symlink()
    assert 'tier = "performance"' in (real / "real.toml").read_text()
    assert (real / "real.toml").stat().st_mode & 0o777 == 0o640


def test_line_ends_of_windows_stay(folder: Path) -> None:
    text = CONFIG.replace("\n", "\r\n")
    (folder / "qualityroute.toml").write_bytes(text.encode())
    assert call("report", "--apply", "--yes").exit_code == 0
    written = (folder / "qualityroute.toml").read_bytes()
    assert b'tier = "performance"\r\n' in written
    assert b"\n" not in written.replace(b"\r\n", b"")


FORMS = {
    "a table with the key": (
        "[tasks.invoice]\ntier = 'efficiency'   # why\n", '[tasks.invoice]\ntier = "performance"   # why\n',
    ),
    "a table without it": ("[tasks.invoice]\nrepairs = 1\n", '[tasks.invoice]\nrepairs = 1\ntier = "performance"\n'),
    "an empty table": ("[tasks.invoice]\n\n[store]\n", '[tasks.invoice]\ntier = "performance"\n\n[store]\n'),
    "dotted keys": ("tasks.invoice.repairs = 1\n", 'tasks.invoice.repairs = 1\ntasks.invoice.tier = "performance"\n'),
    "dotted keys in a table": (
        "[tasks]\ninvoice.repairs = 1\nother.repairs = 0\n",
        '[tasks]\ninvoice.repairs = 1\ninvoice.tier = "performance"\nother.repairs = 0\n',
    ),
    "an inline table": (
        "tasks = { invoice = { repairs = 1 } } # all\n",
        'tasks = { invoice = { repairs = 1, tier = "performance" } } # all\n',
    ),
    "an inline table in a table": (
        '[tasks]\ninvoice = { tier = "efficiency" }\n', '[tasks]\ninvoice = { tier = "performance" }\n',
    ),
    "tables far apart": (
        "[tasks.invoice]\nrepairs = 1\n\n# s\n[store]\n\n[tasks.other]\nrepairs = 0\n",
        '[tasks.invoice]\nrepairs = 1\ntier = "performance"\n\n# s\n[store]\n\n[tasks.other]\nrepairs = 0\n',
    ),
    "a table below": (
        "[tasks.invoice.accept]\nalpha = 0.10\n",
        '[tasks.invoice]\ntier = "performance"\n\n[tasks.invoice.accept]\nalpha = 0.10\n',
    ),
    "quoted keys": ('[tasks."invoice"]\n"tier" = "efficiency"\n', '[tasks."invoice"]\n"tier" = "performance"\n'),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_each_way_to_write_a_key_in_toml_is_kept(form: str) -> None:
    before, after = FORMS[form]
    changed = with_suggestions(before, [TO_PERFORMANCE])
    assert tomllib.loads(changed) == tomllib.loads(after)
    assert " ".join(changed.split()).replace('" }', '"}') == " ".join(after.split()).replace('" }', '"}')


def test_a_section_that_is_not_there_is_made() -> None:
    changed = with_suggestions('[[prices]]\nmodel = "a/b"', [PIN_LATER])
    assert changed.startswith('[[prices]]\nmodel = "a/b"\n')
    assert tomllib.loads(changed)["pins"] == {"after": 2}


def test_a_key_inside_something_that_is_no_table_is_refused_clearly() -> None:
    with pytest.raises(ConfigError, match=r"'tier' of \[tasks.invoice\] is written in a form .* to 'performance'"):
        with_suggestions("tasks = 1\n", [TO_PERFORMANCE])


def test_a_change_that_would_touch_more_than_its_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply.tomlkit, "dumps", lambda document: 'tasks.invoice.tier = "performance"\nlost = 1\n')
    with pytest.raises(ConfigError, match="change it by hand"):
        with_suggestions("[tasks.invoice]\n", [TO_PERFORMANCE])


_keys = st.text("abcä é\"'.#[]{}\n=", min_size=1, max_size=6)
_values = st.recursive(
    st.integers(-5, 5) | st.text(max_size=5) | st.booleans(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_keys, inner, max_size=2),
    max_leaves=6,
)


@given(st.dictionaries(_keys, _values, max_size=4))
def test_whatever_else_stands_in_a_configuration_stays(rest: dict[str, Any]) -> None:
    import tomlkit

    text = tomlkit.dumps({"other": rest, "tasks": {"invoice": {"repairs": 1}}})
    if tomllib.loads(text) != {"other": rest, "tasks": {"invoice": {"repairs": 1}}}:
        return  # not written as meant, which is no matter of ours
    changed = tomllib.loads(with_suggestions(text, [TO_PERFORMANCE, PIN_LATER]))
    assert changed == {
        "other": rest, "tasks": {"invoice": {"repairs": 1, "tier": "performance"}}, "pins": {"after": 2}
    }  # fmt: skip


def test_the_page_is_written_whole_and_replaces_an_older_one(folder: Path) -> None:
    pytest.importorskip("vl_convert")
    (folder / "report.html").write_text(f"<!doctype html>\n{PAGE.holds.decode()}old")
    result = call("report", "--html", "report.html")
    assert (result.exit_code, result.output) == (0, "wrote report.html\n")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    assert "MISCLASSIFIED" in page
    assert leftovers(folder) == []


def test_text_of_strangers_is_only_text_on_the_page_and_in_the_terminal(folder: Path) -> None:
    pytest.importorskip("vl_convert")
    hostile = "<script>alert(1)</script>\u202e[bold]x"
    anyio.run(_lose, folder, 1, hostile)
    assert call("report", "--html", "report.html").exit_code == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    text = call("pins", "list").output + call("report").output
    assert "\u202e" not in text


def test_the_page_without_its_extra_is_a_clear_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    result = call("report", "--html", "report.html")
    assert result.exit_code == 2
    assert "html" in one_line_error(result)
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize(
    ("file", "told"),
    [(".", "is a directory; name a file in it"), ("no/where.html", "cannot be written: No such file or directory")],
)
def test_a_page_that_cannot_be_written_is_named(folder: Path, file: str, told: str) -> None:
    pytest.importorskip("vl_convert")
    result = call("report", "--html", file)
    assert result.exit_code == 2
    assert told in one_line_error(result)


@pytest.mark.parametrize(
    "arguments", [("--html", "x.html", "--json"), ("--apply", "--json"), ("--apply", "--html", "x"), ("--yes",)]
)
def test_options_that_do_not_go_together_are_a_mistake_of_use(folder: Path, arguments: tuple[str, ...]) -> None:
    assert call("report", *arguments).exit_code == 2
    assert config(folder) == CONFIG


def test_a_rebuild_counts_the_ledger_anew_from_its_rows(folder: Path) -> None:
    with sqlite3.connect(folder / "qualityroute.db") as database:
        database.execute("UPDATE tallies SET decisions = 7 * decisions")
    database.close()
    assert "210 of 210" in call("report").output
    rebuilt = call("report", "--rebuild")
    assert rebuilt.exit_code == 0
    assert "30 of 30" in rebuilt.stdout
    assert "Added up 30 decisions anew." in rebuilt.stderr
    assert "30 of 30" in call("report").output


def test_a_new_file_has_the_folders_usual_mode(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        replace_text(tmp_path / "new", "text\r\n")
    finally:
        os.umask(mask)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "new").read_bytes() == b"text\r\n"


def test_a_disk_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "file").write_text("old")
    monkeypatch.setattr(replacing.os, "fsync", full)
    with pytest.raises(ConfigError, match="cannot be written: No space left on device"):
        replace_text(tmp_path / "file", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "old"
