"""Canonical forms: every way of writing a value is the same value, and a different value never is."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest
from conftest import bounded_work
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.comparison import Compare, canonical, equal, readings
from qualityroute.comparison.text import without_mark_floods

amounts = st.decimals(min_value=0, max_value=999_999_999, places=2)
days = st.dates(min_value=date(1970, 1, 1), max_value=date(2069, 12, 31))
MARCH = "2026-03-03"

MONEY_FORMS = {
    "1.234,56 €": (Decimal("1234.56"), "EUR"),
    "EUR 1,234.56": (Decimal("1234.56"), "EUR"),
    "$1 234.56": (Decimal("1234.56"), "USD"),
    "$1\u202f234.56": (Decimal("1234.56"), "USD"),
    "(12.50)": (Decimal("-12.50"), None),
    "12.50-": (Decimal("-12.50"), None),
    "1'234.50 CHF": (Decimal("1234.50"), "CHF"),
    "1\u2019234.50 Fr.": (Decimal("1234.50"), "CHF"),
    "\u22121,234.50": (Decimal("-1234.50"), None),
    "-$12.50": (Decimal("-12.50"), "USD"),
    "$-12.50": (Decimal("-12.50"), "USD"),
    "$ (12.50)": (Decimal("-12.50"), "USD"),
    "(12.50 €)": (Decimal("-12.50"), "EUR"),
    "12.- CHF": (Decimal("12"), "CHF"),
    "12,\u2013 €": (Decimal("12"), "EUR"),
    "₹1,23,456.78": (Decimal("123456.78"), "INR"),
    "US$ 5": (Decimal("5"), "USD"),
    "EUR12.50": (Decimal("12.50"), "EUR"),
    "£.50": (Decimal("0.50"), "GBP"),
    "1.234 €": (Decimal("1234"), "EUR"),
    "0.125 €": (Decimal("0.125"), "EUR"),
    "¥ 1,234,567": (Decimal("1234567"), "JPY"),
    "5 zł": (Decimal("5"), "PLN"),
    "\uff11\uff12\uff0e\uff15\uff10": (Decimal("12.50"), None),
    "\u0663\u066b\u0665": (Decimal("3.5"), None),
    "EUR 5 USD": (Decimal("5"), None),
}

DATE_FORMS = [
    "2026-03-03",
    "2026/3/3",
    "2026-03-03T10:00:00Z",
    "20260303",
    "3 March 2026",
    "3rd of March, 2026",
    "March 3rd, 2026",
    "Tuesday, March 3, 2026",
    "Mar. 3, 26",
    "3-Mar-2026",
    "03MAR2026",
    "2026-Mar-03",
    "3.3.26",
    "03.03.2026",
    "03/03/2026",
    "3. März 2026",
    "3 mars 2026",
    "3 de marzo de 2026",
    "3 marzo '26",
    "3 de março de 2026",
    "3 maart 2026",
    "2026年3月3日",
    "2026년 3월 3일",
]


def _grouped(amount: Decimal, thousands: str, point: str) -> str:
    return f"{amount:,.2f}".replace(",", "t").replace(".", point).replace("t", thousands)


@pytest.mark.parametrize(("written", "meant"), MONEY_FORMS.items())
def test_a_sum_of_money_is_read_in_each_of_its_forms(written: str, meant: tuple[Decimal, str | None]) -> None:
    assert canonical(written, Compare.MONEY) == meant


@given(
    amounts,
    st.sampled_from(
        [(",", "."), (".", ","), (" ", ","), (" ", "."), ("'", "."), ("\u00a0", ","), ("", "."), ("", ",")]
    ),
    st.sampled_from(["{} €", "€{}", "EUR {}", "{}EUR", "{} Euro"]),
    st.sampled_from([("{}", 1), ("-{}", -1), ("\u2212{}", -1), ("({})", -1), ("{}-", -1)]),
    st.booleans(),
)
def test_a_formatted_amount_is_read_back(
    amount: Decimal, signs: tuple[str, str], layout: str, sign: tuple[str, int], sign_outside: bool
) -> None:
    number = _grouped(amount, *signs)
    written = sign[0].format(layout.format(number)) if sign_outside else layout.format(sign[0].format(number))
    meant = (amount * sign[1], "EUR")
    assert canonical(written, Compare.MONEY) == meant
    assert canonical(written, Compare.NUMBER) == amount * sign[1]
    assert meant in readings(f"Total: {written} due\n1 x", Compare.MONEY)


@given(st.integers(0, 10**12), st.sampled_from([",", ".", " ", "'"]))
def test_a_grouped_whole_number_is_among_the_readings(number: int, separator: str) -> None:
    written = f"{number:,}".replace(",", separator)
    assert Decimal(number) in readings(f"about {written} pieces", Compare.NUMBER)


@pytest.mark.parametrize("value", [12, 12.0, "12", "12.0", "12,00", "1.2e1", Decimal("1.2E+1"), " +12 "])
def test_a_number_has_no_exponent_noise(value: object) -> None:
    assert canonical(value, Compare.NUMBER) == Decimal(12)
    assert hash(canonical(value, Compare.NUMBER)) == hash(Decimal(12))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_the_number_that_was_written(number: float) -> None:
    assert canonical(number, Compare.NUMBER) == Decimal(repr(number))
    assert canonical(repr(number), Compare.NUMBER) == Decimal(repr(number))


def test_one_dot_is_a_point_in_a_number_and_a_thousand_in_money() -> None:
    assert canonical("1.234", Compare.NUMBER) == Decimal("1.234")
    assert canonical("1,234", Compare.NUMBER) == Decimal(1234)
    assert canonical("Fr. 1,234", Compare.NUMBER) == Decimal(1234)
    assert canonical("1.234", Compare.MONEY) == (Decimal(1234), None)
    assert readings("1.234", Compare.NUMBER) == {Decimal(1234), Decimal("1.234")}


def test_columns_of_numbers_are_read_apart_and_together() -> None:
    assert {Decimal(3), Decimal(100), Decimal(3100)} <= readings("Cable 3 100.00", Compare.NUMBER)
    assert Decimal(3100) not in readings("Cable 3\n100.00", Compare.NUMBER)
    assert Decimal(12500) in readings("12 500 300,00", Compare.NUMBER)


def test_lists_and_dates_are_read_as_their_parts() -> None:
    assert readings("1,2,3 and 4.5.2026", Compare.NUMBER) == {Decimal(n) for n in (1, 2, 3, 4, 5, 2026)}
    assert readings("1,2e5", Compare.NUMBER) == {Decimal(n) for n in (1, 2, 5)}
    assert readings("1.2.345,6", Compare.NUMBER) == {Decimal(n) for n in (1, 2, 345, 6)}
    assert readings("12'34 1,234,56", Compare.NUMBER) == {Decimal(n) for n in (12, 34, 1, 234, 56)}


@pytest.mark.parametrize(
    ("written", "meant"),
    [("1,234,567", "1234567"), ("12,34,567", "1234567"), ("1,23,456.7", "123456.7"), ("1234,567", "1234.567")],
)
def test_digits_are_grouped_in_threes_or_as_in_india(written: str, meant: str) -> None:
    assert canonical(written, Compare.NUMBER) == Decimal(meant)


@pytest.mark.parametrize("written", ["1,234,56,789", "123,45,678", "1.234'567,89", "1,23,45", "1234.567.890"])
def test_what_is_grouped_in_no_known_way_is_no_one_number(written: str) -> None:
    assert canonical(written, Compare.NUMBER) == written
    assert readings(written, Compare.NUMBER) == {Decimal(part) for part in re.findall("[0-9]+", written)}


def test_one_parenthesis_is_no_minus() -> None:
    assert readings("(12 apples and 13)", Compare.NUMBER) == {Decimal(12), Decimal(13)}
    assert Decimal(-12) in readings("(12) apples", Compare.NUMBER)


def test_a_number_inside_a_word_or_of_too_many_digits_is_none() -> None:
    assert readings("RE2026 x12", Compare.NUMBER) == frozenset()
    assert readings("9" * 60, Compare.NUMBER) == {Decimal("9" * 60)}
    assert readings("9" * 61, Compare.NUMBER) == frozenset()
    assert readings(f"1,2,{'9' * 60},{'9' * 61}", Compare.NUMBER) == {Decimal(1), Decimal(2), Decimal("9" * 60)}
    assert Decimal(20) not in readings("2012", Compare.NUMBER)


def test_a_hyphen_in_a_range_is_no_minus() -> None:
    assert readings("2012-13", Compare.NUMBER) == {Decimal(2012), Decimal(13)}
    assert Decimal(-13) in readings("balance -13", Compare.NUMBER)


def test_money_keeps_the_currency_that_stands_beside_it() -> None:
    assert readings("12 EUR, then $13; 14 fleur", Compare.MONEY) == {
        (Decimal(12), "EUR"),
        (Decimal(13), "USD"),
        (Decimal(14), None),
    }


@pytest.mark.parametrize("written", DATE_FORMS)
def test_a_date_is_read_in_each_of_its_forms(written: str) -> None:
    assert canonical(written, Compare.DATE) == MARCH
    assert readings(f"Date: {written}; 12 pieces", Compare.DATE) == {MARCH}


@given(
    days,
    st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y", "%d %B %Y", "%B %d, %Y", "%b %d %Y", "%d-%b-%y", "%Y%m%d"]),
)
def test_a_formatted_date_is_read_back(day: date, form: str) -> None:
    assert canonical(day.strftime(form), Compare.DATE) == day.isoformat()
    assert readings(f"on {day.strftime(form)} or so", Compare.DATE) == {day.isoformat()}


@given(days)
def test_a_date_with_slashes_has_each_reading_that_exists(day: date) -> None:
    found = readings(day.strftime("%d/%m/%Y"), Compare.DATE)
    assert day.isoformat() in found
    assert len(found) == (1 if day.day > 12 or day.day == day.month else 2)
    assert equal(day.strftime("%d/%m/%Y"), day.strftime("%m/%d/%Y"), Compare.DATE)


def test_an_ambiguous_date_gives_both_readings() -> None:
    assert canonical("03/04/2026", Compare.DATE) == frozenset({"2026-04-03", "2026-03-04"})


def test_a_date_equals_each_date_that_it_can_mean_and_no_other() -> None:
    assert equal("03/04/2026", "3 April 2026", Compare.DATE)
    assert equal("4 March 2026", "03/04/2026", Compare.DATE)
    assert not equal("03/04/2026", "5 April 2026", Compare.DATE)


def test_years_of_two_digits_are_those_from_1970_to_2069() -> None:
    assert canonical("1.1.70", Compare.DATE) == "1970-01-01"
    assert canonical("31.12.69", Compare.DATE) == "2069-12-31"


@pytest.mark.parametrize("written", ["31.02.2026", "March 2026", "2026", "1.2.3", "soon", "2026-13-01", "192.168.1.12"])
def test_what_is_no_date_stays_text(written: str) -> None:
    assert canonical(written, Compare.DATE) == written.casefold()


def test_dates_in_a_row_do_not_hide_each_other() -> None:
    assert {"2026-04-12"} <= readings("1 March 12 April 2026", Compare.DATE)
    assert readings("3\u20135 March 2026", Compare.DATE) == {"2026-03-03", "2026-03-05"}
    assert canonical("1.2.2026 - 3.2.2026", Compare.DATE) == "1.2.2026 - 3.2.2026"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("“Café\u00a0 NOIR”", '"Cafe\u0301 noir"'),
        ("Straße", "STRASSE"),
        ("a\u2013b", "a-b"),
        ("ﬁne", "fine"),
        ("a\u200bb", "ab"),
    ],
)
def test_texts_that_say_the_same_are_equal(first: str, second: str) -> None:
    assert equal(first, second, Compare.TEXT)
    assert not equal(first, second, Compare.EXACT)


@given(st.text(max_size=30))
def test_the_canonical_text_is_its_own(text: str) -> None:
    once = canonical(text, Compare.TEXT)
    assert canonical(once, Compare.TEXT) == once


@pytest.mark.parametrize("mark", ["\u0301", "\u0338", "\u0345", "\uff9e"])
def test_a_letter_keeps_thirty_of_its_marks(mark: str) -> None:
    assert without_mark_floods(f"a{mark * 30}b{mark}") == f"a{mark * 30}b{mark}"
    assert without_mark_floods(f"a{mark * 31}b{mark * 99}") == f"a{mark * 30}b{mark * 30}"


@given(st.text(st.characters(exclude_categories=["M", "Lm"]), max_size=8))
def test_what_carries_no_mark_is_no_flood_however_often_it_comes(text: str) -> None:
    assert without_mark_floods(text * 40) == text * 40


@given(
    st.sampled_from(list(Compare)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
)
def test_every_value_is_hashable_and_equals_itself(compare: Compare, value: object) -> None:
    assert hash(canonical(value, compare)) == hash(canonical(value, compare))
    assert equal(value, value, compare)


def test_true_is_not_one_and_null_is_not_empty() -> None:
    for compare in Compare:
        assert not equal(True, 1, compare)
        assert not equal(None, "", compare)
        assert not equal(None, False, compare)


def test_numbers_equal_their_text_unless_exactness_is_asked_for() -> None:
    assert equal(12, "12.0", Compare.TEXT)
    assert equal(12, 12.0, Compare.EXACT)
    assert not equal(12, "12", Compare.EXACT)
    assert equal(20260303, "3.3.2026", Compare.DATE)


def test_currencies_are_compared_only_when_both_are_stated() -> None:
    assert equal("12.50 €", 12.5, Compare.MONEY)
    assert equal("12.50 €", "EUR 12,50", Compare.MONEY)
    assert not equal("12.50 €", "$12.50", Compare.MONEY)
    assert not equal("12.50 €", "12.51 €", Compare.MONEY)
    assert equal("Free of  Charge", "free of charge", Compare.MONEY)
    assert not equal("free", 0, Compare.MONEY)


def test_lists_keep_their_order_and_objects_do_not() -> None:
    assert equal([{"a": "X", "b": 1}], [{"b": 1, "a": "x"}], Compare.TEXT)
    assert not equal(["a", "b"], ["b", "a"], Compare.TEXT)
    assert not equal({"a": 1}, {"a": 2}, Compare.TEXT)
    assert equal({"a": ["5,00 €"]}, {"a": ["EUR 5.00"]}, Compare.MONEY)
    assert not equal({"a": "Rope"}, {"a": "rope"}, Compare.EXACT)
    assert not equal([], {}, Compare.TEXT)


def test_a_text_has_one_reading_itself() -> None:
    assert readings("A  b", Compare.TEXT) == {"a b"}
    assert readings("A  b", Compare.EXACT) == {"A  b"}


HOSTILE = ["1 ", "123 ", "1.", "$ ", "(", "1e", "3 march ", "2026-", "3 - "]


@pytest.mark.parametrize("compare", [Compare.TEXT, Compare.NUMBER, Compare.MONEY, Compare.DATE])
def test_a_long_hostile_text_is_read_in_linear_time(compare: Compare) -> None:
    for piece in HOSTILE:
        text = (piece * 200_000)[:200_000]
        with bounded_work():
            readings(text, compare)


@pytest.mark.parametrize("compare", [Compare.NUMBER, Compare.MONEY, Compare.DATE])
def test_a_page_is_no_single_value(compare: Compare) -> None:
    assert canonical("1" + " " * 300, compare) == "1"
    assert canonical("3 March 2026" + " " * 300, compare) == "3 march 2026"
