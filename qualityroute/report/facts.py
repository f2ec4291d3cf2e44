"""What a report says, as frozen values. Money is in USD, time in seconds; `None` is unknown, never 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from qualityroute.budgets import Filling
from qualityroute.calibration import Certificate
from qualityroute.complexity import Score
from qualityroute.records import Outcome, Reason
from qualityroute.signal import Flag, State
from qualityroute.store import LatencySummary
from qualityroute.tier_check import TierCheck


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its 95 % interval; `None` while nothing was counted."""

    rate: float | None
    low: float | None
    high: float | None
    count: int
    of: int


@dataclass(frozen=True, slots=True)
class Cost:
    efficiency: Decimal | None
    judge: Decimal | None
    performance: Decimal | None
    audit: Decimal | None
    """Audits, and comparisons with a baseline."""
    total: Decimal | None
    cut_off: int = 0
    """Calls that got no answer but may be billed; what they cost is unknown and in no sum."""
    peers: Decimal | None = Decimal(0)
    """Models of other families that answered the same requests, for the agreement check."""
    likening: Decimal | None = Decimal(0)
    """Looks for earlier answers to questions like those asked: vectors, and the judge."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What was saved against another way of doing the same requests: an estimate."""

    against: Decimal | None
    """What the other way would have cost."""
    amount: Decimal | None
    """What it would have cost more; negative when it would have been cheaper."""
    share: float | None


@dataclass(frozen=True, slots=True)
class JudgeReport:
    judged: int
    catches: int
    """Answers that only the judge rejected."""
    errors: Mapping[str, int]
    """Times it could not judge, by cause."""
    cost: Decimal | None
    would_save: Decimal | None
    """What turning it off would have saved: its own cost, and the performance answers its catches led to."""
    sentence: str


@dataclass(frozen=True, slots=True)
class PinReport:
    created: int
    held: int
    """Requests a pin sent to performance."""
    released: int
    probes: int
    failed_probes: int
    persistence: float | None
    """How much one failure says of the session's next request: 0 nothing, 1 everything."""
    pay: bool | None
    """Do pins save money at today's break-even? `None` while the probes do not say."""
    cost: Decimal | None
    """What pins cost more than trying each held request would have; negative is a saving. An estimate."""
    seconds_saved: float | None
    """Latency saved for each held request. An estimate."""
    sentence: str


@dataclass(frozen=True, slots=True)
class RateChange:
    """The rate of sessions' first attempts changed."""

    at: datetime
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Point:
    """Judged attempts from a time on, until the next point."""

    start: datetime
    rate: Rate


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A change of the configuration: which key gets which value, and the same as a TOML diff."""

    key: tuple[str, ...]
    value: str | int
    diff: str


@dataclass(frozen=True, slots=True)
class CertificateReport:
    """The newest certificate of a task, and whether it is in force."""

    certificate: Certificate
    in_force: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Accepted answers that the performance tier was asked about again."""

    compared: int
    differing: int
    incomparable: int
    """Performance gave no answer, or one that only a person could compare."""
    cost: Decimal | None
    sentence: str


@dataclass(frozen=True, slots=True)
class LikeningReport:
    """Looks for earlier answers to questions in other words."""

    looks: int
    hits: int
    """Those that were served one."""
    rejected: Mapping[str, int]
    """Why the others were not, the most frequent first; see `cache.semantic.Fate`."""
    checked: int
    """Answers that the judge was asked of, and could say."""
    wrong: int
    """Those that he found wrong, which were not served."""
    false_hit_rate: float | None
    false_hit_bound: float | None
    """At most so many of those nobody asked him of were wrong, with confidence 0.95."""
    cost: Decimal | None
    """USD of vectors and judge; `None` where some is unknown."""
    saved: Decimal
    """USD that the served answers took when they were given, as far as that is known."""
    net: Decimal | None
    """What is left of it."""
    sentence: str


