"""The schema check: JSON Schema draft 2020-12 with formats asserted, a pydantic model, or tools' parameters.

The only file that imports jsonschema.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urljoin

from pydantic import BaseModel, ValidationError

from qualityroute.errors import ConfigError
from qualityroute.gates.form import Reading
from qualityroute.records import Json, Reason, Ruling, Verdict

if TYPE_CHECKING:
    from jsonschema import FormatChecker
    from jsonschema.protocols import Validator

MOST_ERRORS = 5
_LITERAL_KEYWORDS = frozenset({"const", "enum", "default", "examples"})
_NAMING_KEYWORDS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_DURATION = re.compile(r"P(?!$)(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)", re.ASCII)


class SchemaCheck(Protocol):
    """Reads a value by a schema: what the caller gets, and a verdict."""

    def read(self, reading: Reading) -> tuple[Any, Verdict]: ...


class JsonSchemaCheck:
    """A JSON Schema, compiled once. Raises `ConfigError` for one that is no schema or refers elsewhere."""

    def __init__(self, schema: Mapping[str, Any], where: str = "schema") -> None:
        self._validator = _compile(schema, where)

    def read(self, reading: Reading) -> tuple[Any, Verdict]:
        return reading.value, _verdict(self.errors(reading.value))

    def errors(self, value: Json, path: str = "") -> list[str]:
        """What is wrong, by path, the first few; nothing of the value itself is quoted."""
        try:
            found = sorted(self._validator.iter_errors(value), key=lambda error: list(map(str, error.absolute_path)))
        except RecursionError:
            return [f"{path or 'answer'}: the schema refers to itself without end"]
        except (ArithmeticError, ValueError) as error:  # such as a number of hundreds of digits under `multipleOf`
            return [f"{path or 'answer'}: a value cannot be checked ({type(error).__name__})"]
        return [
            f"{_path([path, *error.absolute_path] if path else error.absolute_path)}: "
            f"{_rule(str(error.validator), error.validator_value)}"
            for error in found[:MOST_ERRORS]
        ]


class ModelCheck:
    """A pydantic model; the caller gets an object of it."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def read(self, reading: Reading) -> tuple[Any, Verdict]:
        text = json.dumps(reading.value) if reading.repaired else reading.text
        try:
            return self._model.model_validate_json(text), _verdict([])
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False, include_context=False)
            return None, _verdict([f"{_path(item['loc'])}: {_plain(item['msg'])}" for item in details[:MOST_ERRORS]])
        except Exception as error:  # a validator of the user's own; it says nothing about the answer
            message = f"{self._model.__name__}: a validator raised {type(error).__name__}"
            return None, Verdict("schema", Ruling.UNDECIDED, Reason.CHECK_ERROR, message)


class ToolsCheck:
    """Tool calls: each names a tool of the request, and its arguments follow that tool's `parameters`."""

    def __init__(self, tools: Sequence[Mapping[str, Any]]) -> None:
        self._tools = {name: _tool_schema(name, parameters) for name, parameters in _functions(tools)}

    def read(self, reading: Reading) -> tuple[Any, Verdict]:
        return reading.value, _verdict([error for call in reading.value for error in self._errors(call)][:MOST_ERRORS])

    def _errors(self, call: Mapping[str, Any]) -> list[str]:
        schema = self._tools.get(call["name"])
        if schema is None:
            return [f"no tool '{_plain(call['name'])}' was offered; there are: {', '.join(self._tools)}"]
        return schema.errors(call["arguments"], path=call["name"])


def _functions(tools: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Raises `ConfigError` for a tool that is no function with a name."""
    for position, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise ConfigError(
                f"tool {position} is no function; use {{'type': 'function', 'function': {{'name': ...}}}}"
            )
        yield function["name"], function.get("parameters") or {"type": "object"}


def _tool_schema(name: str, parameters: Mapping[str, Any]) -> JsonSchemaCheck:
    return schema_from_text(json.dumps(parameters, sort_keys=True), f"tool '{name}'")


@lru_cache(maxsize=256)
def schema_from_text(text: str, where: str) -> JsonSchemaCheck:
    """Compiling costs milliseconds, and the same schemas come with every request."""
    return JsonSchemaCheck(json.loads(text), where)


def _verdict(errors: Sequence[str]) -> Verdict:
    if not errors:
        return Verdict("schema", Ruling.ACCEPTED)
    return Verdict("schema", Ruling.REJECTED, Reason.SCHEMA, "; ".join(dict.fromkeys(errors)))


def _path(parts: Any) -> str:
    return ".".join(_plain(str(part)) for part in parts) or "answer"


def _rule(keyword: str, wanted: object) -> str:
    """A broken rule in words; the rule comes from the schema, so it may be quoted."""
    shown = _plain(json.dumps(wanted, ensure_ascii=False, default=str), 120)
    match keyword:
        case "type":
            return f"is not of type {shown}"
        case "required":
            return f"lacks one of {shown}"
        case "enum" | "const":
            return f"is not one of {shown}" if keyword == "enum" else f"is not {shown}"
        case "format":
            return f"is not a {wanted}"
        case "additionalProperties":
            return "has a property that the schema does not name"
        case _:
            return f"breaks {keyword} {shown}"


def _plain(text: str, most: int = 200) -> str:
    """On one line, without control and format characters, and not long."""
    clean = "".join(char for char in text if unicodedata.category(char)[0] != "C" and char not in "\u2028\u2029")
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def _compile(schema: Mapping[str, Any], where: str) -> Validator:
    # jsonschema takes a tenth of a second to import, and `--help` must not wait for it.
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ConfigError(f"{where}: not a JSON Schema: {_path(error.absolute_path)}: {error.message[:200]}") from None
    except RecursionError:
        raise ConfigError(f"{where}: not a JSON Schema: nested too deeply") from None
    # An empty registry fetches nothing: a reference that leaves the schema has nowhere to go.
    registry: Any = Registry().with_resource("", DRAFT202012.create_resource(schema)).crawl()
    _check_references(schema, registry, where)
    return Draft202012Validator(schema, registry=registry, format_checker=_formats())


def _check_references(schema: Any, registry: Any, where: str) -> None:
    from referencing.exceptions import Unresolvable  # noqa: PLC0415  (comes with jsonschema)

    for base, reference in _references(schema, ""):
        try:
            registry.resolver(base).lookup(reference)
        except Unresolvable:
            local = reference.startswith("#")
            kind = "names nothing in the schema" if local else "leaves the schema; only local references are followed"
            raise ConfigError(f"{where}: $ref '{_plain(reference)}' {kind}; put it under $defs") from None


def _references(node: Any, base: str, *, names: bool = False) -> Iterator[tuple[str, str]]:
    """Every `$ref` with the base it is relative to; data inside `const` and the like is no schema."""
    if isinstance(node, Mapping):
        if not names and isinstance(node.get("$id"), str):
            base = urljoin(base, node["$id"])
        for key, value in node.items():
            if not names and key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield base, value
            elif names or key not in _LITERAL_KEYWORDS:
                yield from _references(value, base, names=not names and key in _NAMING_KEYWORDS)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item, base)


@lru_cache(maxsize=1)
def _formats() -> FormatChecker:
    from jsonschema import FormatChecker  # noqa: PLC0415  (see `_compile`)

    checker = FormatChecker()

    # The package for durations takes longer to import than everything else here together.
    checker.checks("duration")(_is_duration)
    return checker


def _is_duration(value: object) -> bool:
    return not isinstance(value, str) or _DURATION.fullmatch(value) is not None
