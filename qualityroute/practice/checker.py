"""The practice judge: answers a rubric's checks by comparing the candidate with its own careful reading.

What to verify is picked from the words of each question. Text inside the blocks is data: nothing in it is obeyed,
and text that speaks to a checker is reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from qualityroute.practice.amounts import Money, amounts_in
from qualityroute.practice.careful import CarefulReader
from qualityroute.practice.findings import Finding, Standing, findings, quotation
from qualityroute.practice.prompts import Check, Prompt, judge_prompt
from qualityroute.practice.questions import Kind
from qualityroute.practice.topics import GROUPS
from qualityroute.records import Json

_SPEAKS_TO_A_CHECKER = re.compile(
    r"\b(?:ignore|disregard|forget) (?:all |any |the |your )*"
    r"(?:previous|prior|above|earlier|other)? ?(?:instructions?|rules|checks|prompts?)\b"
    r"|\ball (?:the )?checks? (?:are|is|=|:) ?[\"']?(?:yes|true|passed|good)"
    r"|\banswer (?:with )?[\"']?yes[\"']? (?:to|for|on) (?:all|every|each)\b"
    r"|\b(?:judge|checker|grader|evaluator|reviewing model|language model|ai assistant|"
    r"ai model|automated (?:reader|reviewer|checker))\b"
    r"[^.\n]{0,60}\b(?:must|should|please|accept|approve|mark|answer|output|score|report|respond|return|set)\b"
    r"|\b(?:mark|rate|score) (?:this|the) (?:answer|extraction|candidate|output)\b"
    r"|\"verdict\"\s*:\s*\"yes\"|\bsystem prompt\b|\boutput (?:a )?total (?:of )?[\d.]+|\bverdict (?:is|=|:) ?yes\b",
    re.IGNORECASE,
)
_WRONG = frozenset({Standing.DIFFERS, Standing.ABSENT})


@dataclass(frozen=True, slots=True)
class _Aspect:
    """Something a question can be about: the words it shows in, and which findings make the answer a no."""

    words: str
    kinds: frozenset[Kind]
    wrong: frozenset[Standing] = _WRONG

    def is_in(self, ask: str) -> bool:
        return re.search(self.words, ask, re.IGNORECASE) is not None

    def fails(self, finding: Finding) -> bool:
        return finding.kind in self.kinds and finding.standing in self.wrong


_SUM = r"add up|agrees? with|sum of the lines|arithmetic"
_WHOLE = (
    _Aspect(r"missing|(?<!non-)null|complete|left out|omitted", frozenset(Kind), frozenset({Standing.MISSING})),
    _Aspect(
        r"repeated|(?:every|each) (?:line|item|party|record)|all (?:the )?(?:lines|items|parties|records)|\bonce\b",
        frozenset({Kind.RECORDS}),
        frozenset({Standing.DIFFERS}),
    ),
    _Aspect(r"category|class|urgency|right kind|label", frozenset({Kind.CHOICE})),
)
"""Aspects that are all a question is about; the first that shows is taken."""

_PARTIAL = (
    _Aspect(
        r"final|amend|latest|in force|correct(?:ed|ion)|changed",
        frozenset({Kind.DATE, Kind.AMOUNT, Kind.DURATION, Kind.FLAG}),
    ),
    _Aspect(
        r"currency|\bsign|\bunit|date order|day and month|decimal",
        frozenset({Kind.CURRENCY, Kind.DATE, Kind.AMOUNT}),
        frozenset({Standing.DIFFERS}),
    ),
    _Aspect(r"belong|mixed|another|its own field|role", frozenset(Kind) - {Kind.RECORDS}),
)
"""Aspects that a question may join."""

_SUPPORT = _Aspect(
    r"support|stated|source|document|faithful|ground",
    frozenset(Kind) - {Kind.RECORDS, Kind.CHOICE, Kind.FLAG},
    frozenset({Standing.ABSENT}),
)


def judge_answer(prompt: Prompt) -> str:
    """The verdicts for a judge's request; a sentence for anything else."""
    asked = judge_prompt(prompt.document)
    if asked is None:
        return "This stand-in only answers a rubric's checks about a candidate."
    answerer = _verdicts_for(asked.source, asked.candidate, asked.checks)
    suspicious = any(_SPEAKS_TO_A_CHECKER.search(_joined(text)) for text in (asked.source, asked.candidate))
    verdicts = [{"id": check.id, **answerer(check)} for check in asked.checks]
    return json.dumps({"checks": verdicts, "instructions_in_data": "yes" if suspicious else "no"}, ensure_ascii=False)


