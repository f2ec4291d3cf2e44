"""Our values as they stand in columns."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from qualityroute.store.columns import moment
from qualityroute.store.files import connect, prepare


@given(some.datetimes(), some.integers(-14 * 60, 14 * 60))
def test_a_moment_is_written_as_iso_8601_in_utc_and_of_one_length(at: datetime, minutes: int) -> None:
    at = at.replace(tzinfo=UTC)
    assert moment(at) == at.isoformat(timespec="microseconds")
    if 2 <= at.year <= 9998:
        assert moment(at.astimezone(timezone(timedelta(minutes=minutes)))) == moment(at)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        moment(datetime(2026, 11, 26))


def test_what_is_unknown_is_null_in_the_file(tmp_path: Path) -> None:
    prepare(path := tmp_path / "a.db")
    with closing(connect(path)) as connection:
        assert connection.execute("SELECT typeof(?), ? IS NULL", (None, None)).fetchone() == ("null", 1)
        # Otherwise the module looks for what to bind in its place, in vain, for each NULL of each row.
        assert (type(None), sqlite3.PrepareProtocol) in sqlite3.adapters
