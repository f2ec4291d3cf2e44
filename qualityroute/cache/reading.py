"""Reads a question in plain words: its facts, its polarity, and each other word with whose it is and who does it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from qualityroute.cache import vocabulary as known
from qualityroute.cache.forms import ACTIVE, is_gerund, is_participle
from qualityroute.cache.wording import QUOTED

_TOKEN = re.compile(
    rf"""(?P<quoted>{QUOTED})
    |(?P<number>[-+]?\d(?:[\d.,:/-]*\d)?)(?P<tail>[^\W\d_]\w*)?
    |(?P<word>{ACTIVE}?\w+(?:[.\-/:@']\w+)*)
    |(?P<end>[.!?:;\n]+)
    |(?P<sign>[^\s\w.,!?:;'"-]|(?<=\d[ ])-(?=[ ]\d))""",
    re.VERBOSE,
)
_NO_NAMES = frozenset("I")
_AHEAD = 12
"""Words after one that are looked at for its participle."""


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


@dataclass(slots=True)
class Reading:
    """A text, as far as it was read."""

    verbs: list[Part] = field(default_factory=list)
    """Those whose subject is the one who asks or the one who is asked: "do you accept", "are accepted"."""
    parts: list[Part] = field(default_factory=list)
    """All else, in its order."""
    polarity: set[str] = field(default_factory=set)
    before: str = ""
    """The word before."""
    subject: str = ""
    """One of `i` and `you`, whose verb has not come yet."""
    owner: str = ""
    """Of what comes next."""
    auxiliary: str = ""
    """Of the sentence so far: the last of `be`, `have` and `do`."""
    begins: bool = True
    """Does a sentence begin here?"""
    relative: bool = False
    """Has a clause begun that says more about the noun before it, as in "shoes that I have worn"?"""
    opens: bool = False
    """Is the word before the first of its sentence?"""
    able: bool = False
    """Does the sentence ask how or where, so that it is the same whether I can or do?"""
    whether: bool = False
    """Does the sentence begin so?"""


def read(text: str) -> Reading:
    found = Reading()
    tokens = list(_TOKEN.finditer(text))
    for place, token in enumerate(tokens):
        _read(token, tokens[place + 1 : place + 1 + _AHEAD], found)
    _end(found)
    return found


def _read(token: re.Match[str], ahead: Sequence[re.Match[str]], found: Reading) -> None:
    match token.lastgroup:
        case "end":
            _end(found)
            return
        case "quoted":
            _without_verb(found)
            found.parts.append(Part("quoted", token[0][1:-1].strip(), found.owner))
        case "number" | "tail":
            _without_verb(found)
            _read_number(token["number"], (token["tail"] or "").casefold(), found)
        case "sign":
            _read_sign(token[0], found)
        case _:
            _read_word(token[0], ahead, found)
    found.before = token[0].casefold()
    found.opens, found.begins = found.begins, False
    found.owner = known.OWNERS.get(found.before, found.owner if found.before in known.LIGHT else "")


def _end(found: Reading) -> None:
    """Of a sentence."""
    _without_verb(found)
    found.begins, found.before, found.auxiliary = True, "", ""
    found.able = found.whether = found.relative = False


def _without_verb(found: Reading) -> None:
    """ "Are you Anna?", "Who am I?" """
    if found.subject:
        found.parts.append(Part("words", found.subject))
    found.subject = ""


def _read_number(number: str, tail: str, found: Reading) -> None:
    separate = tail in known.UNITS or tail in known.DATES
    parts = [Part("numbers", _number(number) + ("" if separate else tail), found.owner)]
    if separate:
        parts.append(_measure(tail))
    if found.parts and found.parts[-1].kind == "units" and found.before in "$€£¥":  # `$5` is `5 dollars`
        parts.append(found.parts.pop())
    found.parts += parts


def _read_sign(sign: str, found: Reading) -> None:
    found.parts.append(_measure(sign) if sign in known.UNITS else Part("signs", sign))


def _measure(word: str) -> Part:
    if word in known.UNITS:
        return Part("units", known.UNITS[word])
    return Part("dates", word[:3] if word in known.MONTHS else word)


def _read_word(token: str, ahead: Sequence[re.Match[str]], found: Reading) -> None:
    if token.startswith(ACTIVE):
        _add(token.removeprefix(ACTIVE), found.subject or "it", found)
        return
    word = token.casefold().removesuffix("'s")
    part = _fact(token, word, ahead, found)
    if part is None:
        _read_plain_word(word, ahead, found)
        return
    _without_verb(found)
    found.parts.append(part)


def _fact(token: str, word: str, ahead: Sequence[re.Match[str]], found: Reading) -> Part | None:
    if any(char.isdigit() for char in token):
        return Part("numbers", word, found.owner)
    if word in known.NUMBERS:
        return Part("numbers", known.NUMBERS[word], found.owner)
    if word in known.UNITS or _is_date(word, ahead, found):
        return _measure(word)
    return Part("names", word, found.owner) if _is_name(token, found) else None


def _is_date(word: str, ahead: Sequence[re.Match[str]], found: Reading) -> bool:
    follows_number = found.before[-1:].isdigit()
    if word == "may":
        return follows_number or found.before in known.BEFORE_MAY or (bool(ahead) and bool(ahead[0]["number"]))
    return word in known.DATES and (word != "am" or follows_number)


def _is_name(token: str, found: Reading) -> bool:
    return token[0].isupper() and token not in _NO_NAMES and (not found.begins or token[1:] != token[1:].lower())


def _read_plain_word(word: str, ahead: Sequence[re.Match[str]], found: Reading) -> None:
    if word in known.POLAR:
        found.polarity.add(known.POLAR[word])
    if word in known.PAST:
        found.polarity.add("had" if word == "had" else "was")
    if word in known.ABILITY and not _is_said_elsewhere(ahead, found):
        found.polarity.add("can")
    found.whether |= found.begins and word == "whether"
    if word in ("how", "where"):
        found.able = word == "where" or _word(ahead) in known.AUXILIARIES | set(known.SUBJECTS) | set(known.OWNERS)
    found.relative |= word in known.RELATIVE and found.before not in known.BEFORE_NO_CLAUSE
    if word in known.SUBJECTS and _is_subject(word, found):
        found.subject = known.SUBJECTS[word]
    elif not _says_nothing(word, ahead, found):
        _read_content(word, found)
    found.auxiliary = _auxiliary(word, found)


def _is_said_elsewhere(ahead: Sequence[re.Match[str]], found: Reading) -> bool:
    """That it can be: in what is asked, or by asking how I do it."""
    if found.begins or found.whether:
        return True
    return found.able and "i" in (found.subject, known.SUBJECTS.get(_word(ahead)))


def _word(ahead: Sequence[re.Match[str]]) -> str:
    return ahead[0][0].casefold() if ahead else ""


def _is_subject(word: str, found: Reading) -> bool:
    return word != "you" or found.begins or found.before in known.BEFORE_SUBJECTS


def _auxiliary(word: str, found: Reading) -> str:
    """ "to have it deleted": somebody else deletes it, as in "it is deleted"."""
    if word in known.BE or (word in known.HAVE and found.before == "to"):
        return "be"
    return "have" if word in known.HAVE else "do" if word in known.OTHER_AUXILIARIES else found.auxiliary


def _says_nothing(word: str, ahead: Sequence[re.Match[str]], found: Reading) -> bool:
    """Here, where it stands."""
    following = _word(ahead)
    if word in known.HAVE:  # "do you have", "who has it"
        return is_participle(following) or (
            found.auxiliary != "do" and any(is_participle(x[0].casefold()) for x in ahead)
        )
    if word in ("do", "does", "did"):
        return not found.auxiliary  # "what do you do"
    if word in ("be", "been"):
        return is_participle(following)
    if word in known.POINTERS and not (word in known.RELATIVE and found.relative):  # "this report", not "is this safe"
        return bool(ahead) and ahead[0].lastgroup == "word" and following not in known.AFTER_POINTERS
    if word == "might":  # what is asked tells it
        return found.begins
    if word == "a":  # or a name, as in "a or b"
        return bool(ahead) and ahead[0].lastgroup == "word" and following not in ("and", "or")
    return word in known.LIGHT or word in known.PAST or word in known.ASKING or word in known.POINTERS


def _read_content(word: str, found: Reading) -> None:
    is_done = is_participle(word) and found.auxiliary == "be"
    if is_participle(word) and not is_done:
        found.polarity.add("was")
    if _is_under_way(word, found):
        found.polarity.add("under way")
    who = found.subject or "it"
    if is_done:
        who = f"to {found.subject}" if found.subject else "done"
    elif not found.subject and (found.before == "to" or found.begins or is_gerund(word)):
        who = ""
    _add(word, who, found)


def _add(word: str, who: str, found: Reading) -> None:
    found.subject = ""
    part = Part("words", word, found.owner, who)
    if who in ("it", ""):
        found.parts.append(part)
    else:
        (found.parts if found.relative else found.verbs).append(part)
        found.relative = False


def _is_under_way(word: str, found: Reading) -> bool:
    """ "is it snowing", but not "is smoking allowed", nor "the opening hours"."""
    return is_gerund(word) and found.auxiliary == "be" and not found.owner and not found.opens


def _number(token: str) -> str:
    """`1,000` and `1000` are one number; all else stays as it is written, since `2.1` may be another than `2.10`."""
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", token)
