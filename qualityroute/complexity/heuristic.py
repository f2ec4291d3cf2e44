"""Weak evidence: what of a request, before any log, makes the prior a little higher or lower.

Measured, such rules are next to a coin flip (AUROC .52 on extraction, upside down for some models: routing.md A2), so
they move the prior by a factor of 1.5 at most, and decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import expm1

from qualityroute.complexity.features import NAMES

MOST = 1.5


def weak_evidence(found: Sequence[float]) -> tuple[float, tuple[str, ...]]:
    """A factor for the prior, from 1/1.5 to 1.5, and what it rests on in words."""
    by_name = dict(zip(NAMES, found, strict=True))
    signs = list(_signs(by_name))
    total = max(-1.0, min(1.0, sum(weight for weight, _ in signs)))
    return MOST**total, tuple(f"{words} (weak evidence)" for _, words in signs)


def _signs(found: dict[str, float]) -> Iterator[tuple[float, str]]:
    if found["characters"] > 8.3:  # about 4,000
        yield 0.4, "long input"
    elif found["characters"] < 5.3 and found["sentences"] < 1.2:  # about 200, two sentences
        yield -0.5, "short input"
    if round(expm1(found["further requests"])) >= 4:
        yield 0.3, "seems to ask several things at once"
    if found["arrays"] > 0:
        yield 0.3, "the answer holds lists"
    if found["arithmetic"] > 1.7 or found["reasoning words"] > 0.6:
        yield 0.3, "asks for a calculation or an argument"
    if found["tools"] > 1.7:
        yield 0.2, "many tools to choose from"
