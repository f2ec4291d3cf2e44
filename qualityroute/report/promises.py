"""What is promised of accepted answers, and what audits say of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from qualityroute.calibration import Certificate, upper_bound
from qualityroute.labels import Audit
from qualityroute.quantities import counted
from qualityroute.records import total_cost
from qualityroute.report.facts import AuditReport, CertificateReport, RateChange
from qualityroute.signal import Flag

_CONFIDENCE = 0.95


def certificate_report(
    certificate: Certificate | None, pipeline: str | None, changes: Sequence[RateChange], now: datetime
) -> CertificateReport | None:
    """Is the newest certificate of a task in force, and what does it say or why not?

    Args:
        pipeline: key of today's pipeline; `None` where it is unknown.
        changes: of the rate of first attempts; one after the certificate makes it doubtful.
    """
    if certificate is None:
        return None
    in_force = pipeline is not None and certificate.in_force(pipeline, now)
    return CertificateReport(certificate, in_force, _sentence(certificate, pipeline, changes, now))


def flag_of(report: CertificateReport | None) -> Flag | None:
    if report is None:
        return Flag.UNCERTIFIED
    if report.certificate.revoked_at is not None:
        return Flag.REVOKED
    return None if report.in_force else Flag.UNCERTIFIED


def audit_report(audits: Sequence[Audit]) -> AuditReport | None:
    if not audits:
        return None
    compared = [audit for audit in audits if audit.agrees is not None]
    differing = sum(audit.agrees is False for audit in compared)
    return AuditReport(
        compared=len(compared),
        differing=differing,
        incomparable=len(audits) - len(compared),
        cost=total_cost(audit.cost for audit in audits),
        sentence=_audited(len(compared), differing, len(audits) - len(compared)),
    )


def _sentence(
    certificate: Certificate, pipeline: str | None, changes: Sequence[RateChange], now: datetime
) -> str:  # fmt: skip
    promised = f"{certificate.promise[0].upper()}{certificate.promise[1:]}"
    threshold = (
        f"threshold {certificate.threshold:.4g}, {certificate.bad} of {certificate.accepted} labelled ones differ"
    )
    if certificate.revoked_at is not None:
        return f"Revoked on {certificate.revoked_at:%Y-%m-%d}: {certificate.revoked_why}. It had promised: {promised}."
    if pipeline is None:
        return f"Certified on {certificate.at:%Y-%m-%d}; whether that is today's pipeline is unknown."
    if certificate.pipeline != pipeline:
        return f"The certificate of {certificate.at:%Y-%m-%d} is about another pipeline; calibrate anew."
    if now >= certificate.until:
        return f"The certificate of {certificate.at:%Y-%m-%d} ended on {certificate.until:%Y-%m-%d}; calibrate anew."
    suspect = next((change for change in changes if change.at > certificate.at), None)
    doubt = (
        f" The rate of first attempts changed on {suspect.at:%Y-%m-%d}, after it: traffic may be other, calibrate anew."
        if suspect
        else ""
    )
    return f"{promised} ({threshold}; until {certificate.until:%Y-%m-%d}).{doubt}"


def _audited(compared: int, differing: int, incomparable: int) -> str:
    aside = f" {incomparable} more could not be compared." if incomparable else ""
    if not compared:
        return f"No audited answer could be compared.{aside if incomparable > 1 else ''}"
    bound = upper_bound(differing, compared, delta=1 - _CONFIDENCE)
    return (
        f"{differing:,} of {counted(compared, 'audited answer')} {'differs' if differing == 1 else 'differ'} "
        f"from the performance tier's: "
        f"at most {100 * bound:.1f} % of accepted ones, for one look with confidence {100 * _CONFIDENCE:.0f} %.{aside}"
    )
