"""Dates as they stand in documents, in the forms and languages of everyday paper."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janvier enero",
            "february feb februar fevrier février febrero",
            "march mar märz maerz mars marzo",
            "april apr avril abril",
            "may mai mayo",
            "june jun juni juin junio",
            "july jul juli juillet julio",
            "august aug août agosto",
            "september sep sept septembre septiembre",
            "october oct oktober okt octobre octubre",
            "november nov novembre noviembre",
            "december dec dezember dez décembre diciembre",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DATE = re.compile(
    r"(?<![\w.,/-])(?:"
    r"(?P<iso_year>\d{4})[-/.](?P<iso_month>\d{1,2})[-/.](?P<iso_day>\d{1,2})"
    r"|(?P<first>\d{1,2})(?P<sep>[./-])\s?(?P<second>\d{1,2})(?P=sep)\s?(?P<year>\d{4}|\d{2})"
    rf"|(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?[\s-]+(?:day of |of |de )?"
    rf"(?P<month>{_MONTH})\.?,?[\s-]+(?:de )?(?P<year_b>\d{{4}})"
    rf"|(?P<month_c>{_MONTH})\.?\s+(?P<day_c>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year_c>\d{{4}})"
    r")(?![\w/]|[.-]\d)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Dated:
    value: date
    start: int
    end: int


def dates_in(text: str, *, day_first: bool) -> list[Dated]:
    """Every date in the text; `day_first` settles what 03/04/2026 means."""
    found = (_dated(match, day_first) for match in _DATE.finditer(text))
    return [dated for dated in found if dated is not None]


def is_day_first(text: str) -> bool:
    """How this document writes its dates: as an unambiguous one shows, else by where it comes from."""
    for match in _DATE.finditer(text):
        if match["first"] and match["sep"] != ".":
            if int(match["first"]) > 12:
                return True
            if int(match["second"]) > 12:
                return False
    return not re.search(r"(?<![A-Z])\$\s?\d|\bUSD\b|\b[A-Z]{2} \d{5}\b|\bInc\b|\bLLC\b", text)


def without_dates(text: str) -> str:
    """The text with its dates blanked out, so that their digits are not taken for amounts."""
    return _DATE.sub(lambda match: " " * len(match[0]), text)


def _dated(match: re.Match[str], day_first: bool) -> Dated | None:
    try:
        return Dated(date(*_year_month_day(match, day_first)), match.start(), match.end())
    except ValueError:
        return None


def _year_month_day(match: re.Match[str], day_first: bool) -> tuple[int, int, int]:
    if match["iso_year"]:
        return int(match["iso_year"]), int(match["iso_month"]), int(match["iso_day"])
    if match["month"]:
        return int(match["year_b"]), _MONTHS[match["month"].lower()], int(match["day"])
    if match["month_c"]:
        return int(match["year_c"]), _MONTHS[match["month_c"].lower()], int(match["day_c"])
    year = int(match["year"]) + (2000 if len(match["year"]) == 2 else 0)
    first, second = int(match["first"]), int(match["second"])
    in_order = (second, first) if day_first or match["sep"] == "." else (first, second)
    return year, *in_order
