"""Results kept by the length of the texts that they are made of, since whoever asks chooses the texts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps
from threading import Lock
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

MOST_CHARACTERS = 1_000_000
"""Of all that one function keeps. What is made of a JSON Schema takes some twenty bytes for each of its characters."""
LEAST = 1_000
"""Characters that any result counts for."""


def kept(function: Callable[P, T]) -> Callable[P, T]:
    """A function that makes a thing once, and again only where many others were asked for since.

    The texts among its arguments and its result count; what would be more than a quarter of all is made each time.
    Results are shared, so that nobody may change them. Arguments by their position only. Safe from several threads, of
    which two may make the same thing at the same time.
    """
    results: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
    lock = Lock()
    length = 0

    @wraps(function)
    def made(*args: P.args, **kwargs: P.kwargs) -> T:
        nonlocal length
        with lock:
            found = results.get(args)
            if found is not None:
                results.move_to_end(args)
                return found[0]
        result = function(*args, **kwargs)
        its_own = LEAST + sum(len(text) for text in (*args, result) if isinstance(text, str))
        if its_own > MOST_CHARACTERS / 4:
            return result
        with lock:
            if args not in results:
                length += its_own
            results[args] = result, its_own
            while length > MOST_CHARACTERS:
                _, (_, gone) = results.popitem(last=False)
                length -= gone
        return result

    return made
