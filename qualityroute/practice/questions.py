"""What a JSON Schema asks for: each property as a question with a kind, guessed from its name and type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from qualityroute.records import Json

Schema = Mapping[str, Any]


class Kind(Enum):
    AMOUNT = auto()
    QUANTITY = auto()
    DURATION = auto()
    DATE = auto()
    CURRENCY = auto()
    IDENTIFIER = auto()
    PARTY = auto()
    CHOICE = auto()
    FLAG = auto()
    SUMMARY = auto()
    TEXT = auto()
    RECORD = auto()
    RECORDS = auto()
    LIST = auto()


@dataclass(frozen=True, slots=True)
class Question:
    """One property: what to look for, and in which form to give it."""

    name: str
    kind: Kind
    type: str
    """The JSON type wanted, leaving null aside."""
    nullable: bool = False
    required: bool = True
    options: tuple[Json, ...] = ()
    description: str = ""
    parts: tuple[Question, ...] = field(default=())
    """Properties of a record, or of each record of a list."""

    @property
    def words(self) -> tuple[str, ...]:
        return words_of(self.name)


_DATE_WORDS = {"date", "deadline", "day", "expiry", "due", "until", "when", "birthday"}
_IDENTIFIER_WORDS = {"number", "no", "nr", "id", "identifier", "reference", "ref", "code", "iban", "serial"}
_DURATION_WORDS = {"days", "weeks", "months", "years", "period", "term", "duration", "notice"}
_QUANTITY_WORDS = {"quantity", "qty", "count", "units", "pieces", "hours"}
_AMOUNT_WORDS = {
    "total",
    "amount",
    "price",
    "subtotal",
    "tax",
    "vat",
    "fee",
    "cost",
    "sum",
    "net",
    "gross",
    "balance",
    "value",
    "rent",
    "salary",
}
_SUMMARY_WORDS = {"summary", "abstract", "gist", "overview", "synopsis"}
PARTY_WORDS = frozenset(
    [
        "vendor",
        "supplier",
        "seller",
        "merchant",
        "shop",
        "store",
        "customer",
        "client",
        "buyer",
        "company",
        "party",
        "parties",
        "landlord",
        "tenant",
        "employer",
        "employee",
        "lessor",
        "lessee",
        "licensor",
        "licensee",
        "issuer",
        "recipient",
        "sender",
        "payee",
        "payer",
        "organisation",
        "organization",
    ]
)


def words_of(name: str) -> tuple[str, ...]:
    """`invoiceNumber` and `invoice_number` are both invoice, number."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return tuple(re.findall(r"[a-z0-9]+", spaced.lower()))


def question_of(name: str, schema: Schema, root: Schema | None = None, *, required: bool = True) -> Question:
    """Reads one (sub)schema; `root` resolves local references."""
    root = schema if root is None else root
    plain, nullable = _plain(schema, root)
    wanted = _type_of(plain)
    parts = _parts_of(plain, wanted, root)
    options = tuple(option for option in _options_of(plain) if option is not None)
    kind = kind_of(name, wanted, options, str(plain.get("format", "")), bool(parts))
    description = str(schema.get("description", plain.get("description", "")))
    return Question(name, kind, wanted, nullable, required, options, description, parts)


def kind_of(name: str, wanted: str, options: tuple[Json, ...], form: str, has_parts: bool) -> Kind:
    words = set(words_of(name))
    if wanted == "object":
        return Kind.RECORD
    if wanted == "array":
        return Kind.RECORDS if has_parts else Kind.LIST
    if wanted == "boolean":
        return Kind.FLAG
    if "currency" in words:
        return Kind.CURRENCY
    if options:
        return Kind.CHOICE
    return _number_kind(words) if wanted in ("number", "integer") else _text_kind(words, form)


def _number_kind(words: set[str]) -> Kind:
    if words & _DURATION_WORDS:
        return Kind.DURATION
    return Kind.QUANTITY if words & _QUANTITY_WORDS else Kind.AMOUNT


def _text_kind(words: set[str], form: str) -> Kind:
    if form in ("date", "date-time") or words & _DATE_WORDS:
        return Kind.DATE
    if words & _SUMMARY_WORDS:
        return Kind.SUMMARY
    if words & _IDENTIFIER_WORDS:
        return Kind.IDENTIFIER
    if words & PARTY_WORDS or words == {"name"}:
        return Kind.PARTY
    return Kind.AMOUNT if words & _AMOUNT_WORDS else Kind.TEXT


def _parts_of(plain: Schema, wanted: str, root: Schema) -> tuple[Question, ...]:
    holder = plain
    if wanted == "array":
        holder, _ = _plain(plain.get("items") or {}, root)
    required = holder.get("required", ())
    properties = holder.get("properties") or {}
    return tuple(question_of(name, part, root, required=name in required) for name, part in properties.items())


def _plain(schema: object, root: Schema, depth: int = 8) -> tuple[Schema, bool]:
    """The schema behind references and unions, and whether null is allowed."""
    if not isinstance(schema, Mapping) or depth == 0:
        return {}, True
    if isinstance(schema.get("$ref"), str):
        return _plain(_pointed(schema["$ref"], root), root, depth - 1)
    union = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if isinstance(union, list) and union:
        branches = [_plain(branch, root, depth - 1) for branch in union]
        useful = [branch for branch in branches if _type_of(branch[0]) != "null"] or branches
        return useful[0][0], any(nullable for _, nullable in branches)
    return schema, _allows_null(schema)


def _pointed(reference: str, root: Schema) -> object:
    """What a local reference points at; remote ones are never fetched."""
    place: object = root if reference.startswith("#") else {}
    for step in reference.removeprefix("#").strip("/").split("/"):
        place = place.get(step, {}) if step and isinstance(place, Mapping) else place
    return place


def _allows_null(schema: Schema) -> bool:
    wanted = schema.get("type")
    return wanted == "null" or (isinstance(wanted, list) and "null" in wanted) or None in _options_of(schema)


def _options_of(schema: Schema) -> tuple[Json, ...]:
    options = schema.get("enum")
    if isinstance(options, list):
        return tuple(options)
    return (schema["const"],) if "const" in schema else ()


def _type_of(schema: Schema) -> str:
    wanted = schema.get("type")
    if isinstance(wanted, list):
        wanted = next((one for one in wanted if one != "null"), "null")
    if isinstance(wanted, str):
        return wanted
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"
