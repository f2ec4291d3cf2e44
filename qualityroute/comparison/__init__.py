"""When two written values are the same value: canonical forms of texts, numbers, money and dates."""

from qualityroute.comparison.forms import Compare, canonical, equal, readings

__all__ = ["Compare", "canonical", "equal", "readings"]
