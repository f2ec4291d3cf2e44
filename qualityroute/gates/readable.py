"""Text of strangers as a judge should read it: what can be seen, on lines that everybody counts alike. Pure."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from qualityroute.comparison.text import without_mark_floods

_LINE_ENDS = frozenset("\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
# Control and format characters (zero width, direction, tags), and halves of surrogate pairs.
_DROPPED = frozenset({"Cc", "Cf", "Cs"})
# Private use and unassigned: nobody can say what is seen there, so that it is shown that something stands there.
_UNKNOWN = frozenset({"Co", "Cn"})
_REPLACEMENT = "\ufffd"
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
_BLANK_PICTURES = frozenset("\u2800\ufffc\ufffd")
# Letters and numbers; of the signs all but bare accents (Sk): a task may ask for `+`, `>=` or an emoji.
_SAYING = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "Sm", "Sc", "So"})


def readable(text: str) -> str:
    """The text in NFKC, without characters that hide or reorder what is read; every line ends in a newline.

    Compatibility forms come first, since they can become quotes and brackets; whoever writes the result into a
    message escapes it after this.
    """
    if text.isascii():  # no other forms, no marks; a table for the rest
        return text.replace("\r\n", "\n").translate(_ascii_as_shown())
    clean = unicodedata.normalize("NFKC", without_mark_floods(text)).replace("\r\n", "\n")
    # Few characters are distinct, so each is looked at once.
    return clean.translate({ord(char): shown for char in set(clean) if (shown := _shown(char)) != char})


def says_something(text: str) -> bool:
    """Is there a letter, a digit or a sign in it, of any script? Spaces, punctuation and accents say nothing."""
    return any(unicodedata.category(char) in _SAYING for char in set(text) - _FILLERS - _BLANK_PICTURES)


@lru_cache(maxsize=1)
def _ascii_as_shown() -> dict[int, str]:
    return {code: shown for code in range(128) if (shown := _shown(chr(code))) != chr(code)}


@lru_cache(maxsize=4096)
def _shown(char: str) -> str:
    if char in _LINE_ENDS:
        return "\n"
    category = unicodedata.category(char)
    if category in _UNKNOWN:
        return _REPLACEMENT
    return "" if char not in "\n\t" and (category in _DROPPED or _is_ignorable(char)) else char


def _is_ignorable(char: str) -> bool:
    """Letters and marks that Unicode draws as nothing: variation selectors, which can carry a text, and fillers."""
    return (
        "\ufe00" <= char <= "\ufe0f"
        or "\U000e0100" <= char <= "\U000e01ef"
        or "\u180b" <= char <= "\u180f"
        or char in _FILLERS
    )
