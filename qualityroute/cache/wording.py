"""A text in plain words: spelled out, without greetings and openings, each turn of speech in its one wording."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from qualityroute.cache.forms import ACTIVE
from qualityroute.cache.turns import CLOSING, GREETING, OPENINGS, TURNS, WHOLE

QUOTED = (
    r"""(?:"[^"\n]{1,200}"|“[^”\n]{1,200}”|„[^“”\n]{1,200}[“”]|«[^»\n]{1,200}»|`[^`\n]{1,200}`"""
    r"""|(?<!\w)'[^'\n]{1,200}'(?!\w))"""
)
_QUOTATION = re.compile(QUOTED)
_MASKS = [chr(code) for code in range(0xE000, 0xF900)]
"""Each stands for a quotation while turns are replaced around it: letters that Unicode leaves without a meaning."""
_MASKED = re.compile(f"[{_MASKS[0]}-{_MASKS[-1]}]")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
_LONG = {"re": "are", "ve": "have", "ll": "will", "d": "would", "m": "am"}
_SHORT = (
    (re.compile(r"\b(ca|wo|do|does|did|is|are|was|have|has|should|would|could)nt\b"), r"\1n't"),
    (re.compile(r"\b(what|where|how)s\b", re.IGNORECASE), r"\1 is"),
    (re.compile(r"\b(ca|wo|sha)n't\b"), lambda found: {"ca": "can", "wo": "will", "sha": "shall"}[found[1]] + " not"),
    (re.compile(r"n't\b"), lambda _: " not"),
    (re.compile(r"\bcannot\b"), lambda _: "can not"),
    (re.compile(r"(?<=\w)'(re|ve|ll|d|m)\b"), lambda found: " " + _LONG[found[1]]),
    (re.compile(r"\b((?:what|who|where|when|why|how|it|that|there|let)'s)\b", re.IGNORECASE),
     lambda found: found[1][:-2] + " is"),
)  # fmt: skip
_MOST_OPENINGS = 3
"""Of one sentence, one after the other: "Hi, could you please tell me"; more would take long in long texts."""
_NO_NAME = re.compile(r"^(?:A|An|The|My|Our|Your|This|That|These|Those)\b")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+\s*")


def plain(text: str) -> str:
    """What is quoted stays as it is."""
    text = unicodedata.normalize("NFKC", text).translate(_DASHES).replace("’", "'")
    quotations = dict(zip(_MASKS, _QUOTATION.findall(text), strict=False))
    if _MASKED.search(text) or ACTIVE in text or len(quotations) == len(_MASKS):
        return text
    masks = iter(quotations)
    text = _QUOTATION.sub(lambda _: next(masks), text)
    for short, long in _SHORT:
        text = short.sub(long, text)
    text = GREETING.sub("", text) or text
    for turn, comes_to in WHOLE:
        text = turn.sub(comes_to, text)
    text = "\n".join(_turned(sentence) for sentence in sentences(text) if sentence.strip()) or text
    return _MASKED.sub(lambda mask: quotations[mask[0]], text)


def sentences(text: str) -> Iterator[str]:
    begin = 0
    for end in _SENTENCE.finditer(text):
        yield text[begin : end.start()]
        begin = end.end()
    yield text[begin:]


def _turned(sentence: str) -> str:
    sentence = _NO_NAME.sub(lambda found: found[0].lower(), _bare(sentence))
    for turn, comes_to in TURNS:
        sentence = turn.sub(comes_to, sentence)
    return sentence


def _bare(sentence: str) -> str:
    """Without what only opens and closes it; as it is, where nothing else is there."""
    bare = CLOSING.sub("", sentence)
    for _ in range(_MOST_OPENINGS):
        bare = GREETING.sub("", bare)
        for opening, comes_to in OPENINGS:
            bare = opening.sub(comes_to, bare, count=1)
    return bare if bare.strip(" .!?,") else ""
