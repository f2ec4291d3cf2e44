"""Whether trying the efficiency tier first, and asking the judge, pays for one request (routing.md A4).

With u = cost + (value of a second) x latency of the efficiency answer, the judge and the performance answer:

    cascade       u1 + uJ + P(escalate) u2
    performance   u2                          cheaper iff P(escalate) > 1 - (u1 + uJ) / u2, the break-even

Leaving out the judge saves uJ and the performance answers that its rejections lead to, and loses what those repair.
With J = P(the judge rejects what every free check passed), and r the share of its rejections after which a wrong answer
had become a right one (less those where a right one became wrong), the judge is worth, per request,

    J (L r - u2) - uJ

which is the difference of the two lines "cheap+schema" and "cascade" of A4 in what a log can count. Both bounds are
taken against the change: P(escalate) must be above the break-even at its 10 % quantile, and with evidence that holds
however often one looks; J is taken at its 90 % quantile, and r at its own where labels say something of it, else at 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from qualityroute.complexity.beta import Belief
from qualityroute.complexity.cells import FEWEST, Cell
from qualityroute.signal import break_even

DOUBT = 0.10
"""The probability with which a bound may be wrong at one look."""


class Choice(StrEnum):
    """How a request is sent; the value is what a store keeps."""

    CASCADE = "cascade"
    PERFORMANCE = "performance"
    UNJUDGED = "unjudged"
    """Efficiency first, with every check that is free, and without the judge."""


@dataclass(frozen=True, slots=True)
class Economics:
    """Mean costs of one request in USD, seconds priced in; `None` is unknown, and then nothing is decided by it."""

    efficiency: float | None = None
    judge: float | None = None
    """Of judging one efficiency answer, those included that do not reach the judge."""
    performance: float | None = None
    cost_of_error: float = 0.0
    by_judge: float = 1.0
    """Share of escalations that the judge made after every free check had passed."""
    repaired: float = 1.0
    """At most this share of the judge's rejections turned a wrong answer into a right one."""
    head_start: float | None = None
    """What the seconds are worth that begin when efficiency is asked and end with its verdict, or with performance's
    answer if that is sooner: what is saved by beginning that at once, where it turns out to be needed."""
    wasted: float | None = None
    """What a performance answer costs that turns out not to be needed."""
    may_skip_judge: bool = False
    """Only where audits go on, and no certificate or rule of the task asks for the whole gate."""

    @property
    def break_even(self) -> float | None:
        """P(escalate) from which performance at once is cheaper."""
        return break_even(efficiency=self.efficiency, judge=self.judge, performance=self.performance)

    def worth_of_judge(self, escalate: float) -> float | None:
        """USD per request that the judge is worth, if a request escalates with this probability."""
        if self.judge is None or not self.cost_of_error:
            return None
        # Where no performance answer has been paid for yet it is taken as free, which speaks for the judge.
        rejection = self.cost_of_error * self.repaired - (self.performance or 0.0)
        return escalate * self.by_judge * rejection - self.judge


def head_start_pays(belief: Belief, cell: Cell, economics: Economics) -> bool:
    """Is performance worth beginning before the gate has spoken (routing.md E)? With p = P(escalate),

        p lambda min(t1 + tJ, t2) > (1 - p) c2

    No bound and no coin: the gate speaks all the same, so that a wrong estimate is corrected by what it leads to, and
    costs no more than it says. A call that is broken off counts as paid in full, which is most that it can cost.
    """
    if cell.observed < FEWEST or economics.head_start is None or economics.wasted is None:
        return False
    return belief.mean * economics.head_start > (1 - belief.mean) * economics.wasted


def choose(belief: Belief, cell: Cell, economics: Economics) -> Choice:
    """What to do with a request, by what is believed of its P(escalate) and the outcomes which that rests on."""
    if cell.observed < FEWEST:
        return Choice.CASCADE
    if _is_hopeless(belief, cell, economics.break_even):
        return Choice.PERFORMANCE
    if economics.may_skip_judge and _judge_is_worthless(belief, economics):
        return Choice.UNJUDGED
    return Choice.CASCADE


def _is_hopeless(belief: Belief, cell: Cell, at: float | None) -> bool:
    if at is None or belief.mean <= at:
        return False
    if at <= 0:  # a cheap answer with its judge costs more than a performance answer: that needs no evidence
        return True
    return cell.evidence >= cell.needed and belief.chance_below(at) < DOUBT


def _judge_is_worthless(belief: Belief, economics: Economics) -> bool:
    never, always = economics.worth_of_judge(0.0), economics.worth_of_judge(1.0)
    if never is None or always is None or never >= 0:
        return False
    # A line in P(escalate) that begins below 0: it is worth something from where it crosses, if it does.
    return always <= 0 or belief.chance_below(never / (never - always)) >= 1 - DOUBT


def share_explored(wanted: Choice, at: float | None, explore: float) -> float:
    """The share of requests that is to go through the cascade although something else is wanted.

    Of those that would go straight to performance it is as many as bring the cost of their efficiency answers and
    judges to `explore` of what performance answers cost, `explore` u2 / (u1 + uJ). For the dearer performance is, the
    more is lost with each request until a better model is found, and the less is spent on looking for it. That takes
    1 / (share (1 - P)) requests in the mean, P being what escalates of the better model's answers.

    Args:
        at: the break-even, 1 - (u1 + uJ) / u2.
        explore: also the least share, 0 to 1.
    """
    if wanted is not Choice.PERFORMANCE or at is None or at >= 1:
        return explore
    return min(1.0, max(explore, explore / (1 - at)))


def taken(wanted: Choice, coin: float, explore: float) -> tuple[Choice, float]:
    """What is done, and the probability with which it is: a share goes through the cascade whatever is wanted.

    Args:
        coin: uniform in [0, 1).
        explore: the share, 0 to 1.
    """
    if wanted is Choice.CASCADE:
        return Choice.CASCADE, 1.0
    return (Choice.CASCADE, explore) if coin < explore else (wanted, 1 - explore)