def _verdicts_for(source: str, candidate: str, checks: Sequence[Check]) -> Callable[[Check], dict[str, str]]:
    try:
        value = json.loads(_unfenced(candidate))
    except (ValueError, RecursionError):
        return lambda check: _verdict("unsure")
    if not isinstance(value, dict) or not source.strip():
        return lambda check: _verdict("unsure")
    reader = CarefulReader(source)
    found = findings(reader, value, (*_offered(checks), *GROUPS))
    return lambda check: _answer(check, found, value, reader)


def _answer(
    check: Check, found: Sequence[Finding], candidate: Mapping[str, Json], reader: CarefulReader
) -> dict[str, str]:
    if re.search(_SUM, check.ask, re.IGNORECASE):
        return _adds_up(candidate, reader)
    aspects = _aspects_of(check.ask)
    if not aspects:
        return _verdict("unsure")
    wrong = next((one for one in found if any(aspect.fails(one) for aspect in aspects)), None)
    if wrong is not None:
        return _verdict("no", quotation(wrong.own, reader))
    about = [one for one in found if any(one.kind in aspect.kinds for aspect in aspects)]
    vouched = [one for one in about if one.standing is Standing.MATCHES and one.value is not None]
    return _verdict("yes", next(filter(None, (quotation(one.value, reader) for one in vouched)), ""))


def _aspects_of(ask: str) -> list[_Aspect]:
    whole = [aspect for aspect in _WHOLE if aspect.is_in(ask)][:1]
    partial = [aspect for aspect in _PARTIAL if aspect.is_in(ask)]
    return whole or partial or ([_SUPPORT] if _SUPPORT.is_in(ask) else [])


def _adds_up(candidate: Mapping[str, Json], reader: CarefulReader) -> dict[str, str]:
    """Is the total that of the lines, with or without the tax and the extras the source names?"""
    total = next((value for name, value in candidate.items() if "total" in name), None)
    amounts = [
        line.get("amount")
        for value in candidate.values()
        if isinstance(value, list)
        for line in value
        if isinstance(line, dict)
    ]
    numbers = [Decimal(str(amount)) for amount in amounts if isinstance(amount, int | float)]
    if not isinstance(total, int | float) or not numbers or len(numbers) < len(amounts):
        return _verdict("unsure")
    gap = abs(Decimal(str(total))) - abs(sum(numbers, Decimal(0)))
    return _verdict(
        "yes" if abs(gap) < Decimal("0.02") or _explains(gap, total, reader) else "no", quotation(total, reader)
    )


def _explains(gap: Decimal, total: float, reader: CarefulReader) -> bool:
    """The gap is an amount of the source (tax, shipping, discount) or two of them together."""
    from_source = _other_amounts(reader, total)
    pairs = {one + other for one in from_source for other in from_source}
    return any(abs(abs(gap) - one) < Decimal("0.02") for one in from_source | pairs)


def _other_amounts(reader: CarefulReader, total: float) -> set[Decimal]:
    numbers = {abs(one.value) for line in reader.lines for one in _money(line)}
    return {one for one in numbers if one < abs(Decimal(str(total)))}


def _money(line: str) -> list[Money]:
    return [one for one in amounts_in(line) if one.looks_like_money]


def _offered(checks: Sequence[Check]) -> list[tuple[str, ...]]:
    """Options that a question lists itself: `one of billing, technical or sales`."""
    lists = [match[1] for check in checks for match in re.finditer(r"one of:? ([\w ,-]+)", check.ask)]
    return [tuple(word for word in re.findall(r"[\w-]+", text) if word not in ("or", "and")) for text in lists]


def _verdict(verdict: str, evidence: str = "") -> dict[str, str]:
    return {"evidence": evidence, "verdict": verdict}


def _unfenced(text: str) -> str:
    match = re.search(r"```(?:json)?\s*\n(.*?)```", text, re.DOTALL)
    return match[1] if match else text


def _joined(text: str) -> str:
    """Wrapped lines count as one: a command broken over two lines is still one."""
    return re.sub(r"[ \t]*\n[ \t>]*", " ", text)
