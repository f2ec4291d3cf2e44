"""Commands that write a file lose nobody's work: neither our own files nor what they did not make."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from command_line import call, one_line_error

from qualityroute.commands.overwriting import DECISIONS, PAGE, PARQUET, PICTURE, Mark, check_replaceable
from qualityroute.commands.places import Place
from qualityroute.errors import ConfigError

WRITERS = [
    ("report", "--html"),
    ("store", "export", "--out"),
    ("store", "export", "--format", "parquet", "--out"),
    ("baseline", "compare", "invoice", "--plot"),
    ("run", "invoice", "documents/invoice.txt", "--out"),
    ("run", "invoice", "documents/invoice.txt", "--resume", "--out"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, current, with a store."""
    call("init", tmp_path, "--practice")
    monkeypatch.chdir(tmp_path)
    assert call("pins", "add", "u").exit_code == 0
    return tmp_path


@pytest.mark.parametrize("writer", WRITERS, ids=" ".join)
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("qualityroute.db", "is the store"),
        ("documents/../qualityroute.db", "is the store"),
        ("link.db", "is the store"),
        ("qualityroute.db-wal", "is a part of the store"),
        ("qualityroute.db-shm", "is a part of the store"),
        ("qualityroute.toml", "is the configuration"),
    ],
)
def test_the_store_and_the_configuration_are_never_written_over(
    folder: Path, writer: tuple[str, ...], name: str, told: str
) -> None:
    os.link(folder / "qualityroute.db", folder / "link.db")
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for force in ((), ("--force",)) if writer[0] != "run" else ((),):
        result = call(*writer, name, *force)
        assert result.exit_code == 2
        assert told in one_line_error(result)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


@pytest.mark.parametrize("db", ["qualityroute.db", "other.db"])
def test_a_store_named_by_an_option_is_guarded_as_well_as_the_configurations(folder: Path, db: str) -> None:
    for name in {"qualityroute.db", db}:
        assert "is the store" in one_line_error(call("report", "--db", db, "--html", name))


def test_a_store_that_is_not_made_yet_gets_no_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("init", tmp_path, "--practice")
    monkeypatch.chdir(tmp_path)
    assert "is the store" in one_line_error(call("run", "invoice", "documents/invoice.txt", "--out", "qualityroute.db"))
    assert not (tmp_path / "qualityroute.db").exists()


@pytest.mark.parametrize("writer", WRITERS[:4], ids=" ".join)
def test_a_file_that_somebody_else_made_stays_unless_forced(folder: Path, writer: tuple[str, ...]) -> None:
    (folder / "notes.html").write_text("<!doctype html>\n<p>mine</p>")
    result = call(*writer, "notes.html")
    assert result.exit_code == 2
    assert "'notes.html' exists already and was not made by this command" in one_line_error(result)
    assert (folder / "notes.html").read_text() == "<!doctype html>\n<p>mine</p>"


def test_an_export_replaces_its_own_kind_and_by_force_any_file(folder: Path) -> None:
    export = ("store", "export", "--out", "out.jsonl")
    row = '{"id": "d", "at": "2026-11-01", "tenant": "default", "session": null, "task": "t", "route": "task"}\n'
    for text, force in (("", ()), (row, ()), ("mine", ("--force",))):
        (folder / "out.jsonl").write_text(text)
        result = call(*export, *force)
        assert result.exit_code == 0, result.output
        assert (folder / "out.jsonl").read_text() == ""


def test_a_page_replaces_an_older_page_and_nothing_else(folder: Path) -> None:
    pytest.importorskip("vl_convert")
    for _ in range(2):
        assert call("report", "--html", "report.html").exit_code == 0
    (folder / "report.html").write_text("mine")
    assert call("report", "--html", "report.html").exit_code == 2
    assert call("report", "--html", "report.html", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("mark", "content", "is_ours"),
    [
        (PAGE, b"<!doctype html><p>" + PAGE.holds + b"</p>", True),
        (PAGE, b"<p>" + PAGE.holds + b"</p>", False),
        (PICTURE, b"<svg>" + PICTURE.holds + b"</svg>", True),
        (PICTURE, b"<svg></svg>", False),
        (PARQUET, b"PAR1" + bytes(200_000) + b"fingerprint PAR1", True),
        (PARQUET, b"PAR1" + bytes(200_000) + b"price PAR1", False),
        (DECISIONS, b'{"id": "my own"}', False),
    ],
)
def test_a_file_is_ours_by_how_it_begins_and_what_it_holds(
    tmp_path: Path, mark: Mark, content: bytes, is_ours: bool
) -> None:
    file, place = tmp_path / "file", Place(tmp_path / "none.toml")
    file.write_bytes(content)
    if is_ours:
        check_replaceable(file, place, mark, force=False)
    else:
        with pytest.raises(ConfigError, match="--force writes over it"):
            check_replaceable(file, place, mark, force=False)


def test_what_is_no_file_is_not_replaced(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert "is no regular file" in one_line_error(call("store", "export", "--out", "pipe"))
