"""Two structured answers: order, nothing and ways of writing do not matter; every other change is seen."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from conftest import bounded_work
from hypothesis import assume, example, given
from hypothesis import strategies as st

from qualityroute.comparison import Compare, Comparison, compare_answers, equal, says_the_same
from qualityroute.comparison.assignment import cheapest_assignment
from qualityroute.rubrics import FieldRule

WRITTEN = [
    *("", " ", "a", "A ", "b", "true", "null", "5", "5.0", "5,00", "5 EUR", "€5", "5 USD", "-5", "1,234", "1.234"),
    *("2026-04-03", "03/04/2026", "04/03/2026", "3 April 2026", "4 March 2026", "2026-03-04", "March"),
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 5),
    st.sampled_from([0.5, 5.0, 1.234, 1234.0]),
    st.sampled_from(WRITTEN),
    st.text(max_size=5),
)
KEYS = st.sampled_from(["a", "b", "c"])
ANSWERS = st.recursive(
    SCALARS,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(KEYS, inside, max_size=3),
    max_leaves=14,
)
RULE = st.builds(FieldRule, compare=st.sampled_from(list(map(str, Compare))), critical=st.booleans())
RULES = st.dictionaries(st.sampled_from(["", "a", "b", "c", "a.b", "b.a", "a.b.c"]), RULE, max_size=4)

INVOICE_RULES = {
    "issued": FieldRule(compare="date"),
    "total": FieldRule(compare="money", critical=True),
    "lines.amount": FieldRule(compare="money"),
    "lines.count": FieldRule(compare="number"),
}
DAYS = st.dates(min_value=date(1970, 1, 1), max_value=date(2069, 12, 31))
SUMS = st.decimals(min_value=0, max_value=9_999_999, places=2)
LINES = st.fixed_dictionaries(
    {"name": st.sampled_from(["Blue paint", "Brush", "rope"]), "count": st.integers(0, 9999), "amount": SUMS}
)
INVOICES = st.fixed_dictionaries(
    {"issued": DAYS, "total": SUMS, "paid": st.booleans(), "lines": st.lists(LINES, max_size=4)}
)


def _plain(invoice: Mapping[str, Any]) -> dict[str, Any]:
    lines = [{**line, "amount": f"{line['amount']:.2f}"} for line in invoice["lines"]]
    return {**invoice, "issued": invoice["issued"].isoformat(), "total": f"{invoice['total']:.2f}", "lines": lines}


def _noisy(invoice: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    lines = [_shuffled_keys(_noisy_line(line, chance), chance) for line in invoice["lines"]]
    chance.shuffle(lines)
    issued, total = _noisy_day(invoice["issued"], chance), _noisy_sum(invoice["total"], chance)
    return _shuffled_keys({**invoice, "issued": issued, "total": total, "lines": lines, "note": None}, chance)


def _noisy_line(line: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    name = chance.choice([line["name"].upper(), f"  {line['name'].replace(' ', '   ')}\n", line["name"]])
    count = chance.choice([line["count"], float(line["count"]), str(line["count"]), f"{line['count']:,}.0"])
    return {"name": name, "count": count, "amount": _noisy_sum(line["amount"], chance)}


def _noisy_day(day: date, chance: random.Random) -> str:
    form = chance.choice(["%d %B %Y", "%B %d, %Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d", "%d/%m/%Y", "%d-%b-%Y"])
    return day.strftime(form)


def _noisy_sum(amount: Decimal, chance: random.Random) -> object:
    grouped = f"{amount:,.2f}"
    german = grouped.replace(",", "t").replace(".", ",").replace("t", ".")
    return chance.choice([grouped, german, f"{german} €", f"EUR {grouped}", float(amount), grouped.replace(",", "'")])


def _shuffled_keys(value: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    return dict(chance.sample(list(value.items()), len(value)))


def _reordered(value: Any, chance: random.Random) -> Any:
    match value:
        case dict():
            return {key: _reordered(item, chance) for key, item in _shuffled_keys(value, chance).items()}
        case list():
            return [_reordered(item, chance) for item in chance.sample(value, len(value))]
        case _:
            return value


def _facts(comparison: Comparison) -> tuple[float, int, int, bool]:
    critical = sum(difference.critical for difference in comparison.differences)
    return (comparison.agreement, len(comparison.differences), critical, comparison.equal)


def _texts(left: Any, right: Any, rules: Mapping[str, FieldRule] | None = None) -> list[str]:
    return [difference.text for difference in compare_answers(left, right, rules or {}).differences]


@given(ANSWERS, RULES)
def test_an_answer_equals_itself(answer: Any, rules: dict[str, FieldRule]) -> None:
    assert compare_answers(answer, answer, rules) == Comparison(1.0, ())


@given(ANSWERS, ANSWERS, RULES)
@example([{"a": 3}, {"b": 2}], [{"b": 3}, {"b": 1}], {})  # either b may be the other's partner
def test_the_other_direction_gives_the_same_differences_with_their_sides_swapped(
    left: Any, right: Any, rules: dict[str, FieldRule]
) -> None:
    there, back = compare_answers(left, right, rules), compare_answers(right, left, rules)
    assert _facts(there) == _facts(back)
    assert Counter(repr((d.left, d.right, d.compare, d.critical)) for d in there.differences) == Counter(
        repr((d.right, d.left, d.compare, d.critical)) for d in back.differences
    )


@given(ANSWERS, ANSWERS, RULES, st.randoms(use_true_random=False))
def test_the_order_of_items_and_keys_changes_nothing(
    left: Any, right: Any, rules: dict[str, FieldRule], chance: random.Random
) -> None:
    reordered = compare_answers(_reordered(left, chance), _reordered(right, chance), rules)
    assert _facts(reordered) == _facts(compare_answers(left, right, rules))


@given(ANSWERS, RULES, st.randoms(use_true_random=False))
def test_an_answer_equals_itself_in_another_order(
    answer: Any, rules: dict[str, FieldRule], chance: random.Random
) -> None:
    assert compare_answers(answer, _reordered(answer, chance), rules).equal


@given(ANSWERS, ANSWERS, RULES)
def test_agreement_is_a_share_and_whole_only_without_differences(
    left: Any, right: Any, rules: dict[str, FieldRule]
) -> None:
    comparison = compare_answers(left, right, rules)
    assert 0 <= comparison.agreement <= 1
    assert (comparison.agreement == 1) == comparison.equal == (comparison.differences == ())
    assert comparison.critical <= (comparison.agreement == 0)


@given(ANSWERS, ANSWERS, RULES)
def test_every_difference_is_one_short_line_that_a_terminal_shows_as_it_is(
    left: Any, right: Any, rules: dict[str, FieldRule]
) -> None:
    for text in _texts(left, right, rules):
        assert text.isprintable() and len(text) < 200


@given(INVOICES, st.randoms(use_true_random=False))
def test_ways_of_writing_change_nothing(invoice: dict[str, Any], chance: random.Random) -> None:
    assert _texts(_plain(invoice), _noisy(invoice, chance), INVOICE_RULES) == []


@given(INVOICES, st.randoms(use_true_random=False), st.integers(1, 9))
def test_a_changed_digit_is_seen(invoice: dict[str, Any], chance: random.Random, shift: int) -> None:
    plain = _plain(invoice)
    lines = [*plain["lines"], {"name": "rope", "count": 1, "amount": "10.00"}]
    plain["lines"], changed = lines, {**plain, "lines": [dict(line) for line in lines]}
    holder, key = chance.choice([(changed, "issued"), (changed, "total"), (line := changed["lines"][-1], "count")])
    if holder is line:
        holder, key = chance.choice(changed["lines"]), chance.choice(["count", "amount"])
    holder[key] = _with_another_digit(holder[key], chance, shift)
    comparison = compare_answers(plain, _reordered(changed, chance), INVOICE_RULES)
    assert [(d.critical) for d in comparison.differences] == [key == "total"]
    assert comparison.agreement < 1


def _with_another_digit(value: Any, chance: random.Random, shift: int) -> Any:
    written = str(value)
    position = chance.choice([at for at, character in enumerate(written) if character.isdigit()])
    digit = str((int(written[position]) + shift) % 10)
    return type(value)(written[:position] + digit + written[position + 1 :])


@given(st.lists(ANSWERS, max_size=5), ANSWERS, st.integers(0, 5), RULES)
def test_one_more_item_is_seen(items: list[Any], item: Any, position: int, rules: dict[str, FieldRule]) -> None:
    longer = [*items[:position], item, *items[position:]]
    assert not compare_answers({"a": items, "b": 1}, {"a": longer, "b": 1}, rules).equal


@given(SCALARS, SCALARS, st.sampled_from(Compare))
def test_two_values_are_equal_where_the_leaf_test_says_so(left: Any, right: Any, compare: Compare) -> None:
    assume(all(value is not None and str(value).strip() for value in (left, right)))
    rules = {"v": FieldRule(compare=compare.value)}
    expected = equal(left, right, compare)
    assert compare_answers({"v": left}, {"v": right}, rules).equal == expected
    assert compare_answers({"v": [left]}, {"v": [right]}, rules).equal == expected
    assert compare_answers({"v": [{"w": left}]}, {"v": [{"w": right}]}, rules).equal == expected


FLAT = st.dictionaries(KEYS, st.integers(0, 2) | st.sampled_from(["x", "y"]), max_size=3)


@given(st.lists(FLAT, max_size=4), st.lists(FLAT, max_size=4), st.dictionaries(KEYS, RULE, max_size=2))
def test_items_are_paired_with_the_fewest_critical_differences_and_then_the_fewest(
    left: list[Any], right: list[Any], rules: dict[str, FieldRule]
) -> None:
    agreement, different, critical, _ = _facts(compare_answers(left, right, rules))
    assert min(_every_pairing(left, right, rules)) == (critical, different, -agreement)


def _every_pairing(left: list[Any], right: list[Any], rules: dict[str, FieldRule]) -> Iterator[tuple[int, int, float]]:
    width = max(len(left), len(right))
    # A partner that is not there differs in every leaf, and an item that says nothing in the place it takes.
    left, right = [[*items, *[None] * (width - len(items))] for items in (left, right)]
    for order in itertools.permutations(right):
        critical = different = same = 0
        for one, other in zip(left, order, strict=True):
            found = compare_answers(one, other, rules).differences
            leaves = len({*(one or {}), *(other or {})})
            critical += sum(difference.critical for difference in found)
            different += len(found) or (not leaves and (one is None) != (other is None))
            same += leaves - len(found) if leaves else one == other
        yield critical, different, -(0.0 if critical else same / (same + different or 1) if same or different else 1.0)


@given(
    st.integers(1, 5).flatmap(
        lambda rows: st.integers(rows, 6).flatmap(
            lambda columns: st.lists(
                st.lists(st.integers(-9, 9), min_size=columns, max_size=columns), min_size=rows, max_size=rows
            )
        )
    )
)
def test_no_assignment_is_cheaper(costs: list[list[int]]) -> None:
    chosen = cheapest_assignment(costs)
    every = itertools.permutations(range(len(costs[0])), len(costs))
    assert len(set(chosen)) == len(costs)
    assert _cost(costs, chosen) == min(_cost(costs, columns) for columns in every)


def _cost(costs: list[list[int]], columns: Any) -> int:
    return sum(row[column] for row, column in zip(costs, columns, strict=True))


def test_nothing_to_assign_is_assigned() -> None:
    assert cheapest_assignment([]) == []


@pytest.mark.parametrize("left", [{}, {"a": None}, {"a": ""}, {"a": "  "}, {"a": []}, {"a": {"b": None}}, None])
@pytest.mark.parametrize("right", [{}, {"a": None}, {"a": {}}])
def test_null_missing_blank_and_empty_all_say_nothing(left: Any, right: Any) -> None:
    assert compare_answers(left, right, {"a": FieldRule(critical=True)}) == Comparison(1.0, ())


def test_a_blank_text_says_something_where_exactness_is_asked_for() -> None:
    rules = {"a": FieldRule(compare="exact")}
    assert _texts({"a": " "}, {}, rules) == ['a: " " against nothing (exact)']
    assert _texts({"a": ""}, {}, rules) == []


def test_what_only_one_answer_says_differs() -> None:
    assert _texts({"a": 1}, {"a": 1, "b": {"c": "x", "d": 0}}) == [
        'b.c: nothing against "x" (text)',
        "b.d: nothing against 0 (number)",
    ]
    assert _texts({"a": False}, {}) == ["a: false against nothing (text)"]
    assert _texts([1], [1, None]) == ["[1]: an empty item that only one answer has (text)"]
    assert _texts([1], [1, " "]) == ['[1]: nothing against " " (text)']
    assert _texts([None], [{"a": 1}]) == ["[0].a: nothing against 1 (number)"]
    assert _texts(1, {"a": 2}) == ["the answer: 1 against nothing (number)", "a: nothing against 2 (number)"]
    assert _texts({"a": [1]}, {"a": {"b": 1}}) == [
        "a[0]: 1 against nothing (number)",
        "a.b: nothing against 1 (number)",
    ]


@pytest.mark.parametrize("empty", [None, "", {}, {"a": None}, []])
def test_an_empty_item_too_many_is_critical_where_its_array_is(empty: Any) -> None:
    rules = {"lines": FieldRule(critical=True)}
    assert compare_answers({"lines": [1]}, {"lines": [1, empty]}, rules).critical
    assert not compare_answers({"lines": [1]}, {"lines": [1, empty]}, {}).critical


def test_true_is_neither_one_nor_a_text() -> None:
    assert _texts({"a": True}, {"a": 1}) == ["a: true against 1 (number)"]
    assert _texts({"a": True}, {"a": "true"}) == ['a: true against "true" (text)']


@pytest.mark.parametrize(("compare", "same"), [("number", True), ("money", True), ("text", True), ("exact", False)])
def test_a_number_equals_its_text_unless_exactness_is_asked_for(compare: Any, same: bool) -> None:
    rules = {"a": FieldRule(compare=compare)}
    assert compare_answers({"a": 1234.5}, {"a": "1,234.50" if compare != "exact" else "1234.5"}, rules).equal == same


def test_agreement_is_the_share_of_equal_leaves_and_none_when_a_critical_one_differs() -> None:
    left, right = {"a": 1, "b": 2, "c": 3, "d": None}, {"a": 1, "b": 2, "c": 4, "e": "x"}
    assert compare_answers(left, right, {}).agreement == 0.5
    comparison = compare_answers(left, right, {"c": FieldRule(critical=True)})
    assert (comparison.agreement, comparison.critical) == (0.0, True)
    assert [(d.path, d.critical) for d in comparison.differences] == [("c", True), ("e", False)]
    assert not compare_answers(left, right, {"a": FieldRule(critical=True)}).critical
    alike = compare_answers(
        {"a": "5", "b": 1}, {"a": "5 EUR", "b": 2}, {"a": FieldRule(compare="money", critical=True)}
    )
    assert (alike.agreement, alike.critical) == (0.5, False)


def test_a_rule_covers_what_is_in_it_unless_a_nearer_one_exists() -> None:
    rules = {"lines": FieldRule(compare="exact", critical=True), "lines.amount": FieldRule(compare="money")}
    left = {"lines": [{"name": "Rope", "amount": "5 EUR"}]}
    assert _texts(left, {"lines": [{"name": "rope", "amount": 5}]}, rules) == [
        'lines[0].name: "Rope" against "rope" (exact, critical)'
    ]
    assert _texts(left, {"lines": [{"name": "Rope", "amount": 6}]}, rules) == [
        'lines[0].amount: "5 EUR" against 6 (money)'
    ]


def test_a_critical_leaf_decides_which_items_belong_together() -> None:
    rules = {"id": FieldRule(critical=True)}
    left, right = [{"id": 1, "a": "x", "b": "y"}, {"id": 2}], [{"id": 2, "a": "x", "b": "y"}, {"id": 1}]
    assert compare_answers(left, right, rules).agreement == pytest.approx(2 / 6)
    assert compare_answers(left, right, {}).agreement == pytest.approx(2 / 4)


def test_where_as_many_leaves_differ_the_items_with_more_equal_ones_belong_together() -> None:
    # With either one four leaves differ: three of their own, or all that it has and all of the other.
    comparison = compare_answers([{"a": 1, "b": 1, "c": 1}], [{"a": 2, "b": 2}, {"a": 1}], {})
    assert (len(comparison.differences), comparison.agreement) == (4, 1 / 5)


def test_an_item_without_a_partner_has_critical_leaves_too() -> None:
    rules = {key: FieldRule(critical=True) for key in ("id", "k", "c", "d", "e")}
    comparison = compare_answers([{"id": 1, "k": 1}], [{"x": 1}, {"id": 1, "c": 1, "d": 1, "e": 1}], rules)
    assert sum(difference.critical for difference in comparison.differences) == 4


def test_items_keep_the_positions_of_the_left_answer() -> None:
    left, right = [{"a": 1, "b": 1}, {"a": 2, "b": 2}], [{"a": 2, "b": 3}, {"a": 1, "b": 1}]
    assert _texts(left, right) == ["[1].b: 2 against 3 (number)"]
    assert _texts(right, left) == ["[0].b: 3 against 2 (number)"]


def test_money_of_no_currency_finds_the_item_it_can_equal() -> None:
    rules = {"": FieldRule(compare="money")}
    assert compare_answers({"": ["5 USD", "5 EUR"]}, {"": ["5 EUR", "5"]}, rules).equal
    assert compare_answers({"": ["5", "5 EUR", "6"]}, {"": ["5 USD", "6", "5 EUR"]}, rules).equal
    assert compare_answers({"": ["6 USD", "5 USD"]}, {"": ["5", "6"]}, rules).equal
    assert len(compare_answers({"": ["5", "5 GBP"]}, {"": ["5 USD", "5 EUR"]}, rules).differences) == 1
    assert len(compare_answers({"": ["5 GBP", "5"]}, {"": ["5 USD"]}, rules).differences) == 1


def test_a_date_of_two_readings_finds_the_item_it_can_mean() -> None:
    rules = {"": FieldRule(compare="date")}
    for meant in ("4 March 2026", "3 April 2026"):
        left, right = ["5 May 2026", "03/04/2026", "2026-07-01"], ["6 May 2026", "July 1st, 2026", meant]
        comparison = compare_answers({"": left}, {"": right}, rules)
        assert [(difference.left, difference.right) for difference in comparison.differences] == [(left[0], right[0])]


@pytest.mark.parametrize("rules", [{"a": FieldRule(critical=True), "b": FieldRule()}, {"b": FieldRule()}, {}])
def test_answers_say_the_same_where_critical_leaves_do_or_every_leaf_where_none_is_critical(
    rules: dict[str, FieldRule],
) -> None:
    def same(left: Any, right: Any) -> bool:
        return says_the_same(compare_answers(left, right, rules), rules)

    assert same({"a": 1, "b": 2}, {"a": 1, "b": "2.0"})
    assert same({"a": 1, "b": 2}, {"a": 1, "b": 3}) == ("a" in rules)
    assert not same({"a": 1, "b": 2}, {"a": 2, "b": 2})


def test_a_difference_shows_values_as_they_are_written() -> None:
    assert _texts({"a": "Zoë"}, {"a": Decimal("1.50")}) == ['a: "Zoë" against "1.50" (number)']
    fits, too_long = "x" * 38, "y" * 39
    assert _texts({"a": fits}, {"a": too_long}) == [f'a: "{fits}" against "{too_long[1:]}… (text)']


def test_a_difference_shows_short_values_and_no_hidden_characters() -> None:
    (text,) = _texts({"a\u202e": "x\x1b[31m\u200b\x7f"}, {"a\u202e": "y" * 500})
    assert text == f'a\\u202e: "x\\u001b[31m\\u200b\\u007f" against "{"y" * 38}… (text)'


def test_a_row_with_another_amount_is_one_difference_of_its_leaf() -> None:
    left = {"lines": [{"name": "rope", "amount": "12.50"}, {"name": "paint", "amount": "3"}]}
    right = {"lines": [{"name": "Paint", "amount": 3}, {"name": "Rope", "amount": 13}]}
    rules = {"lines.amount": FieldRule(compare="money", critical=True)}
    assert _texts(left, right, rules) == ['lines[0].amount: "12.50" against 13 (money, critical)']


def _rows(count: int, seed: int, remark: str = "") -> list[dict[str, Any]]:
    chance = random.Random(seed)
    return [
        {"amount": f"{chance.randrange(10**7) / 100:.2f} EUR", "day": "2026-03-03", "name": f"{row}{remark}"}
        for row in range(count)
    ]


def test_thousands_of_items_find_their_partners_without_trying_all_pairs() -> None:
    rules = {"amount": FieldRule(compare="money"), "day": FieldRule(compare="date")}
    shuffled = _reordered(_rows(2000, 1, " remarked"), random.Random(2))
    with bounded_work():
        comparison = compare_answers(_rows(2000, 1), shuffled, rules)
        assert comparison.agreement == pytest.approx(2 / 3)
        assert compare_answers(_rows(2000, 1), _reordered(_rows(2000, 1), random.Random(3)), rules).equal
        assert not compare_answers(list(range(2000)), list(range(1, 2001)), {}).equal


# Too many rows for trying all pairs of them.
MANY = range(70)


@pytest.mark.parametrize("compare", [Compare.EXACT, Compare.TEXT, Compare.NUMBER, Compare.MONEY])
def test_of_many_items_those_that_share_most_belong_together(compare: Compare) -> None:
    left = [{"a": row, "b": row, "c": row} for row in MANY]
    # Each one shares a leaf with the row before it as well, and stands before its own partner of that.
    right = [{"a": row, "b": row, "c": row - 1} for row in reversed(MANY)]
    rules = {key: FieldRule(compare=compare.value) for key in "abc"}
    differences = compare_answers(left, right, rules).differences
    assert [(difference.path, difference.left, difference.right) for difference in differences] == [
        (f"[{row}].c", row, row - 1) for row in MANY
    ]


def test_of_items_that_share_as_much_the_one_that_comes_first_is_taken() -> None:
    left = [{"a": row, "b": row} for row in MANY]
    right = [{"b": row // 2} if row % 2 else {"a": row // 2} for row in range(2 * len(MANY))]
    there = compare_answers(left, right, {})
    assert [difference.path for difference in there.differences] == [
        *(f"[{row}].b" for row in MANY),
        *(f"[{2 * row + 1}].b" for row in MANY),
    ]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([{"a": "5 USD"}] * 2000, [{"a": "5 EUR"}] * 2000),
        (["5." + "0" * (at % 150) for at in range(2000)], ["5.1" + "0" * (at % 150) for at in range(2000)]),
        ([[[[at] * 12] * 12 for at in range(12)]], [[[[at] * 12] * 12 for at in range(12, 24)]]),
    ],
    ids=["rows all alike", "one number in many forms", "tables in tables"],
)
def test_items_that_are_hard_to_tell_apart_cost_no_more(left: Any, right: Any) -> None:
    with bounded_work():
        assert not compare_answers(left, right, {}).equal


def test_deep_nesting_costs_no_more_at_each_level() -> None:
    left: Any = 1
    right: Any = 2
    for level in range(64):
        left, right = [left, {"level": level}], [right, {"level": level + 1}]
    with bounded_work():
        assert not compare_answers(left, right, {}).equal
