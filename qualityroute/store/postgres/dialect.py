"""The store's SQL in PostgreSQL's words. Nothing but our own statements comes here; values are bound."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import chain

from qualityroute.store.statements import Row

_PARTS = re.compile(r"""(?P<text>'(?:[^']|'')*'|"[^"]*"|::)|(?P<value>\?)|:(?P<name>\w+)""")
_TABLE = re.compile(r"(?:INTO|FROM|UPDATE)\s+(\w+)", re.IGNORECASE)
_SUM = re.compile(r"ON CONFLICT \((?P<key>[^)]*)\) DO UPDATE SET (\w+) = \w+\.\2 \+ ")
_VALUES = re.compile(r"(?P<head>INSERT INTO .* VALUES )(?P<row>\([?, ]*\))(?P<rest>.*)", re.DOTALL)
_SIZES = (32, 8, 1)
"""Rows in one statement: a few sizes, so that a statement's text is put together once."""
_TYPES = {"INTEGER": "BIGINT", "REAL": "DOUBLE PRECISION", "TEXT": 'TEXT COLLATE "C"', "BLOB": "BYTEA"}
_TYPE = re.compile(rf"\b({'|'.join(_TYPES)})\b")
_COMMENT = re.compile(r"--[^\n]*")
_REFERENCE = re.compile(r" REFERENCES \w+ ?\(\w+\)")


@lru_cache(1000)  # most statements are constants, a few are put together from what is looked for
def translate(sql: str) -> str:
    """A statement with `?` or `:name` for its values, as psycopg takes it."""
    return _PARTS.sub(_place, sql.replace("%", "%%"))


def _place(part: re.Match[str]) -> str:
    if part["text"]:
        return part["text"]
    return "%s" if part["value"] else f"%({part['name']})s"


@cache
def table_of(sql: str) -> str:
    """What a statement writes to."""
    found = _TABLE.search(sql)
    if found is None:
        raise ValueError(f"the statement {sql[:60]!r} names no table")
    return found[1]


@lru_cache(1000)
def concerns(sql: str, table: str) -> bool:
    """Whether a statement names a table."""
    return re.search(rf"\b{table}\b", sql) is not None


@cache
def key_of_sums(sql: str) -> int | None:
    """By how many columns a statement finds the sums it adds to; `None` for one that does not add."""
    found = _SUM.search(sql)
    return None if found is None else found["key"].count(",") + 1


def together(sql: str, rows: list[Row]) -> Iterator[tuple[str, list[Row]]]:
    """The same rows in fewer statements, each with the rows that it is to be run with.

    What is added to one sum is added up before; rows that are only inserted go many at a time.
    """
    key = key_of_sums(sql)
    values = _VALUES.fullmatch(sql)
    if key is not None:
        rows = added_up(rows, key)
    if values is None or (key is None and values["rest"]):
        yield sql, rows
        return
    for size in _SIZES:
        whole = len(rows) // size * size
        if whole:
            many = values["head"] + ", ".join([values["row"]] * size) + values["rest"]
            yield many, [tuple(chain.from_iterable(rows[at : at + size])) for at in range(0, whole, size)]
            rows = rows[whole:]


def added_up(rows: list[Row], key: int) -> list[Row]:
    """One row for each key, in the order of the keys."""
    sums: dict[Row, Row] = {}
    for row in rows:
        before = sums.get(row[:key])
        added = row[key:]
        sums[row[:key]] = added if before is None else tuple(map(operator.add, before, added))
    return [(*found, *sums[found]) for found in sorted(sums)]


def declare(statement: str) -> str:
    """A table or an index, declared in SQLite's words.

    Texts are compared by their bytes, as SQLite does, whatever the database's language. A table that has a rowid in
    SQLite gets one here, since the order of writing is asked for by that name. References are left out: SQLite does
    not look after them either, and they would cost each row a look-up and stand in the way of retention.
    """
    told = _REFERENCE.sub("", _COMMENT.sub("", statement))
    told = _TYPE.sub(lambda found: _TYPES[found[1]], told)
    if "WITHOUT ROWID" in told:
        return told.replace("WITHOUT ROWID", "")
    return re.sub(r"^\s*(CREATE TABLE \w+ \()", r"\1 rowid BIGINT GENERATED ALWAYS AS IDENTITY,", told)
