"""Line items: reads the rows of a bill, in columns or in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from qualityroute.practice.amounts import Money, amounts_in
from qualityroute.practice.dates import without_dates
from qualityroute.practice.reading import Row, columns_of, fold, mentions

_SUMMARY_LABELS = (
    "total",
    "subtotal",
    "sub-total",
    "sub total",
    "vat",
    "tax",
    "net",
    "mwst",
    "ust",
    "tva",
    "iva",
    "amount due",
    "balance",
    "gesamtbetrag",
    "zwischensumme",
    "netto",
    "cash",
    "card",
    "visa",
    "mastercard",
    "change",
    "tendered",
    "paid",
    "iban",
    "payment",
    "due",
    "date",
    "page",
    "carried",
    "brought forward",
    "rounding",
    "invoice",
    "customer",
    "points",
    "saved",
    "rechnungsbetrag",
    "summe",
    "gesamt",
    "tel",
    "phone",
    "credit note",
    "bic",
    "account",
    "maestro",
    "amex",
    "apple pay",
    "google pay",
    "paypal",
    "gst",
    "btw",
    "à payer",
    "sales tax",
    "tip suggestion",
    "bar",
    "rate",
    "to pay",
    "savings",
    "gegeben",
    "rückgeld",
    "equivalent",
    "balance due",
    "girocard",
    "checks",
)
_TIMES = re.compile(
    r"^(?P<quantity>\d+(?:[.,]\d+)?)\s?(?:x|\u00d7|hours?|h|days?|pcs|units?|Stk\.?|kg)?\s*(?:x|\u00d7|of)?\s+(?P<name>\D.*?)\s*(?:@|at|à|je)\s*(?P<rest>.+)$",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"^(?P<quantity>\d+(?:[.,]\d+)?)\s?(?:x|\u00d7)\s*(?P<name>\D.*)$", re.IGNORECASE)
_BULLET = re.compile(r"^(?:[-*•]|\(?\d{1,2}[.)])\s+")


def is_summary_line(line: str) -> bool:
    """A total, a tax, a payment: something about the bill that is no line of it."""
    head = fold(_head(line))
    return any(mentions(head, word) for word in ("total", "vat", "mwst", "tva")) or any(
        re.match(rf"\W*{re.escape(label)}(?!\w)", head) for label in _SUMMARY_LABELS
    )


def row_of(line: str) -> Row | None:
    """One line item from one line; `None` when the line is something else."""
    plain = _BULLET.sub("", line)
    if without_dates(plain) != plain or is_summary_line(plain):
        return None
    return _written_row(plain) or _column_row(columns_of(plain))


def is_continuation(line: str) -> bool:
    """More words for the item above: no amounts, no label, no table."""
    return (
        not any(one.looks_like_money for one in amounts_in(line))
        and ":" not in line
        and not is_summary_line(line)
        and len(columns_of(line)) == 1
    )


def looks_like_heading(line: str) -> bool:
    """The head of a table of line items."""
    words = (
        "description",
        "item",
        "qty",
        "quantity",
        "amount",
        "price",
        "menge",
        "bezeichnung",
        "betrag",
        "unit",
        "einzelpreis",
        "désignation",
        "qté",
        "montant",
        "service",
        "hours",
        "rate",
        "article",
        "hrs",
        "artikel",
        "preis",
    )
    return sum(mentions(line, word) for word in words) >= 2 and not amounts_in(line)


def _written_row(line: str) -> Row | None:
    """`2 x Widget @ 5.00 = 10.00`, or `3 hours of advice at 90.00: 270.00`."""
    match = _TIMES.match(line)
    amounts = amounts_in(match["rest"]) if match else []
    if match is None or not amounts:
        return None
    quantity = _quantity(match["quantity"])
    last = amounts[-1].value if len(amounts) > 1 else quantity * amounts[0].value
    return Row(_named(match["name"]), quantity, amounts[0].value, last)


def _column_row(cells: Sequence[str]) -> Row | None:
    """Name first, then numbers: quantity, unit price, amount, as many as there are."""
    start = next(
        (place for place, cell in enumerate(cells) if re.search(r"[^\W\d]{2}", cell) and not _number(cell)), None
    )
    if start is None:
        return None
    numbers = [number for cell in cells[start + 1 :] if (number := _number(cell))]
    leading = [number for cell in cells[:start] if (number := _number(cell))]
    if not numbers or not numbers[-1].looks_like_money:
        return None
    quantity = leading[-1].value if leading and len(cells) > 2 and len(numbers) < 3 else None
    return _row_from(cells[start], quantity, [number.value for number in numbers])


def _row_from(name: str, quantity: Decimal | None, values: Sequence[Decimal]) -> Row:
    counted = _COUNTED.match(name)
    if counted and quantity is None:
        name, quantity = counted["name"], _quantity(counted["quantity"])
    if quantity is None and len(values) >= 3:
        return Row(_named(name), values[-3], values[-2], values[-1])
    if len(values) >= 2:
        return Row(_named(name), *_second(quantity, values))
    each = values[-1] / quantity if quantity else values[-1]
    return Row(_named(name), quantity or Decimal(1), each, values[-1])


def _second(quantity: Decimal | None, values: Sequence[Decimal]) -> tuple[Decimal, Decimal, Decimal]:
    """Two numbers are price and amount, or quantity and amount when that divides better."""
    if quantity is not None:
        return quantity, values[-2], values[-1]
    first, amount = values[-2], values[-1]
    if first and first == first.to_integral_value() and first != amount:
        return first, amount / first, amount
    return Decimal(1) if first == amount or not first else amount / first, first, amount


def _number(cell: str) -> Money | None:
    """The cell's number, when the cell is nothing but a number with its unit."""
    amounts = amounts_in(cell)
    if len(amounts) != 1:
        return None
    around = cell[: amounts[0].start] + cell[amounts[0].end :]
    return (
        amounts[0]
        if re.fullmatch(r"\s*(?:x|\u00d7|h|hrs?|hours?|pcs|Stk\.?|days?|kg|m2|[A-C]|\*)?\.?\s*", around)
        else None
    )


def _quantity(digits: str) -> Decimal:
    return Decimal(digits.replace(",", "."))


def _named(name: str) -> str:
    return name.strip(" .:-\u2013=|…")


def _head(line: str) -> str:
    amounts = amounts_in(line)
    return line[: amounts[0].start] if amounts else line
