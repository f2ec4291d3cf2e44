"""The labels under which everyday documents give their facts, by the word a schema would use for it."""

from __future__ import annotations

from collections.abc import Sequence

AMOUNT_LABELS: dict[str, tuple[tuple[str, ...], ...]] = {
    "total": (
        (
            "grand total",
            "amount due",
            "total due",
            "total payable",
            "amount payable",
            "total to pay",
            "to pay",
            "total amount due",
            "gesamtbetrag",
            "rechnungsbetrag",
            "zu zahlen",
            "total ttc",
            "total incl",
            "net à payer",
            "total a pagar",
            "total credit",
            "credit total",
            "total including",
        ),
        ("invoice total", "total amount", "total", "totaal", "summe", "gesamt", "importe total"),
        ("balance due", "sum of", "sum", "amount", "in the amount of"),
    ),
    "subtotal": (
        ("subtotal", "sub-total", "sub total", "net total", "net amount", "zwischensumme", "total ht", "net"),
    ),
    "tax": (("vat", "sales tax", "tax", "gst", "mwst", "ust", "tva", "iva", "btw"),),
    "value": (
        ("contract value", "total value", "contract price", "purchase price", "total fee", "total price"),
        (
            "annual fee",
            "monthly fee",
            "monthly rent",
            "fixed fee",
            "licence fee",
            "fee",
            "rent",
            "salary",
            "price",
            "remuneration",
            "value",
            "sum of",
        ),
    ),
}

NOT_THE_TOTAL = (
    "subtotal",
    "sub-total",
    "sub total",
    "net total",
    "net",
    "zwischensumme",
    "total ht",
    "savings",
    "saved",
    "items",
    "weight",
    "hours",
    "previous",
    "last year",
    "before",
    "excl",
    "excluding",
    "carried",
    "brought forward",
    "vat total",
    "total vat",
    "tax total",
    "total tax",
    "discount",
    "change",
    "tendered",
    "loyalty",
    "points",
    "quantity",
    "netto",
    "pages",
    "total net",
    "excl.",
    "ex vat",
    "without vat",
    "equivalent",
    "for information",
    "total hours",
)

DATE_LABELS: dict[str, tuple[tuple[str, ...], ...]] = {
    "issue": (
        (
            "invoice date",
            "date of issue",
            "issue date",
            "rechnungsdatum",
            "date of invoice",
            "credit note date",
            "date de facture",
            "date issued",
            "issued on",
            "issued",
            "tax point",
            "fecha",
        ),
        ("date", "datum", "dated", "le"),
    ),
    "due": (
        (
            "due date",
            "payment due",
            "date due",
            "due by",
            "due on",
            "pay by",
            "payable by",
            "payable until",
            "fällig am",
            "zahlbar bis",
            "échéance",
            "vencimiento",
            "payable on or before",
            "pay before",
            "due",
        ),
    ),
    "effective": (
        ("effective date", "commencement date", "start date"),
        (
            "takes effect",
            "with effect from",
            "enters into force",
            "effective from",
            "effective",
            "commences",
            "commencing",
            "starts on",
            "begins on",
            "starts",
            "begins",
        ),
    ),
    "end": (
        ("end date", "expiry date", "expiration date", "termination date"),
        (
            "expires",
            "ends on",
            "shall end",
            "ends",
            "runs until",
            "until",
            "ending",
            "continues to",
            "remain in force until",
        ),
    ),
    "date": (("date of sale", "transaction date", "date", "datum", "fecha"),),
    "deadline": (("deadline", "no later than", "at the latest by", "by", "before", "until"),),
}

SAME_DATE_WORD = {
    "invoice": "issue",
    "issued": "issue",
    "payment": "due",
    "start": "effective",
    "commencement": "effective",
    "begin": "effective",
    "expiry": "end",
    "expiration": "end",
    "termination": "end",
    "purchase": "date",
    "transaction": "date",
    "reply": "deadline",
}

