"""When an earlier answer may be served to other words: reading, nearness, evidence, scopes. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.cache import CacheKey, Candidate, Evidence, Neighbour, Question, Space, Stored, space_of
from qualityroute.cache.nearest import Nearest, unit
from qualityroute.cache.semantic import Fate, alike, is_too_long, is_whole, propensity
from qualityroute.records import Tier

NOW = datetime(2026, 11, 26, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def space(
    content: Any = "Do you ship?", tenant: str = "a", session: str | None = None, **question: Any
) -> Space | None:
    messages = content if isinstance(content, tuple) else ({"role": "user", "content": content},)
    asked: dict[str, Any] = {"task": "help", "fingerprint": "f", "parameters": {}, **question}
    return space_of(Question(messages=messages, **asked), tenant=tenant, session=session, secret=bytes(32))


def digest(*arguments: Any, **question: Any) -> str:
    found = space(*arguments, **question)
    assert found is not None
    return found.key.digest


class TestSpaces:
    def test_questions_that_differ_in_their_last_text_alone_share_a_space(self) -> None:
        system = {"role": "system", "content": "Be brief."}
        parts = [{"type": "text", "text": "And to Oslo?"}]
        assert digest("Do you ship?") == digest("And to Oslo?") == digest(parts)
        assert digest((system, {"role": "user", "content": "x"})) == digest((system, {"role": "user", "content": "y"}))

    def test_whatever_else_differs_makes_another_space(self) -> None:
        user, named = {"role": "user", "content": "x"}, {"role": "user", "content": "x", "name": "ann"}
        found = {
            digest(), digest(tenant="b"), digest(session="s"), digest(task="other"), digest(fingerprint="g"),
            digest(parameters={"seed": 1}), digest(schema={"type": "object"}), digest(accept_at=0.9),
            digest(({"role": "system", "content": "Be brief."}, user)), digest((named,)),
            digest(({"role": "user", "content": "Paris"}, {"role": "assistant", "content": "Yes."}, user)),
        }  # fmt: skip
        assert len(found) == 11

    @given(
        st.lists(
            st.tuples(st.text(max_size=3), st.none() | st.text(min_size=1, max_size=3)),
            min_size=2, max_size=6, unique=True,
        )
    )  # fmt: skip
    def test_no_two_scopes_share_a_space(self, scopes: list[tuple[str, str | None]]) -> None:
        assert len({digest(tenant=tenant, session=session) for tenant, session in scopes}) == len(scopes)

    @pytest.mark.parametrize(
        "content",
        [
            "", " \n",
            ({"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}),
            ({"role": "user", "content": "x"}, {"role": "tool", "tool_call_id": "1", "content": "y"}),
            [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,eA=="}}],
            ({"role": "user", "content": "x", "mark": object()},),
        ],
    )  # fmt: skip
    def test_what_does_not_end_with_a_user_s_text_is_likened_to_nothing(self, content: Any) -> None:
        assert space(content) is None


class TestReading:
    def test_a_text_that_fills_the_window_may_have_been_cut(self) -> None:
        assert is_whole("word " * 300, 256, counted=255)
        assert not is_whole("word", 256, counted=256)

    @pytest.mark.parametrize("counted", [None, 0])
    def test_where_nobody_counts_only_what_is_short_in_bytes_is_whole(self, counted: int | None) -> None:
        assert is_whole("a" * 253, 256, counted)
        assert not is_whole("a" * 254, 256, counted)
        assert not is_whole("é" * 127, 256, counted)

    def test_what_is_surely_too_long_is_not_sent(self) -> None:
        assert is_too_long("word " * 256, 256)
        assert is_too_long("x" * 9000, 256)
        assert not is_too_long("word " * 255, 256)


class TestEvidence:
    @pytest.mark.parametrize(("clean", "odds"), [(0, 1.0), (298, 1.0), (299, 0.05), (1000, 0.05)])
    def test_the_judge_is_always_asked_until_so_many_were_right(self, clean: int, odds: float) -> None:
        assert propensity(Evidence(clean, 0), false_hits=0.01, recheck=0.05) == odds

    def test_one_wrong_answer_takes_the_bound_away_for_long(self) -> None:
        needed = next(n for n in range(300, 1000) if propensity(Evidence(n, 1), false_hits=0.01, recheck=0.05) < 1)
        assert needed == 473

    @given(st.integers(1, 1000), st.data(), st.floats(0.001, 0.5), st.floats(0.01, 1))
    def test_who_is_seldom_asked_has_shown_its_bound(self, n: int, data: Any, most: float, recheck: float) -> None:
        found = Evidence(n, data.draw(st.integers(0, n)))
        odds = propensity(found, false_hits=most, recheck=recheck)
        assert odds == (recheck if found.bound <= most * (1 + 1e-9) else 1.0)

    @given(st.integers(1, 1000))
    def test_without_a_wrong_answer_the_bound_is_three_in_n(self, checked: int) -> None:
        assert Evidence(checked, 0).bound <= 3 / checked


def neighbour(place: int, vector: tuple[float, ...], until: datetime = LATER) -> Neighbour:
    found = unit(vector)
    assert found is not None
    return Neighbour(f"d{place}", found, NOW + timedelta(seconds=place), until)


class TestNearest:
    def test_the_nearest_come_first_and_none_below_the_threshold(self) -> None:
        known = Nearest(8)
        known.add([neighbour(1, (1, 0)), neighbour(2, (1, 1)), neighbour(3, (0, 1)), neighbour(4, (-1, 0))])
        found = known.of(unit((1, 0.1)) or b"", threshold=0.7, most=2, now=NOW)
        assert [decision_id for decision_id, _ in found] == ["d1", "d2"]
        assert found[0][1] == pytest.approx(0.995, abs=1e-3)

    def test_what_expired_is_not_found_and_is_forgotten(self) -> None:
        known = Nearest(8)
        known.add([neighbour(place, (1, 0), NOW) for place in range(1, 50)] + [neighbour(50, (1, 0))])
        assert known.of(unit((1, 0)) or b"", threshold=0.5, most=9, now=NOW) == [("d50", 1.0)]
        known.forget(NOW)
        assert (len(known), known.newest) == (1, NOW + timedelta(seconds=50))
        known.add([neighbour(51, (0, 1))])
        assert [one for one, _ in known.of(unit((1, 1)) or b"", threshold=0.5, most=9, now=NOW)] == ["d50", "d51"]

    def test_what_is_known_is_not_added_again(self) -> None:
        known = Nearest(8)
        for _ in range(2):
            known.add([neighbour(1, (1, 0)), neighbour(2, (0, 1))])
        assert len(known.of(unit((1, 1)) or b"", threshold=0.5, most=9, now=NOW)) == len(known) == 2

    def test_vectors_of_another_size_are_left_out(self) -> None:
        known = Nearest(8)
        known.add([neighbour(1, (1, 0, 0))])
        assert (len(known), known.newest) == (0, NOW + timedelta(seconds=1))

    @pytest.mark.parametrize("numbers", [[], [0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0]])
    def test_what_has_no_direction_is_no_vector(self, numbers: list[float]) -> None:
        assert unit(numbers) is None

    @given(st.lists(st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1e-3), min_size=1, max_size=20))
    def test_every_vector_is_nearest_to_itself(self, numbers: list[float]) -> None:
        vector = unit(numbers)
        assert vector is not None
        known = Nearest(len(vector))
        known.add([Neighbour("d1", vector, NOW, LATER)])
        assert known.of(vector, threshold=0.999, most=1, now=NOW)[0][0] == "d1"


def candidate(text: str) -> Candidate:
    key = CacheKey("a", "", "help", "0" * 64)
    return Candidate(text, Stored(key, Tier.EFFICIENCY, "practice/small", "Yes.", NOW, LATER, text, None))


def test_those_with_nothing_against_them_stay_in_their_order() -> None:
    asked = [candidate(text) for text in ("Do you ship to Oslo?", "Is shipping possible?", "Do you ship?", "Why?")]
    found, objection = alike("do you ship?", asked)
    assert [one.text for one in found] == ["Is shipping possible?", "Do you ship?"]
    assert objection is Fate.NAMES
    assert alike("Why?", []) == ([], Fate.ALONE)