@dataclass(frozen=True, slots=True)
class CacheReport:
    """Requests that were served an earlier answer."""

    hits: int
    share: float | None
    """Of all requests."""
    saved: Decimal
    """USD that the answers took when they were given, once for each hit; those whose cost is unknown left out."""
    unknown: int
    """Hits whose answer has no known cost."""
    sentence: str
    likening: LikeningReport | None = None
    """`None` where nobody looked for a question in other words."""


@dataclass(frozen=True, slots=True)
class LearningReport:
    """Of the newest forecasts of a task; each was written down before its outcome was known."""

    forecasts: int
    by_log: Score
    """How well the cells predicted."""
    by_regression: Score | None
    """How well the regression did, where there was one; on fewer requests."""
    in_use: bool
    """Does the regression decide now?"""
    straight: int
    """Requests that went to performance at once."""
    unjudged: int
    explored: int
    """Requests that were to go another way, and went through the whole cascade to be learned from."""
    break_even: float | None
    """P(escalate) from which performance at once is cheaper, at the newest forecast."""
    saved: Decimal | None
    """USD against sending every request through the cascade; negative is a loss. An estimate."""
    worth_it: bool | None
    """`None`: it is too early to say."""
    sentence: str


@dataclass(frozen=True, slots=True)
class HeadStartReport:
    """Performance answers that were begun while efficiency's was still being proved."""

    needed: int
    spare: int
    cost: Decimal
    """USD of those that were not needed, as far as it is known; part of the task's cost of performance."""
    unknown: int
    """Calls of those whose cost is unknown."""
    seconds_saved: float
    """Those that were needed came so much sooner, together."""
    sentence: str


@dataclass(frozen=True, slots=True)
class TaskReport:
    task: str
    tier: str
    requests: int
    attempts: int
    """Unpinned efficiency attempts that the gate could judge."""
    accepted: int
    fallbacks: int
    by_reason: Mapping[Reason, int]
    outcomes: Mapping[Outcome, int]
    fallback_rate: Rate
    difficulty: Rate
    """The same of the first attempt of each session; its interval holds however often one looks."""
    break_even: float | None
    """The fallback rate at which trying efficiency first stops paying."""
    state: State
    flags: tuple[Flag, ...]
    sentence: str
    why: str
    """The state's reason in plain numbers."""
    suggestion: Suggestion | None
    sessions: int
    """Closed sessions that the state rests on."""
    sessions_to_go: int | None
    """About how many more until there is a verdict; 0 when there is one, `None` when none is in sight."""
    cost: Cost
    saved: Saved
    """Against sending every request to the performance tier."""
    judge: JudgeReport
    pins: PinReport
    pins_active: int
    pins_created: int
    pin_share: float | None
    """Share of requests that a pin sent to performance."""
    changes: tuple[RateChange, ...]
    latency: Mapping[Outcome, LatencySummary]
    series: tuple[Point, ...]
    explored: int = 0
    agreement: str = ""
    """What peers made of the answers, in a sentence; empty where none was asked."""
    certificate: CertificateReport | None = None
    audits: AuditReport | None = None
    """`None` while nothing was audited."""
    learning: LearningReport | None = None
    """What `tier = "auto"` was worth; `None` where nothing was predicted."""
    head_starts: HeadStartReport | None = None
    """What speculation took and saved; `None` where nothing was begun early."""
    tiers: TierCheck | None = None
    """Both tiers held against people's answers; `None` where there are none."""
    cache: CacheReport | None = None
    """`None` where nothing was served from it."""


@dataclass(frozen=True, slots=True)
class Report:
    """The fallback report of a ledger, task by task."""

    tasks: Mapping[str, TaskReport]
    pins_active: int
    since: datetime | None
    at: datetime
    suggestions: tuple[Suggestion, ...] = ()
    """Those of the tasks, and those that concern all of them."""
    budgets: tuple[Filling, ...] = ()
    """Those of today (UTC) that are set."""

    def to_json(self) -> dict[str, Any]:
        """The report with documented, versioned keys; money as text, so that no digit is lost."""
        from qualityroute.report.wire import report_json  # noqa: PLC0415  (it is made of these)

        return report_json(self)
