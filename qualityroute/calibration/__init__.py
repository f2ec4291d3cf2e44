"""Which judge score is good enough? Thresholds proven on labels, and what tells when the proof no longer holds.

Pure: scores and labels go in, certificates and metrics come out. No clock, no chance, no store.
"""

from qualityroute.calibration.certificate import Certified, Refused, Scored, promise
from qualityroute.calibration.certify import certify, certify_anytime
from qualityroute.calibration.confusion import Confusion
from qualityroute.calibration.curve import Compared, Point, apgr, pgr, quality_curve
from qualityroute.calibration.cusum import Cusum
from qualityroute.calibration.grid import threshold_grid
from qualityroute.calibration.issued import Certificate
from qualityroute.calibration.looks import Look, anytime_look, level_left, spent
from qualityroute.calibration.pipeline import Pipeline, changed
from qualityroute.calibration.proof import accepted_needed, any_look, binomial_cdf, one_look, upper_bound

__all__ = [
    "Certificate",
    "Certified",
    "Compared",
    "Confusion",
    "Cusum",
    "Look",
    "Pipeline",
    "Point",
    "Refused",
    "Scored",
    "accepted_needed",
    "any_look",
    "anytime_look",
    "apgr",
    "binomial_cdf",
    "certify",
    "certify_anytime",
    "changed",
    "level_left",
    "one_look",
    "pgr",
    "promise",
    "quality_curve",
    "spent",
    "threshold_grid",
    "upper_bound",
]