IDENTIFIER_LABELS: dict[str, tuple[str, ...]] = {
    "invoice": (
        "invoice number",
        "invoice no",
        "invoice nr",
        "invoice #",
        "invoice id",
        "credit note number",
        "credit note no",
        "credit memo no",
        "credit note",
        "credit memo",
        "rechnungsnummer",
        "rechnung nr",
        "rechnungs-nr",
        "facture n°",
        "facture no",
        "factura n°",
        "our invoice",
        "invoice",
        "document no",
        "inv no",
        "number",
        "no",
    ),
    "order": (
        "order number",
        "order no",
        "order ref",
        "order reference",
        "order id",
        "order #",
        "purchase order",
        "po number",
        "booking reference",
        "order",
        "invoice",
        "account",
        "ticket",
        "subscription",
        "reference",
        "ref",
    ),
    "reference": ("reference", "ref", "our ref", "your ref"),
}

PARTY_LABELS: dict[str, tuple[str, ...]] = {
    "vendor": ("from", "seller", "supplier", "vendor", "issued by", "billed by", "verkäufer", "lieferant", "payee"),
    "customer": (
        "bill to",
        "billed to",
        "sold to",
        "invoice to",
        "to",
        "customer",
        "client",
        "buyer",
        "kunde",
        "ship to",
        "an",
    ),
    "merchant": ("merchant", "store", "shop"),
}

SAME_PARTY_WORD = {
    "supplier": "vendor",
    "seller": "vendor",
    "issuer": "vendor",
    "company": "vendor",
    "payee": "vendor",
    "client": "customer",
    "buyer": "customer",
    "recipient": "customer",
    "shop": "merchant",
    "store": "merchant",
}

FILLER = {
    "date",
    "on",
    "at",
    "the",
    "of",
    "amount",
    "number",
    "no",
    "id",
    "reference",
    "name",
    "in",
    "days",
    "months",
    "years",
    "weeks",
}

AMENDING = (
    "amended",
    "amend",
    "amends",
    "replaced",
    "replaces",
    "instead of",
    "in place of",
    "extended",
    "changed",
    "revised",
    "corrected",
    "corrects",
    "postponed",
    "moved",
    "brought forward",
    "increased",
    "reduced",
    "now reads",
    "deleted",
    "correction",
    "superseded",
    "shortened",
    "raised",
    "lowered",
    "shall now",
)

DROPPED_BEFORE = (
    "from",
    "instead of",
    "in place of",
    "not",
    "replaces",
    "replacing",
    "originally",
    "previously",
    "formerly",
    "no longer",
    "replaces the date",
    "rather than",
    "was",
    "the words",
    "dated",
)


def amount_labels(words: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Labels for an amount, best rank first; a property nobody foresaw is its own label."""
    for word, key in (
        ("net", "subtotal"),
        ("subtotal", "subtotal"),
        ("tax", "tax"),
        ("vat", "tax"),
        ("total", "total"),
    ):
        if word in words:
            return AMOUNT_LABELS[key]
    known = next((AMOUNT_LABELS["value"] for word in words if word in ("value", "price", "fee", "rent")), ())
    if words in (("amount",), ("sum",), ("gross",)):
        return AMOUNT_LABELS["total"]
    return (own_labels(words), *known)


def date_labels(words: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    keys = [SAME_DATE_WORD.get(word, word) for word in words]
    chosen = next((key for key in keys if key in DATE_LABELS and key != "date"), None)
    if chosen is None and any(word not in FILLER for word in words):
        return (own_labels(words),)
    return DATE_LABELS[chosen or "date"]


def identifier_labels(words: Sequence[str]) -> tuple[str, ...]:
    known = next((IDENTIFIER_LABELS[word] for word in words if word in IDENTIFIER_LABELS), ())
    return tuple(dict.fromkeys((*own_labels(words)[:1], *known, *own_labels(words))))


def party_labels(words: Sequence[str]) -> tuple[str, ...]:
    keys = [SAME_PARTY_WORD.get(word, word) for word in words]
    return next((PARTY_LABELS[key] for key in keys if key in PARTY_LABELS), own_labels(words))


def own_labels(words: Sequence[str]) -> tuple[str, ...]:
    """The property's own words as a label, whole and without its filler words."""
    core = " ".join(word for word in words if word not in FILLER)
    return tuple(dict.fromkeys(label for label in (" ".join(words), core) if label))
