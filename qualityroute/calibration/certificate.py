"""What a calibration sees, and what it says: a certificate, or a refusal with what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite


@dataclass(frozen=True, slots=True)
class Scored:
    """One labelled case: the judge's score, and whether the answer differs from the performance tier's."""

    score: float
    bad: bool

    def __post_init__(self) -> None:
        check_score(self.score)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What one threshold's test saw."""

    accepted: int
    """Labelled cases with a score of the threshold or more."""
    bad: int
    upper_bound: float
    """The smallest share of bad answers that these counts prove with confidence 1 - delta."""
    cases: int
    alpha: float
    delta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified(Counts):
    """A threshold that passed its test; `upper_bound` is at most `alpha`."""

    threshold: float
    """Accept a score of this or more."""

    @property
    def coverage(self) -> float:
        return self.accepted / self.cases

    @property
    def promise(self) -> str:
        return promise(self.alpha, self.delta)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Counts):
    """No threshold is proven; the counts are those of the strictest one, which failed."""

    clean_needed: int
    """Labels of accepted answers, none of them bad, without which nothing can be proven."""
    clean_to_go: int
    """Labels of accepted answers still needed if no further one is bad."""
    cases_to_go: int | None
    """Labelled cases still needed if bad ones come as often as so far; `None` when no number is in sight."""

    @property
    def why(self) -> str:
        """The refusal in words, with what would help."""
        seen = f"the strictest threshold accepts {self.accepted} of {self.cases} labelled cases, {self.bad} of them bad"
        return f"{seen}: {self._finding}; {self._outlook}"

    @property
    def _finding(self) -> str:
        confidence = f"with confidence {percent(1 - self.delta)}"
        if self.accepted < self.clean_needed:
            least = f"no fewer than {self.clean_needed} accepted ones, even if none is bad,"
            return f"{least} can prove {percent(self.alpha)} {confidence}"
        return f"that proves at most {bound_text(self.upper_bound)}, not {percent(self.alpha)}, {confidence}"

    @property
    def _outlook(self) -> str:
        if self.cases_to_go is not None:
            return f"if the best-scored answers stay as they are, it takes about {self.cases_to_go} more labelled cases"
        if self.accepted < self.clean_needed:
            return "label more answers first"
        return (
            "as the best-scored answers look now, no number of labels is in sight: a better judge or rubric would help"
        )


def promise(alpha: float, delta: float) -> str:
    """The sentence that a certificate promises, and no more."""
    accepted = f"at most {percent(alpha)} of accepted answers differ from the performance tier's"
    return f"{accepted}, with confidence {percent(1 - delta)}, on traffic like the calibration's"


def percent(share: float) -> str:
    """`5 %`, with as many digits as the share has: a promise is not rounded."""
    return f"{100 * share:.10g} %"


def bound_text(bound: float) -> str:
    """An upper bound in per cent, rounded up: what is proven is no less."""
    return percent(ceil(bound * 10**4) / 10**4)


def check_score(score: float) -> None:
    if not isfinite(score):
        raise ValueError(f"a score of {score!r}; right is a finite number")
