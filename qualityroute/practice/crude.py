"""The crude extractor (the practice efficiency model): takes the first thing that looks right.

It is quick and right on plain documents. It does not read amounts in words, scanner's noise, corrections, credit notes,
wrapped lines or European number forms, and says so in no way: that is what a gate is for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from qualityroute.practice.amounts import currencies_in
from qualityroute.practice.dates import dates_in, is_day_first
from qualityroute.practice.filling import fill, missing
from qualityroute.practice.names import companies_in, first_name_line
from qualityroute.practice.prompts import Prompt
from qualityroute.practice.questions import Kind, Question, question_of
from qualityroute.practice.reading import Row, lines_of
from qualityroute.practice.rows import row_of
from qualityroute.practice.topics import first_mentioned
from qualityroute.practice.vocabulary import FILLER
from qualityroute.records import Json

_NUMBER = re.compile(r"[€$£]?\s?(-?\d[\d.,]*\d|\d)(?:\s?(?:EUR|USD|GBP|CHF|€))?")
_PLAIN_NUMBER = re.compile(r"-?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?")
_PERCENT = re.compile(r"\d[\d.,]*\s?%")
_CODE = re.compile(r"\b(?=[A-Z0-9/-]*\d)[A-Z0-9][A-Z0-9/-]{2,}\b")
_QUOTED_ROLE = re.compile(r"\((?:the )?[\"“](\w+)[\"”]\)")


def crude_answer(prompt: Prompt) -> str:
    """JSON for the schema, with an apology around it when much was not found; without a schema, the first lines."""
    reader = CrudeReader(prompt.document)
    if prompt.schema is None:
        return " ".join(reader.lines[:2])[:200] or "The document is empty."
    question = question_of("answer", prompt.schema)
    answer = fill(question, reader)
    text = json.dumps(answer, ensure_ascii=False)
    lacking = missing(question, answer)
    return text if len(lacking) < 2 else _with_apology(text, lacking)


def _with_apology(text: str, lacking: Sequence[str]) -> str:
    return f"I could not find {', '.join(lacking)} in the document. Here is the rest:\n```json\n{text}\n```"


@dataclass(frozen=True)
class CrudeReader:
    document: str

    @cached_property
    def lines(self) -> list[str]:
        return lines_of(self.document)

    def value(self, question: Question) -> Json:
        match question.kind:
            case Kind.AMOUNT | Kind.QUANTITY | Kind.DURATION:
                return self._number(question)
            case Kind.DATE:
                return self._date(question)
            case Kind.CURRENCY:
                return next(iter(currencies_in(self.document)), None)
            case Kind.IDENTIFIER:
                return self._code(question)
            case Kind.PARTY:
                return self._company(question)
            case Kind.CHOICE:
                return self._choice(question)
            case Kind.FLAG:
                return all(self._lines_with([word[:5]]) for word in question.words)
            case Kind.SUMMARY:
                return " ".join(self.lines[:2])[:200]
            case _:
                return self._text(question)

    def rows(self) -> list[Row]:
        """Rows in lines of their own; what is wrapped is lost."""
        return [row for line in self.lines if (row := row_of(line)) is not None]

    def parties(self) -> list[tuple[str, str | None]]:
        """The first two companies and the first two roles, in the order they come."""
        roles = [*_QUOTED_ROLE.findall(self.document), None, None]
        return list(zip(companies_in(self.document)[:2], roles, strict=False))

    def named(self, question: Question) -> list[str]:
        return companies_in(self.document)[:2]

    def _number(self, question: Question) -> Json:
        """The first number behind the property's word, as a number when it reads as one."""
        word = "total" if "total" in question.words else self._core(question)[0]
        for line in self.lines:
            place = re.search(r"\b(?:tax|vat)" if word == "tax" else re.escape(word), line, re.IGNORECASE)
            match = _NUMBER.search(_PERCENT.sub("", line[place.end() :])) if place else None
            if match:
                return Decimal(match[1].replace(",", "")) if _PLAIN_NUMBER.fullmatch(match[1]) else match[0].strip()
        return None

    def _date(self, question: Question) -> date | None:
        day_first = is_day_first(self.document)
        for line in self._lines_with(self._core(question)):
            if found := dates_in(line, day_first=day_first):
                return found[0].value
        if question.nullable:
            return None
        return next((dated.value for dated in dates_in(self.document, day_first=day_first)), None)

    def _code(self, question: Question) -> str | None:
        for line in self._lines_with([self._core(question)[0], "no.", "number", "ref"]):
            if match := _CODE.search(line):
                return match[0]
        return None

    def _company(self, question: Question) -> str | None:
        return next(iter(companies_in(self.document)), None) or first_name_line(self.lines)

    def _choice(self, question: Question) -> Json:
        texts = [str(option) for option in question.options]
        chosen = first_mentioned(self.document, texts, question.description)
        if chosen is None:
            return None if question.nullable else question.options[0]
        return question.options[texts.index(chosen)]

    def _text(self, question: Question) -> str | None:
        for line in self._lines_with(self._core(question)):
            if ":" in line:
                return line.split(":", 1)[1].strip()
        return None

    def _core(self, question: Question) -> list[str]:
        return [word for word in question.words if word not in FILLER] or list(question.words)

    def _lines_with(self, words: Sequence[str]) -> list[str]:
        return [line for line in self.lines if any(word in line.lower() for word in words)]
