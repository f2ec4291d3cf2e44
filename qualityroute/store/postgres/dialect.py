"""The store's SQL in PostgreSQL's words. Nothing but our own statements comes here; values are bound."""

from __future__ import annotations

import re
from functools import lru_cache

_PARTS = re.compile(r"""(?P<text>'(?:[^']|'')*'|"[^"]*"|::)|(?P<value>\?)|:(?P<name>\w+)""")
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
