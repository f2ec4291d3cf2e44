"""What a peak of requests leaves behind is given back to the system once the gateway is quiet again.

Nobody else would: the collector of garbage goes by how many objects are made, and few are made from then on. What it
has not found, and some thousand names in the interpreter's cache of attributes, lie scattered over all the memory that
the peak took, and keep it.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable

import anyio

from qualityroute.gateway.flights import Flights

PEAK = 100
"""Requests at once, at least."""
QUIET = 0.1
"""Of the requests at once of the peak, at most, from one look to the next."""
LOOKS = 10.0
"""Seconds; idle connections to providers are closed within half of it."""


async def give_back_after_peaks(flights: Flights, give_back: Callable[[], None]) -> None:
    """Once after each peak, until cancelled."""
    peak = 0
    while True:
        await anyio.sleep(LOOKS)
        most = flights.most_lately()
        peak = max(peak, most)
        if peak >= PEAK and most <= peak * QUIET:
            give_back()
            peak = most


def give_back() -> None:
    """Blocks while all objects made since the start are looked through."""
    # Its names from Python 3.13 on and before; other interpreters have neither.
    forget = getattr(sys, "_clear_internal_caches", None) or getattr(sys, "_clear_type_cache", None)
    if forget is not None:
        forget()
    gc.collect()  # a full one, which empties the interpreter's own lists of free objects as well
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc
        if trim is not None:
            trim(0)
