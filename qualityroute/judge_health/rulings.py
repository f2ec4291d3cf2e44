"""What several verdicts of one judge come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from qualityroute.records import Ruling, Verdict


def decided(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Those in which the judge could judge."""
    return [verdict for verdict in verdicts if verdict.ruling is not Ruling.UNDECIDED]


def said_no(verdict: Verdict) -> bool:
    return verdict.ruling is Ruling.REJECTED


def flipped(verdicts: Sequence[Verdict]) -> bool:
    """Were there both rulings?"""
    return len({verdict.ruling for verdict in decided(verdicts)}) > 1


def p_yes(verdict: Verdict, criterion: str) -> float | None:
    """The probability of yes to a criterion; none where the judge did not answer it."""
    p = verdict.details.get("yes", {}).get(criterion)
    return None if p is None else float(p)


def denies(verdict: Verdict, criterion: str) -> bool:
    """Is it a no, or nearer to no than to yes?"""
    p = p_yes(verdict, criterion)
    return p is not None and p < 0.5


def troubles(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """How often the judge could not judge, by cause."""
    causes = (
        str(verdict.details.get("cause", "unknown")) for verdict in verdicts if verdict.ruling is Ruling.UNDECIDED
    )
    return dict(Counter(causes).most_common())
