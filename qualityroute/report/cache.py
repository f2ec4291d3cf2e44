"""What serving earlier answers again was worth. Pure."""

from __future__ import annotations

from qualityroute.cache import CacheSummary
from qualityroute.quantities import counted, were
from qualityroute.report.facts import CacheReport
from qualityroute.report.words import dollars


def cache_report(summary: CacheSummary | None, requests: int) -> CacheReport | None:
    """`requests`: all of the task's that somebody waited for."""
    if summary is None or not summary.hits:
        return None
    share = summary.hits / requests if requests else None
    return CacheReport(summary.hits, share, summary.saved, summary.unknown, _sentence(summary, share))


def _sentence(summary: CacheSummary, share: float | None) -> str:
    of_all = f" ({share:.0%})" if share is not None else ""
    known = f", which saved {dollars(summary.saved)}" if summary.hits > summary.unknown else ""
    unknown = f"; what {summary.unknown:,} of them saved is unknown" if summary.unknown else ""
    return f"{counted(summary.hits, 'request')} {were(summary.hits)} served an earlier answer{of_all}{known}{unknown}."
