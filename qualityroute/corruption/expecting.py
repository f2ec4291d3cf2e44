"""Which corruptions a criterion should see, by the words it asks in."""

from __future__ import annotations

import re

from qualityroute.corruption.kinds import Corruption
from qualityroute.rubrics import Criterion

_EXPECTED: tuple[tuple[str, frozenset[Corruption]], ...] = (
    (
        r"add up|sum of|arithmetic|shorter|repetition|duplicat|currenc|units?\b|the sign\b|\bsigns\b|inferred only"
        r"|style|tone|language|polite",
        frozenset(),
    ),
    (
        r"(?:every|each|all)(?: the| repeated)? (?:line|item|record|row|party|parties)s?\b.{0,60}\b(?:present|once)",
        frozenset({Corruption.DROP_RECORD}),
    ),
    (
        r"missing|(?<!non-)\bnull\b|complete|filled in|left out|omitted|main points|every part",
        frozenset({Corruption.DROP}),
    ),
    (r"belong|mixed|own field|another record|confused", frozenset({Corruption.SWAP})),
    (r"numbers?\b.{0,40}\bas in the source", frozenset({Corruption.DIGIT, Corruption.SWAP})),
    (r"answer the question|class|categor|label|urgen", frozenset({Corruption.OTHER_DOCUMENT})),
    (
        r"support|stated|faithful|ground|in the (?:source|document|text)",
        frozenset({Corruption.DIGIT, Corruption.INVENT}),
    ),
)
"""The first that is met counts. A question about what no corruption touches is not tested here. Where it can be seen in
a small mistake, the coarse ones (another document's answer, every value null) are no proof of attention."""

EVERYTHING = frozenset(corruption for corruption in Corruption if not corruption.injects)


def expected_of(criterion: Criterion) -> frozenset[Corruption]:
    """The corruptions this criterion should say no to; of none, it is not tested by them.

    Where its words say nothing, any corruption of the answer will do.
    """
    for words, corruptions in _EXPECTED:
        if re.search(words, criterion.ask, re.IGNORECASE):
            return corruptions
    return EVERYTHING
