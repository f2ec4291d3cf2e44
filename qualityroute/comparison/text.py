"""Texts with everything folded that does not change what they say: width, case, spaces, quotes, dashes."""

from __future__ import annotations

import re
import unicodedata

_FOLDS = (
    ("'", "\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4`"),
    ('"', "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"),
    ("-", "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58"),
    (".", "\u066b"),
    (",", "\u066c"),
    (" ", "\t"),
)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_FOREIGN_DIGIT = re.compile("[^\x00-\u065f](?<=\\d)")
_MOST_MARKS = 30
"""In a row, as in Unicode's stream-safe format (UAX #15); no language writes as many."""
_SPACES = re.compile(r"\s(?:\s+|(?<! ))")


def folded(text: str) -> str:
    """NFKC, case, quotes, dashes and digits folded, invisible characters dropped; lines stay lines."""
    text = _with_plain_signs(text)
    if text.isascii():
        return text.casefold()
    text = without_mark_floods(_INVISIBLE.sub("", text))
    # Folding the case can leave characters that NFKC would write otherwise, and the other way round.
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _FOREIGN_DIGIT.sub(lambda digit: str(unicodedata.digit(digit[0])), _with_plain_signs(text))


def without_mark_floods(text: str) -> str:
    """The text without those combining marks of a letter that are beyond the thirtieth.

    To normalise a letter takes time by the square of its marks: one line of hostile text would stop every request.
    """
    marks = "" if text.isascii() else re.escape("".join(filter(_is_mark, set(text))))
    return re.sub(f"([{marks}]{{{_MOST_MARKS}}})[{marks}]+", r"\1", text) if marks else text


def _is_mark(char: str) -> bool:
    """Asked of what it is written as: some letters become marks when they are normalised."""
    return unicodedata.combining(unicodedata.normalize("NFKD", char)[0]) > 0


def canonical_text(text: str) -> str:
    """The folded text on one line, single-spaced: `“Café  NOIR”` and `"café noir"` are the same."""
    return on_one_line(folded(text))


def on_one_line(text: str) -> str:
    return _SPACES.sub(" ", text).strip()


def _with_plain_signs(text: str) -> str:
    for plain, variants in _FOLDS:
        for variant in variants:
            text = text.replace(variant, plain)
    return text
