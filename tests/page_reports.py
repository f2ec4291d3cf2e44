"""Reports made by hand for the tests of the page: four tasks as they look after some weeks."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from qualityroute.calibration import Certificate
from qualityroute.pins import Pin, PinKey
from qualityroute.records import Outcome, Reason
from qualityroute.report import (
    AuditReport,
    Cost,
    JudgeReport,
    PinReport,
    Point,
    Rate,
    RateChange,
    Report,
    Saved,
    Suggestion,
    TaskReport,
)
from qualityroute.report.promises import certificate_report
from qualityroute.signal import Flag, State, wilson
from qualityroute.store import LatencySummary

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>\"'></svg><a href='javascript:alert(1)'>x</a>\u202egnp\x1b[2J\x00\ud800&amp;{{1+1}}"


def rate(count: int, of: int) -> Rate:
    if not of:
        return Rate(None, None, None, 0, 0)
    found = wilson(count, of)
    return Rate(count / of, found.low, found.high, count, of)


def series(*rates: float, days: int = 28, each: int = 60, seed: int = 1) -> tuple[Point, ...]:
    """A point a day; the rates share the days evenly."""
    chance = random.Random(seed)
    start = NOW - timedelta(days=days)
    points = []
    for day in range(days):
        size = each + chance.randrange(-each // 3, each // 3 + 1)
        true = rates[day * len(rates) // days]
        failed = sum(chance.random() < true for _ in range(size))
        points.append(Point(start + timedelta(days=day), rate(failed, size)))
    return tuple(points)


PINS = PinReport(
    created=31,
    held=212,
    released=14,
    probes=44,
    failed_probes=18,
    persistence=0.31,
    pay=False,
    cost=Decimal("0.41"),
    seconds_saved=1.3,
    sentence="Pins cost money here: only 18 of 44 probes of pinned sessions were rejected. They cost $0.41 more than "
    "trying would have. They buy latency, and fewer meetings with a weak model.",
)
JUDGE = JudgeReport(
    judged=1240,
    catches=38,
    errors={"timeout": 3, "parse": 1},
    cost=Decimal("0.62"),
    would_save=Decimal("1.04"),
    sentence="The judge caught 38 of 1240 answers that every free check passed, at $0.027 each; turning it off would "
    "have saved $1.04.",
)
LATENCY = {
    Outcome.ACCEPTED: LatencySummary(1402, 0.62, 1.9),
    Outcome.FALLBACK: LatencySummary(178, 2.9, 6.4),
    Outcome.PINNED: LatencySummary(212, 2.1, 4.8),
    Outcome.FAILOVER: LatencySummary(6, 3.3, 9.7),
}


def task(name: str = "invoice", **changes: object) -> TaskReport:
    made = TaskReport(
        task=name,
        tier="efficiency",
        requests=1798,
        attempts=1580,
        accepted=1402,
        fallbacks=178,
        by_reason={Reason.SCHEMA: 61, Reason.JUDGED: 38, Reason.UNGROUNDED: 70, Reason.TRUNCATED: 9},
        outcomes={Outcome.ACCEPTED: 1402, Outcome.FALLBACK: 178, Outcome.PINNED: 212, Outcome.FAILOVER: 6},
        fallback_rate=rate(178, 1580),
        difficulty=rate(80, 520),
        break_even=0.62,
        state=State.HEALTHY,
        flags=(Flag.UNCERTIFIED,),
        sentence=f"{name} saves $0.84 per 100 sessions on efficiency.",
        why="178 of 1580 attempts failed (0.113) in 520 closed sessions, each up to its first failure; "
        "efficiency pays below 0.620: it saves (E = 5e+41, 40 needed)",
        suggestion=None,
        sessions=520,
        sessions_to_go=0,
        cost=Cost(Decimal("1.31"), Decimal("0.62"), Decimal("3.90"), Decimal(0), Decimal("5.83")),
        saved=Saved(Decimal("10.20"), Decimal("4.37"), 0.428),
        judge=JUDGE,
        pins=PINS,
        pins_active=3,
        pins_created=31,
        pin_share=0.118,
        changes=(),
        latency=LATENCY,
        series=series(0.11),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def misclassified() -> TaskReport:
    return task(
        "contract-clauses",
        state=State.MISCLASSIFIED,
        fallbacks=1020,
        attempts=1580,
        accepted=560,
        fallback_rate=rate(1020, 1580),
        difficulty=rate(398, 520),
        break_even=0.41,
        by_reason={
            Reason.UNGROUNDED: 412,
            Reason.SCHEMA: 301,
            Reason.JUDGED: 170,
            Reason.NOT_JSON: 66,
            Reason.TRUNCATED: 40,
            Reason.EMPTY: 19,
            Reason.REFUSED: 9,
            Reason.INJECTION: 3,
        },
        sentence="contract-clauses loses $2.31 per 100 sessions on efficiency; send it to performance.",
        suggestion=Suggestion(
            ("tasks", "contract-clauses", "tier"),
            "performance",
            ' [tasks.contract-clauses]\n-tier = "efficiency"\n+tier = "performance"\n',
        ),
        cost=Cost(Decimal("2.20"), Decimal("1.10"), Decimal("12.40"), Decimal("0.30"), Decimal("16.00"), cut_off=2),
        saved=Saved(Decimal("13.10"), Decimal("-2.90"), -0.22),
        series=series(0.62, 0.66, seed=3),
    )


def certificate(**changes: object) -> Certificate:
    made = Certificate(
        id="01a213bed7f5", task="receipts", at=NOW - timedelta(days=20), until=NOW + timedelta(days=70),
        pipeline="0" * 64, parts="{}", threshold=0.85, alpha=0.05, delta=0.10, accepted=210, bad=4, cases=300,
        upper_bound=0.0377, test="exact",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def insufficient() -> TaskReport:
    return task(
        "support-reply",
        state=State.INSUFFICIENT,
        flags=(),
        requests=4,
        attempts=3,
        accepted=2,
        fallbacks=1,
        by_reason={Reason.JUDGED: 1},
        outcomes={Outcome.ACCEPTED: 2, Outcome.FALLBACK: 1},
        fallback_rate=rate(1, 3),
        difficulty=rate(1, 3),
        sentence="support-reply: no verdict yet; about 12 more sessions to go.",
        why="1 of 3 attempts failed (0.333) in 3 closed sessions, each up to its first failure; nothing is proven yet",
        sessions=3,
        sessions_to_go=12,
        cost=Cost(Decimal("0.0021"), Decimal("0.0004"), Decimal("0.0102"), Decimal(0), Decimal("0.0127")),
        saved=Saved(Decimal("0.0301"), Decimal("0.0174"), 0.578),
        judge=replace(JUDGE, judged=2, catches=1, errors={}, cost=Decimal("0.0004"), would_save=Decimal("0.0106")),
        pins=PinReport(1, 0, 0, 0, 0, None, None, None, None, "No request was held by a pin."),
        pins_active=1,
        pins_created=1,
        pin_share=0.0,
        latency={Outcome.ACCEPTED: LatencySummary(2, 0.81, 0.9), Outcome.FALLBACK: LatencySummary(1, 3.1, 3.1)},
        series=tuple(Point(NOW - timedelta(hours=hours), rate(hours == 2, 1)) for hours in (5, 2, 1)),
    )


def changed() -> TaskReport:
    return task(
        "receipts",
        flags=(Flag.CHANGED, Flag.REVOKED),
        certificate=certificate_report(
            certificate(revoked_at=NOW - timedelta(days=3), revoked_why="14 of 60 audited answers differ"),
            "0" * 64,
            (),
            NOW,
        ),
        audits=AuditReport(60, 14, 2, Decimal("0.41"), "14 of 60 audited answers differ from the performance tier's."),
        agreement="Peers were asked 1,240 times, for $0.31; for want of agreement, 61 answers fell back.",
        break_even=0.74,
        changes=(RateChange(NOW - timedelta(days=19), 0.08, 0.31), RateChange(NOW - timedelta(days=9), 0.31, 0.17)),
        sentence="receipts saves $0.32 per 100 sessions on efficiency.",
        series=series(0.08, 0.31, 0.17, seed=5),
    )


def untried(name: str = "summary") -> TaskReport:
    """On performance, without one attempt, and without prices."""
    return task(
        name,
        tier="performance",
        state=State.INSUFFICIENT,
        flags=(),
        attempts=0,
        accepted=0,
        fallbacks=0,
        by_reason={},
        outcomes={Outcome.PERFORMANCE: 9},
        fallback_rate=rate(0, 0),
        difficulty=rate(0, 0),
        break_even=None,
        sentence=f"{name}: no verdict, because costs are unknown; add [[prices]] for its models.",
        why="no closed session has tried efficiency",
        sessions=0,
        sessions_to_go=None,
        cost=Cost(None, Decimal(0), None, Decimal(0), None),
        saved=Saved(None, None, None),
        judge=JudgeReport(0, 0, {}, None, None, "No answer reached the judge."),
        pins=PinReport(0, 0, 0, 0, 0, None, None, None, None, "No request was held by a pin."),
        pins_active=0,
        pins_created=0,
        pin_share=None,
        latency={},
        series=(),
    )


def report(*tasks: TaskReport, suggestions: tuple[Suggestion, ...] = ()) -> Report:
    own = tuple(found.suggestion for found in tasks if found.suggestion)
    return Report({found.task: found for found in tasks}, 5, NOW - timedelta(days=28), NOW, (*own, *suggestions))


def four_tasks() -> Report:
    after = Suggestion(("pins", "after"), 2, " [pins]\n-after = 1\n+after = 2\n")
    return report(misclassified(), task(), changed(), insufficient(), suggestions=(after,))


def pin(session: str = "gorse-hill", **changes: object) -> Pin:
    made = Pin(
        key=PinKey("default", session),
        reason=Reason.JUDGED,
        since=NOW - timedelta(minutes=47),
        last_used=NOW - timedelta(minutes=2),
        until=NOW + timedelta(hours=5),
        check="judge",
        message="supported: the total 1,240.00 is not stated in the source",
        decision_id="0192f3",
        model="practice/small",
        hold=4,
        remaining=2,
        served=6,
        failed_probes=1,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def some_pins() -> tuple[Pin, ...]:
    reasons = (Reason.JUDGED, Reason.UNGROUNDED, Reason.SCHEMA, Reason.MANUAL)
    held = [
        pin(f"session-{number:04d}-{'abcd'[number]}", reason=reason, since=NOW - timedelta(minutes=9**number))
        for number, reason in enumerate(reasons)
    ]
    return (*held, pin("order/2026/88123", served=311, failed_probes=7, until=NOW + timedelta(minutes=3)))
