"""Regular expressions of a configuration, which run on text that strangers write: none may take for ever.

Python's `re` tries one way of matching after another. For a pattern we bound how many ways there can be at one place
of a text of `WINDOW` characters: a sequence multiplies its parts' ways, a choice adds them, a repeat has one for each
count that it allows, and a repeat of something that has several ways has a power of them, which is what makes `(a+)+`
catastrophic. More than `MOST_WAYS` are refused when the configuration is read, so that a search takes less than
`WINDOW` x `MOST_WAYS` steps of a microsecond's fraction, whatever the text.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

WINDOW = 2_000
"""Characters of a text that a pattern is shown."""
MOST_WAYS = 4 * WINDOW
"""A pattern may hold one `.*`, or a few short choices and repeats such as `\\d{1,9}`."""
LONGEST_PATTERN = 500


def safe_pattern(text: str) -> re.Pattern[str]:
    """The pattern, compiled; letters match in either case. Raises `ValueError` for what is wrong or could be slow."""
    if len(text) > LONGEST_PATTERN:
        raise ValueError(f"a pattern of {len(text):,} characters; at most {LONGEST_PATTERN} are allowed")
    try:
        with warnings.catch_warnings(action="error", category=FutureWarning):  # what will mean something else
            compiled = re.compile(text, re.IGNORECASE)
        ways = _ways_of_all(_parser.parse(text, re.IGNORECASE))
    except (re.error, FutureWarning, OverflowError, RecursionError) as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    if ways > MOST_WAYS:
        raise ValueError(
            f"{text!r} could take very long on a text made to slow it down; use one '*' or '+' at most, none inside "
            "another, and bounds such as {0,20} for the rest"
        )
    if compiled.match(""):
        raise ValueError(f"{text!r} matches every text")
    return compiled


def _ways_of_all(parts: Iterable[Any]) -> int:
    """Of a sequence; no more than a little over what is allowed, since the numbers grow fast."""
    ways = 1
    for operation, argument in parts:
        ways = min(ways * _ways(operation, argument), MOST_WAYS + 1)
    return ways


def _ways(operation: Any, argument: Any) -> int:
    """Of one node of what the parser of `re` makes of a pattern."""
    if operation in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
        least, most, repeated = argument
        return _ways_of_repeat(least, min(most, WINDOW), _ways_of_all(repeated))
    if operation is ops.BRANCH:
        return sum(_ways_of_all(choice) for choice in argument[1])
    if operation is ops.SUBPATTERN:
        return _ways_of_all(argument[-1])
    if operation is ops.ATOMIC_GROUP:
        return _ways_of_all(argument)
    if operation in (ops.ASSERT, ops.ASSERT_NOT):
        return _ways_of_all(argument[1])
    if operation in (ops.GROUPREF, ops.GROUPREF_IGNORE, ops.GROUPREF_EXISTS):
        return MOST_WAYS + 1  # what it repeats is as long as the text makes it
    return 1


def _ways_of_repeat(least: int, most: int, inner: int) -> int:
    counts = most - least + 1
    if inner == 1:
        return max(1, counts)
    total = 0
    for count in range(least, most + 1):
        total += inner**count
        if total > MOST_WAYS:
            break
    return max(1, total)
