"""Rows written many at a time: the same ones by fewer statements, each of which takes the values of several."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import chain

from qualityroute.store.statements import Row, key_of_sums

_VALUES = re.compile(r"(?P<head>INSERT INTO .* VALUES )(?P<row>\([?, ]*\))(?P<rest>.*)", re.DOTALL)
_SIZES = (16, 4, 1)
"""Rows in one statement: a few sizes, so that a statement's text is put together once.

16 of the widest rows have fewer values than an old SQLite takes, which is 999.
"""


def together(sql: str, rows: list[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Statements, each with the rows that it is to be run with: many at a time.

    Not those that take the place of others, of which two may have the same key.
    """
    for size in _SIZES if _is_plain(sql) else (1,):
        whole = len(rows) // size * size
        if whole:
            yield _of_many(sql, size), _by_the(size, rows[:whole])
            rows = rows[whole:]


def _by_the(size: int, rows: list[Row]) -> list[Row]:
    if size == 1:
        return rows
    return [tuple(chain.from_iterable(rows[at : at + size])) for at in range(0, len(rows), size)]


@cache
def _is_plain(sql: str) -> bool:
    values = _VALUES.fullmatch(sql)
    return values is not None and (not values["rest"] or key_of_sums(sql) is not None)


@cache
def _of_many(sql: str, size: int) -> str:
    values = _VALUES.fullmatch(sql)
    return sql if values is None else values["head"] + ", ".join([values["row"]] * size) + values["rest"]
