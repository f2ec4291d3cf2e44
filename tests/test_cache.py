"""When two requests are the same question, and whose answers would do. Pure."""

from __future__ import annotations

import base64
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import TEXT

from qualityroute.cache import Question, content_parameters, key_of, tiers_served
from qualityroute.cache.keys import same_text
from qualityroute.records import Route, Tier
from qualityroute.routing import Plan

SECRET = bytes(32)
BLANKS_AND_MARKS = st.text("a \t\r\nü\u0308u\u0323\u00a0Ω\u2126")
"""Dense in what is evened out, and in what looks like it and is not."""


def digest(
    content: Any = TEXT, tenant: str = "a", session: str | None = None, secret: bytes = SECRET, **question: Any
) -> str | None:
    messages = content if isinstance(content, tuple) else ({"role": "user", "content": content},)
    asked: dict[str, Any] = {"task": "invoice", "fingerprint": "f", "parameters": {}, **question}
    key = key_of(Question(messages=messages, **asked), tenant=tenant, session=session, secret=secret)
    return None if key is None else key.digest


def picture(data: bytes, **part: Any) -> list[dict[str, Any]]:
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return [{"type": "image_url", "image_url": {"url": url, **part}}]


def visible_lines(text: str) -> list[str]:
    even = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    lines = [line.rstrip(" \t") for line in even.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


class TestQuestions:
    def test_what_no_reader_sees_makes_no_other_question(self) -> None:
        assert digest("Café \t\r\nTotal 5\r\n\n") == digest(unicodedata.normalize("NFD", "Café\nTotal 5"))

    @pytest.mark.parametrize(
        "other",
        [
            "invoice A-1, total 12.50",
            "Invoice A-1, total 12.5",
            "Invoice A-1,  total 12.50",
            " Invoice A-1, total 12.50",
            "Invoice A-1,\ntotal 12.50",
            "Ｉnvoice A-1, total 12.50",
        ],
    )
    def test_what_a_reader_sees_does(self, other: str) -> None:
        assert digest(other) != digest(TEXT)

    @given(st.text(), st.text())
    def test_texts_are_the_same_only_where_their_visible_lines_are(self, one: str, other: str) -> None:
        assert (same_text(one) == same_text(other)) == (visible_lines(one) == visible_lines(other))
        assert same_text(same_text(one)) == same_text(one)

    @given(BLANKS_AND_MARKS | st.text(st.characters(max_codepoint=0xFF)))
    def test_a_text_is_evened_out_line_by_line(self, text: str) -> None:
        assert same_text(text) == "\n".join(visible_lines(text))

    def test_roles_order_and_names_belong_to_a_question(self) -> None:
        system, user = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}
        found = {
            digest(messages)
            for messages in (
                (system, user), (user, system), (user,), ({**user, "name": "ann"},), ({**user, "role": "assistant"},),
                ({"role": "system", "content": "Be brief.Why?"},),
            )
        }  # fmt: skip
        assert len(found) == 6
        assert None not in found

    def test_pictures_are_known_by_their_bytes(self) -> None:
        same = base64.b64encode(b"one").decode()
        folded = [{"type": "image_url", "image_url": {"url": f"data:image/PNG;base64,{same[:2]}\n{same[2:]}"}}]
        assert digest(picture(b"one")) == digest(folded) != digest(picture(b"two"))
        assert digest(picture(b"one", detail="low")) != digest(picture(b"one"))

    @pytest.mark.parametrize(
        "content",
        [
            [{"type": "image_url", "image_url": {"url": "https://pictures.test/today.png"}}],
            [{"type": "image_url", "image_url": {"url": "data:image/png;base64,%%%"}}],
            [{"type": "file", "file": {"file_id": "file-1"}}],
            [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}],
            ({"role": "user", "content": "Weather?"}, {"role": "tool", "tool_call_id": "1", "content": "rain"}),
            ({"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},),
            ({"role": "user", "content": "x", "mark": object()},),
        ],
    )
    def test_what_cannot_be_compared_is_no_question(self, content: Any) -> None:
        assert digest(content) is None

    @given(
        st.lists(
            st.tuples(st.text(max_size=3), st.none() | st.text(min_size=1, max_size=3)),
            min_size=2,
            max_size=6,
            unique=True,
        )
    )
    def test_no_two_scopes_share_a_key(self, scopes: list[tuple[str, str | None]]) -> None:
        assert len({digest(tenant=tenant, session=session) for tenant, session in scopes}) == len(scopes)

    def test_another_store_has_other_keys(self) -> None:
        assert digest() != digest(secret=bytes(31) + b"1")

    def test_everything_that_shapes_an_answer_is_in_its_key(self) -> None:
        others = [
            digest(task="receipt"), digest(fingerprint="g"), digest(parameters={"seed": 1}), digest(accept_at=0.8),
            digest(schema={"type": "object"}), digest(schema={"properties": {"a": {}, "b": {}}}),
            digest(schema={"properties": {"b": {}, "a": {}}}),
        ]  # fmt: skip
        assert len({digest(), *others}) == len(others) + 1

    @pytest.mark.parametrize(
        ("parameters", "shaping"),
        [
            (None, {}),
            ({"temperature": 0, "n": 1, "user": "ann", "stream": True, "seed": 3}, {"seed": 3}),
            ({"temperature": 0.0, "tools": None}, {}),
            ({"temperature": 0.7}, None),
            ({"n": 2}, None),
            ({"logprobs": True}, None),
            ({"web_search_options": {}}, None),
        ],
    )
    def test_a_request_for_another_answer_each_time_is_not_cached(self, parameters: Any, shaping: Any) -> None:
        assert content_parameters(parameters) == shaping

    def test_no_route_to_performance_is_served_an_answer_of_efficiency(self) -> None:
        for route in Route:
            tiers = tiers_served(Plan(route, Tier.PERFORMANCE, judged=False, falls_back=False))
            assert Tier.EFFICIENCY not in tiers or route in (Route.CASCADE, Route.UNJUDGED)
