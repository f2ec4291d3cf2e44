"""The fallback report: how often each task falls back, whether it belongs where it is, and what that is worth."""

from qualityroute.report.build import build_report
from qualityroute.report.facts import (
    AuditReport,
    CacheReport,
    CertificateReport,
    Cost,
    JudgeReport,
    LearningReport,
    LikeningReport,
    PinReport,
    Point,
    Rate,
    RateChange,
    Report,
    Saved,
    Suggestion,
    TaskReport,
)
from qualityroute.report.wire import report_json

__all__ = [
    "AuditReport",
    "CacheReport",
    "CertificateReport",
    "Cost",
    "JudgeReport",
    "LearningReport",
    "LikeningReport",
    "PinReport",
    "Point",
    "Rate",
    "RateChange",
    "Report",
    "Saved",
    "Suggestion",
    "TaskReport",
    "build_report",
    "report_json",
]
