"""Which sessions are explored."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qualityroute.exploring import chosen


def test_about_the_share_of_sessions_is_chosen() -> None:
    taken = sum(chosen(0.02, "default", f"user-{n}", "invoice", 0.0) for n in range(20_000))
    assert 330 < taken < 470


@given(st.floats(0, 1), st.text(max_size=20), st.text(max_size=20), st.floats(0, 1, exclude_max=True))
def test_a_session_is_in_or_out_whatever_chance_says(share: float, tenant: str, session: str, chance: float) -> None:
    assert chosen(share, tenant, session, "t", chance) == chosen(share, tenant, session, "t", 0.5)
    assert not chosen(0, tenant, session, "t", chance)
    assert chosen(1, tenant, session, "t", chance)


@given(st.floats(0, 1), st.floats(0, 1, exclude_max=True))
def test_without_a_session_chance_decides(share: float, chance: float) -> None:
    assert chosen(share, "default", None, "t", chance) is (chance < share)
