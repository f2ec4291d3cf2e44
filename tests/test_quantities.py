"""Numbers of things as one writes them."""

from __future__ import annotations

import pytest

from qualityroute.quantities import counted, were


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "0 sessions were"), (1, "1 session was"), (2, "2 sessions were"), (1200, "1,200 sessions were")],
)
def test_one_thing_is_told_in_the_singular_and_thousands_have_a_comma(number: int, told: str) -> None:
    assert f"{counted(number, 'session')} {were(number)}" == told
