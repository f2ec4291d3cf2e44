"""A tenth of what `chaos.py` does in full."""

from __future__ import annotations

from pathlib import Path

import pytest
from chaos import CONCURRENCY, run


@pytest.mark.anyio
@pytest.mark.usefixtures("plain_loopback")
async def test_with_three_calls_of_ten_failing_every_input_ends_and_the_ledger_equals_the_servers_count(
    tmp_path: Path,
) -> None:
    account = await run(200, tmp_path)
    assert account.answered + sum(account.errors.values()) == account.inputs == account.decisions
    assert account.answered > 150
    assert account.ledger == account.server
    assert account.most_at_once <= CONCURRENCY
    assert len(account.faults) == 11
    assert account.pins_for_faults == 0
