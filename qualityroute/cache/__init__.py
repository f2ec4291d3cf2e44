"""Answers served again: what counts as the same question, who may be served, and what may be kept. Pure."""

from qualityroute.cache.entries import CacheKey, CacheSummary, Hit, Sense, Stored
from qualityroute.cache.keys import Question, key_of, space_of
from qualityroute.cache.parameters import content_parameters
from qualityroute.cache.policy import is_kept, tiers_served
from qualityroute.cache.semantic import Candidate, Evidence, Likening, LikeningSummary, Neighbour, Space

__all__ = [
    "CacheKey",
    "CacheSummary",
    "Candidate",
    "Evidence",
    "Hit",
    "Likening",
    "LikeningSummary",
    "Neighbour",
    "Question",
    "Sense",
    "Space",
    "Stored",
    "content_parameters",
    "is_kept",
    "key_of",
    "space_of",
    "tiers_served",
]
