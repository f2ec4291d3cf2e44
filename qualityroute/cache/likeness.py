"""What tells two questions apart that an encoder takes for one: facts, polarity, what is asked for, and the rest.

Vectors of sentences hold what is talked about, and smooth away by how much, when, whose and whether. So a stored answer
may only be considered for another question when both say the same: the same facts and the same other words in the same
order, but for a short list of words that say nothing by themselves, for their endings, and for a verb's place in a
question ("Which cards do you accept?", "Which cards are accepted?"). So a word that is in no list tells two questions
apart, whatever it means; that holds in any language, though most paraphrases are only found in English. Each difference
can turn away two questions that do mean the same, which costs a call; none is meant to let through two that do not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from qualityroute.cache import vocabulary as known

_TOKEN = re.compile(
    r"""(?P<quoted>"[^"\n]{1,200}"|“[^”\n]{1,200}”|„[^“”\n]{1,200}[“”]|«[^»\n]{1,200}»|`[^`\n]{1,200}`
        |(?<!\w)'[^'\n]{1,200}'(?!\w))
    |(?P<number>[-+]?\d(?:[\d.,:/-]*\d)?)(?P<tail>[^\W\d_]\w*)?
    |(?P<word>\w+(?:[.\-/:@']\w+)*)
    |(?P<end>[.!?:;\n]+)
    |(?P<sign>[^\s\w.,!?:;'"-]|(?<=\d[ ])-(?=[ ]\d))""",
    re.VERBOSE,
)
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
_LONG = {"re": "are", "ve": "have", "ll": "will", "d": "would", "m": "am"}
_SHORT = (
    (re.compile(r"\b(ca|wo|sha)n't\b"), lambda found: {"ca": "can", "wo": "will", "sha": "shall"}[found[1]] + " not"),
    (re.compile(r"n't\b"), lambda _: " not"),
    (re.compile(r"\bcannot\b"), lambda _: "can not"),
    (re.compile(r"(?<=\w)'(re|ve|ll|d|m)\b"), lambda found: " " + _LONG[found[1]]),
    (re.compile(r"\b((?:what|who|where|when|why|how|it|that|there|let)'s)\b", re.IGNORECASE),
     lambda found: found[1][:-2] + " is"),
)  # fmt: skip
_ASKS = re.compile(
    r"\b(?:how (?P<much>much|many)|how (?P<long>long)|how (?P<often>often)|(?P<how>how)|(?P<when>when)|(?P<where>where)"
    r"|(?P<whose>whose)|(?P<who>whom?)|(?P<why>why))\b"
)
_ASKING = frozenset({"how", "when", "where", "who", "whom", "whose", "why", "what", "which"})
_SENTENCE = re.compile(r"[.!?\n]+\s*")
_NO_NAMES = frozenset("I")
_FACTS = ("numbers", "dates", "units", "quoted", "names")


@dataclass(frozen=True, slots=True)
class Part:
    """Something that has to be in both questions, in its place."""

    kind: str
    """One of `numbers`, `dates`, `units`, `quoted`, `names`, `signs` and `words`."""
    value: str
    whose: str = ""
    """`i` or `you`: the owner, as in "your office"; `the`: a certain one; `a`: any; empty where nobody says."""
    who: str = ""
    """Of a word: the one who does it, `i` or `you`; the one to whom it is done, `to i` or `to you`; `done` to something
    else; `it` does it, or the word is no verb. Empty where nobody says, as in "to pay"."""


@dataclass(frozen=True, slots=True)
class Likeness:
    parts: tuple[Part, ...]
    """Verbs whose subject is the one who asks or the one who is asked come first: "do you accept", "are accepted"."""
    polarity: frozenset[str]
    asks: frozenset[str]
    """For how much, when, whether, ..."""

    def of(self, kind: str) -> tuple[str, ...]:
        return tuple(part.value for part in self.parts if part.kind == kind)


@dataclass(slots=True)
class _Reading:
    """A text, as far as it was read."""

    verbs: list[Part]
    parts: list[Part]
    polarity: set[str]
    before: str = ""
    """The word before."""
    subject: str = ""
    """The last of `i` and `you` in the sentence so far, where it is one of the two words before."""
    owner: str = ""
    """Of what comes next."""
    auxiliary: str = ""
    """Of the sentence so far: the last of `be`, `have` and `do`."""
    begins: bool = True
    """Does a sentence begin here?"""


@lru_cache(512)
def likeness(text: str) -> Likeness:
    text = _plain(text)
    found = _Reading([], [], set())
    tokens = list(_TOKEN.finditer(text))
    for place, token in enumerate(tokens):
        following = tokens[place + 1] if place + 1 < len(tokens) else None
        _read(token, following, found)
    return Likeness((*found.verbs, *found.parts), frozenset(found.polarity), frozenset(_asks(text)))


def difference(one: Likeness, other: Likeness) -> str | None:
    """Why an answer to the one is none to the other, in one word; `None` where nothing says so."""
    for kind in _FACTS:
        if one.of(kind) != other.of(kind):
            return kind
    if one.polarity != other.polarity:
        return "polarity"
    if one.asks != other.asks:
        return "asks"
    if len(one.parts) == len(other.parts) and all(map(_same, one.parts, other.parts)):
        return None
    return "order" if _same_in_any_order(one.parts, other.parts) else "words"


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).translate(_DASHES).replace("’", "'")
    for pattern, long in _SHORT:
        text = pattern.sub(long, text)
    for pattern, short in known.TURNS:
        text = pattern.sub(short, text)
    return "".join(_without_opening(sentence) for sentence in _sentences(text))


def _sentences(text: str) -> Iterator[str]:
    begin = 0
    for end in _SENTENCE.finditer(text):
        yield text[begin : end.end()]
        begin = end.end()
    yield text[begin:]


def _without_opening(sentence: str) -> str:
    rest = known.OPENINGS.sub("", sentence, count=1)
    return rest if rest.strip() else sentence


def _asks(text: str) -> Iterator[str]:
    asked = [found.lastgroup or "" for found in _ASKS.finditer(text.casefold())]
    yield from asked
    if not asked:
        yield from {whether for sentence in _sentences(text) if (whether := _whether(sentence)) is not None}


def _whether(sentence: str) -> str | None:
    """What a sentence asks that is answered by yes or no: whether it is so, or can be; of the one asked, it is one."""
    first, second = (*sentence.casefold().split(maxsplit=2)[:2], "", "")[:2]
    if first in known.ABILITY and second != "you":
        return "whether it can be"
    return "whether" if first in known.BE | known.HAVE | known.OTHER_AUXILIARIES else None


def _read(token: re.Match[str], following: re.Match[str] | None, found: _Reading) -> None:
    match token.lastgroup:
        case "end":
            found.begins, found.before, found.auxiliary, found.subject = True, "", "", ""
            return
        case "quoted":
            found.parts.append(Part("quoted", token[0][1:-1].strip(), found.owner))
        case "number" | "tail":
            _read_number(token["number"], (token["tail"] or "").casefold(), found)
        case "sign":
            _read_sign(token[0], found)
        case _:
            _read_word(token[0], following, found)
    before, found.before = found.before, token[0].casefold()
    found.begins = False
    found.subject = known.SUBJECTS.get(found.before) or known.SUBJECTS.get(before, "")
    found.owner = known.OWNERS.get(found.before, found.owner if found.before in known.LIGHT else "")


def _read_number(number: str, tail: str, found: _Reading) -> None:
    separate = tail in known.UNITS or tail in known.DATES
    parts = [Part("numbers", _number(number) + ("" if separate else tail))]
    if separate:
        parts.append(_measure(tail))
    if found.parts and found.parts[-1].kind == "units" and found.before in "$€£¥":  # `$5` is `5 dollars`
        parts.append(found.parts.pop())
    found.parts += parts


def _read_sign(sign: str, found: _Reading) -> None:
    found.parts.append(_measure(sign) if sign in known.UNITS else Part("signs", sign))


def _measure(word: str) -> Part:
    if word in known.UNITS:
        return Part("units", known.UNITS[word])
    return Part("dates", word[:3] if word in known.MONTHS else word)


def _read_word(token: str, following: re.Match[str] | None, found: _Reading) -> None:
    word = token.casefold().removesuffix("'s")
    if any(char.isdigit() for char in token):
        found.parts.append(Part("numbers", word))
    elif word in known.NUMBERS:
        found.parts.append(Part("numbers", known.NUMBERS[word]))
    elif word in known.UNITS or _is_date(word, following, found):
        found.parts.append(_measure(word))
    elif _is_name(token, found):
        found.parts.append(Part("names", word, found.owner))
    else:
        _read_plain_word(word, following, found)


def _is_date(word: str, following: re.Match[str] | None, found: _Reading) -> bool:
    follows_number = found.before[-1:].isdigit()
    if word == "may":
        return (
            follows_number or found.before in known.BEFORE_MAY or (following is not None and bool(following["number"]))
        )
    return word in known.DATES and (word != "am" or follows_number)


def _is_name(token: str, found: _Reading) -> bool:
    return token[0].isupper() and token not in _NO_NAMES and (not found.begins or token[1:] != token[1:].lower())


def _read_plain_word(word: str, following: re.Match[str] | None, found: _Reading) -> None:
    if word in known.POLAR:
        found.polarity.add(known.POLAR[word])
    if word in known.PAST:
        found.polarity.add("was")
    if not _says_nothing(word, following, found):
        _read_content(word, found)
    found.auxiliary = _auxiliary(word, found)


def _auxiliary(word: str, found: _Reading) -> str:
    """ "to have it deleted": somebody else deletes it, as in "it is deleted"."""
    if word in known.BE or (word in known.HAVE and found.before == "to"):
        return "be"
    return "have" if word in known.HAVE else "do" if word in known.OTHER_AUXILIARIES else found.auxiliary


def _says_nothing(word: str, following: re.Match[str] | None, found: _Reading) -> bool:
    """Here, where it stands."""
    if word in known.PREPOSITIONS:  # `in 5 days` is not `for 5 days`, nor `eat` what to `eat with`
        return following is not None and following.lastgroup != "end" and not _is_fact(following)
    if word in known.HAVE and found.auxiliary == "do" and found.before in known.SUBJECTS:
        return False  # "do you have"
    if word == "a":  # or a name, as in "a or b"
        return following is not None and following.lastgroup == "word" and following[0].casefold() not in ("and", "or")
    return word in known.LIGHT or word in known.PAST or word in _ASKING


def _is_fact(following: re.Match[str]) -> bool:
    word = following[0].casefold()
    return following["number"] is not None or any(word in kind for kind in (known.NUMBERS, known.DATES, known.UNITS))


def _read_content(word: str, found: _Reading) -> None:
    is_participle = word in known.PARTICIPLES or (len(word) > 4 and word.endswith("ed"))
    is_done = is_participle and found.auxiliary == "be"
    if is_participle and not is_done:
        found.polarity.add("was")
    who = known.SUBJECTS.get(found.before, "it")
    if is_done:
        who = f"to {found.subject}" if found.subject else "done"
    elif found.before == "to" or found.begins or word.endswith("ing"):
        who = "" if who == "it" else who
    part = Part("words", known.DERIVED.get(word, word), found.owner, who)
    (found.parts if who in ("it", "") else found.verbs).append(part)


def _number(token: str) -> str:
    """`1,000` and `1000` are one number; all else stays as it is written, since `2.1` may be another than `2.10`."""
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", token)


def _same(one: Part, other: Part) -> bool:
    if one.kind != other.kind or not _same_owner(one.whose, other.whose):
        return False
    if one.kind != "words":
        return one.value == other.value
    return _same_doer(one.who, other.who) and not _forms(one.value).isdisjoint(_forms(other.value))


def _same_owner(one: str, other: str) -> bool:
    """A certain one may well be mine or yours."""
    return one == other or not (one and other) or {one, other} in ({"the", "i"}, {"the", "you"})


def _same_doer(one: str, other: str) -> bool:
    """What is done is done by somebody, and may be what I do or you do."""
    if one == other or not (one and other):
        return True
    return {one, other} in ({"done", "i"}, {"done", "you"})


def _same_in_any_order(one: Sequence[Part], other: Sequence[Part]) -> bool:
    left = list(other)
    for part in one:
        twin = next((place for place, candidate in enumerate(left) if _same(part, candidate)), None)
        if twin is None:
            return False
        left.pop(twin)
    return not left


@lru_cache(10_000)
def _forms(word: str) -> frozenset[str]:
    """What the word may be a form of: itself, and what is left without an English ending."""
    forms = {word}
    for ending in ("ing", "ed"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= 2:
            forms |= {stem, f"{stem}e"}
            if len(stem) > 3 and stem[-1] == stem[-2]:
                forms.add(stem[:-1])
    if word.endswith("ies") and len(word) > 4:
        forms.add(f"{word[:-3]}y")
    elif word.endswith("es") and len(word) > 4:
        forms |= {word[:-1], word[:-2]}
    elif word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        forms.add(word[:-1])
    return frozenset(forms)
