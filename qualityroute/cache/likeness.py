"""What tells two questions apart that an encoder takes for one: their facts, their polarity, and a template's filling.

Vectors of sentences hold what is talked about, and smooth away by how much, when, whose and whether. So a stored answer
may only be considered for another question when nothing of the below differs. Each of these can turn away two questions
that do mean the same, which costs a call; none is meant to let through two that do not. The words are English ones.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_TOKEN = re.compile(
    r"""(?P<quoted>"[^"\n]{1,200}"|“[^”\n]{1,200}”|„[^“”\n]{1,200}[“”]|«[^»\n]{1,200}»|`[^`\n]{1,200}`|(?<!\w)'[^'\n]{1,200}'(?!\w))
    |(?P<sign>[$€£¥%°])
    |(?P<number>[-+]?\d[\d.,:/-]*\d|\d)
    |(?P<word>\w+(?:['’]\w+)?)""",
    re.VERBOSE,
)


def _classes(**groups: str) -> dict[str, str]:
    return {word: name for name, words in groups.items() for word in words.split()}


_POLAR = _classes(
    no="no not never none nobody nothing neither nor cannot can't won't don't doesn't didn't isn't aren't wasn't weren't"
    " shouldn't wouldn't couldn't mustn't hasn't haven't hadn't ain't without unsafe impossible illegal invalid unable"
    " incorrect fail fails failed wrong except unless",
    off="off disable disables disabled disabling deactivate deactivated block blocked deny denied forbid forbidden"
    " prohibit prohibited",
    on="on enable enables enabled enabling activate activated allow allowed permit permitted unblock",
    stop="stop stops stopped end ends cancel cancelled canceled terminate close closed quit leave leaving",
    start="start starts started begin begins open opened launch join joining resume",
    more="more increase increases increased raise raised above over exceed exceeds higher greater longer larger"
    " maximum max most highest largest longest biggest best up upgrade",
    less="less fewer decrease decreases decreased lower lowered reduce reduced below under minimum min least lowest"
    " smallest shortest worst down downgrade",
    before="before prior previous earlier ago last past",
    after="after next following later upcoming since",
    add="add added insert import upload encrypt lock install buy bought purchase deposit send sent borrow",
    take="remove removed delete deleted export download decrypt unlock uninstall sell sold refund withdraw receive"
    " received lend",
    all="all every each always everyone everybody",
    some="some any sometimes few several",
    only="only just solely exclusively",
    was="was were did had",
    will="will shall going",
    outof="from",
)  # fmt: skip
_UNITS = _classes(
    usd="usd dollar dollars $", eur="eur euro euros €", gbp="gbp pound_sterling £", yen="yen jpy ¥", percent="percent %",
    km="km kilometre kilometres kilometer kilometers", mile="mile miles mi", m="metre metres meter meters",
    cm="cm centimetre centimetres centimeters", inch="inch inches", foot="foot feet ft", kg="kg kilo kilos kilogram"
    " kilograms", g="gram grams", mg="mg milligram milligrams", mcg="mcg µg microgram micrograms", lb="lb lbs pound"
    " pounds", oz="oz ounce ounces", l="litre litres liter liters", ml="ml millilitre millilitres milliliters",
    gallon="gallon gallons", celsius="celsius centigrade", fahrenheit="fahrenheit", second="second seconds sec",
    minute="minute minutes", hour="hour hours", day="day days daily", week="week weeks weekly", month="month months"
    " monthly", year="year years annual annually yearly", kb="kb kilobytes", mb="mb megabyte megabytes", gb="gb gigabyte"
    " gigabytes", tb="tb terabyte terabytes", mbit="mbit mbps",
)  # fmt: skip
_DATES = frozenset(
    [
        "january",
        "february",
        "march",
        "april",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "dec",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "today",
        "tomorrow",
        "yesterday",
        "tonight",
        "morning",
        "noon",
        "afternoon",
        "evening",
        "night",
        "midnight",
        "weekend",
        "weekday",
        "spring",
        "summer",
        "autumn",
        "winter",
        "quarter",
        "am",
        "pm",
        "now",
    ]
)
_NUMBERS = {
    word: str(value)
    for value, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"]
    )
    if word != "one"  # which stands for anything: "a new one"
} | {"thirty": "30", "forty": "40", "fifty": "50", "hundred": "100", "thousand": "1000", "million": "1000000",
     "dozen": "12", "half": "0.5", "once": "1", "twice": "2", "first": "1st", "second": "2nd", "third": "3rd",
     "fourth": "4th", "fifth": "5th", "double": "2x", "triple": "3x"}  # fmt: skip
_FILLERS = frozenset(
    [
        "a",
        "an",
        "the",
        "this",
        "that",
        "these",
        "those",
        "i",
        "me",
        "my",
        "mine",
        "you",
        "your",
        "yours",
        "we",
        "us",
        "our",
        "it",
        "its",
        "he",
        "she",
        "they",
        "them",
        "their",
        "there",
        "here",
        "is",
        "are",
        "be",
        "been",
        "am",
        "do",
        "does",
        "can",
        "could",
        "would",
        "should",
        "may",
        "might",
        "must",
        "please",
        "kindly",
        "tell",
        "show",
        "explain",
        "know",
        "want",
        "like",
        "need",
        "how",
        "what",
        "which",
        "who",
        "whom",
        "whose",
        "when",
        "where",
        "why",
        "of",
        "for",
        "in",
        "at",
        "by",
        "with",
        "as",
        "and",
        "or",
        "so",
        "if",
        "then",
        "than",
        "about",
        "hi",
        "hello",
        "hey",
        "thanks",
        "thank",
        "way",
        "ways",
        "get",
        "got",
        "have",
        "has",
        "i'm",
        "i'd",
        "i'll",
        "it's",
        "what's",
        "how's",
        "where's",
        "let's",
        "us",
        "give",
        "help",
        "to",
        "one",
        "into",
    ]
)
_OPENERS = frozenset(["i", "i'm", "i'd", "i'll", "i've"])


@dataclass(frozen=True, slots=True)
class Likeness:
    """What of a question must be the same in another, each in the order in which it stands there."""

    numbers: tuple[str, ...]
    dates: tuple[str, ...]
    units: tuple[str, ...]
    quoted: tuple[str, ...]
    names: tuple[str, ...]
    polarity: frozenset[str]
    words: tuple[str, ...]
    """What is left besides words that say nothing by themselves, without their endings."""


def likeness(text: str) -> Likeness:
    text = unicodedata.normalize("NFKC", text).replace("’", "'")
    found: dict[str, list[str]] = {kind: [] for kind in ("numbers", "dates", "units", "quoted", "names", "words")}
    polarity: set[str] = set()
    begins = True
    last = 0
    for match in _TOKEN.finditer(text):
        begins = begins or bool(re.search(r"[.!?:\n]\s*$", text[last : match.start()]))
        kind, token = match.lastgroup or "", match[0]
        _sort(kind, token, found, polarity, begins=begins)
        begins, last = False, match.end()
    lists = {kind: tuple(values) for kind, values in found.items()}
    return Likeness(**lists, polarity=frozenset(polarity))


def _sort(kind: str, token: str, found: dict[str, list[str]], polarity: set[str], *, begins: bool) -> None:
    word = token.casefold()
    if kind == "quoted":
        found["quoted"].append(token[1:-1].strip())
    elif kind == "number":
        found["numbers"].append(_number(token))
    elif any(char.isdigit() for char in token):
        found["numbers"].append(word)
    elif word in _UNITS and word != "second":
        found["units"].append(_UNITS[word])
    elif word in _NUMBERS:
        found["numbers"].append(_NUMBERS[word])
    elif word in _DATES or (word == "may" and token[0].isupper() and not begins):
        found["dates"].append(word[:3])
    else:
        if word in _POLAR:
            polarity.add(_POLAR[word])
        is_name = token[0].isupper() and word not in _OPENERS and (not begins or token[1:].lower() != token[1:])
        if is_name:
            found["names"].append(word.removesuffix("'s"))
        if word not in _FILLERS:
            found["words"].append(_stem(word))


def difference(one: Likeness, other: Likeness) -> str | None:
    """Why an answer to the one is none to the other, in one word; `None` where nothing says so."""
    for kind in ("numbers", "dates", "units", "quoted", "names", "polarity"):
        if getattr(one, kind) != getattr(other, kind):
            return kind
    return _filling(one.words, other.words)


def _filling(one: Sequence[str], other: Sequence[str]) -> str | None:
    """The same template with other words in it, or the same words in another order."""
    if one == other:
        return None
    if sorted(one) == sorted(other):
        return "order"
    blocks = [block for block in SequenceMatcher(None, one, other, autojunk=False).get_opcodes() if block[0] != "equal"]
    if len(blocks) == 1:
        return "words"
    kept = len(one) - sum(block[2] - block[1] for block in blocks)
    swapped = all(block[2] - block[1] == block[4] - block[3] for block in blocks)
    return "words" if swapped and 2 * kept >= len(one) else None


def _number(token: str) -> str:
    """`1,000.50` and `1000.5` are one number; dates and times stay as they are written."""
    plain = re.sub(r"(?<=\d),(?=\d{3}(\D|$))", "", token)
    if re.fullmatch(r"[-+]?\d+\.\d+", plain):
        return plain.rstrip("0").rstrip(".")
    return plain


def _stem(word: str) -> str:
    for ending in ("'s", "ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word
