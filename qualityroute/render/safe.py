"""Text of strangers made fit for a terminal: nothing in it moves the cursor, hides, or is read as markup."""

from __future__ import annotations

import unicodedata

from rich.text import Text

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_DELETE = 0x7F


def visible(text: str, most: int | None = None) -> str:
    """One line, every character of which can be seen; cut to `most` characters.

    >>> visible("red \\x1b[31m text")
    'red ␛[31m text'
    """
    looked_at = text if most is None else text[: most + 1]
    # Nearly every text is printable, which is told a hundred times faster of the whole than of each character.
    shown = looked_at if looked_at.isprintable() else "".join(map(_shown, looked_at))
    return shown if most is None or len(shown) <= most else shown[: max(0, most - 1)] + "…"


def safe_text(text: str, style: str = "", *, most: int | None = None) -> Text:
    """`visible` text as a renderable that is never read as markup."""
    return Text(visible(text, most), style=style)


def _shown(char: str) -> str:
    if unicodedata.category(char) not in _HIDDEN:
        return char
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)  # Unicode has a picture for each control character of ASCII
    return "␡" if code == _DELETE else f"<U+{code:04X}>"
