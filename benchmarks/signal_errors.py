"""How often is the fallback-rate signal wrong? Seeded simulations of the rates that the report promises.

    python benchmarks/signal_errors.py [--quick] [--seed N] [--json FILE]

Sessions are played request by request at the exact border, where neither `MISCLASSIFIED` nor `HEALTHY` would be true,
and everything is looked at after each session. Beside it stands what Wilson's interval, looked at after each attempt,
would have declared on the same attempts. Exit 1 when a promise is broken beyond the chance of the simulation.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate, islice
from math import comb, log, prod
from statistics import median

from results import Row, begin, command

from qualityroute.signal import (
    BUCKET,
    SessionCounts,
    find_changes,
    log_evidence_of_gain,
    log_evidence_of_loss,
    wilson,
)
from qualityroute.signal.betting import (
    KINDS,
    MOST_ATTEMPTS,
    NEEDED,
    gain_growths,
    kind_index,
    log_mean_exp,
    loss_growths,
)
from qualityroute.signal.intervals import log_mixture_ratio

Z_SQUARED = 1.959963984540054**2
FIRST_NAIVE_LOOK = 20
# There are 28 rates to hold against their promises, and some of them are always off at 95 %.
SURE = 0.999
CHANGE_AT = 3000
STATIONARY_ATTEMPTS = 20_000
ATTEMPTS_AFTER_CHANGE = 6000


@dataclass(frozen=True)
class Setting:
    """Sessions that differ in difficulty: p ~ Beta with this mean and correlation; geometric numbers of requests."""

    difficulty: float
    correlation: float
    requests: float

    @property
    def border(self) -> float:
        """f* at which the sessions neither lose nor save: E[F] / E[A], exactly."""
        reached = [self._asked(place) * self._all_pass(place - 1) for place in range(1, MOST_ATTEMPTS + 1)]
        failed = [
            self._asked(place) * (self._all_pass(place - 1) - self._all_pass(place))
            for place in range(1, MOST_ATTEMPTS + 1)
        ]
        return sum(failed) / sum(reached)

    def _asked(self, place: int) -> float:
        return (1 - 1 / self.requests) ** (place - 1)

    def _all_pass(self, count: int) -> float:
        if self.correlation == 0:
            return (1 - self.difficulty) ** count
        mass = 1 / self.correlation - 1
        return prod(((1 - self.difficulty) * mass + place) / (mass + place) for place in range(count))

    def session(self, chance: random.Random) -> Iterator[bool]:
        """The attempts of one session: a failure pins it, so the first is the last."""
        rate = self.difficulty
        if self.correlation:
            mass = 1 / self.correlation - 1
            rate = chance.betavariate(rate * mass, (1 - rate) * mass)
        while True:
            failed = chance.random() < rate
            yield failed
            if failed or chance.random() < 1 / self.requests:
                return


@dataclass(frozen=True)
class Declared:
    """What one run declared, at any of its looks, though none of it was true."""

    misclassified: bool
    healthy: bool
    naive_above: bool
    naive_below: bool
    interval_missed: bool


SETTINGS = [
    Setting(difficulty, correlation, requests)
    for correlation in (0.0, 0.3)
    for difficulty, requests in ((0.1, 6), (0.3, 6), (0.5, 6), (0.8, 6), (0.3, 40), (0.8, 1.5))
]
STEPS = ((0.05, 0.15), (0.1, 0.2), (0.3, 0.5), (0.3, 0.15), (0.1, 0.15))
STATIONARY = (0.03, 0.1, 0.3, 0.5)


def play(setting: Setting, sessions: int, chance: random.Random) -> Declared:
    """One run at the border, looked at after every session (by Wilson after every attempt)."""
    border = setting.border
    against, towards = loss_growths(border), gain_growths(border)
    loss, gain = [0.0] * len(against[0]), [0.0] * len(towards[0])
    found = set()
    attempts = failures = hard_starts = 0
    for number in range(1, sessions + 1):
        outcomes = list(setting.session(chance))[:MOST_ATTEMPTS]
        kind = kind_index(*session_kind(outcomes))
        loss = [purse + growth for purse, growth in zip(loss, against[kind], strict=True)]
        gain = [purse + growth for purse, growth in zip(gain, towards[kind], strict=True)]
        hard_starts += outcomes[0]
        for failed in outcomes:
            attempts, failures = attempts + 1, failures + failed
            found.add(naive_word(failures, attempts, border))
        # The mean of the purses cannot be above the largest of them.
        if max(loss) >= log(NEEDED) and log_mean_exp(loss) >= log(NEEDED):
            found.add("misclassified")
        if max(gain) >= log(NEEDED) and log_mean_exp(gain) >= log(NEEDED):
            found.add("healthy")
        if log_mixture_ratio(hard_starts, number, setting.difficulty) >= log(20):
            found.add("missed")
    return Declared("misclassified" in found, "healthy" in found, "above" in found, "below" in found, "missed" in found)


def session_kind(failures: Iterable[bool]) -> tuple[int, int]:
    """(A, F) of one session's attempts in order: up to the first failure, at most 4."""
    attempts = 0
    for failed in islice(failures, MOST_ATTEMPTS):
        attempts += 1
        if failed:
            return attempts, 1
    return attempts, 0


