"""From the ledger's sums to a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from qualityroute.budgets import Filling, day_pots
from qualityroute.calibration import Certificate
from qualityroute.complexity import Foretold
from qualityroute.config import Config
from qualityroute.labels import Audit
from qualityroute.records import Outcome, Tier, total_cost
from qualityroute.report import money, suggestions, words
from qualityroute.report.cache import cache_report
from qualityroute.report.facts import (
    CertificateReport,
    Cost,
    HeadStartReport,
    JudgeReport,
    LearningReport,
    PinReport,
    Rate,
    RateChange,
    Report,
    TaskReport,
)
from qualityroute.report.learning import learning_report
from qualityroute.report.promises import audit_report, certificate_report, flag_of
from qualityroute.report.series import rate_of, series
from qualityroute.signal import (
    Assessment,
    Flag,
    SessionCounts,
    always_valid,
    assess,
    break_even,
    bucket_failures,
    find_changes,
    persistence,
)
from qualityroute.store import FirstAttempt, SessionStore, TaskSummary
from qualityroute.tier_check import TierCheck

MOST_FIRST_ATTEMPTS = 10_000
"""How far back changes are looked for; nothing older weighs in a verdict."""

MOST_FORECASTS = 10_000
"""The newest; what was predicted before says little of today's predictor."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """The sessions since the rate last changed, and the changes before."""

    first: Sequence[FirstAttempt]
    """Those of the time that is looked at; whatever that is, changes and counts are of all time."""
    changes: tuple[RateChange, ...]
    counts: SessionCounts


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a task's accepted answers."""

    certificate: Certificate | None
    pipeline: str | None
    """Today's key, to which a certificate must belong; `None` where it is unknown."""
    audits: Sequence[Audit]
    tiers: TierCheck | None
    """Both tiers held against people's answers."""


async def build_report(
    store: SessionStore,
    config: Config,
    *,
    now: datetime,
    pipelines: Mapping[str, str],
    task: str | None = None,
    since: datetime | None = None,
    tier_checks: Mapping[str, TierCheck] | None = None,
) -> Report:
    """Add up the ledger, from `since` (the beginning of its hour) on. Raises `StoreError`.

    States rest on all closed sessions since the rate last changed, whatever `since` is.

    Args:
        pipelines: the key of each task's pipeline, which its certificate must be about.
        tier_checks: of the tasks whose inputs people have answered.
    """
    pins = await store.pins_active(now)
    tasks = {}
    summaries = await store.summaries(task=task, since=since)
    ever = summaries if since is None else await store.summaries(task=task)
    whole = {summary.task: summary for summary in ever}
    cached = await store.cache_summaries(task=task, since=_hour(since))
    likened = await store.likening_summaries(task=task, since=_hour(since))
    for summary in summaries:
        epoch = await _epoch(store, summary.task, now, _hour(since))
        errors = await store.judge_errors(summary.task, since=since)
        audits = await store.audits(summary.task, since=_hour(since))
        tiers = (tier_checks or {}).get(summary.task)
        truth = Truth(await store.certificate(summary.task), pipelines.get(summary.task), audits, tiers)
        report = _task_report(
            summary, whole[summary.task], config, epoch, errors, pins.get(summary.task, 0), truth, now
        )
        told = await store.forecasts(summary.task, since=_hour(since), most=MOST_FORECASTS)
        tasks[summary.task] = replace(
            report,
            learning=_learning(report, whole[summary.task], told),
            cache=cache_report(cached.get(summary.task), summary.requests, likened.get(summary.task)),
        )
    found = suggestions.all_of(config, tasks.values(), for_all=task is None)
    budgets = await _budgets(store, config, now, task)
    return Report(tasks, sum(pins.values()), _hour(since), now, found, budgets)


async def _budgets(store: SessionStore, config: Config, now: datetime, task: str | None) -> tuple[Filling, ...]:
    """How much of today's is gone; without any, the store is not asked."""
    asked = {name: settings for name, settings in config.tasks.items() if task in (None, name)}
    pots = day_pots(config.budget, asked.items(), now.astimezone(UTC).date())
    return tuple(await store.fillings(pots, now)) if pots else ()


async def _epoch(store: SessionStore, task: str, now: datetime, since: datetime | None) -> Epoch:
    first = await store.first_attempts(task, most=MOST_FIRST_ATTEMPTS)
    found = find_changes(bucket_failures(attempt.failed for attempt in first))
    changes = tuple(RateChange(first[change.attempt].at, change.before, change.after) for change in found)
    cut = len(first) == MOST_FIRST_ATTEMPTS
    started = changes[-1].at if changes else first[0].at if cut else None
    counts = await store.session_counts(task, started=started, now=now)
    looked_at = [attempt for attempt in first if since is None or attempt.at >= since]
    return Epoch(looked_at, changes, SessionCounts.of(counts))


