"""When labels prove that at most a share α of answers is bad, with confidence 1 - δ.

Two proofs, each asked with (bad, accepted, α, δ). `one_look` is the exact binomial test: valid when it is made once, on
a number of labels fixed beforehand. `any_look` bets: with 16 hypotheses p_j = α·j/16 about the share of bad answers,

    E(b, m) = 1/16 · Σ_j (p_j/α)^b · ((1 - p_j)/(1 - α))^(m - b)

is what a purse of 1 has grown to, and as long as the share is α or more it ever reaches 1/δ with probability δ at most
(Ville's inequality). So it may be asked after every label; the price is 68 clean labels in place of 45 at α = .05,
δ = .10 (judging.md B2 to B4; learn-then-test: arXiv:2110.01052, its adaptive form: arXiv:2409.15844).

Both are monotone: one more bad label never turns a refusal into a proof, one more good label never a proof into a
refusal, and what is proven for α is proven for everything above it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from math import exp, fsum, inf, log, log1p

Proof = Callable[[int, int, float, float], bool]
"""Do `bad` of `accepted` labels prove a share of at most alpha with confidence 1 - delta?"""

HYPOTHESES = 16


def binomial_cdf(bad: int, accepted: int, rate: float) -> float:
    """P(X <= bad) for X ~ Binomial(accepted, rate), exact: a sum of terms made by recurrence in log space."""
    check_counts(bad, accepted)
    if not 0 <= rate <= 1:
        raise ValueError(f"a rate of {rate!r}; right is a number from 0 to 1")
    if bad == accepted or rate == 0:
        return 1.0
    if rate == 1:
        return 0.0
    odds = log(rate) - log1p(-rate)
    terms = [accepted * log1p(-rate)]
    for count in range(bad):
        terms.append(terms[-1] + log((accepted - count) / (count + 1)) + odds)
    largest = max(terms)
    return min(1.0, exp(largest) * fsum(exp(term - largest) for term in terms))


def one_look(bad: int, accepted: int, alpha: float, delta: float) -> bool:
    """The exact one-sided binomial test, for one look; the same as a Clopper-Pearson upper bound of at most alpha."""
    return binomial_cdf(bad, accepted, alpha) <= delta


def any_look(bad: int, accepted: int, alpha: float, delta: float) -> bool:
    """The betting test, for any number of looks."""
    return log_evidence(bad, accepted, alpha) >= -log(delta)


def log_evidence(bad: int, accepted: int, alpha: float) -> float:
    """ln E(b, m)."""
    check_counts(bad, accepted)
    good = accepted - bad
    purses = [-good * log1p(-alpha) if bad == 0 else -inf]
    for step in range(1, HYPOTHESES):
        share = step / HYPOTHESES
        purses.append(bad * log(share) + good * (log1p(-alpha * share) - log1p(-alpha)))
    largest = max(purses)
    return largest + log(fsum(exp(purse - largest) for purse in purses) / HYPOTHESES)


def upper_bound(bad: int, accepted: int, *, delta: float, proof: Proof = one_look) -> float:
    """The smallest share that is proven with confidence 1 - delta: Clopper and Pearson's bound, by default."""
    check_counts(bad, accepted)
    check_share("delta", delta)
    if bad == accepted:
        return 1.0
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        if proof(bad, accepted, middle, delta):
            high = middle
        else:
            low = middle
    return high


def accepted_needed(alpha: float, delta: float, bad: int = 0, *, proof: Proof = one_look) -> int:
    """Labels of accepted answers needed to prove alpha when `bad` of them are bad: the table of judging.md B4."""
    check_share("alpha", alpha)
    check_share("delta", delta)
    enough = bad + 1
    while not proof(bad, enough, alpha, delta):
        enough *= 2
    labels = range(bad, enough + 1)
    return labels[bisect_left(labels, True, key=lambda accepted: proof(bad, accepted, alpha, delta))]


@dataclass(frozen=True, slots=True)
class Claim:
    """At most a share alpha of accepted answers is bad, to be proven with confidence 1 - delta."""

    alpha: float
    delta: float
    proof: Proof = one_look

    def __post_init__(self) -> None:
        check_share("alpha", self.alpha)
        check_share("delta", self.delta)

    def proven(self, bad: int, accepted: int) -> bool:
        return self.proof(bad, accepted, self.alpha, self.delta)

    def bound(self, bad: int, accepted: int) -> float:
        return upper_bound(bad, accepted, delta=self.delta, proof=self.proof)

    def needed(self, bad: int) -> int:
        return accepted_needed(self.alpha, self.delta, bad, proof=self.proof)

    def chance(self, accepted: int, rate: float) -> float:
        """How often labels of so many accepted answers prove it, if the true share of bad ones is `rate`."""
        reach = 1
        while reach < accepted and self.proven(reach, accepted):
            reach *= 2
        counts = range(min(reach, accepted) + 1)
        refused = bisect_left(counts, True, key=lambda bad: not self.proven(bad, accepted))
        return binomial_cdf(refused - 1, accepted, rate) if refused else 0.0


def check_share(name: str, value: float) -> None:
    # Written so that NaN fails too.
    if not 0 < value < 1:
        raise ValueError(f"{name} = {value!r}; right is a number between 0 and 1, such as 0.05")


def check_counts(bad: int, accepted: int) -> None:
    if not 0 <= bad <= accepted:
        raise ValueError(f"{bad} bad of {accepted} accepted; right is 0 <= bad <= accepted")