def naive_word(failures: int, attempts: int, border: float) -> str:
    """Where Wilson's 95 % interval lies. It leaves out p exactly when (k - np)² > z²·n·p(1-p)."""
    off = failures - attempts * border
    if attempts < FIRST_NAIVE_LOOK or off * off <= Z_SQUARED * attempts * border * (1 - border):
        return "covers"
    return "above" if off > 0 else "below"


def check_shortcuts(chance: random.Random) -> None:
    """The running sums and the squared form above must say what the package's functions say."""
    for _ in range(200):
        border = chance.uniform(0.02, 0.98)
        kinds = chance.choices(range(len(KINDS)), weights=[chance.random() for _ in KINDS], k=chance.randint(1, 300))
        counts = SessionCounts(tuple(kinds.count(kind) for kind in range(len(KINDS))))
        for growths, evidence in ((loss_growths, log_evidence_of_loss), (gain_growths, log_evidence_of_gain)):
            running = [sum(column) for column in zip(*(growths(border)[kind] for kind in kinds), strict=True)]
            _require(abs(log_mean_exp(running) - evidence(counts, border)) < 1e-6, "session betting")
        attempts = chance.randint(FIRST_NAIVE_LOOK, 2000)
        failures = chance.randint(0, attempts)
        covered = border in wilson(failures, attempts)
        _require(covered == (naive_word(failures, attempts, border) == "covers"), "Wilson")


def _require(same: bool, what: str) -> None:
    if not same:
        sys.exit(f"the shortcut for {what} differs from qualityroute.signal; right is the same value")


def borders(runs: int, sessions: int, chance: random.Random) -> list[dict[str, float]]:
    """The share of runs that declared something false, for each setting."""
    rows = []
    for setting in SETTINGS:
        results = [play(setting, sessions, chance) for _ in range(runs)]
        shares = {name: sum(getattr(result, name) for result in results) / runs for name in asdict(results[0])}
        rows.append({**asdict(setting), "border": setting.border, **shares})
    return rows


