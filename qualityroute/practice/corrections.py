"""Corrections and amendments: which of several values a text leaves standing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date as Day
from typing import TypeVar

from qualityroute.practice.amounts import Money
from qualityroute.practice.dates import Dated
from qualityroute.practice.numerals import WordAmount
from qualityroute.practice.reading import Labelled, fold, mentions
from qualityroute.practice.vocabulary import AMENDING, DROPPED_BEFORE

_Found = TypeVar("_Found", bound="Money | Dated | WordAmount | re.Match[str]")


def is_amending(text: str) -> bool:
    return any(mentions(text, word) for word in AMENDING)


def latest_first(found: Sequence[Labelled]) -> list[Labelled]:
    """Corrections before what they correct, the last one first; the rest as it stands on the page."""
    amending = sorted((one for one in found if is_amending(one.text)), key=lambda one: one.index, reverse=True)
    return [*amending, *(one for one in found if one not in amending)]


def kept(found: Sequence[_Found], text: str) -> list[_Found]:
    """Without what the text takes back: `from 5 March`, `instead of 300.00`."""
    if not is_amending(text):
        return list(found)
    return [one for one in found if not _is_dropped(text, _start(one))] or list(found[-1:])


def _start(found: Money | Dated | WordAmount | re.Match[str]) -> int:
    return found.start() if isinstance(found, re.Match) else found.start


def _is_dropped(text: str, start: int) -> bool:
    before = fold(text[max(0, start - 24) : start])
    return any(re.search(rf"(?<!\w){word}(?: (?:on|the|a|an|of|at))?\W*$", before) for word in DROPPED_BEFORE)


def chosen_date(dates: Sequence[Dated], label: Labelled) -> Day | None:
    """The date behind the label; the one before it for `5 May 2026 (the "Effective Date")`."""
    behind = [dated for dated in dates if dated.start >= label.end]
    before = [dated for dated in dates if dated.end <= label.start]
    if before and re.search(r"\((?:the )?[\"“']?(?:the )?$", label.before):
        return before[-1].value
    if behind:
        return behind[-1 if is_amending(label.text) else 0].value
    return before[-1].value if before and is_amending(label.text) else None
