"""What tells two questions apart: every trap, in any language, and no question from itself. Pure."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semantic_pairs import PAIRS, Pair

from qualityroute.cache import vocabulary
from qualityroute.cache.likeness import difference, likeness
from qualityroute.cache.semantic import Fate
from qualityroute.cache.wording import QUOTED, plain

FOUND = {"first": 7, "second": 15, "fresh": 11, "blind": 10}
SHORT = sorted({text for pair in PAIRS for text in (pair.one, pair.other) if len(text) < 200})
AS_GOOD = re.compile(r"included in|there an? \w+ (in|at) the|the (invoice|delivery address) (of|for) my order")
"""Where another word that places says the same, as some turn of speech knows."""
PLACING = ("to", "of", "for", "in", "at", "on", "with", "about", "by", "from", "into", "under")
WORDS = st.lists(st.from_regex(r"[a-zA-Zäöü]{1,8}|[0-9]{1,4}", fullmatch=True), min_size=1, max_size=12)


def told(one: str, other: str) -> str | None:
    return difference(likeness(one), likeness(other))


def says_nothing(word: str) -> bool:
    small = word.casefold()
    return small in vocabulary.LIGHT | vocabulary.POINTERS | set(vocabulary.OWNERS) | {"i", "what", "which"}


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
        ("Do I owe you?", "Do you owe you?", "order"),
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


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I contact support?", "How can I get in touch with support?"),
        ("When will my order arrive?", "When is my order going to arrive?"),
        ("I can't log in. What should I do?", "What should I do if I can't log in?"),
        ("What does 'ETA' mean?", "What is the meaning of 'ETA'?"),
        ("How is the fee calculated?", "How do you calculate the fee?"),
        ("Why did you cancel my order?", "Why was my order cancelled?"),
        ("How is interest calculated?", "Could you explain how interest is calculated?"),
        ("Are pets allowed?", "I'm wondering whether pets are allowed."),
        ("Can I pay by card?", "Please tell me if I can pay by card"),
        ("Does the hotel have a gym?", "Is there a gym in the hotel?"),
        ("How do I turn on dark mode?", "How do I turn dark mode on?"),
        ("What is the weather like in Rome?", "How is the weather in Rome?"),
        ("Why is my bill so high?", "How come my bill is so high?"),
        ("Must I bring ID?", "Is it necessary to bring ID?"),
        ("What does the warranty cover?", "Hello, could you please tell me what the warranty covers? Thanks!"),
        ("How do I close my account?", "I want to close my account, how does that work?"),
        ("What cards does the shop accept?", "Which cards are accepted by the shop?"),
        ("Does 'B' cover 'A'?", "Is 'A' covered by 'B'?"),
        ("What's the car's color?", "What is the colour of the car?"),
        ("Can I organize my files?", "Is it possible to organise my files?"),
        ("Can you change the order?", "Can the order be changed?"),
        ("Can I cancel my booking?", "Is my booking cancellable?"),
        ("How tall is the tower?", "What is the height of the tower?"),
        ("How much does a day ticket cost?", "What is the price of a day ticket?"),
        ("Who wrote \"Emma\"?", "Who is the author of \"Emma\"?"),
        ("Do you file forms?", "Are forms filed?"),
    ],
)  # fmt: skip
def test_what_is_only_said_in_another_way_is_the_same(one: str, other: str) -> None:
    assert told(one, other) is None
    assert told(other, one) is None


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


@given(st.sampled_from([question for question in SHORT if not AS_GOOD.search(question)]), st.data())
def test_no_word_that_places_takes_another_s_place(question: str, data: st.DataObject) -> None:
    words = question.rstrip("?").split()
    places = [place for place, word in enumerate(words) if word in PLACING and place]
    if places:
        place = data.draw(st.sampled_from(places))
        other = data.draw(st.sampled_from([word for word in PLACING if word != words[place]]))
        changed = " ".join([*words[:place], other, *words[place + 1 :]]) + "?"
        assert told(question, changed) is not None


@given(st.sampled_from(SHORT), st.sampled_from(["not", "never", "no", "without", "except"]), st.data())
def test_no_negation_goes_unseen(question: str, negation: str, data: st.DataObject) -> None:
    words = question.rstrip("?").split()
    place = data.draw(st.integers(1, len(words)))
    assert told(question, " ".join([*words[:place], negation, *words[place:]]) + "?") is not None


@given(st.sampled_from(SHORT), st.sampled_from(["Anna", "Oslo", "Q3", "48213", "'yes'", "5 mg", "Monday"]), st.data())
def test_no_fact_more_goes_unseen(question: str, fact: str, data: st.DataObject) -> None:
    words = question.rstrip("?").split()
    place = data.draw(st.integers(1, len(words)))
    assert told(question, " ".join([*words[:place], fact, *words[place:]]) + "?") is not None


@given(st.sampled_from(SHORT), st.sampled_from(["Anna", "Oslo", "2.1", "48213", "'yes'"]), st.data())
def test_no_fact_takes_a_word_s_place(question: str, fact: str, data: st.DataObject) -> None:
    words = question.rstrip("?").split()
    place = data.draw(st.integers(0, len(words) - 1))
    if fact not in words[place]:
        assert told(question, " ".join([*words[:place], fact, *words[place + 1 :]]) + "?") is not None


@given(st.text(alphabet="ab '\"?.\ufff9\ue000iswhato", max_size=60))
def test_what_is_quoted_stays_as_it_is(text: str) -> None:
    quoted = sorted(found[0] for found in re.finditer(QUOTED, text))
    assert sorted(found[0] for found in re.finditer(QUOTED, plain(text))) == quoted


@given(
    st.lists(
        st.sampled_from(["is", "it", "the", "a", "'x'", "'y'", "by", "covered", "how", "what", "do", "i"]), max_size=9
    )
)
def test_turning_a_question_round_takes_no_quotation_away(words: list[str]) -> None:
    text = " ".join(words)
    assert sorted(re.findall("'[xy]'", plain(text))) == sorted(re.findall("'[xy]'", text))
