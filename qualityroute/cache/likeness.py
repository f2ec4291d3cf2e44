"""What tells two questions apart that an encoder takes for one: facts, polarity, what is asked for, and the rest.

Vectors of sentences hold what is talked about, and smooth away by how much, when, whose and whether. So a stored answer
may only be considered for another question when both say the same, put into plain words: the same facts and the same
other words in the same order, but for a short list of words that say nothing where they stand, for the forms of a
word, and for a verb's place in a question ("Which cards do you accept?", "Which cards are accepted?"). So a word that
is in no list tells two questions apart, whatever it means; that holds in any language, though most paraphrases are only
found in English. Each difference can turn away two questions that do mean the same, which costs a call; none is meant
to let through two that do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from qualityroute.cache.asking import asks, same_asks
from qualityroute.cache.forms import acts, forms, singular
from qualityroute.cache.reading import Part, read
from qualityroute.cache.wording import plain

_CERTAIN = ("the", "i", "you")
_FACTS = ("numbers", "dates", "units", "quoted", "names")


@dataclass(frozen=True, slots=True)
class Likeness:
    parts: tuple[Part, ...]
    """Verbs whose subject is the one who asks or the one who is asked come first: "do you accept", "are accepted"."""
    polarity: frozenset[str]
    asks: tuple[str, ...]
    """For how much, when, whether, ..."""
    bare: str = ""
    """The text itself, where it has no parts."""

    def of(self, kind: str) -> tuple[str, ...]:
        return tuple(part.value for part in self.parts if part.kind == kind)


@lru_cache(512)
def likeness(text: str) -> Likeness:
    text = plain(text)
    found = read(text)
    parts = (*found.verbs, *found.parts)
    return Likeness(parts, frozenset(found.polarity), asks(text), "" if parts else text.casefold())


def difference(one: Likeness, other: Likeness) -> str | None:
    """Why an answer to the one is none to the other, in one word; `None` where nothing says so."""
    for kind in _FACTS:
        if one.of(kind) != other.of(kind):
            return kind
    if one.polarity != other.polarity:
        return "polarity"
    if not same_asks(one.asks, other.asks):
        return "asks"
    if len(one.parts) == len(other.parts) and all(map(_same, one.parts, other.parts)):
        return None if one.bare == other.bare else "words"
    return "order" if _same_in_any_order(one.parts, other.parts) else "words"


def _same(one: Part, other: Part) -> bool:
    if not _same_owner(one.whose, other.whose) or not _same_doer(one.who, other.who):
        return False
    return _says_the_same(one, other) and not (one.whose in _CERTAIN and _are_one_and_many(one.value, other.value))


def _says_the_same(one: Part, other: Part) -> bool:
    """Whosever it is, and whoever does it."""
    if one.kind != other.kind:
        return False
    return _same_word(one, other) if one.kind == "words" else one.value == other.value


def _are_one_and_many(one: str, other: str) -> bool:
    """ "My account", "my accounts": of what is certain, though any discount is as good as discounts."""
    return one in singular(other) or other in singular(one)


def _same_word(one: Part, other: Part) -> bool:
    if not forms(one.value).isdisjoint(forms(other.value)):
        return True
    return _is_act_of(one, other) or _is_act_of(other, one)


def _is_act_of(noun: Part, verb: Part) -> bool:
    """ "Is shipping possible?", "Do you ship?"; but a building is no build."""
    return verb.who not in ("", "it") and not acts(noun.value).isdisjoint(forms(verb.value))


def _same_owner(one: str, other: str) -> bool:
    """Any one, or any at all."""
    return one == other or {one, other} == {"a", ""}


def _same_doer(one: str, other: str) -> bool:
    """What is done is done by somebody, and may be what I do or you do."""
    if one == other or not (one and other):
        return True
    return {one, other} in ({"done", "i"}, {"done", "you"})


def _same_in_any_order(one: Sequence[Part], other: Sequence[Part]) -> bool:
    left = list(other)
    for part in one:
        twin = next((place for place, candidate in enumerate(left) if _says_the_same(part, candidate)), None)
        if twin is None:
            return False
        left.pop(twin)
    return not left
