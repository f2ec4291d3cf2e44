"""A fraction of what `gateway_storm.py` does in full."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from gateway_storm import JEMALLOC, storm


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the server's memory is read from /proc")
@pytest.mark.usefixtures("plain_loopback")
def test_in_a_storm_each_answer_reaches_its_client_and_each_request_has_its_row(tmp_path: Path) -> None:
    account = storm([60], tmp_path, timeout=0.2)
    assert not account.wrong
    assert not account.rowless
    assert not account.strangers
    assert not account.warnings
    assert account.exit_code in (0, -signal.SIGTERM)
    assert sum(one.ended == "200 [DONE]" for one in account.told) > 10
    assert len(account.faults) > 3
    at_the_end = {one.ended for one in account.told[-20:]}
    assert at_the_end <= {"200 [DONE]", "200 error event", "429", "502", "503", "504"}  # each ended in good order


def test_memory_is_measured_with_the_settings_that_the_docs_name() -> None:
    assert f"MALLOC_CONF={JEMALLOC}\n" in (Path(__file__).parents[1] / "docs" / "gateway.md").read_text()
