"""How good is a task's judge? Detection of mistakes made on purpose, false alarms, and rulings that change. Pure."""

from qualityroute.judge_health.repeat import CriterionSpread, Repeated, repeated
from qualityroute.judge_health.selftest import Asked, Detection, SelfTest, self_test
from qualityroute.judge_health.spending import Bill, Spent
from qualityroute.judge_health.wire import repeat_json, selftest_json

__all__ = [
    "Asked",
    "Bill",
    "CriterionSpread",
    "Detection",
    "Repeated",
    "SelfTest",
    "Spent",
    "repeat_json",
    "repeated",
    "self_test",
    "selftest_json",
]
