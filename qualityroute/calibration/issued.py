"""A certificate once it is issued: what was proven, for which pipeline, until when, and whether it was revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qualityroute.calibration.certificate import promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    id: str
    task: str
    at: datetime
    until: datetime
    """Traffic changes unseen: after this it must be proven anew."""
    pipeline: str
    """Key of the pipeline it is about; any change of it, and the certificate is not in force."""
    parts: str
    """The pipeline itself, as `Pipeline.to_json` writes it, to say what has changed since."""
    threshold: float
    alpha: float
    delta: float
    accepted: int
    bad: int
    cases: int
    upper_bound: float
    test: str
    """exact, or anytime."""
    revoked_at: datetime | None = None
    revoked_why: str = ""
    labels_from: datetime | None = None
    """Of a revoked one: labels from here on can make the next."""

    @property
    def coverage(self) -> float:
        return self.accepted / self.cases

    @property
    def promise(self) -> str:
        return promise(self.alpha, self.delta)

    def in_force(self, pipeline: str, now: datetime) -> bool:
        return self.pipeline == pipeline and self.revoked_at is None and now < self.until
