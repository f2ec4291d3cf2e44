"""Pages of the reference that are made of the code: every key of the configuration and of rubrics, every command.

    python tests/reference.py           # write docs/reference/; `make reference` does

A key's meaning is the string under its field in the source, so that it stands once; a test fails when one has none, or
when a page is stale.
"""

from __future__ import annotations

import ast
import inspect
import re
import types
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import qualityroute
from qualityroute import Config, Rubric
from qualityroute.cli import COMMANDS, main
from qualityroute.config.fields import format_duration, parse_duration, parse_size

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
MADE = "<!-- Made of the code by `make reference`. -->\n\n"


def meanings(section: type[BaseModel]) -> dict[str, str]:
    """The string under each field, by the field's name, those it inherits left out."""
    (tree,) = ast.parse(inspect.getsource(section)).body
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for field, following in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match following:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    found[field.target.id] = inspect.cleandoc(text)
    return found


def key_of(name: str, field: FieldInfo) -> str:
    return field.alias or name


def sections(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """The model and those within it, each with the path of its table: `tasks.NAME.accept`."""
    yield path, model
    for name, field in model.model_fields.items():
        for inner, many in inner_models(field.annotation):
            step = f"{key_of(name, field)}{many}"
            yield from sections(inner, f"{path}.{step}" if path else step)


def inner_models(kind: Any) -> Iterator[tuple[type[BaseModel], str]]:
    """The sections that a field holds; `.NAME` or `[]` where it holds many."""
    origin, arguments = get_origin(kind), get_args(kind)
    if inspect.isclass(kind) and issubclass(kind, BaseModel) and kind is not Rubric and kind is not BaseModel:
        yield kind, ""
    elif origin is Annotated or origin in (Union, types.UnionType):
        for part in arguments if origin is not Annotated else arguments[:1]:
            yield from inner_models(part)
    elif origin is not None and inspect.isclass(origin) and issubclass(origin, Mapping):
        yield from ((inner, ".NAME") for inner, _ in inner_models(arguments[1]))
    elif origin is tuple:
        yield from ((inner, "[]") for inner, _ in inner_models(arguments[0]))


def kind_of(field: FieldInfo) -> str:
    """The type of a key in words of TOML."""
    return _kind(field.annotation, tuple(field.metadata))


def _kind(kind: Any, rules: tuple[Any, ...] = ()) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _kind(arguments[0], arguments[1:])
    if origin is Literal:
        return " \\| ".join(f"`{value!r}`".replace("'", '"') for value in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_kind(part, rules) for part in arguments if part is not types.NoneType))
    if origin is tuple:
        return f"list of {_kind(arguments[0])}"
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        return f"table of {_kind(arguments[1])}" if arguments[1] is not Any else "table"
    if origin is type or (inspect.isclass(kind) and issubclass(kind, BaseModel)):
        return "rubric" if kind is Rubric else "pydantic model" if origin is type else "table"
    if _made_by(parse_size, rules):
        return "size"
    named = {
        timedelta: "duration",
        date: "date",
        bool: "true or false",
        int: "whole number",
        float: "number",
        str: "text",
    }
    return f"{named.get(kind, 'number' if kind.__name__ == 'Decimal' else 'anything')}{_bounds(rules)}"


def _made_by(function: Any, rules: tuple[Any, ...]) -> bool:
    return any(getattr(rule, "func", None) is function for rule in rules)


def _bounds(rules: tuple[Any, ...]) -> str:
    rules = tuple(inner for rule in rules for inner in (rule.metadata if isinstance(rule, FieldInfo) else [rule]))
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    said = [f"{signs[name]} {_plain(getattr(rule, name))}" for rule in rules for name in signs if hasattr(rule, name)]
    return f" {', '.join(said)}" if said else ""


def _plain(value: Any) -> str:
    if isinstance(value, timedelta):
        return f'"{_short(value)}"'
    if isinstance(value, Enum):
        return f'"{value.value}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return str(value)


def _short(value: timedelta) -> str:
    seconds = parse_duration(format_duration(value)).total_seconds()
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds % size == 0 and seconds > size:
            return f"{seconds // size:g}{unit}"
    return f"{seconds:g}s"


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "**needed**"
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, BaseModel) or value in ((), {}, "", date.min):
        return ""
    return f"`{_plain(value)}`"


def table(model: type[BaseModel]) -> Iterator[str]:
    meant = meanings(model)
    yield "| key | type | default | meaning |\n|---|---|---|---|\n"
    for name, field in model.model_fields.items():
        meaning = re.sub(r"\s+", " ", meant.get(name, "")).replace("|", "\\|")
        yield f"| `{key_of(name, field)}` | {kind_of(field)} | {default_of(field)} | {meaning} |\n"


def configuration() -> str:
    text = f"# Configuration\n\n{MADE}{CONFIGURATION}"
    for path, model in sections(Config):
        text += f"\n## {f'`[{path}]`' if path else 'At the top'}\n\n".replace("`[prices[]]`", "`[[prices]]`")
        doc = inspect.cleandoc(model.__doc__) if "__doc__" in model.__dict__ and model.__doc__ else ""
        text += f"{doc.split('Build it with')[0].strip()}\n\n" if doc else ""
        text += "".join(table(model))
    return text


CONFIGURATION = """\
Every key of `qualityroute.toml`. Unknown keys are errors, and every mistake is told before the first request, by its
path. A duration is a number and a unit (`"250ms"`, `"20s"`, `"30m"`, `"24h"`, `"7d"`); a size a number of bytes, with a
unit if you like (`"32MiB"`); paths are relative to the file. In Python `Config.model_validate({...})` takes the same.
"""


def rubrics() -> str:
    text = f"# Rubrics\n\n{MADE}Every key of a rubric's file; [how to write one](../guides/rubrics.md).\n"
    for path, model in sections(Rubric):
        heading = {"": "At the top", "criteria[]": "`[[criteria]]`"}.get(path, f"`[{path}]`")
        text += f"\n## {heading}\n\n{''.join(table(model))}"
    return text


def commands() -> str:
    text = f"# Commands\n\n{MADE}What `--help` says of each.\n"
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        text += "".join(command_part(command, f"qualityroute {name}"))
    return text


def command_part(command: click.Command, called: str) -> Iterator[str]:
    names = main.context_settings["help_option_names"]  # as a command within the group has them
    context = click.Context(
        command, info_name=called, terminal_width=100, max_content_width=100, help_option_names=names
    )
    yield f"\n## {called}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from command_part(inner, f"{called} {name}")


def python() -> str:
    text = f"# Python\n\n{MADE}The public names: those of `qualityroute.__all__`, and no others.\n"
    return text + "".join(f"\n::: qualityroute.{name}\n" for name in qualityroute.__all__ if name[0].isupper())


PAGES = {"configuration.md": configuration, "rubrics.md": rubrics, "commands.md": commands, "python.md": python}

if __name__ == "__main__":
    REFERENCE.mkdir(exist_ok=True)
    for file, page in PAGES.items():
        (REFERENCE / file).write_text(page(), encoding="utf-8")
