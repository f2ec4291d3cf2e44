"""Writes the report's suggestions into the configuration: keys and values change, comments and order stay."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AbstractTable, InlineTable

from qualityroute.commands.replacing import replace_text
from qualityroute.config import Config
from qualityroute.errors import ConfigError
from qualityroute.report import Suggestion


def read_configuration(path: Path) -> str:
    """The file's text as it stands, line ends included. Raises `ConfigError`."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"no configuration '{path}'; `qualityroute init` writes one") from None
    except UnicodeDecodeError:
        raise ConfigError(f"configuration '{path}' is not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"configuration '{path}' cannot be read: {error.strerror}") from error


def write_suggestions(path: Path, text: str, suggestions: Sequence[Suggestion]) -> None:
    """Put the suggestions into the configuration at `path`, whose text was `text` when they were thought of.

    Raises `ConfigError`, with the file as it was: when it has changed meanwhile, cannot be written, or would not load.
    """
    changed = with_suggestions(text, suggestions)

    def check(finished: Path) -> None:
        _check_loads(path, finished)
        if read_configuration(path) != text:
            raise ConfigError(f"'{path}' has changed meanwhile, so nothing was written; ask for the report again")

    replace_text(path, changed, check=check)


def with_suggestions(text: str, suggestions: Iterable[Suggestion]) -> str:
    """The configuration's text with each key at its suggested value, and everything else as it was.

    Raises `ConfigError` when a key is written in a way in which it cannot be changed alone.
    """
    for suggestion in suggestions:
        text = _with(text, suggestion)
    return text


def _with(text: str, suggestion: Suggestion) -> str:
    try:
        wanted = _parsed(text)
        _set(wanted, suggestion)
        document = tomlkit.parse(text)
        _set(document, suggestion)
        changed = _line_ends_of(text, tomlkit.dumps(document))
        if _parsed(changed) == wanted:
            return changed
    except (TOMLKitError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        pass  # whatever a rare form of TOML makes of the editing, the user is told what to write
    name, where = suggestion.key[-1], ".".join(suggestion.key[:-1])
    raise ConfigError(
        f"'{name}' of [{where}] is written in a form that cannot be changed alone, so nothing was written;"
        f" change it by hand to {suggestion.value!r}"
    )


def _set(document: Any, suggestion: Suggestion) -> None:
    *tables, name = suggestion.key
    table = document
    for key in tables:
        if key not in table:
            _add_table(table, key)
        table = table[key]
    if name in table or not isinstance(table, AbstractTable) or isinstance(table, InlineTable):
        table[name] = suggestion.value
    else:
        _append(table, name, suggestion.value)


def _add_table(parent: Any, key: str) -> None:
    if isinstance(parent, tomlkit.TOMLDocument):
        parent.add(tomlkit.nl())
    parent[key] = tomlkit.table() if isinstance(parent, tomlkit.TOMLDocument | AbstractTable) else {}


def _append(table: AbstractTable, name: str, value: str | int) -> None:
    """After the table's last key; the comments and empty lines at its end belong to the table that follows."""
    body, following = table.value.body, []
    while body and body[-1][0] is None:
        following.append(body.pop())
    table[name] = value
    body.extend(reversed(following))


def _line_ends_of(text: str, changed: str) -> str:
    if "\r\n" not in text or "\n" in text.replace("\r\n", ""):
        return changed
    return changed.replace("\r\n", "\n").replace("\n", "\r\n")


def _parsed(text: str) -> dict[str, Any]:
    return tomllib.loads(text, parse_float=Decimal)


def _check_loads(path: Path, finished: Path) -> None:
    try:
        Config.load(finished)
    except ConfigError as error:
        told = str(error).replace(str(finished), str(path))
        raise ConfigError(f"nothing was written, because the suggestion does not go with the rest: {told}") from error
