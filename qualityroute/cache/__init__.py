"""Answers served again: what counts as the same question, who may be served, and what may be kept. Pure."""

from qualityroute.cache.entries import CacheKey, CacheSummary, Hit, Stored
from qualityroute.cache.keys import Question, key_of
from qualityroute.cache.parameters import content_parameters
from qualityroute.cache.policy import is_kept, tiers_served

__all__ = [
    "CacheKey",
    "CacheSummary",
    "Hit",
    "Question",
    "Stored",
    "content_parameters",
    "is_kept",
    "key_of",
    "tiers_served",
]
