"""What somebody may have meant who wrote an unknown name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any


def near(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; there are: {', '.join(sorted(known))}" if known else ""