def _task_report(
    summary: TaskSummary,
    ever: TaskSummary,
    config: Config,
    epoch: Epoch,
    judge_errors: Mapping[str, int],
    pins_active: int,
    truth: Truth,
    now: datetime,
) -> TaskReport:
    """`ever` is the same task of all time: what its state is judged by, however little is looked at."""
    settings = config.tasks.get(summary.task)
    tier = settings.tier if settings else "unknown"
    means = money.means_of(ever)
    certificate = certificate_report(truth.certificate, truth.pipeline, epoch.changes, now)
    # Audits are of sessions' first attempts; what they take is shared by all attempts.
    audited = settings.accept.audit * ever.first_attempts / ever.attempts if settings and ever.attempts else 0.0
    assessment = _assess(summary, means, epoch, tier, certificate, audited)
    cost = _cost(summary)
    pins = _pins(summary, assessment, cost.total)
    return TaskReport(
        task=summary.task,
        tier=tier,
        requests=summary.requests,
        attempts=summary.attempts,
        accepted=summary.accepted,
        fallbacks=summary.fallbacks,
        by_reason=summary.by_reason,
        outcomes=summary.outcomes,
        fallback_rate=rate_of(summary.fallbacks, summary.attempts),
        difficulty=_difficulty(summary.first_fallbacks, summary.first_attempts),
        break_even=assessment.break_even,
        state=assessment.state,
        flags=assessment.flags,
        sentence=words.state_sentence(assessment, means.performance, ever),
        why=assessment.why,
        suggestion=suggestions.for_task(summary.task, assessment.state, tier),
        sessions=assessment.sessions,
        sessions_to_go=assessment.sessions_to_go,
        cost=cost,
        saved=money.against_all_performance(summary, cost.total),
        judge=_judge(summary, judge_errors),
        pins=pins,
        pins_active=pins_active,
        pins_created=summary.pins_created,
        pin_share=summary.pinned / summary.requests if summary.requests else None,
        changes=epoch.changes,
        latency=summary.latency,
        series=series(summary.hours, epoch.first),
        explored=summary.explored,
        agreement=words.agreement_sentence(summary),
        certificate=certificate,
        audits=audit_report(truth.audits),
        head_starts=_head_starts(summary),
        tiers=truth.tiers,
    )


def _head_starts(summary: TaskSummary) -> HeadStartReport | None:
    found = summary.head_starts
    if not (found.needed or found.spare):
        return None
    sentence = words.head_starts_sentence(found)
    return HeadStartReport(found.needed, found.spare, found.cost, found.unknown, found.saved, sentence)


def _learning(report: TaskReport, ever: TaskSummary, told: Sequence[Foretold]) -> LearningReport | None:
    by_judge = min(1.0, ever.judge_catches / ever.fallbacks) if ever.fallbacks else 1.0
    return learning_report(told, money.means_of(ever), by_judge=by_judge, total=report.cost.total)


def _assess(
    summary: TaskSummary,
    means: money.Means,
    epoch: Epoch,
    tier: str,
    certificate: CertificateReport | None,
    audited: float,
) -> Assessment:
    at = break_even(
        efficiency=means.efficiency, judge=means.judge, performance=means.performance, audited=audited
    )  # fmt: skip
    flags = [flag_of(certificate)] if summary.judged or certificate is not None else []
    return assess(
        epoch.counts,
        at,
        tier=Tier.PERFORMANCE if tier == Tier.PERFORMANCE else Tier.EFFICIENCY,
        flags=[flag for flag in (*flags, Flag.CHANGED if epoch.changes else None) if flag is not None],
    )


def _difficulty(count: int, of: int) -> Rate:
    if not of:
        return rate_of(0, 0)
    interval = always_valid(count, of)
    return Rate(count / of, interval.low, interval.high, count, of)


def _cost(summary: TaskSummary) -> Cost:
    performance = summary.performance.total
    if performance is not None:
        performance += summary.head_starts.cost
    parts = (summary.efficiency.total, summary.judge.total, performance)
    peers = summary.peers.total
    audit, likening = summary.measuring.total, summary.likening.total
    total = total_cost((*parts, peers, audit, likening))
    return Cost(*parts, audit=audit, total=total, cut_off=summary.cut_off, peers=peers, likening=likening)


def _judge(summary: TaskSummary, errors: Mapping[str, int]) -> JudgeReport:
    would_save = money.without_judge(summary)
    return JudgeReport(
        judged=summary.judged,
        catches=summary.judge_catches,
        errors=errors,
        cost=summary.judge.total,
        would_save=would_save,
        sentence=words.judge_sentence(summary, would_save),
    )


def _pins(summary: TaskSummary, assessment: Assessment, total: Decimal | None) -> PinReport:
    difficulty = summary.first_fallbacks / summary.first_attempts if summary.first_attempts else None
    found = persistence(
        probes=summary.probes,
        failed=summary.failed_probes,
        difficulty=difficulty,
        break_even=assessment.break_even,
    )
    saved = money.against_never_pinning(summary, total, found.rate)
    amount = None if saved.amount is None else -saved.amount
    return PinReport(
        created=summary.pins_created,
        held=summary.pinned,
        released=summary.released,
        probes=summary.probes,
        failed_probes=summary.failed_probes,
        persistence=found.correlation,
        pay=found.pins_pay,
        cost=amount,
        seconds_saved=_seconds_saved(summary, found.rate),
        sentence=words.pins_sentence(found, summary.pinned, amount),
    )


def _seconds_saved(summary: TaskSummary, rejected_if_tried: float | None) -> float | None:
    """Median latency of trying a held request, less that of holding it."""
    held, accepted, fallback = (
        summary.latency.get(outcome) for outcome in (Outcome.PINNED, Outcome.ACCEPTED, Outcome.FALLBACK)
    )
    if rejected_if_tried is None or held is None or accepted is None or fallback is None:
        return None
    return rejected_if_tried * fallback.p50 + (1 - rejected_if_tried) * accepted.p50 - held.p50


def _hour(since: datetime | None) -> datetime | None:
    return None if since is None else since.replace(minute=0, second=0, microsecond=0)
