"""The measured rows as text, no line longer than a terminal's 120 columns."""

from __future__ import annotations

from collections.abc import Sequence

from replay_frontier import Row
from replay_records import PAIR
from replay_splits import Splits

LEGEND = """\
right: as served, an error is not right. taken: if the caller takes the performance answer from the error, as the
source's arithmetic does; 95 % of its bootstrap resamples, and of its paired difference to all-performance. cost: of
all-performance. fall: not answered by efficiency or a peer. coin: a coin flip at that cost. PGR: of taken. err:
AnswerRejected. asked: calls of peers or judges. *: nothing run here is as good for less."""

_POLICY = 47


def frontier_table(rows: Sequence[Row]) -> str:
    pair = rows[0].pair
    head = (
        f"  {'policy':<{_POLICY}}{'right':>6}{'taken':>6}{'95 %':>10}{'vs perf.':>14}{'cost':>6}{'fall':>6}{'coin':>6}"
        f"{'PGR':>6}{'err':>4}{'asked':>6}"
    )
    shown = [row for row in rows if row.how != "flags"]
    return "\n".join([f"{rows[0].cases} cases, {pair.efficiency} -> {pair.performance}", head, *map(_line, shown)])


def _line(row: Row) -> str:
    recovered = "-" if row.pgr is None or row.how == "tier" else f"{row.pgr:.2f}"
    return (
        f"{'*' if row.undominated else ' '} {row.policy:<{_POLICY}}{_percent(row.right):>6}{_percent(row.taken):>6}"
        f"{_range(row.between):>10}{_signed(row.gain):>14}{_percent(row.cost):>6}{_percent(row.fallback):>6}"
        f"{_percent(row.coin):>6}{recovered:>6}{row.errors:>4}{row.asked:>6}"
    )


def anchor_table(rows: Sequence[Row]) -> str:
    """The engine beside the arithmetic on the recorded flags, for the pair whose figures are known."""
    head = (
        f"  {'engine: taken @ cost, fallback | by flags':<{_POLICY}}{'taken':>6}{'cost':>6}{'fall':>6} |"
        f"{'taken':>6}{'cost':>6}{'fall':>6}{'otherwise':>11}"
    )
    flags = {row.policy: row for row in rows if row.how == "flags"}
    lines = [_anchor(row, flags[row.policy]) for row in rows if row.how == "engine" and row.policy in flags]
    return "\n".join([f"{PAIR.efficiency} -> {PAIR.performance}: the real engine and the recorded flags", head, *lines])


def _anchor(engine: Row, flags: Row) -> str:
    def three(row: Row) -> str:
        return f"{_percent(row.taken):>6}{_percent(row.cost):>6}{_percent(row.fallback):>6}"

    return f"  {engine.policy:<{_POLICY}}{three(engine)} |{three(flags)}{engine.otherwise:>11}"


def splits_table(rows: Sequence[Splits]) -> str:
    head = (
        f"  {'score':<28}{'an accepted answer is bad if':<30}{'alpha':>6}{'bad':>6}{'proven':>8}{'cover':>7}{'risk':>6}"
        f"{'holds':>7}{'observed':>9}{'refuted':>8}"
    )
    return "\n".join([head, *map(_splits_line, rows)])


def _splits_line(row: Splits) -> str:
    def some(share: float | None) -> str:
        return "-" if share is None else _percent(share)

    return (
        f"  {row.score:<28}{row.label:<30}{row.alpha:>6.2f}{_percent(row.bad):>6}{row.proven:>8}{some(row.coverage):>7}"
        f"{some(row.risk):>6}{row.holds:>7}{row.observed:>9}{row.refuted:>8}"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _range(shares: tuple[float, float]) -> str:
    return f"{_percent(shares[0])}-{_percent(shares[1])}"


def _signed(shares: tuple[float, float]) -> str:
    return f"{100 * shares[0]:+.1f}..{100 * shares[1]:+.1f}"
