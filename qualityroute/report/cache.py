"""What serving earlier answers again was worth. Pure."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from qualityroute.cache import CacheSummary, Evidence, LikeningSummary
from qualityroute.cache.semantic import Fate
from qualityroute.quantities import counted, were
from qualityroute.report.facts import CacheReport, LikeningReport
from qualityroute.report.words import dollars

NOTHING_SERVED = CacheSummary(0, Decimal(0), 0)


def cache_report(
    summary: CacheSummary | None, requests: int, likening: LikeningSummary | None = None
) -> CacheReport | None:
    """`requests`: all of the task's that somebody waited for."""
    likened = None if likening is None else _likening_report(likening)
    if summary is None:
        summary = NOTHING_SERVED
    if not summary.hits and likened is None:
        return None
    share = summary.hits / requests if requests else None
    told = [_sentence(summary, share), *([likened.sentence] if likened is not None else [])]
    return CacheReport(summary.hits, share, summary.saved, summary.unknown, " ".join(told), likened)


def _sentence(summary: CacheSummary, share: float | None) -> str:
    of_all = f" ({100 * share:.0f} %)" if share is not None else ""
    known = f", which saved {dollars(summary.saved)}" if summary.hits > summary.unknown else ""
    unknown = f"; what {summary.unknown:,} of them saved is unknown" if summary.unknown else ""
    return f"{counted(summary.hits, 'request')} {were(summary.hits)} served an earlier answer{of_all}{known}{unknown}."


def _likening_report(summary: LikeningSummary) -> LikeningReport:
    fates = summary.fates
    hits = sum(count for fate, count in fates.items() if fate.is_hit)
    evidence = Evidence(
        sum(count for fate, count in fates.items() if fate.was_checked), fates.get(Fate.WRONG, 0)
    )  # fmt: skip
    cost = None if summary.unknown else summary.cost
    found = LikeningReport(
        looks=sum(fates.values()),
        hits=hits,
        rejected={fate.value: count for fate, count in fates.items() if not fate.is_hit},
        checked=evidence.checked,
        wrong=evidence.wrong,
        false_hit_rate=evidence.wrong / evidence.checked if evidence.checked else None,
        false_hit_bound=evidence.bound if evidence.checked else None,
        cost=cost,
        saved=summary.saved,
        net=None if cost is None else summary.saved - cost,
        sentence="",
    )
    return replace(found, sentence=_told(found))


def _told(found: LikeningReport) -> str:
    why = "; ".join(f"{Fate(fate).told}: {count:,}" for fate, count in found.rejected.items())
    looks = f"{counted(found.looks, 'question')} {were(found.looks)} likened to earlier ones"
    looks += f", and {found.hits:,} served by that"
    checked = "the judge was asked of none"
    if found.false_hit_bound is not None:
        checked = f"of {found.checked:,} that the judge was asked of {found.wrong:,} were wrong"
        checked += f" (at most {100 * found.false_hit_bound:.1f} %, with confidence 95 %)"
    net = "what looking cost is unknown" if found.net is None else f"net saving {dollars(found.net)}"
    return f"{looks}{f' ({why})' if why else ''}; {checked}; {net}."
