"""A document as lines, statements and labels: what every practice model reads with."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

_COLUMNS = re.compile(r"\S(?: {2,}|\t|\s*\|\s*)\S")
_SENTENCE_END = re.compile(
    r"(?<=[.;!?])(?<!\bNo\.)(?<!\bInc\.)(?<!\bLtd\.)(?<!\bCo\.)(?<!\bSt\.)(?<!\bMr\.)(?<!\bMs\.)(?<!\bS\.)\s+(?=[A-Z(\"“])"
)
_LONG_LINE = 55
_NUMERIC = re.compile(r"(?<![A-Za-z\d])[€$£]?[\dOolI|][\dOolI|.,/-]*(?![A-Za-z\d])")
_WHOLE_NUMBER = re.compile(r"[€$£]?(?:[\d.,']*\d[.,]\d{1,2}|\d{1,3}(?:[.,]\d{3})+|\d{1,4}[./-]\d{1,2}[./-]\d{2,4})-?")
_NOISE = str.maketrans({"O": "0", "o": "0", "l": "1", "I": "1", "|": "1"})


@dataclass(frozen=True, slots=True)
class Row:
    """One line item, as far as it could be read."""

    description: str
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Labelled:
    """A label found in a statement, and what stands behind it."""

    text: str
    index: int
    start: int
    end: int

    @property
    def rest(self) -> str:
        return self.text[self.end :]

    @property
    def before(self) -> str:
        return self.text[: self.start]


def fold(text: str) -> str:
    """For comparing: case, spaces and look-alike characters do not matter."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def lines_of(text: str) -> list[str]:
    """The lines that have something on them, without their margins."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def statements_of(text: str) -> list[str]:
    """Lines where the document is a form or a table; sentences where it is prose."""
    paragraphs = re.split(r"\n\s*\n", text)
    return [statement for paragraph in paragraphs for statement in _statements(lines_of(paragraph))]


def is_prose(lines: Sequence[str]) -> bool:
    return any(len(line) >= _LONG_LINE for line in lines) and not any(_COLUMNS.search(line) for line in lines)


def has_columns(line: str) -> bool:
    return bool(_COLUMNS.search(line))


def columns_of(line: str) -> list[str]:
    """The cells of a table's line, split at bars, tabs and wide gaps."""
    return [cell.strip() for cell in re.split(r"\s*\|\s*|\t+| {2,}", line.strip().strip("|")) if cell.strip()]


def labelled(statements: Sequence[str], label: str) -> Iterator[Labelled]:
    """Each statement that has the label as whole words, at its first place there."""
    pattern = _as_words(label)
    for index, text in enumerate(statements):
        if match := pattern.search(text):
            yield Labelled(text, index, match.start(), match.end())


def mentions(text: str, phrase: str) -> bool:
    return _as_words(phrase).search(text) is not None


def count_of(text: str, phrase: str) -> int:
    return len(_as_words(phrase).findall(text))


def without_scan_noise(text: str) -> str:
    """Letters a scanner put for digits, put back: `1O4.5l` is 104.51; words and codes stay."""
    return _NUMERIC.sub(_cleaned, text)


def sentences_of(text: str) -> list[str]:
    return [sentence.strip() for sentence in _SENTENCE_END.split(text) if sentence.strip()]


def _cleaned(match: re.Match[str]) -> str:
    repaired = match[0].translate(_NOISE)
    is_number = any(character.isdigit() for character in match[0]) and _WHOLE_NUMBER.fullmatch(repaired.rstrip(".,"))
    return repaired if is_number else match[0]


def _statements(lines: Sequence[str]) -> list[str]:
    return sentences_of(" ".join(lines)) if is_prose(lines) else list(lines)


# The vocabulary has more phrases than `re` keeps compiled; recompiling them took most of the time.
@lru_cache(maxsize=4096)
def _as_words(phrase: str) -> re.Pattern[str]:
    spaced = r"\s+".join(re.escape(word) for word in phrase.split())
    return re.compile(rf"(?<!\w){spaced}(?!\w)", re.IGNORECASE)
