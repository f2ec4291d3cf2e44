"""The schema check: JSON Schema draft 2020-12 with formats asserted, a pydantic model, or tools' parameters.

The validators themselves are behind `validators.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from qualityroute.errors import ConfigError
from qualityroute.gates.form import Reading
from qualityroute.gates.plain import plain, plain_path
from qualityroute.gates.validators import Validator, only_pure
from qualityroute.memo import kept
from qualityroute.records import Json, Reason, Ruling, Verdict

MOST_ERRORS = 5
LARGEST_SCHEMA = 256 * 1024
"""Characters of a schema that comes with a request; a thousand of them are kept."""
_REQUESTED = "response_format.json_schema.schema"
"""Where a request has its schema, as OpenAI calls it."""


class SchemaCheck(Protocol):
    """Reads a value by a schema: what the caller gets, and a verdict."""

    def read(self, reading: Reading) -> tuple[Any, Verdict]: ...


class JsonSchemaCheck:
    """A JSON Schema, compiled once. Raises `ConfigError` for one that is no schema or refers elsewhere."""

    def __init__(self, schema: Mapping[str, Any], where: str = "schema") -> None:
        self._validator = Validator(schema, where, pure=only_pure())
        self.schema = schema
        self.takes_long = self._validator.takes_long
        """Could a value keep it busy for ever?"""

    def read(self, reading: Reading) -> tuple[Any, Verdict]:
        return reading.value, _verdict(self.errors(reading.value))

    def errors(self, value: Json, path: str = "") -> list[str]:
        """What is wrong, by path, the first few; nothing of the value itself is quoted."""
        try:
            found = self._validator.broken(value)
        except RecursionError:
            return [f"{path or 'answer'}: the schema refers to itself without end"]
        except (ArithmeticError, ValueError) as error:  # such as a number of hundreds of digits under `multipleOf`
            return [f"{path or 'answer'}: a value cannot be checked ({type(error).__name__})"]
        inside = [path] if path else []
        return [
            f"{plain_path([*inside, *broken.path])}: {_rule(broken.keyword, broken.wanted)}"
            for broken in found[:MOST_ERRORS]
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
            return None, _verdict(
                [f"{plain_path(item['loc'])}: {plain(item['msg'])}" for item in details[:MOST_ERRORS]]
            )
        except Exception as error:  # a validator of the user's own; it says nothing about the answer
            message = f"{self._model.__name__}: a validator raised {type(error).__name__}"
            return None, Verdict("schema", Ruling.UNDECIDED, Reason.CHECK_ERROR, message)


class ToolsCheck:
    """Tool calls: each names a tool of the request, and its arguments follow that tool's `parameters`."""

    def __init__(self, tools: Sequence[Mapping[str, Any]]) -> None:
        self._tools = {name: _tool_schema(name, parameters) for name, parameters in _functions(tools)}

    @property
    def takes_long(self) -> bool:
        return any(schema.takes_long for schema in self._tools.values())

    def read(self, reading: Reading) -> tuple[Any, Verdict]:
        return reading.value, _verdict([error for call in reading.value for error in self._errors(call)][:MOST_ERRORS])

    def _errors(self, call: Mapping[str, Any]) -> list[str]:
        schema = self._tools.get(call["name"])
        if schema is None:
            return [f"no tool '{plain(call['name'])}' was offered; there are: {', '.join(self._tools)}"]
        return schema.errors(call["arguments"], path=call["name"])


def _functions(tools: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Raises `ConfigError` for a tool that is no function with a name."""
    for position, tool in enumerate(tools):
        is_function = isinstance(tool, Mapping) and tool.get("type", "function") == "function"
        function = tool.get("function") if is_function else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise ConfigError(
                f"tool {position} is no function; use {{'type': 'function', 'function': {{'name': ...}}}}"
            )
        parameters = function.get("parameters")
        if not isinstance(parameters, Mapping | None):
            raise ConfigError(f"tool '{plain(function['name'])}': 'parameters' must be a JSON Schema, an object")
        yield function["name"], parameters or {"type": "object"}


def _tool_schema(name: str, parameters: Mapping[str, Any]) -> JsonSchemaCheck:
    return schema_from_text(json.dumps(parameters, sort_keys=True), f"tool '{name}'")


def requires_call(parameters: Mapping[str, Any] | None) -> bool:
    """Does `tool_choice` leave the model no way but to call a tool?"""
    choice = (parameters or {}).get("tool_choice")
    if isinstance(choice, Mapping):
        allowed = choice.get("allowed_tools")
        return allowed.get("mode") == "required" if isinstance(allowed, Mapping) else True
    return choice == "required"


def schema_of_request(schema: Mapping[str, Any] | JsonSchemaCheck) -> JsonSchemaCheck:
    """The check of a schema that came with a request; a check stays what it is. Raises `ConfigError`."""
    if isinstance(schema, JsonSchemaCheck):
        return schema
    if not isinstance(schema, Mapping):
        raise ConfigError(f"{_REQUESTED}: a JSON Schema is an object, not {type(schema).__name__}")
    try:
        text = json.dumps(schema, default=dict)  # as it is written: models answer in the order of the properties
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{_REQUESTED}: cannot be written as JSON: {error}") from None
    if len(text) > LARGEST_SCHEMA:
        raise ConfigError(f"{_REQUESTED}: has {len(text):,} characters; at most {LARGEST_SCHEMA:,} are allowed")
    return schema_from_text(text, _REQUESTED)


def schema_from_text(text: str, where: str) -> JsonSchemaCheck:
    """Compiling costs milliseconds, and the same schemas come with every request."""
    return _kept(text, where, only_pure())


@kept
def _kept(text: str, where: str, pure: bool) -> JsonSchemaCheck:
    """`pure` is in the environment; here it tells one from the other."""
    return JsonSchemaCheck(json.loads(text), where)


NO_CALL = Verdict("schema", Ruling.REJECTED, Reason.SCHEMA, "no tool was called, and `tool_choice` requires a call")


def _verdict(errors: Sequence[str]) -> Verdict:
    if not errors:
        return Verdict("schema", Ruling.ACCEPTED)
    return Verdict("schema", Ruling.REJECTED, Reason.SCHEMA, "; ".join(dict.fromkeys(errors)))


def _rule(keyword: str, wanted: object) -> str:
    """A broken rule in words; the rule comes from the schema, so it may be quoted."""
    shown = plain(json.dumps(wanted, ensure_ascii=False, default=str), 120)
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
