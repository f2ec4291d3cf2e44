"""Does a certificate hold as often as it promises? Seeded calibrations of judges whose true risk is known.

    python benchmarks/calibration.py [--quick] [--seed N] [--json FILE]

Each repetition draws labelled cases from a score model, calibrates, and compares the true risk of the threshold with
alpha; a risk of exactly alpha counts as exceeded, which is against us. The promise is a rate of at most delta. Beside
it stands the rule "pick any passing threshold" on the same cases. Then labels arrive ten at a time, and after each ten
`certify` (not made for it) and `certify_anytime` (made for it) are asked again. Exit 1 when a promise is broken beyond
the chance of the simulation.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from results import Row as Figure
from results import begin, command

from qualityroute.calibration import (
    Certified,
    Scored,
    accepted_needed,
    any_look,
    binomial_cdf,
    certify,
    certify_anytime,
    one_look,
)
from qualityroute.calibration.grid import accepted_ranks
from qualityroute.calibration.proof import Claim

Row = Mapping[str, object]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

CASES = {0.01: 2000, 0.05: 500, 0.10: 250}
"""Labelled cases of one calibration, for each alpha."""
DELTAS = (0.05, 0.10)
CHUNK = 1000
PEEKED = ("border", "late border", "non-monotone")
PEEKED_AT = ((0.05, 0.05), (0.05, 0.10), (0.10, 0.10))
MOST_LABELS = 500
RULES = {
    "exceeded": "certified",
    "any passing": "any passing threshold instead",
    "anytime": "certified at any of many looks",
    "one look": "made for one look, asked at many",
}
"""In words, what the columns of the tables count."""
LABELS_A_LOOK = 10
# There are 57 rates to hold against their promises, and some of them are always off at 95 %.
CHANCE = 0.001


@dataclass(frozen=True)
class Judge:
    """A score model: from the best scores down, pieces of the traffic, each with its rate of bad answers."""

    name: str
    masses: Sequence[float]
    rates: Sequence[float]
    tied: bool = False
    """Has each piece one single score?"""

    @property
    def ends(self) -> Floats:
        return np.cumsum(self.masses)

    def pieces(self, places: Floats) -> Counts:
        return np.searchsorted(self.ends[:-1], places, side="right")

    def draw_bad(self, places: Floats, chance: np.random.Generator) -> Flags:
        drawn: Flags = chance.random(places.shape) < np.asarray(self.rates)[self.pieces(places)]
        return drawn

    def lowered(self, places: Floats) -> Floats:
        """Thresholds at these places; those of equal scores lie at the end of their piece."""
        return self.ends[self.pieces(places)] if self.tied else places

    def risks(self, places: Floats) -> Floats:
        """The true share of bad answers among those accepted down to each place."""
        bad = np.cumsum(np.multiply(self.masses, self.rates))
        reached: Floats = np.interp(places, [0.0, *self.ends], [0.0, *bad])
        return reached / places


def judges(alpha: float) -> list[Judge]:
    """The score models; in the three border models the risk is exactly alpha where it matters."""
    jump = 0.5 * alpha / (1 - alpha)
    steps = [(step + 0.5) / 50 for step in range(50)]
    even = [1 / 50] * 50
    return [
        Judge("border", [1], [alpha]),
        Judge("late border", [0.5, jump, 0.5 - jump], [0, 1, alpha]),
        Judge("ties at border", [0.6, 0.2, 0.15, 0.05], [alpha, 1.5 * alpha, 3 * alpha, 6 * alpha], tied=True),
        Judge("useless", [1], [1.5 * alpha]),
        Judge("non-monotone", [0.1, 0.6, 0.3], [3 * alpha, 0.2 * alpha, 3 * alpha]),
        Judge("informative", even, [min(1, 9 * alpha * place**3) for place in steps]),
        Judge("weak", even, [alpha * (0.6 + 0.9 * place) for place in steps]),
        Judge("perfect", [1 - 2 * alpha, 2 * alpha], [0, 1]),
    ]


def most_bad(claim: Claim, cases: int) -> Counts:
    """For each number of accepted answers, how many may be bad for the claim to be proven; -1 for none."""
    allowed, bad = [], -1
    for accepted in range(cases + 1):
        while bad < accepted and claim.proven(bad + 1, accepted):
            bad += 1
        allowed.append(bad)
    return np.array(allowed)


def tested(judge: Judge, places: Floats, bad: Flags, claim: Claim, allowed: Counts) -> tuple[Floats, Flags]:
    """The grid's thresholds of each run and which of them pass; `places` are sorted, the best scores first."""
    ranks = np.array(accepted_ranks(places.shape[1], claim.needed(0)))
    thresholds = judge.lowered(places[:, ranks - 1])
    accepted = np.broadcast_to(ranks, thresholds.shape)
    if judge.tied:
        counts = np.stack([(places < end).sum(axis=1) for end in judge.ends], axis=1)
        accepted = np.take_along_axis(counts, judge.pieces(places[:, ranks - 1]), axis=1)
    found = np.take_along_axis(np.cumsum(bad, axis=1), accepted - 1, axis=1)
    return thresholds, found <= allowed[accepted]


