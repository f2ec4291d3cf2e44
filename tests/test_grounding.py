"""Grounding: what the source states is found however it is written, and what it does not state is not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pytest
from conftest import bounded_work
from hypothesis import assume, given
from hypothesis import strategies as st

from qualityroute.comparison import Compare
from qualityroute.gates.grounded import GroundedCheck
from qualityroute.gates.grounding import Statements, ungrounded
from qualityroute.gates.interface import Candidate
from qualityroute.metering import Meter
from qualityroute.records import Completion, Reason, Ruling
from qualityroute.rubrics import FieldRule

Kind = Literal["exact", "text", "number", "money", "date"]
words = st.text("abgh ", min_size=0, max_size=40)
amounts = st.decimals(min_value="0.01", max_value=9_999_999, places=2)


def rule(compare: Kind = "text", ground: Literal["literal", "soft", "off"] = "literal") -> FieldRule:
    return FieldRule(ground=ground, compare=compare)


def found(value: Any, source: str, compare: Kind = "text") -> bool:
    return ungrounded({"field": value}, source, {"field": rule(compare)}) == []


INVOICE = """ACME GmbH & Co. KG   Invoice No. RE-2026/0815
Date: 3. März 2026      Due 04/05/2026
Long-\nterm main-\ntenance of the “Straße”
Total....... 1.234,56 €   Discount (12.50)  Deposit $ 100.00
"""


@pytest.mark.parametrize(
    ("value", "compare"),
    [
        ("acme gmbh & co. kg", "text"),
        ("RE-2026/0815", "exact"),
        ("Long-term", "text"),
        ("maintenance", "text"),
        ("main-\ntenance", "text"),
        ('"STRASSE".', "text"),
        ("2026-03-03", "date"),
        ("2026-05-04", "date"),
        ("2026-04-05", "date"),
        (20260303, "date"),
        ("März 2026", "date"),
        (1234.56, "money"),
        (1234.56, "text"),
        ("EUR 1,234.56", "money"),
        ("1234.56", "number"),
        ("$ 1234.56", "number"),
        (-12.5, "money"),
        (12.5, "money"),
        ("100 USD", "money"),
        ("Total", "money"),
        (100, "exact"),
    ],
)
def test_what_the_source_states_is_found(value: Any, compare: Kind) -> None:
    assert found(value, INVOICE, compare)


@pytest.mark.parametrize(
    ("value", "compare"),
    [
        ("acme ltd", "text"),
        ("815", "text"),
        ("2026-03-04", "date"),
        ("2 May 2026", "date"),
        (1234.57, "money"),
        (-1234.56, "money"),
        ("$1,234.56", "money"),
        ("EUR 100", "money"),
        (123, "number"),
        ("n/a", "money"),
        ("soon", "date"),
    ],
)
def test_what_the_source_does_not_state_is_not_found(value: Any, compare: Kind) -> None:
    assert not found(value, INVOICE, compare)


def test_a_text_is_found_as_whole_words_only() -> None:
    assert not found("12", "in 2012")
    assert not found("12", "120 A12")
    assert found("12", "(12)")
    assert found("a_b", "x a_b y")
    assert not found("a", "a_b")


def test_a_later_whole_word_is_found_behind_an_earlier_part_of_one() -> None:
    assert found("art", "party art")


def test_scripts_without_spaces_have_no_word_edges() -> None:
    assert found("東京", "私は東京都に住む")
    assert found("ACME", "株式会社ACMEの")


def test_digits_cut_at_a_line_end_are_not_joined_into_another_number() -> None:
    assert not found("1250", "12-\n50")
    assert found("12-50", "12-\n50")


@given(words, st.text(min_size=1, max_size=30), words)
def test_a_text_written_into_a_source_is_found(before: str, value: str, after: str) -> None:
    assert found(value, f"{before} {value} {after}")


@given(words, amounts, st.sampled_from(["{:,.2f}", "{:.2f}", "{:.2f} €", "EUR {:,.2f}"]), words)
def test_an_amount_written_into_a_source_is_found(before: str, amount: Decimal, form: str, after: str) -> None:
    for value in (float(amount), f"{amount} EUR"):
        assert found(value, f"{before} {form.format(amount)} {after}", "money")
    assert found(float(amount), f"{before} {form.format(amount)} {after}", "text")


@given(words, st.integers(0, 10**12), words, st.data())
def test_a_number_with_one_digit_changed_is_not_found(
    before: str, number: int, after: str, data: st.DataObject
) -> None:
    digits = list(str(number))
    place = data.draw(st.integers(0, len(digits) - 1))
    digits[place] = data.draw(st.sampled_from("0123456789"))
    changed = int("".join(digits))
    assume(changed != number)
    for written in (str(number), f"{number:,}", f"{number:,}".replace(",", ".")):
        # `1,234` can also mean a little more than one; no whole number but the written one can be meant.
        assert found(number, f"{before} {written} {after}", "number")
        assert not found(changed, f"{before} {written} {after}", "number")
    assert not found("".join(digits), f"{before} {number} {after}")


@given(words, st.dates(min_value=date(1000, 1, 1)), st.dates(min_value=date(1000, 1, 1)), words)
def test_only_the_date_written_into_a_source_is_found(before: str, day: date, other: date, after: str) -> None:
    assume(day != other)
    for written in (day.isoformat(), f"{day.day}.{day.month}.{day.year:04}", f"{day:%B} {day.day}, {day.year:04}"):
        assert found(day.isoformat(), f"{before} {written} {after}", "date")
        assert not found(other.isoformat(), f"{before} {written} {after}", "date")


def test_leaves_without_a_rule_or_a_statement_are_not_checked() -> None:
    output: dict[str, Any] = {"a": None, "b": True, "c": "", "d": " ", "e": [], "other": "not there"}
    assert ungrounded(output, "source", {key: rule() for key in "abcde"}) == []
    assert ungrounded("not there", "source", {"a": rule()}) == []


def test_a_rule_covers_what_is_below_it_unless_a_nearer_one_exists() -> None:
    output = {"seller": {"name": "Nobody", "vat": "X1", "bank": {"iban": "Y2"}}, "lines": ["absent", "here"]}
    rules = {"seller": rule(), "seller.vat": rule(ground="off"), "seller.bank": rule(ground="soft"), "lines": rule()}
    findings = ungrounded(output, "here", rules)
    assert [(finding.path, finding.value, finding.ground) for finding in findings] == [
        ("seller.name", "Nobody", "literal"),
        ("seller.bank.iban", "Y2", "soft"),
        ("lines", "absent", "literal"),
    ]


def test_a_finding_says_where_it_stands_and_quotes_no_value() -> None:
    output = {"lines": [{"amount": 1}, {"amount": "2.50 €"}, {"amount": "secret"}]}
    findings = ungrounded(output, "1 piece", {"lines.amount": rule("money")})
    assert findings[0].path == "lines.amount"
    assert findings[0].message == "'lines[1].amount' has a sum of money that the source does not state"
    assert "secret" not in findings[1].message


def test_a_hostile_key_is_shortened_and_escaped_in_the_message() -> None:
    (finding,) = ungrounded({"a": {"\x1b[31m" + "k" * 200: "absent"}}, "source", {"a": rule()})
    assert "\x1b" not in finding.message
    assert len(finding.message) < 150


@pytest.mark.parametrize(
    ("value", "compare", "kind"), [(5, "text", "number"), ("x", "exact", "text"), ("x", "date", "date")]
)
def test_the_kind_of_value_is_named(value: Any, compare: Kind, kind: str) -> None:
    (finding,) = ungrounded({"a": value}, "source", {"a": rule(compare)})
    assert finding.message == f"'a' has a {kind} that the source does not state"


def test_a_source_of_megabytes_is_searched_in_linear_time() -> None:
    source = ("some goods of the invoice, 3 pieces at 12.50 EUR on 03.04.2026 each\n" * 80_000)[:5_000_000]
    with bounded_work(120):
        statements = Statements(source)
        assert statements.hold("goods of the invoice", Compare.TEXT)
        assert statements.hold(12.5, Compare.MONEY)
        assert statements.hold("2026-04-03", Compare.DATE)
        assert not statements.hold("absent", Compare.TEXT)


def candidate(value: Any, source: str) -> Candidate:
    return Candidate((), source, Completion(""), "", value, value)


RULES = {"a": rule(), "b": rule(), "s": rule(ground="soft")}
NO_METER: Meter = None  # type: ignore[assignment]


@pytest.mark.anyio
@pytest.mark.parametrize("padding", ["", "x " * 60_000])
async def test_a_literal_finding_rejects_and_a_soft_one_is_passed_on(padding: str) -> None:
    check = GroundedCheck(RULES)
    good = await check.check(candidate({"a": "here"}, f"{padding} here"), NO_METER)
    soft = await check.check(candidate({"a": "here", "s": "gone"}, f"{padding} here"), NO_METER)
    bad = await check.check(candidate({"a": "gone", "b": "gone"}, f"{padding} here"), NO_METER)
    assert (good.check, good.ruling, good.details) == ("grounded", Ruling.ACCEPTED, {})
    assert (soft.ruling, soft.details) == (
        Ruling.ACCEPTED,
        {"not_found": [{"path": "s", "value": "gone"}]},
    )
    assert (bad.ruling, bad.reason) == (Ruling.REJECTED, Reason.UNGROUNDED)
    assert bad.message == "'a' has a text that the source does not state (and 1 more)"
