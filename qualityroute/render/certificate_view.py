"""Certificates and calibrations in words: what is promised, and no more."""

from __future__ import annotations

from collections.abc import Iterator

from qualityroute.calibration import Certificate, Certified
from qualityroute.calibration.certificate import bound_text
from qualityroute.certifying import Calibration, Cases, CertifiedBefore
from qualityroute.config import ResolvedTask
from qualityroute.quantities import counted


def calibration_lines(task: ResolvedTask, calibration: Calibration, certificate: Certificate | None) -> Iterator[str]:
    """What `calibrate` says, a line each."""
    finding = calibration.finding
    if certificate is None:
        assert not isinstance(finding, Certified | CertifiedBefore)
        yield f"{task.name} is not certified: {finding.why}."
    else:
        already = " already" if isinstance(finding, CertifiedBefore) else ""
        yield f"{task.name} is certified{already}: {certificate.promise}."
        yield f"  {_threshold(task, certificate)}"
        yield f"  {_proof(certificate)}"
        yield f"  {what_differs(task)}"
        yield f"  It holds for this pipeline alone, until {certificate.until:%Y-%m-%d}. Certificate {certificate.id}."
    for line in _about(calibration.cases):
        yield f"  {line}"


def what_differs(task: ResolvedTask) -> str:
    """When an answer counts as another one."""
    rules = task.rubric.fields if task.rubric is not None else {}
    critical = sorted(path for path, rule in rules.items() if rule.critical)
    if critical:
        return f"An answer differs when a critical field does: {', '.join(critical)}; compared as the rubric says."
    return "An answer differs when any field does, compared as the rubric says."


def _threshold(task: ResolvedTask, certificate: Certificate) -> str:
    if "judge" not in task.gate:
        return "The gate has no judge: what all its checks accept is what is certified."
    rubrics = f" (the rubric's is {task.rubric.threshold:g})" if task.rubric is not None else ""
    return f"Threshold {certificate.threshold:.4g}{rubrics}; it is in force from the next request on."


def _proof(certificate: Certificate) -> str:
    c = certificate
    return (
        f"Of {counted(c.cases, 'labelled answer')} it accepts {c.accepted} ({100 * c.coverage:.0f} %), "
        f"of which {c.bad} differ: at most {bound_text(c.upper_bound)}, by the {c.test} test."
    )


def _about(cases: Cases) -> Iterator[str]:
    """What became of labels that were not used, and whose word the others are."""
    if cases.by_people:
        yield f"{cases.by_people} of the labels are people's; for those, right is what they said."
    reasons = (
        (cases.unscored, "rejected before any score was given, so that no threshold would have accepted them"),
        (cases.incomparable, "could not be compared (long texts); `baseline import` takes people's labels"),
        (cases.repeated, "further ones of a session, which hang together with its first"),
        (cases.other_pipelines, "of another pipeline (model, rubric, schema, prompt, gate or judge were others)"),
        (cases.outdated, "from before audits revoked the last certificate"),
    )
    for count, why in reasons:
        if count:
            yield f"Not used: {counted(count, 'label')} {why}."
