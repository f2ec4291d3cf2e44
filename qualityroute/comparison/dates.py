"""Calendar dates as people write them, in English, German, French, Spanish, Italian, Portuguese and Dutch.

`03/04/2026` is the third of April or the fourth of March: it has both readings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

_NAMES = (
    "january jan januar jänner janvier janv enero ene gennaio gen janeiro januari",
    "february feb februar febr février févr fév fevrier febrero febbraio fevereiro fev februari",
    "march mar märz mär mrz maerz mars marzo março maart mrt",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag maio mei",
    "june jun juni juin junio giugno giu junho",
    "july jul juli juillet juil julio luglio lug julho",
    "august aug août aout agosto ago augustus",
    "september sep sept septembre septiembre settembre set setembro",
    "october oct oktober okt octobre octubre ottobre ott outubro out",
    "november nov novembre noviembre novembro",
    "december dec dezember dez décembre déc decembre diciembre dic dicembre dezembro",
)
_MONTH_OF_NAME = {name: month for month, names in enumerate(_NAMES, 1) for name in names.split()}
_MONTH = rf"({'|'.join(sorted(_MONTH_OF_NAME, key=len, reverse=True))})(?![^\W\d_])\.?"
_DAY = r"([0-9](?<![0-9]{2})[0-9]?)(?:st|nd|rd|th|er|o|a|\.)?"
_YEAR = r"([0-9]{4}|'?[0-9]{2})(?![0-9])"
_GAP = r"[\s,./-]{0,3}"
_OF = r"(?:(?:of|de|del|den|di)\s{1,3})?"

# Only the first component is consumed, so that one date cannot hide the next. Each starts with a set of characters
# and looks back after it, because then the scan can skip to the next place where a match may begin.
_YEAR_FIRST = re.compile(
    r"([0-9](?<![0-9]{2})[0-9]{3})"
    r"(?=\s?([-/.年\uB144])\s?([0-9]{1,2})\s?(?:\2|[月\uC6D4])\s?([0-9]{1,2})(?![0-9]))"
)
_COMPACT = re.compile(r"([12](?<!\w.)(?:(?<=1)9|(?<=2)0)[0-9]{2})(?=([01][0-9])([0-3][0-9])(?!\w))")
_NUMERIC = re.compile(
    rf"([0-9](?<![0-9]{{2}})(?<![0-9][./-].)[0-9]?)(?=\s?([-/.])\s?([0-9]{{1,2}})\s?\2\s?{_YEAR}(?![./-][0-9]))"
)
_DAY_FIRST = re.compile(
    rf"{_DAY}(?=(?:\s?(?:-|to|bis|and|und|au|al|y|e)\s?[0-9]{{1,2}}\.?)?{_GAP}{_OF}{_MONTH}{_GAP}{_OF}{_YEAR})"
)
_MONTH_FIRST = re.compile(rf"{_MONTH}(?={_GAP}{_DAY}(?![0-9])[\s,./-]{{1,3}}{_YEAR})")
_YEAR_NAME = re.compile(rf"(?<![0-9])([0-9]{{4}})(?={_GAP}{_MONTH}{_GAP}([0-9]{{1,2}})(?![0-9]))")


def dates_in(folded_text: str) -> Iterator[frozenset[str]]:
    """Each date of a folded text, as the ISO dates it can mean."""
    for readings in _all_readings(folded_text):
        found = frozenset(day for reading in readings if (day := _iso(*reading)) is not None)
        if found:
            yield found


def _all_readings(text: str) -> Iterator[list[tuple[int, int, int]]]:
    for year, _, month, day in _YEAR_FIRST.findall(text):
        yield [(int(year), int(month), int(day))]
    for year, month, day in _COMPACT.findall(text):
        yield [(int(year), int(month), int(day))]
    for first, separator, second, written_year in _NUMERIC.findall(text):
        yield _either_order(int(first), int(second), _year(written_year), separator)
    for day, name, written_year in _DAY_FIRST.findall(text):
        yield [(_year(written_year), _MONTH_OF_NAME[name], int(day))]
    for name, day, written_year in _MONTH_FIRST.findall(text):
        yield [(_year(written_year), _MONTH_OF_NAME[name], int(day))]
    for year, name, day in _YEAR_NAME.findall(text):
        yield [(int(year), _MONTH_OF_NAME[name], int(day))]


def _either_order(first: int, second: int, year: int, separator: str) -> list[tuple[int, int, int]]:
    day_first = (year, second, first)
    # With dots the day stands first everywhere; with slashes and dashes it depends on the country.
    return [day_first] if separator == "." else [day_first, (year, first, second)]


def _year(written: str) -> int:
    year = int(written.lstrip("'"))
    if year >= 100:
        return year
    return year + (2000 if year < 70 else 1900)


def _iso(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
