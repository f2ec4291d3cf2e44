"""The crude and the careful extractor: on the practice documents, and on documents nobody has seen."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qualityroute.practice import TASKS, Document, documents, schema_path
from qualityroute.practice.careful import careful_answer
from qualityroute.practice.crude import crude_answer
from qualityroute.practice.prompts import Prompt

CRUDE_WRONG = {"invoice": (0.20, 0.35), "receipt": (0.10, 0.25), "triage": (0.10, 0.25), "contract": (0.75, 0.95)}
"""The share of documents each task is wanted to have beyond the crude extractor."""


def schema_of(task: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(schema_path(task).read_text(encoding="utf-8"))
    return schema


def rounded(value: Any) -> Any:
    """Numbers to the cent, text without its case and spacing: what counts as the same answer."""
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    if isinstance(value, bool) or value is None:
        return value
    return " ".join(value.split()).casefold() if isinstance(value, str) else round(float(value), 2)


def is_right(answer: str, document: Document) -> bool:
    try:
        return bool(rounded(json.loads(answer)) == rounded(document.expected))
    except ValueError:
        return False


def careful(text: str, properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": list(properties), "properties": properties}
    answer: dict[str, Any] = json.loads(careful_answer(Prompt("", schema, text)))
    return answer


def test_there_are_enough_documents_in_enough_sessions() -> None:
    everything = documents()
    sizes = Counter(document.session for document in everything)
    assert len(everything) >= 64
    assert len(sizes) >= 16
    assert len({document.id for document in everything}) == len(everything)
    assert sum(size > 1 for size in sizes.values()) >= 12


def test_an_unknown_task_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no practice task 'invioce'; there are: invoice, receipt"):
        documents("invioce")


@pytest.mark.parametrize("task", TASKS)
def test_every_expected_answer_follows_its_schema(task: str) -> None:
    schema = schema_of(task)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert [document.id for document in documents(task) if not validator.is_valid(document.expected)] == []


def test_the_careful_extractor_is_right_on_nearly_all_practice_documents() -> None:
    answers = [(one, careful_answer(Prompt("", schema_of(one.task), one.input))) for one in documents()]
    right = [is_right(answer, document) for document, answer in answers]
    assert sum(right) / len(right) >= 0.95


@pytest.mark.parametrize("task", TASKS)
def test_the_crude_extractor_is_wrong_as_often_as_the_task_is_hard(task: str) -> None:
    schema = schema_of(task)
    wrong = [not is_right(crude_answer(Prompt("", schema, one.input)), one) for one in documents(task)]
    lowest, highest = CRUDE_WRONG[task]
    assert lowest <= sum(wrong) / len(wrong) <= highest


def test_some_crude_failures_are_failures_of_form() -> None:
    schema = schema_of("invoice")
    answers = [crude_answer(Prompt("", schema, one.input)) for one in documents("invoice")]
    assert any(answer.startswith("I could not find") for answer in answers)


def test_the_crude_extractor_gives_text_where_it_cannot_read_the_number() -> None:
    schema = {"type": "object", "required": ["total"], "properties": {"total": {"type": "number"}}}
    assert json.loads(crude_answer(Prompt("", schema, "Total: 1.234,00 EUR"))) == {"total": "1.234,00 EUR"}


amounts = st.decimals(min_value=Decimal("0.01"), max_value=Decimal("999999.99"), places=2)
days = st.dates(min_value=date(2001, 1, 1), max_value=date(2079, 12, 31))


@given(total=amounts, net=amounts, issued=days, due=days, number=st.integers(100, 999_999), european=st.booleans())
@settings(max_examples=60, deadline=None)
def test_an_invoice_nobody_has_seen_is_read_right(
    total: Decimal, net: Decimal, issued: date, due: date, number: int, european: bool
) -> None:
    def written(amount: Decimal) -> str:
        text = f"{amount:,.2f}"
        return text.translate(str.maketrans(",.", ".,")) if european else text

    form = "%d.%m.%Y" if european else "%d %B %Y"
    text = (
        f"Zephyr Looms Ltd\n9 Shed Row\n\nINVOICE\nInvoice number: ZL-{number}\nInvoice date: {issued.strftime(form)}\n"
        f"Due date: {due.strftime(form)}\n\nSubtotal  EUR {written(net)}\nTotal due  EUR {written(total)}\n"
    )
    answer = json.loads(careful_answer(Prompt("", schema_of("invoice"), text)))
    assert Decimal(str(answer["total"])) == total
    assert answer["issue_date"] == issued.isoformat()
    assert answer["due_date"] == due.isoformat()
    assert answer["invoice_number"] == f"ZL-{number}"
    assert (answer["vendor"], answer["currency"]) == ("Zephyr Looms Ltd", "EUR")


@given(prices=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 90_000)), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_lines_nobody_has_seen_are_all_read(prices: list[tuple[int, int]]) -> None:
    names = [f"Article {letter}" for letter in "abcdef"]
    rows = [(name, count, Decimal(cents) / 100) for name, (count, cents) in zip(names, prices, strict=False)]
    table = "\n".join(f"{name}    {count}    {price:.2f}    {count * price:.2f}" for name, count, price in rows)
    text = f"Zephyr Looms Ltd\nInvoice number: ZL-1\n\nItem    Qty    Price    Amount\n{table}\n\nTotal   EUR 1.00\n"
    found = json.loads(careful_answer(Prompt("", schema_of("invoice"), text)))["lines"]
    assert [(one["description"], one["quantity"]) for one in found] == [(name, count) for name, count, _ in rows]
    assert [round(one["amount"], 2) for one in found] == [float(count * price) for _, count, price in rows]


@given(text=st.text(max_size=400), task=st.sampled_from(TASKS))
@settings(max_examples=80, deadline=None)
def test_no_text_makes_an_extractor_fall_over(text: str, task: str) -> None:
    prompt = Prompt("", schema_of(task), text)
    assert set(json.loads(careful_answer(prompt))) == set(schema_of(task)["properties"])
    assert crude_answer(prompt)


@pytest.mark.parametrize(
    ("text", "name", "schema", "expected"),
    [
        ("Total: one thousand two hundred and five euros and forty cents", "total", {"type": "number"}, 1205.4),
        ("Total 1O4.5O EUR", "total", {"type": "number"}, 104.5),
        ("Subtotal 80.00\nTotal 96.00", "total", {"type": "number"}, 96),
        ("Total\n96.00", "total", {"type": "number"}, 96),
        ("Deposit: GBP 150.00\nTotal: GBP 900.00", "deposit", {"type": "number"}, 150),
        ("Membership no. M-4471\nTotal 3.00", "membershipNumber", {"type": "string"}, "M-4471"),
        ("Date: 03/04/2026\nPaid: $5.00", "date", {"type": "string", "format": "date"}, "2026-03-04"),
        ("Date: 03/04/2026\nPaid: £5.00", "date", {"type": "string", "format": "date"}, "2026-04-03"),
        ("Colour: dark green", "colour", {"type": "string"}, "dark green"),
        ("Colour unknown to us", "size", {"type": ["string", "null"]}, None),
        ("The pet may be kept: no pets allowed.", "pets_allowed", {"type": "boolean"}, False),
        ("Warranty period: two years", "warranty_months", {"type": "integer"}, 24),
        ("I love it, excellent work!", "mood", {"enum": ["positive", "negative"]}, "positive"),
        ("Total 5.00", "total", {"anyOf": [{"type": "number"}, {"type": "null"}]}, 5),
    ],
)
def test_a_schema_nobody_has_seen_is_filled_from_names_and_types(
    text: str, name: str, schema: dict[str, Any], expected: Any
) -> None:
    assert careful(text, {name: schema}) == {name: expected}


def test_nested_records_references_and_summaries_are_filled() -> None:
    schema = {
        "type": "object",
        "$defs": {
            "Money": {"type": "object", "properties": {"total": {"type": "number"}, "currency": {"type": "string"}}}
        },
        "required": ["payment", "summary"],
        "properties": {"payment": {"$ref": "#/$defs/Money"}, "summary": {"type": "string"}},
    }
    text = "We sent you the blue boat today. Total: CHF 70.00"
    answer = json.loads(careful_answer(Prompt("", schema, text)))
    assert answer["payment"] == {"total": 70, "currency": "CHF"}
    assert answer["summary"].startswith("We sent you the blue boat today.")
