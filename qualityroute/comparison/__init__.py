"""When two written values are the same value, and two structured answers the same answer."""

from qualityroute.comparison.answers import Comparison, Difference, compare_answers, says_the_same
from qualityroute.comparison.forms import Compare, canonical, equal, readings

__all__ = ["Compare", "Comparison", "Difference", "canonical", "compare_answers", "equal", "readings", "says_the_same"]
