"""Files that `init` and `demo` write, as they are written."""

from __future__ import annotations

from importlib import resources


def template(name: str) -> str:
    """The text of one of the files beside this one."""
    return (resources.files(__name__) / name).read_text(encoding="utf-8")
