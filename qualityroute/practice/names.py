"""Names of companies and people, and who stands in which role."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qualityroute.practice.questions import PARTY_WORDS
from qualityroute.practice.reading import lines_of

_SUFFIX = (
    r"(?:Ltd\.?|Limited|GmbH(?: & Co\. KG)?|Inc\.?|LLC|LLP|PLC|plc|AG|KG|SA|S\.A\.|SARL|BV|B\.V\.|AB|AS|A/S|Oy|SpA|"
    r"S\.r\.l\.|Sp\. z o\.o\.|e\.V\.|e\.K\.|Corp\.?|Company|Co\.|& Sons(?: Ltd)?|& Co|Group|Cooperative|Foundation)"
)
_WORD = r"(?:[^\W\d_][\w'\u2019.&-]*|&|of|the|and|für|de|du|la|\d+)"
COMPANY = re.compile(rf"(?<![\w])[^\W\d_a-z][\w'\u2019.&-]*(?:[ ,]+{_WORD}){{0,5}}?,? {_SUFFIX}(?![\w])")
_ROLE = r"[\"“'\u2018](?P<role>[A-Z][\w -]{2,40}?)[\"”'\u2019]"
_NAMED_IN_ROLE = re.compile(
    rf"(?:\(\d+\)\s*|\([a-c]\)\s*|\b(?:between|and|by|with|to)\s+)"
    rf"(?P<name>[^\W\d_a-z][^,;()\"“\n]{{1,80}}?)(?:,\s*[^()\"“]{{0,220}}?)?\s*"
    rf"\((?:[^()\"“]{{0,60}}?){_ROLE}[^()]{{0,40}}\)",
    re.DOTALL,
)
_NOT_A_ROLE = re.compile(
    r"\b(?:Date|Agreement|Term|Fee|Services?|Premises|"
    r"Goods|Contract|Territory|Software|Price|Works?|Equipment|Parties|Vehicles?)$"
)
_NOT_A_NAME = re.compile(
    r"^\W*(?:tax |sales |vat |pro ?forma )?(?:invoice|receipt|credit note|credit memo|gutschrift|rechnung|facture|"
    r"avoir|(?:customer )?copy\W*$|duplicate|page|"
    r"welcome|thank|date|datum|tel|phone|fax|www|http|quittung|kassenbon|ticket de caisse|bill|from|to|bill to|"
    r"statement|scanned|\*+|kopie|original|vat|till|cashier|served|dear|hello|hi|e-?mail|ust|confirmation|order|your)\b",
    re.IGNORECASE,
)


def companies_in(text: str) -> list[str]:
    """Everything with a company's suffix, in order, each once."""
    names = (" ".join(match[0].split()) for line in lines_of(text) for match in COMPANY.finditer(line))
    return list(dict.fromkeys(names))


def first_name_line(lines: Sequence[str]) -> str | None:
    """The letterhead: the first line that is a name and not a title, an address or a date."""
    return next((cleaned_name(line) for line in lines if looks_like_name(line)), None)


def looks_like_name(line: str) -> bool:
    line = " ".join(line.split())
    letters = sum(character.isalpha() for character in line)
    return letters >= 3 and letters > len(line) / 2 and not _NOT_A_NAME.match(line) and ":" not in line[:30]


def cleaned_name(text: str) -> str:
    """The name alone: no decoration, no address behind it."""
    first = re.split(
        r"\s{2,}|\t|\s*[|·•]\s*|\s[-\u2013]\s|(?:,| in)(?!\s*(?:Inc|LLC|Ltd|LLP)\b)\s",
        text.strip(" *=#~_-:"),
        maxsplit=1,
    )[0]
    return " ".join(re.sub(r"\((?:scan|copy|scanned)\)", "", first).strip(" *=#~_-:,").split())


def parties_in(text: str) -> list[tuple[str, str | None]]:
    """Who makes the agreement, each with the role the text gives in quotes."""
    found: dict[str, str | None] = {}
    opening = re.search(r"\bbetween\b", text, re.IGNORECASE)
    for match in _NAMED_IN_ROLE.finditer(text, opening.start() if opening else 0):
        name = cleaned_name(" ".join(match["name"].split()))
        if not _NOT_A_ROLE.search(match["role"]) and name not in found:
            found[name] = match["role"]
    return list(found.items()) or _listed_parties(lines_of(text))


def _listed_parties(lines: Sequence[str]) -> list[tuple[str, str | None]]:
    """Parties given as `Employer: Sundal Ltd`, one in a line."""
    pairs = [line.split(":", 1) for line in lines if ":" in line]
    return [(cleaned_name(name), role.strip()) for role, name in pairs if role.strip().lower() in PARTY_WORDS and name]
