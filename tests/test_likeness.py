"""What tells two questions apart: every trap, in any language, and no question from itself. Pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semantic_pairs import PAIRS, Pair

from qualityroute.cache import vocabulary
from qualityroute.cache.likeness import difference, likeness
from qualityroute.cache.semantic import Fate

FOUND = {"first": 7, "second": 11, "fresh": 5}
WORDS = st.lists(st.from_regex(r"[a-zA-Zäöü]{1,8}|[0-9]{1,4}", fullmatch=True), min_size=1, max_size=12)


def told(one: str, other: str) -> str | None:
    return difference(likeness(one), likeness(other))


def says_nothing(word: str) -> bool:
    small = word.casefold()
    return small in vocabulary.LIGHT | vocabulary.PREPOSITIONS | set(vocabulary.OWNERS) | {"i", "what", "which"}


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if not pair.alike], ids=lambda pair: pair.one[-30:])
def test_no_trap_passes(pair: Pair) -> None:
    assert told(pair.one, pair.other) is not None
    assert told(pair.other, pair.one) is not None


@pytest.mark.parametrize("written", FOUND)
def test_paraphrases_in_the_same_words_pass(written: str) -> None:
    alike = [pair for pair in PAIRS if pair.alike and pair.written == written]
    assert sum(told(pair.one, pair.other) is None for pair in alike) >= FOUND[written]


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("Is it 5?", "Is it 50?", "numbers"),
        ("Is it open in may?", "Is it open in june?", "dates"),
        ("Is it open on a weekday?", "Is it open on a weekend?", "dates"),
        ("Does it weigh 5 mg?", "Does it weigh 5 mcg?", "units"),
        ("Translate 'yes'", "Translate 'no'", "quoted"),
        ("Does Anna agree?", "Does Otto agree?", "names"),
        ("Is it safe?", "Isn't it safe?", "polarity"),
        ("When does it open?", "Where does it open?", "asks"),
        ("Does the dog bite the cat?", "Does the cat bite the dog?", "order"),
        ("Does the dog bite?", "Does the dog bark?", "words"),
    ],
)
def test_it_says_why(one: str, other: str, why: str) -> None:
    assert told(one, other) == why
    assert Fate(why).told


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("That costs $5.", "That costs 5 dollars."),
        ("Is 1,000 enough?", "Is 1000 enough?"),
        ("I can't log in", "I cannot log in"),
        ("Who’s there?", "Who is there?"),
        ("The fee is due at 9am", "The fee is due at 9 am"),
        ("Cafe\u0301 open?", "Café open?"),
    ],
)
def test_what_is_only_written_in_another_way_is_the_same(one: str, other: str) -> None:
    assert told(one, other) is None


@given(st.text(max_size=200))
def test_no_question_differs_from_itself(text: str) -> None:
    assert told(text, text) is None


@given(st.text(max_size=60), st.text(max_size=60))
def test_it_does_not_matter_which_was_first(one: str, other: str) -> None:
    assert (told(one, other) is None) == (told(other, one) is None)


@given(WORDS, st.data())
def test_a_word_more_is_another_question_unless_it_says_nothing(words: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(words)))
    added = data.draw(st.from_regex(r"[a-zA-Zäöü]{1,8}|[0-9]{1,4}", fullmatch=True))
    if not says_nothing(added):
        assert told(" ".join(words), " ".join([*words[:place], added, *words[place:]])) is not None


@given(WORDS, st.data())
def test_no_number_takes_another_s_place(words: list[str], data: st.DataObject) -> None:
    one, other = data.draw(st.lists(st.integers(0, 10**6), min_size=2, max_size=2, unique=True))
    place = data.draw(st.integers(0, len(words)))
    before, after = words[:place], words[place:]
    assert told(" ".join([*before, str(one), *after]), " ".join([*before, str(other), *after])) is not None
