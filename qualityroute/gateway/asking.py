"""From the JSON of a chat completion request to what the engine is asked. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from qualityroute.config import Config
from qualityroute.errors import ConfigError
from qualityroute.gates import JsonSchemaCheck, ToolsCheck, schema_of_request
from qualityroute.gateway.errors import Refusal, invalid
from qualityroute.gateway.models import DEFAULT_TASK, choice_of
from qualityroute.inputs import checked_name
from qualityroute.records import Json, Message, Tier

Headers = Mapping[str, str]
"""Names in lower case."""
Classify: TypeAlias = Callable[[Sequence[Message], Mapping[str, Any] | None], str | None]
"""The task of a request that names none, by its messages and the schema that it asks for; `None`: unknown."""

_OURS = frozenset({"model", "messages", "stream", "stream_options", "tools", "response_format", "n", "metadata"})
"""Fields that are answered here. All others are the provider's."""
_LEGACY = {"functions": "tools", "function_call": "tool_choice"}
_SESSION_FIELDS = ("prompt_cache_key", "safety_identifier", "user")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, read."""

    task: str
    tier: Tier | None
    messages: Sequence[Message]
    session: str | None
    metadata: Mapping[str, Any] | None
    tools: tuple[Mapping[str, Any], ...]
    schema: Mapping[str, Any] | JsonSchemaCheck | None
    """What the answer must follow besides the task's own schema, or in its place."""
    parameters: Mapping[str, Any]
    """Fields passed on to the provider."""
    stream: bool
    include_usage: bool
    """Does a stream end with what was used?"""


def read_request(body: Json, headers: Headers, config: Config, classify: Classify) -> Asked:
    """Raises `Refusal` that names the field."""
    if not isinstance(body, dict):
        raise invalid("the body must be a JSON object, such as {'model': 'smart-select', 'messages': [...]}")
    model = body.get("model")
    if not isinstance(model, str):
        raise invalid("'model' must be the name of a model, such as 'smart-select'; GET /v1/models lists them", "model")
    choice = choice_of(model, headers.get("x-qualityroute-task"), config.tasks)
    _check_fields(body)
    tools = _tools(body)
    messages, asked_for = _messages(body), _asked_for(body)
    _check_tools(tools)
    check = None if asked_for is None else _check_of(asked_for)
    task = choice.task or classify(messages, asked_for) or DEFAULT_TASK
    schema, wire_format = _structure(body, tools, check, has_schema=config.tasks[task].schema_ is not None)
    passed = {name: value for name, value in body.items() if name not in _OURS and value is not None}
    return Asked(
        task=task,
        tier=choice.tier,
        messages=messages,
        session=_session(body, headers),
        metadata=_mapping(body, "metadata"),
        tools=tools,
        schema=schema,
        parameters={**passed, **wire_format},
        stream=_flag(body, "stream"),
        include_usage=_flag(_mapping(body, "stream_options") or {}, "include_usage", "stream_options."),
    )


def _check_fields(body: Mapping[str, Any]) -> None:
    count = body.get("n")
    if count is not None and (isinstance(count, bool) or count != 1):
        raise invalid("'n' can only be 1: one answer is proved and served", "n")
    for old, new in _LEGACY.items():
        if body.get(old) is not None:
            raise invalid(f"'{old}' is no longer answered; use '{new}'", old)


def _messages(body: Mapping[str, Any]) -> Sequence[Message]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("'messages' must be a list of chat messages, such as [{'role': 'user', ...}]", "messages")
    return messages


def _tools(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    tools = body.get("tools")
    if not isinstance(tools, list | None):
        raise invalid("'tools' must be a list of functions", "tools")
    choice = body.get("tool_choice")
    if choice not in (None, "none", "auto", "required") and not isinstance(choice, dict):
        raise invalid("'tool_choice' must be 'none', 'auto', 'required' or one tool", "tool_choice")
    if choice not in (None, "none", "auto") and not tools:
        raise invalid("'tool_choice' asks for a call, and there are no 'tools'", "tool_choice")
    return tuple(tools or ())


def _structure(
    body: Mapping[str, Any],
    tools: Sequence[Any],
    asked_for: Mapping[str, Any] | JsonSchemaCheck | None,
    *,
    has_schema: bool,
) -> tuple[Mapping[str, Any] | JsonSchemaCheck | None, dict[str, Any]]:
    """The schema of the answer, and the fields that ask the provider for it where the engine does not do so itself."""
    wanted = _mapping(body, "response_format")
    match wanted and wanted.get("type"):
        case None if not wanted:
            return None, {}
        case "text":
            return None, {}
        case "json_object":
            # The task's own schema asks for more than any object.
            return (None, {}) if has_schema else ({"type": "object"}, {"response_format": {"type": "json_object"}})
        case "json_schema":
            # With tools the engine asks for no structure, since an answer may be a call.
            return asked_for, {"response_format": wanted} if tools else {}
        case _:
            raise invalid(
                "'response_format.type' must be 'text', 'json_object' or 'json_schema'", "response_format.type"
            )


def _asked_for(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema that the request brings itself."""
    wanted = _mapping(body, "response_format")
    if not wanted or wanted.get("type") != "json_schema":
        return None
    named = _mapping(wanted, "json_schema", "response_format.") or {}
    schema = named.get("schema")
    if not isinstance(schema, dict):
        where = "response_format.json_schema.schema"
        raise invalid(f"'{where}' must be a JSON Schema, an object", where)
    return schema


# Whoever asks chooses the schema and, by what is asked, the answer: the two must not keep everybody else waiting.
# A schema that cannot be used at all is the engine's to refuse.
def _check_of(schema: Mapping[str, Any]) -> Mapping[str, Any] | JsonSchemaCheck:
    try:
        check = schema_of_request(schema)
    except ConfigError:
        return schema
    if check.takes_long:
        raise _takes_long("response_format.json_schema.schema")
    return check


def _check_tools(tools: Sequence[Mapping[str, Any]]) -> None:
    with suppress(ConfigError):
        if tools and ToolsCheck(tools).takes_long:
            raise _takes_long("tools")


def _takes_long(where: str) -> Refusal:
    return invalid(
        f"'{where}': checking an answer could take for ever; leave out patterns with lookaround or backreferences, and "
        "references that multiply",
        where,
    )


def _session(body: Mapping[str, Any], headers: Headers) -> str | None:
    """Who asks, by the first of the places where clients say it; each of them must be fit to be a name."""
    metadata = _mapping(body, "metadata") or {}
    places: list[tuple[str, Any]] = [
        ("x-session-id", headers.get("x-session-id")),
        ("metadata.session_id", metadata.get("session_id")),
        *((name, body.get(name)) for name in _SESSION_FIELDS),
    ]
    said = [_name(value, where) for where, value in places if value is not None]
    return said[0] if said else None


def _name(value: Any, where: str) -> str | None:
    try:
        return checked_name(value, where)
    except ConfigError as error:
        raise invalid(str(error), where) from None


def _mapping(body: Mapping[str, Any], name: str, above: str = "") -> dict[str, Any] | None:
    value = body.get(name)
    if not isinstance(value, dict | None):
        raise invalid(f"'{above}{name}' must be an object", f"{above}{name}")
    return value


def _flag(body: Mapping[str, Any], name: str, above: str = "") -> bool:
    value = body.get(name)
    if not isinstance(value, bool | None):
        raise invalid(f"'{above}{name}' must be true or false", f"{above}{name}")
    return bool(value)
