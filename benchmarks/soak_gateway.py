"""`qualityroute serve` with a window: on SIGUSR1 it appends a line about its inside to the file named by SOAK_INSIDE.

What no other process can see of it: its tasks, its objects, and what its allocator holds.
"""

from __future__ import annotations

import _sqlite3
import asyncio
import ctypes
import gc
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from qualityroute.cli import main

KINDS_EVERY, MOST_KINDS = 20, 25
"""Objects are counted by their kind in each so many lines, which takes a while; so many kinds are told."""


class Mallinfo2(ctypes.Structure):
    """See mallinfo(3)."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def heap() -> dict[str, int]:
    """Bytes that malloc has given out, and those it keeps free; empty where it does not tell."""
    try:
        told = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError):
        return {}
    told.restype = Mallinfo2
    found = told()
    return {"used": found.uordblks + found.hblkhd, "free": found.fordblks}


def sqlite_memory() -> int:
    """Bytes that SQLite has taken, its pages kept in memory among them."""
    told = ctypes.CDLL(_sqlite3.__file__).sqlite3_memory_used
    told.restype = ctypes.c_int64
    return int(told())


class Window:
    def __init__(self, path: Path) -> None:
        self._path, self._lines = path, 0

    def look(self, *_: object) -> None:
        # Signals are handled in the main thread, which is the loop's.
        tasks = [task for task in asyncio.all_tasks(asyncio.get_running_loop()) if not task.done()]
        objects = gc.get_objects()
        told: dict[str, Any] = {"tasks": len(tasks), "objects": len(objects), "heap": heap()}
        told["sqlite"], told["blocks"] = sqlite_memory(), sys.getallocatedblocks()
        if self._lines % KINDS_EVERY == 0:
            kinds = Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in objects)
            told["kinds"] = dict(kinds.most_common(MOST_KINDS))
        self._lines += 1
        with self._path.open("a") as file:
            file.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, Window(Path(os.environ["SOAK_INSIDE"])).look)
    main(sys.argv[1:])
