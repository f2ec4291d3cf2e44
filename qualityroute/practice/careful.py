"""The careful extractor (the practice performance model): reads labels, corrections, words and scans."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date as Day
from datetime import timedelta
from decimal import Decimal
from functools import cached_property

from qualityroute.practice.amounts import Money, amounts_in, currencies_in
from qualityroute.practice.corrections import chosen_date, is_amending, kept, latest_first
from qualityroute.practice.dates import dates_in, is_day_first, without_dates
from qualityroute.practice.filling import fill
from qualityroute.practice.names import cleaned_name, companies_in, first_name_line, looks_like_name, parties_in
from qualityroute.practice.numerals import NUMBER_WORDS, WordAmount, number_in_words, word_amounts
from qualityroute.practice.prompts import Prompt
from qualityroute.practice.questions import Kind, Question, question_of
from qualityroute.practice.reading import (
    Labelled,
    Row,
    labelled,
    lines_of,
    mentions,
    sentences_of,
    statements_of,
    without_scan_noise,
)
from qualityroute.practice.rows import is_continuation, is_summary_line, looks_like_heading, row_of
from qualityroute.practice.topics import GROUPS, best_option
from qualityroute.practice.vocabulary import (
    NOT_THE_TOTAL,
    amount_labels,
    date_labels,
    identifier_labels,
    own_labels,
    party_labels,
)
from qualityroute.records import Json

_CODE = re.compile(
    r"[\s:#.№°º]*(?:(?:is|of|nr|no|number)\b[ .:]*)*(?P<code>(?=[A-Z0-9/._-]*\d)[A-Z0-9][A-Z0-9/._-]*[A-Z0-9])",
    re.IGNORECASE,
)
_PERIOD = re.compile(
    rf"(?:(?P<digits>\d{{1,4}})|\b(?P<words>{NUMBER_WORDS})(?:\s*\(\d+\))?)"
    r"[\s-]*(?:calendar |working |business )?(?P<unit>days?|weeks?|months?|years?)\b",
    re.IGNORECASE,
)
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_LAW = re.compile(
    r"(?:laws? of (?:the )?(?P<land>(?:[A-Z]\w+)(?: (?:and |of )?(?:the )?[A-Z]\w+)*)"
    r"|(?P<adjective>(?!The\b)[A-Z]\w+) law\b)"
)
_DENIED = re.compile(r"\b(?:not|no|never|without|neither|nor|excluded|deleted|ceases|nicht)\b", re.IGNORECASE)
_QUOTED = re.compile(r"^(?:>|On .{5,80}wrote:|-{3,} ?(?:Original|Forwarded))")
_TO_OTHERS = re.compile(
    r"^(?:bill(?:ed)? to|sold to|ship to|deliver to|invoice to|to|customer|client|buyer|kunde|an|attn|c/o)\b",
    re.IGNORECASE,
)


def careful_answer(prompt: Prompt) -> str:
    """JSON for the schema; without one, the sentences that say most."""
    reader = CarefulReader(prompt.document)
    if prompt.schema is None:
        return reader.summary() or "The document is empty."
    return json.dumps(fill(question_of("answer", prompt.schema), reader), ensure_ascii=False)


@dataclass(frozen=True)
class CarefulReader:
    """One document, read with care; each method answers one kind of question."""

    document: str

    @cached_property
    def text(self) -> str:
        return without_scan_noise(self.document)

    @cached_property
    def lines(self) -> list[str]:
        return lines_of(self.text)

    @cached_property
    def statements(self) -> list[str]:
        return statements_of(self.text)

    @cached_property
    def day_first(self) -> bool:
        return is_day_first(self.text)

    @cached_property
    def is_credit(self) -> bool:
        return any(
            mentions(line, word)
            for line in self.lines[:6]
            for word in ("credit note", "credit memo", "gutschrift", "avoir")
        )

    def value(self, question: Question) -> Json:
        match question.kind:
            case Kind.AMOUNT:
                return self.amount(question)
            case Kind.DATE:
                return self.date(question)
            case Kind.CURRENCY:
                return self.currency(question)
            case Kind.IDENTIFIER:
                return self.identifier(question)
            case Kind.PARTY:
                return self.party(question)
            case Kind.CHOICE:
                return self.choice(question)
            case Kind.FLAG:
                return self.flag(question)
            case Kind.DURATION:
                return self.duration(question)
            case Kind.QUANTITY:
                return next((amount.value for amount in self._amounts_under((own_labels(question.words),))), None)
            case Kind.SUMMARY:
                return self.summary()
            case _:
                return self.words(question)

    def amount(self, question: Question) -> Decimal | None:
        found = self.money(question)
        if found is None:
            return None
        return -abs(found.value) if self.is_credit else found.value

    def money(self, question: Question) -> Money | WordAmount | None:
        """The amount with its currency, from the best label that has one."""
        is_total = "total" in question.words
        return next(iter(self._amounts_under(amount_labels(question.words), is_total=is_total)), None)

    def date(self, question: Question) -> Day | None:
        ranks = date_labels(question.words)
        for labels in ranks:
            found = self._dated_under(labels)
            if found is not None:
                return found
        if "due" in question.words:
            return self._due_by_terms()
        return None if question.nullable and question.words != ("date",) else self._first_date()

    def currency(self, question: Question) -> str | None:
        """Named outright, else that of the total, else the commonest."""
        for label in (
            "currency",
            "all amounts in",
            "amounts in",
            "all prices in",
            "währung",
            "billed in",
            "payable in",
            "charged in",
        ):
            for found in labelled(self.statements, label):
                if codes := currencies_in(found.rest):
                    return codes[0]
        for ranks in (amount_labels(("total",)), amount_labels(("value",))):
            for money in self._amounts_under(ranks, is_total="total" in ranks[1]):
                if money.currency:
                    return money.currency
        codes = currencies_in(self.text) or [amount.currency for amount in word_amounts(self.text)]
        return max(codes, key=codes.count, default=None)

    def identifier(self, question: Question) -> str | None:
        labels = identifier_labels(question.words)
        for label in sorted(labels, key=lambda label: self.is_credit and "credit" not in label):
            for found in labelled(self.lines, label):
                if match := _CODE.match(without_dates(found.rest)):
                    return match["code"]
        return None

    def party(self, question: Question) -> str | None:
        labels = party_labels(question.words)
        named = next(filter(None, (self._name_under(label) for label in labels)), None)
        if named or "customer" in labels:
            return named
        own = [line for index, line in enumerate(self.lines) if not self._is_addressee(index)]
        letterhead = [line for line in own if companies_in(line)]
        top = first_name_line(own[:4])
        return top or first_name_line([*letterhead, *own])

    def choice(self, question: Question) -> Json:
        own = [line for line in self.lines if not _QUOTED.match(line)]
        if "urgency" in question.words and "low" in question.options and self._is_spam(own):
            return "low"
        texts = [str(option) for option in question.options]
        chosen = best_option("\n".join(own[:2]), "\n".join(own[2:]), texts, question.description)
        if chosen is None:
            return None if question.nullable else question.options[0]
        return question.options[texts.index(chosen)]

    def flag(self, question: Question) -> bool | None:
        """Said or denied in the last statement that has all the property's words."""
        stems = [word[:5] for word in question.words if word not in ("is", "has", "are", "was", "with", "for", "asks")]
        about = [
            text for text in self.statements if all(re.search(rf"\b{stem}", text, re.IGNORECASE) for stem in stems)
        ]
        if not about:
            return None if question.nullable else False
        return not _DENIED.search(about[-1])

    def duration(self, question: Question) -> int | None:
        """In the unit the property's name asks for; a month counts as 30 days."""
        unit = next((word for word in question.words if word.rstrip("s") in _DAYS), "days").rstrip("s")
        labels = tuple(
            word for word in question.words if word not in ("period", "in") and word.rstrip("s") not in _DAYS
        )
        about = [found for label in labels for found in self._statements_about(label)]
        for found in latest_first(about):
            periods = [match for match in _PERIOD.finditer(found.text) if _length(match) is not None]
            if remaining := kept(periods, found.text):
                return (_length(remaining[-1 if is_amending(found.text) else 0]) or 0) // _DAYS[unit]
        return None

    def summary(self) -> str:
        """The first sentence that says something, and the total when there is one."""
        said = [text for text in sentences_of(" ".join(self.lines)) if len(text.split()) > 3]
        return " ".join(said[:2])[:300] or " ".join(self.lines)[:300]

    def words(self, question: Question) -> str | None:
        """What stands behind the property's own name; a law may also be named in a sentence."""
        for label in own_labels(question.words):
            for found in labelled(self.lines, label):
                value = found.rest.strip(" :.-\t")
                if value and (found.rest.lstrip()[:1] == ":" or "law" not in question.words):
                    return re.sub(r"^the laws? of ", "", value)
        return self._law() if "law" in question.words else None

    def rows(self) -> list[Row]:
        """Line items, with the words of a wrapped line joined to its item."""
        rows: list[Row] = []
        previous = ""
        for line in self._body():
            row = row_of(line)
            if row is not None:
                rows.append(self._signed(row))
            elif rows and row_of(previous) is not None and is_continuation(line):
                rows[-1] = Row(
                    f"{rows[-1].description} {line}", rows[-1].quantity, rows[-1].unit_price, rows[-1].amount
                )
            previous = line
        return rows

    def parties(self) -> list[tuple[str, str | None]]:
        return parties_in(self.text)

    def named(self, question: Question) -> list[str]:
        if Kind.PARTY is question.kind or {"parties", "companies", "names"} & set(question.words):
            return [name for name, _ in self.parties()] or companies_in(self.text)
        return [row.description for row in self.rows()]

    def _body(self) -> list[str]:
        """The lines of the table; all lines when it has no heading, and never past a total."""
        start = next((index + 1 for index, line in enumerate(self.lines) if looks_like_heading(line)), 0)
        body = self.lines[start:]
        last = max((index for index, line in enumerate(body) if row_of(line) is not None), default=-1)
        if last < 0:
            return []
        end = next((index for index in range(last + 1, len(body)) if is_summary_line(body[index])), len(body))
        return body[:end]

    def _signed(self, row: Row) -> Row:
        if not self.is_credit or row.amount is None:
            return row
        quantity, price = row.quantity, row.unit_price
        return Row(row.description, quantity and abs(quantity), price and abs(price), -abs(row.amount))

    def _amounts_under(self, ranks: Sequence[Sequence[str]], *, is_total: bool = False) -> Iterator[Money | WordAmount]:
        """Best rank first; inside a rank corrections first, then the last one on the page."""
        for labels in ranks:
            found = [one for label in labels for one in labelled(self.statements, label)]
            fitting = [one for one in found if not (is_total and self._is_other_total(one))]
            for one in sorted(fitting, key=lambda one: (is_amending(one.text), one.index), reverse=True):
                yield from self._amounts_after(one)

    def _is_other_total(self, found: Labelled) -> bool:
        head = found.text[: found.end] + re.split(r"\d", found.rest, maxsplit=1)[0][:24]
        return any(mentions(head, word) for word in NOT_THE_TOTAL)

    def _amounts_after(self, found: Labelled) -> Iterator[Money | WordAmount]:
        """In the statement; else alone on the line below; else a bare whole number."""
        amends = is_amending(found.text)
        place = found.text if amends else found.rest
        plain = without_dates(place)
        money: list[Money | WordAmount] = [one for one in amounts_in(plain) if one.looks_like_money]
        remaining = kept(money or [*word_amounts(plain)], place)
        if remaining:
            yield remaining[-1] if amends or _is_tabular(found.rest) else remaining[0]
            return
        yield from (one for one in self._alone_below(found.index) if one.looks_like_money)
        yield from amounts_in(plain)[:1] if _is_tabular(found.rest) else ()

    def _alone_below(self, index: int) -> list[Money]:
        below = self.statements[index + 1 : index + 2]
        return amounts_in(below[0])[:1] if below and not re.search(r"[^\W\d]{4}", below[0]) else []

    def _dated_under(self, labels: Sequence[str]) -> Day | None:
        found = [one for label in labels for one in self._statements_about(label)]
        for one in latest_first(found):
            dates = kept(dates_in(one.text, day_first=self.day_first), one.text)
            chosen = chosen_date(dates, one)
            if chosen is not None:
                return chosen
        return None

    def _statements_about(self, label: str) -> Iterator[Labelled]:
        """Statements with the label; a bare label takes the statement below it along."""
        for found in labelled(self.statements, label):
            below = self.statements[found.index + 1 : found.index + 2]
            is_bare = not found.rest.strip(" :.") and below
            yield Labelled(f"{found.text} {below[0]}", found.index, found.start, found.end) if is_bare else found

    def _due_by_terms(self) -> Day | None:
        """`30 days net` counted from the day of issue."""
        issued = self.date(Question("issue_date", Kind.DATE, "string", nullable=True))
        for text in self.statements:
            if issued and re.search(r"\b(?:pay|payable|payment|net|terms|zahlbar|due)\b", text, re.IGNORECASE):
                match = re.search(r"\b(\d{1,3}) (?:calendar )?(?:days|Tagen?|jours)\b", text, re.IGNORECASE)
                if match and not mentions(text, "interest"):
                    return issued + timedelta(days=int(match[1]))
        return None

    def _first_date(self) -> Day | None:
        return next((dated.value for dated in dates_in(self.text, day_first=self.day_first)), None)

    def _name_under(self, label: str) -> str | None:
        for found in labelled(self.lines, label):
            if found.start > 0:
                continue
            beside = found.rest.strip(" :")
            if found.rest.lstrip()[:1] == ":" and beside:
                return cleaned_name(beside)
            if not beside and found.index + 1 < len(self.lines) and looks_like_name(self.lines[found.index + 1]):
                return cleaned_name(self.lines[found.index + 1])
        return None

    def _is_addressee(self, index: int) -> bool:
        above = self.lines[index - 1] if index else ""
        return bool(_TO_OTHERS.match(self.lines[index])) or bool(_TO_OTHERS.match(above) and len(above) < 14)

    def _is_spam(self, lines: Sequence[str]) -> bool:
        """Urgency that is only begged for is none."""
        return best_option("\n".join(lines[:2]), "\n".join(lines[2:]), GROUPS[0]) == "spam"

    def _law(self) -> str | None:
        found = [match for text in self.statements for match in _LAW.finditer(text)]
        return (found[-1]["land"] or found[-1]["adjective"]) if found else None


def _is_tabular(rest: str) -> bool:
    return not re.search(r"[^\W\d]{3}(?:\W+[^\W\d]{2,}){3}", rest)


def _length(match: re.Match[str]) -> int | None:
    count = int(match["digits"]) if match["digits"] else number_in_words(match["words"])
    return None if count is None else count * _DAYS[match["unit"].lower().rstrip("s")]