def stream(rate: float, attempts: int, chance: random.Random) -> Sequence[int]:
    """Failures of each bucket of independent first attempts."""
    weights = [comb(BUCKET, count) * rate**count * (1 - rate) ** (BUCKET - count) for count in range(BUCKET + 1)]
    return chance.choices(range(BUCKET + 1), cum_weights=list(accumulate(weights)), k=attempts // BUCKET)


def false_alarms(runs: int, chance: random.Random) -> list[dict[str, float]]:
    """The share of stationary streams in which any change is found."""
    return [
        {
            "rate": rate,
            "alarms": sum(bool(find_changes(stream(rate, STATIONARY_ATTEMPTS, chance))) for _ in range(runs)) / runs,
        }
        for rate in STATIONARY
    ]


def delays(runs: int, chance: random.Random) -> list[dict[str, float]]:
    """How many attempts after the change it is found, and how far off its date is."""
    return [delay(before, after, runs, chance) for before, after in STEPS]


def delay(before: float, after: float, runs: int, chance: random.Random) -> dict[str, float]:
    waits, errors = [], []
    for _ in range(runs):
        failures = [*stream(before, CHANGE_AT, chance), *stream(after, ATTEMPTS_AFTER_CHANGE, chance)]
        found = next((change for change in find_changes(failures) if change.seen >= CHANGE_AT // BUCKET), None)
        if found is not None:
            waits.append((found.seen + 1) * BUCKET - CHANGE_AT)
            errors.append(abs(found.attempt - CHANGE_AT))
    # A change that is not found waits for ever, and belongs in the median.
    waits += [ATTEMPTS_AFTER_CHANGE] * (runs - len(waits))
    shares = {"found": len(errors) / runs, "median_delay": median(waits), "median_date_error": median(errors)}
    return {"before": before, "after": after, **shares}


def broken_promises(results: dict[str, list[dict[str, float]]], runs: int, streams: int) -> list[str]:
    """The promises that these results contradict by more than chance."""
    broken = [
        f"{side} at border {row['border']:.3f}, correlation {row['correlation']}: {row[side]:.3f} > 0.025"
        for row in results["borders"]
        for side in ("misclassified", "healthy")
        if wilson(round(row[side] * runs), runs, confidence=SURE).low > 0.025
    ]
    broken += [
        f"change alarms at rate {row['rate']}: {row['alarms']:.3f} > 0.04"
        for row in results["false_alarms"]
        if wilson(round(row["alarms"] * streams), streams, confidence=SURE).low > 0.04
    ]
    slow = [row for row in results["delays"] if (row["before"], row["after"]) == (0.1, 0.2)]
    return broken + [f"0.1 to 0.2 found after {row['median_delay']} > 300" for row in slow if row["median_delay"] > 300]


def promised(row: Row, limit: float, runs: int) -> Row:
    """Kept unless the rate of so many runs lies above the limit by more than chance."""
    low = wilson(round(row.value / 100 * runs), runs, confidence=SURE).low
    return replace(row, limit=f"at most {limit:g}, but for chance", met=low <= limit / 100)


def border_rows(rows: Sequence[dict[str, float]], runs: int) -> Iterator[Row]:
    """The worst setting on each side, beside Wilson's interval looked at each time."""
    for said, naive in (("misclassified", "naive_above"), ("healthy", "naive_below")):
        for name, words in ((said, f"false '{said}' at the border"), (naive, "the same by Wilson's interval")):
            shares = [100 * row[name] for row in rows]
            figure = Row(f"{words}, worst of {len(rows)}", max(shares), "%", min=min(shares), max=max(shares))
            yield promised(figure, 2.5, runs) if name == said else figure


def alarm_rows(rows: Sequence[dict[str, float]], streams: int) -> Iterator[Row]:
    for row in rows:
        yield promised(Row(f"false change alarms at rate {row['rate']}", 100 * row["alarms"], "%"), 4, streams)


def delay_rows(rows: Sequence[dict[str, float]]) -> Iterator[Row]:
    for row in rows:
        figure = Row(f"change from {row['before']} to {row['after']} found after", row["median_delay"], "attempts")
        yield figure.at_most(300) if (row["before"], row["after"]) == (0.1, 0.2) else figure


def table(rows: Sequence[dict[str, float]]) -> str:
    """Rows as columns of text."""
    names = list(rows[0])
    lines = ["  ".join(names)]
    lines += ["  ".join(f"{row[name]:.4g}".rjust(len(name)) for name in names) for row in rows]
    return "\n".join(lines)


def main() -> int:
    parser = command(__doc__, quick="under 20 seconds, with less certain rates")
    parser.add_argument("--seed", type=int, default=1)
    run = begin("signal_errors", parser)
    runs, sessions, streams, steps = (100, 400, 20, 15) if run.options.quick else (2000, 1000, 1000, 400)
    chance = random.Random(run.options.seed)
    check_shortcuts(chance)
    results = {
        "borders": borders(runs, sessions, chance),
        "false_alarms": false_alarms(streams, chance),
        "delays": delays(steps, chance),
    }
    print(f"False declarations at the border: {runs} runs of {sessions} sessions, promised 0.025 on each side")
    print(table(results["borders"]))
    print(f"\nChange alarms in {STATIONARY_ATTEMPTS} stationary attempts: {streams} streams, promised 0.04")
    print(table(results["false_alarms"]))
    print(f"\nDelay of a change at attempt {CHANGE_AT}: {steps} streams, promised 300 for 0.1 to 0.2")
    print(table(results["delays"]))
    run.tell(
        [
            *border_rows(results["borders"], runs),
            *alarm_rows(results["false_alarms"], streams),
            *delay_rows(results["delays"]),
        ]
    )
    broken = broken_promises(results, runs, streams)
    print("\n".join(broken) or "Every promise is kept.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