def in_order(passes: Flags) -> Counts:
    """The last threshold before the first that fails; -1 for none."""
    passed: Counts = np.cumprod(passes, axis=1).sum(axis=1)
    return passed - 1


def lowest(passes: Flags) -> Counts:
    """The lowest threshold that passes for itself, whatever those before it did; -1 for none."""
    last = passes.shape[1] - 1 - np.argmax(passes[:, ::-1], axis=1)
    return np.where(passes.any(axis=1), last, -1)


def picked(thresholds: Floats, chosen: Counts) -> Floats:
    """The chosen threshold of each run, where one was chosen."""
    runs = np.flatnonzero(chosen >= 0)
    return thresholds[runs, chosen[runs]]


def exceeded(judge: Judge, thresholds: Floats, alpha: float) -> int:
    return int((judge.risks(thresholds) >= alpha * (1 - 1e-9)).sum())


def draw_sorted(judge: Judge, runs: int, cases: int, chance: np.random.Generator) -> tuple[Floats, Flags]:
    # A label depends on nothing but the score, so it can be drawn after sorting.
    places = np.sort(chance.random((runs, cases)), axis=1)
    return places, judge.draw_bad(places, chance)


def calibrations(runs: int, chance: np.random.Generator) -> Iterator[Row]:
    """The rates of one look, for each alpha, judge and delta."""
    for alpha, cases in CASES.items():
        claims = [Claim(alpha, delta, one_look) for delta in DELTAS]
        allowed = [most_bad(claim, cases) for claim in claims]
        for judge in judges(alpha):
            counts = np.zeros((len(claims), 4))
            for _ in range(runs // CHUNK):
                places, bad = draw_sorted(judge, CHUNK, cases, chance)
                for place, claim in enumerate(claims):
                    counts[place] += one_chunk(judge, *tested(judge, places, bad, claim, allowed[place]), alpha)
            for claim, (certified, coverage, over, over_any) in zip(claims, counts / runs, strict=True):
                yield {
                    "alpha": alpha,
                    "judge": judge.name,
                    "cases": cases,
                    "certified": certified,
                    "coverage": coverage,
                    "promised": claim.delta,
                    "exceeded": over,
                    "any passing": over_any,
                }


def one_chunk(judge: Judge, thresholds: Floats, passes: Flags, alpha: float) -> tuple[float, ...]:
    """Runs certified, their coverage in sum, runs whose risk exceeds alpha, and those of the rule "any passing"."""
    certified = picked(thresholds, in_order(passes))
    naive = picked(thresholds, lowest(passes))
    return len(certified), certified.sum(), exceeded(judge, certified, alpha), exceeded(judge, naive, alpha)


def peeking(runs: int, chance: np.random.Generator) -> Iterator[Row]:
    """The rates when labels arrive, and the question is asked again after each ten."""
    for (alpha, delta), name in product(PEEKED_AT, PEEKED):
        judge = next(judge for judge in judges(alpha) if judge.name == name)
        places = chance.random((runs, MOST_LABELS))
        bad = judge.draw_bad(places, chance)
        unlabelled = np.sort(chance.random((runs, MOST_LABELS)), axis=1)
        yield {
            "alpha": alpha,
            "judge": judge.name,
            "labels": MOST_LABELS,
            "promised": delta,
            "one look": one_look_repeated(judge, places, bad, Claim(alpha, delta, one_look)) / runs,
            "anytime": anytime_repeated(judge, places, bad, unlabelled, Claim(alpha, delta, any_look)) / runs,
        }


def one_look_repeated(judge: Judge, places: Floats, bad: Flags, claim: Claim) -> int:
    """Runs in which the first certificate found exceeds alpha."""
    allowed = most_bad(claim, MOST_LABELS)
    over = 0
    for labels in range(LABELS_A_LOOK, MOST_LABELS + 1, LABELS_A_LOOK):
        order = np.argsort(places[:, :labels], axis=1)
        sorted_places = np.take_along_axis(places, order, axis=1)
        thresholds, passes = tested(judge, sorted_places, np.take_along_axis(bad, order, axis=1), claim, allowed)
        chosen = in_order(passes)
        over += exceeded(judge, picked(thresholds, chosen), claim.alpha)
        places, bad = places[chosen < 0], bad[chosen < 0]
    return over


def anytime_repeated(judge: Judge, places: Floats, bad: Flags, unlabelled: Floats, claim: Claim) -> int:
    """Runs in which any certificate at any look exceeds alpha."""
    allowed = most_bad(claim, MOST_LABELS)
    thresholds = anytime_thresholds(unlabelled, claim)
    found = np.zeros(len(places), dtype=bool)
    for passes in anytime_looks(thresholds, places, bad, allowed):
        chosen = in_order(passes)
        runs = np.flatnonzero(chosen >= 0)
        found[runs] |= judge.risks(thresholds[runs, chosen[runs]]) >= claim.alpha * (1 - 1e-9)
    return int(found.sum())


def anytime_thresholds(unlabelled: Floats, claim: Claim) -> Floats:
    ranks = accepted_ranks(unlabelled.shape[1], accepted_needed(claim.alpha, claim.delta))
    return unlabelled[:, np.array(ranks) - 1]


def anytime_looks(thresholds: Floats, places: Floats, bad: Flags, allowed: Counts) -> Iterator[Flags]:
    """Which thresholds pass, after each ten labels."""
    accepted, wrong = np.zeros(thresholds.shape, dtype=int), np.zeros(thresholds.shape, dtype=int)
    for start in range(0, places.shape[1], LABELS_A_LOOK):
        block = slice(start, start + LABELS_A_LOOK)
        above = places[:, block, None] <= thresholds[:, None, :]
        accepted += above.sum(axis=1)
        wrong += (above & bad[:, block, None]).sum(axis=1)
        yield wrong <= allowed[accepted]


def check_shortcuts(chance: np.random.Generator) -> None:
    """The arrays above must say what the package's functions say."""
    for alpha, delta in ((0.05, 0.10), (0.10, 0.05)):
        for judge in judges(alpha):
            claim = Claim(alpha, delta, one_look)
            places, bad = draw_sorted(judge, 10, 200, chance)
            thresholds, passes = tested(judge, places, bad, claim, most_bad(claim, 200))
            for run, chosen in enumerate(in_order(passes)):
                answer = certify(scored(judge, places[run], bad[run]), alpha=alpha, delta=delta)
                _require(judge, threshold_of(answer), -thresholds[run, chosen] if chosen >= 0 else None)
            _check_anytime(judge, places, bad, Claim(alpha, delta, any_look), chance)


def _check_anytime(judge: Judge, places: Floats, bad: Flags, claim: Claim, chance: np.random.Generator) -> None:
    if judge.tied:
        return
    thresholds = anytime_thresholds(np.sort(chance.random(places.shape), axis=1), claim)
    *_, passes = anytime_looks(thresholds, places, bad, most_bad(claim, places.shape[1]))
    for run, chosen in enumerate(in_order(passes)):
        cases = scored(judge, places[run], bad[run])
        answer = certify_anytime(
            [-float(place) for place in thresholds[run]], cases, alpha=claim.alpha, delta=claim.delta
        )
        _require(judge, threshold_of(answer), -thresholds[run, chosen] if chosen >= 0 else None)


def scored(judge: Judge, places: Floats, bad: Flags) -> list[Scored]:
    """One run as the package sees it; the score is the place, turned round."""
    scores = -judge.lowered(places)
    return [Scored(float(score), bool(wrong)) for score, wrong in zip(scores, bad, strict=True)]


def threshold_of(answer: object) -> float | None:
    return answer.threshold if isinstance(answer, Certified) else None


def _require(judge: Judge, said: float | None, here: float | None) -> None:
    if said != here:
        sys.exit(
            f'judge "{judge.name}": threshold {here!r} here, {said!r} by qualityroute.calibration; right is the same'
        )


def slack(promised: float, runs: int) -> float:
    """The highest rate that a kept promise shows by chance."""
    count = round(promised * runs)
    while 1 - binomial_cdf(count, runs, promised) >= CHANCE:
        count += 1
    return count / runs


def broken_promises(rows: Sequence[Row], column: str, runs: int) -> list[str]:
    return [
        f'{column} at alpha {row["alpha"]}, judge "{row["judge"]}": {row[column]:.4f} > {row["promised"]}'
        for row in rows
        if float(str(row[column])) > slack(float(str(row["promised"])), runs)
    ]


def worst(rows: Sequence[Row], proved: str, naive: str, runs: int) -> Iterator[Figure]:
    """For each alpha and delta the judge with which most certificates exceed alpha, beside the rule without proof."""
    for alpha, delta in sorted({(float(str(row["alpha"])), float(str(row["promised"]))) for row in rows}):
        mine = [row for row in rows if (row["alpha"], row["promised"]) == (alpha, delta)]
        for column in (proved, naive):
            rates = [float(str(row[column])) for row in mine]
            what = f"true risk above {alpha}, delta {delta}, {RULES[column]}, worst of {len(mine)} judges"
            figure = Figure(what, 100 * max(rates), "%", min=100 * min(rates), max=100 * max(rates))
            yield figure.at_most(100 * slack(delta, runs)) if column == proved else figure


def table(rows: Sequence[Row]) -> str:
    """Rows as columns of text."""
    cells = [list(rows[0])] + [
        [f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values()] for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)


def main() -> int:
    parser = command(__doc__, quick="under 20 seconds, with less certain rates")
    parser.add_argument("--seed", type=int, default=1)
    run = begin("calibration", parser)
    runs, peeked = (2000, 500) if run.options.quick else (10_000, 2000)
    chance = np.random.default_rng(run.options.seed)
    check_shortcuts(chance)
    once, often = list(calibrations(runs, chance)), list(peeking(peeked, chance))
    print(f"Certificates whose true risk exceeds alpha, one look: {runs} calibrations a row.")
    print(
        "By chance "
        + ", ".join(f"up to {slack(delta, runs):.4f} for {delta}" for delta in DELTAS)
        + " keeps a promise."
    )
    print(table(once))
    print(f"\nThe same, asked again after each {LABELS_A_LOOK} labels: {peeked} runs a row.")
    print("By chance " + ", ".join(f"up to {slack(delta, peeked):.4f} for {delta}" for delta in DELTAS) + " keeps it.")
    print(table(often))
    run.tell([*worst(once, "exceeded", "any passing", runs), *worst(often, "anytime", "one look", peeked)])
    broken = broken_promises(once, "exceeded", runs) + broken_promises(often, "anytime", peeked)
    print("\n".join(broken) or "Every promise is kept.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
