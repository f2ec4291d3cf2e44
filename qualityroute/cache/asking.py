"""What a text asks for: how much, when, who, or whether something is so or can be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qualityroute.cache import vocabulary as known
from qualityroute.cache.forms import is_participle
from qualityroute.cache.wording import sentences

_ASKS = re.compile(
    r"\b(?:how (?P<much>much|many)|how (?P<long>long)|how (?P<often>often)|(?P<how>how)|(?P<when>when)|(?P<where>where)"
    r"|(?P<whose>whose)|(?P<who>whom?)|(?P<why>why)|(?P<what>what|which))\b"
)
_BEING = re.compile(r"\bbe (\w+)")
_SAME_ABILITY = ({"can"}, {"may"}, {"might"}, {"can", "may"}, {"can", "might"})
"""Who can may be able to, or allowed to; these two are not the same."""
_SAME_DOER = ({"it"}, {"you"}, {"done"}, {"it", "done"}, {"you", "done"})
"""What can be done may be done by me or by you."""


def asks(text: str) -> tuple[str, ...]:
    """In plain words; in no order."""
    asked = [found.lastgroup or "" for found in _ASKS.finditer(text.casefold())]
    return tuple(sorted(asked or set(_all_whether(text))))


def _all_whether(text: str) -> Iterator[str]:
    for sentence in sentences(text):
        whether = _whether(sentence)
        if whether is not None:
            yield whether


def _whether(sentence: str) -> str | None:
    """What a sentence asks that is answered by yes or no: `whether` it is so, or it, or you, can, may or might."""
    words = sentence.casefold().split()
    first, second = (*words[:2], "", "")[:2]
    if first == "whether":  # "whether you can" is "can you"
        place = next((place for place, word in enumerate(words) if word in known.AUXILIARIES), 0)
        first, second = (words[place], words[place - 1]) if place else ("is", "")
    if first not in known.ABILITY:
        return "whether" if first in known.AUXILIARIES else None
    doer = "you" if second == "you" else "it"
    if any(is_participle(found[1]) for found in _BEING.finditer(sentence.casefold())):
        doer = "done"
    return f"{known.ABILITY[first]} {doer}"


def same_asks(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    if one == other:
        return True
    asked = [ask.split() for ask in (*one, *other)]
    if len(one) != 1 or len(other) != 1 or any(len(ask) != 2 for ask in asked):
        return False
    abilities, doers = ({ask[place] for ask in asked} for place in (0, 1))
    return abilities in _SAME_ABILITY and doers in _SAME_DOER
