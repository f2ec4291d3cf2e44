"""Does a task belong on its tier? Statistics that may be looked at any number of times.

Pure: counts and mean costs go in, facts come out. No clock, no chance, no store.
"""

from qualityroute.signal.betting import (
    SessionCounts,
    forecast,
    log_evidence_of_gain,
    log_evidence_of_loss,
)
from qualityroute.signal.change import BUCKET, Change, bucket_failures, find_changes
from qualityroute.signal.costs import break_even
from qualityroute.signal.intervals import Interval, always_valid, wilson
from qualityroute.signal.probes import Persistence, persistence
from qualityroute.signal.states import Assessment, Flag, State, assess

__all__ = [
    "BUCKET",
    "Assessment",
    "Change",
    "Flag",
    "Interval",
    "Persistence",
    "SessionCounts",
    "State",
    "always_valid",
    "assess",
    "break_even",
    "bucket_failures",
    "find_changes",
    "forecast",
    "log_evidence_of_gain",
    "log_evidence_of_loss",
    "persistence",
    "wilson",
]
