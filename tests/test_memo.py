"""What is kept of texts that strangers choose: the same thing is made once, and memory has an end."""

from __future__ import annotations

import gc
import weakref
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from qualityroute.memo import LEAST, MOST_CHARACTERS, kept


class Thing:
    pass


def test_a_thing_is_made_once_for_each_of_its_arguments() -> None:
    made: Counter[tuple[str, int]] = Counter()

    @kept
    def thing(text: str, kind: int) -> Thing:
        made[text, kind] += 1
        return Thing()

    first = thing("a", 1)
    assert thing("a", 1) is first
    assert thing("a", 2) is not first
    assert thing("b", 1) is not first
    assert set(made.values()) == {1}


@given(st.lists(st.integers(1, MOST_CHARACTERS // 2), min_size=1, max_size=10))
def test_the_texts_that_are_kept_are_never_longer_than_said(lengths: list[int]) -> None:
    texts: weakref.WeakKeyDictionary[Thing, int] = weakref.WeakKeyDictionary()

    @kept
    def thing(text: str, number: int) -> Thing:
        texts[it := Thing()] = len(text)
        return it

    for number, length in enumerate(lengths):
        thing("x" * length, number)
        assert sum(texts.values()) + LEAST * len(texts) <= MOST_CHARACTERS


def test_what_was_asked_for_last_is_kept_longest() -> None:
    made: list[str] = []

    @kept
    def thing(text: str) -> Thing:
        made.append(text[0])
        return Thing()

    fifth = MOST_CHARACTERS // 5
    for name in "abcdae":  # a is used again before e needs a place
        thing(name * fifth)
    thing("a" * fifth)
    assert made == list("abcde")
    thing("b" * fifth)
    assert made == list("abcdeb")


def test_the_length_of_a_result_counts_as_well() -> None:
    made: list[int] = []

    @kept
    def text(number: int) -> str:
        made.append(number)
        return "x" * (MOST_CHARACTERS // 2)

    text(1)
    text(1)
    assert made == [1, 1]


def test_what_was_replaced_is_freed() -> None:
    @kept
    def thing(text: str) -> Thing:
        return Thing()

    first = weakref.ref(thing("a" * (MOST_CHARACTERS // 5)))
    for name in "bcdef":
        thing(name * (MOST_CHARACTERS // 5))
    gc.collect()
    assert first() is None
