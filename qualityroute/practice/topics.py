"""Choosing one of several options by the words that speak for each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from qualityroute.practice.reading import count_of

LEXICON: dict[str, tuple[str, ...]] = {
    "billing": (
        "invoice",
        "billed",
        "bill",
        "charged",
        "charge",
        "overcharged",
        "refund",
        "payment",
        "vat",
        "credit card",
        "direct debit",
        "paid",
        "statement",
        "receipt",
        "charged twice",
        "double charge",
        "reminder fee",
    ),
    "technical": (
        "error",
        "crash",
        "crashes",
        "log in",
        "login",
        "password",
        "bug",
        "not working",
        "does not work",
        "stopped working",
        "broken link",
        "sync",
        "install",
        "update",
        "timeout",
        "screen",
        "api",
        "server",
        "upload",
        "export",
        "offline",
        "printer",
        "firmware",
        "blank page",
        "error message",
    ),
    "sales": (
        "quote",
        "quotation",
        "pricing",
        "price list",
        "demo",
        "trial",
        "offer",
        "interested in",
        "licences",
        "licenses",
        "volume discount",
        "upgrade",
        "seats",
        "buy",
        "brochure",
        "catalogue",
    ),
    "cancellation": (
        "cancel",
        "cancellation",
        "terminate",
        "unsubscribe",
        "close my account",
        "close our account",
        "end my contract",
        "end my subscription",
        "end our contract",
        "not renew",
        "notice of termination",
        "discontinue",
    ),
    "complaint": (
        "complaint",
        "disappointed",
        "unacceptable",
        "rude",
        "dreadful",
        "terrible",
        "poor service",
        "apology",
        "apologise",
        "fed up",
        "third time",
        "damaged",
        "late again",
        "broken on arrival",
        "disgrace",
        "unhappy",
        "waited",
        "nobody answered",
        "let down",
    ),
    "spam": (
        "winner",
        "won",
        "prize",
        "lottery",
        "inheritance",
        "bitcoin",
        "crypto",
        "gift card",
        "gift cards",
        "click here",
        "click the link",
        "guaranteed",
        "seo",
        "wire transfer",
        "verify your account",
        "account will be suspended",
        "act now",
        "limited time",
        "million dollars",
        "beneficiary",
        "investment opportunity",
        "backlinks",
        "first page of google",
    ),
    "delivery": ("delivery", "parcel", "shipped", "courier", "tracking", "arrive", "dispatch"),
    "high": (
        "urgent",
        "urgently",
        "immediately",
        "asap",
        "as soon as possible",
        "right away",
        "emergency",
        "cannot work",
        "all our",
        "production",
        "down",
        "today",
        "outage",
        "at once",
        "before noon",
        "this morning",
        "standstill",
        "nobody can",
        "customers are waiting",
        "stopped completely",
    ),
    "low": (
        "no rush",
        "no hurry",
        "whenever",
        "when you have time",
        "not urgent",
        "just wondering",
        "at your convenience",
        "for your information",
        "fyi",
        "take your time",
        "some time",
    ),
    "normal": (),
    "cash": ("cash", "tendered", "change", "bar", "gegeben", "rückgeld", "cash tendered", "change due"),
    "card": (
        "visa",
        "mastercard",
        "amex",
        "maestro",
        "debit",
        "credit card",
        "contactless",
        "chip",
        "pin verified",
        "girocard",
        "card",
        "auth code",
        "approved",
    ),
    "mobile": ("apple pay", "google pay", "paypal", "mobile payment", "phone pay", "swish"),
    "credit_note": ("credit note", "credit memo", "gutschrift", "avoir", "we credit", "credited"),
    "invoice": ("invoice", "tax invoice", "rechnung", "facture", "factura", "bill"),
    "positive": ("thank", "great", "excellent", "love", "happy", "good"),
    "negative": ("bad", "poor", "awful", "unhappy", "angry", "terrible"),
}
"""A small general lexicon; options that are not in it live by their own words and the schema's description."""

GROUPS = (
    ("billing", "technical", "sales", "cancellation", "complaint", "spam"),
    ("low", "normal", "high"),
    ("cash", "card", "mobile", "other"),
    ("invoice", "credit_note"),
)
"""Options that are usually offered together."""

_FALLBACKS = ("other", "unknown", "normal", "medium", "general", "none", "neutral")
_STRONG = {
    "spam": 3.0,
    "cancellation": 2.0,
    "credit_note": 4.0,
    "mobile": 3.0,
    "complaint": 1.5,
    "low": 3.0,
}
_NEGATION = r"(?:not|no|never|without|don't|isn't|nicht|nothing)\s+(?:\w+\s+){0,2}"


def hints(option: str, description: str) -> tuple[str, ...]:
    """Words a schema's description gives for an option: `billing: invoices, charges; ...`."""
    match = re.search(rf"\b{re.escape(option)}\b\s*[:(=]\s*([^;.)]+)", description, re.IGNORECASE)
    return tuple(hint.strip().lower() for hint in match[1].split(",")) if match else ()


def keywords(option: str, description: str = "") -> tuple[str, ...]:
    """Everything that speaks for an option, each once."""
    own = option.replace("_", " ").replace("-", " ").lower()
    return tuple(dict.fromkeys((own, *LEXICON.get(option.lower(), ()), *hints(option, description))))


def first_mentioned(text: str, options: Sequence[str], description: str = "") -> str | None:
    """The option whose words stand first in the text; the quick way to choose."""
    places = {option: _first_place(text, keywords(option, description)) for option in options}
    known = {option: place for option, place in places.items() if place is not None}
    return min(known, key=lambda option: known[option]) if known else fallback(options)


def best_option(head: str, body: str, options: Sequence[str], description: str = "") -> str | None:
    """The option with the most words for it; the head counts double, denied words do not count."""
    scores = scored(head, body, options, description)
    best = max(options, key=lambda option: scores[option], default=None)
    return best if best is not None and scores[best] > 0 else fallback(options)


def scored(head: str, body: str, options: Sequence[str], description: str = "") -> Mapping[str, float]:
    return {option: _score(option, head, body, description) for option in options}


def fallback(options: Sequence[str]) -> str | None:
    """The option for "none of these", when there is one."""
    return next((option for option in options if option.lower() in _FALLBACKS), None)


def _score(option: str, head: str, body: str, description: str) -> float:
    words = keywords(option, description)
    found = sum(2 * _affirmed(head, word) + _affirmed(body, word) for word in words)
    return found * _STRONG.get(option.lower(), 1.0)


def _affirmed(text: str, word: str) -> int:
    """Up to two mentions, less those that are denied."""
    denied = len(re.findall(rf"\b{_NEGATION}{re.escape(word)}\b", text, re.IGNORECASE))
    own_denial = 0 if word.startswith(("not ", "no ", "nobody")) else denied
    return min(2, max(0, count_of(text, word) - own_denial))


def _first_place(text: str, words: Sequence[str]) -> int | None:
    places = [match.start() for word in words if (match := re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE))]
    return min(places, default=None)
