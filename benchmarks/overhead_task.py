"""The request that `overhead.py` and its peers make: an invoice to be read into a schema."""

from __future__ import annotations

from typing import Any

from upstream import INVOICE, ITEMS

INSTRUCTIONS = "Extract the invoice's fields as JSON."


def schema_of(value: Any) -> dict[str, Any]:
    """The schema somebody would write for a value such as this."""
    match value:
        case dict():
            properties = {name: schema_of(part) for name, part in value.items()}
            return {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            }
        case list():
            return {"type": "array", "items": schema_of(value[0]), "minItems": 1}
        case bool():
            return {"type": "boolean"}
        case int() | float():
            return {"type": "number", "minimum": 0}
        case _:
            return {"type": ["string", "null"], "maxLength": 200}


def document() -> str:
    """The invoice as its reader sees it."""
    seller, buyer = INVOICE["seller"], INVOICE["buyer"]
    lines = "\n".join(
        f"{code}  {text:<42} {quantity:>3} x {price:>8.2f} = {quantity * price:>8.2f}"
        for code, text, quantity, price in ITEMS
    )
    return (
        f"{seller['name']}, {seller['street']}, {seller['city']}, {seller['tax_id']}\n"
        f"To: {buyer['name']}, {buyer['street']}, {buyer['city']}\n\n"
        f"Invoice {INVOICE['number']} of {INVOICE['date']}, due {INVOICE['due']}\n\n{lines}\n\n"
        f"Net {INVOICE['net']} EUR, tax 19 % {INVOICE['tax']} EUR, total {INVOICE['total']} EUR\n"
        f"IBAN {INVOICE['iban']}\n{INVOICE['note']}\n"
    )
