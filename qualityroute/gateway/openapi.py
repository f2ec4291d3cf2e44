"""The gateway's own OpenAPI document: what is accepted and what comes back, no more and no less."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from qualityroute import __version__
from qualityroute.gateway.models import names
from qualityroute.gateway.visitors import LONGEST_REQUEST_ID
from qualityroute.inputs import LONGEST_NAME, ROLES

Schema = dict[str, Any]
_CHAT = "/v1/chat/completions"
_NAME = r"^(?=.*\S)[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$"
"""As `checked_name` has it: not blank, and without control characters."""


@lru_cache(maxsize=4)
def document(tasks: tuple[str, ...]) -> dict[str, Any]:
    """OpenAPI 3.1; `tasks` are those of the configuration, which a request can name."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "qualityroute gateway",
            "version": __version__,
            "description": "An OpenAI-compatible gateway: the cheap model answers first, its answer is proved, and "
            "what fails goes to the performance tier.",
        },
        "security": [{"key": []}, {}],
        "paths": {
            _CHAT: {"post": _chat(tasks)},
            "/v1/models": {"get": _reading("Every name that `model` can have.", "ModelList", 401, 403)},
            "/v1/models/{model}": {"get": _one_model()},
            "/healthz": {"get": _open(_reading("The process lives.", "Status"))},
            "/readyz": {
                "get": _open(_reading("The configuration is loaded and the store can be read.", "Status", 503))
            },
            "/metrics": {"get": _metrics()},
            "/openapi.json": {"get": _open(_reading("This document.", "Document"))},
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(names(tasks)),
        },
    }


def _chat(tasks: Sequence[str]) -> dict[str, Any]:
    answer = {
        "application/json": {"schema": _ref("Completion")},
        # Before version 3.2, this is the schema of each event.
        "text/event-stream": {"schema": _ref("Event")},
    }
    failures = (400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504)
    return {
        "summary": "Answer a conversation.",
        "operationId": "createChatCompletion",
        "parameters": [
            _header(
                "x-session-id",
                "The user or conversation; before `metadata.session_id` and `user`.",
                _text(LONGEST_NAME),
            ),
            _header(
                "x-qualityroute-task",
                "A task, where `model` names none or this one; empty: none.",
                {"enum": [*tasks, ""]},
            ),
            _header(
                "x-request-id",
                f"Comes back, if it is {LONGEST_REQUEST_ID} characters at most and fit to; otherwise one is made.",
                {"type": "string"},
            ),
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Request")}}},
        "responses": {
            "200": {"description": "The answer.", "headers": _told(), "content": answer},
            **_errors(*failures),
        },
    }


def _one_model() -> dict[str, Any]:
    name = {"name": "model", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    return {**_reading("One model; its name may have a slash.", "Model", 401, 403, 404), "parameters": [name]}


def _metrics() -> dict[str, Any]:
    text = {"description": "Metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    return {"summary": "Metrics for Prometheus.", "responses": {"200": text, **_errors(401, 403, 404)}}


def _reading(summary: str, schema: str, *failures: int) -> dict[str, Any]:
    good = {"description": summary, "content": {"application/json": {"schema": _ref(schema)}}}
    return {"summary": summary, "responses": {"200": good, **_errors(*failures)}}


def _open(operation: dict[str, Any]) -> dict[str, Any]:
    return {**operation, "security": []}


def _errors(*statuses: int) -> dict[str, Any]:
    error = {"description": "Why not.", "content": {"application/json": {"schema": _ref("Error")}}}
    return {str(status): error for status in statuses}


def _header(name: str, description: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": schema}


def _text(longest: int) -> Schema:
    """A header of words, spaces among them; what is not ASCII must be UTF-8, which a pattern cannot say."""
    return {"type": "string", "pattern": "^[!-~][ -~]*$", "maxLength": longest}


def _told() -> dict[str, Any]:
    told = {
        "decision": "The id of the decision, for `qualityroute explain`.",
        "tier": "The tier that answered.",
        "outcome": "accepted, fallback, pinned and so on.",
        "reason": "Why the request left the efficiency tier, where it did.",
        "cost": "USD, or `unknown`.",
    }
    text = {"type": "string"}
    return {f"x-qualityroute-{name}": {"description": said, "schema": text} for name, said in told.items()}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Schema, *required: str, **more: Any) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), **more}


def _said() -> Schema:
    """A message that there is something to answer to: words that are not the assistant's, or an image."""
    words = {"type": "string", "pattern": r"\S"}
    part = _object({"type": {"const": "text"}, "text": words}, "type", "text")
    image = _object({"type": {"const": "image_url"}}, "type")
    asker = {"not": {"const": "assistant"}}
    return {
        "anyOf": [
            _object({"role": asker, "content": words}, "content"),
            _object({"role": asker, "content": {"type": "array", "contains": part}}, "content"),
            _object({"content": {"type": "array", "contains": image}}, "content"),
        ],
        "description": "A message with something to answer to.",
    }


def _calls_have_tools() -> Schema:
    """A `tool_choice` that asks for a call needs tools to call."""
    no_call = {"properties": {"tool_choice": {"enum": ["none", "auto", None]}}}
    some_tool = {"properties": {"tools": {"type": "array", "minItems": 1}}, "required": ["tools"]}
    return {"anyOf": [no_call, some_tool]}


def _event() -> Schema:
    content = {"contentMediaType": "application/json", "contentSchema": {"anyOf": [_ref("Chunk"), _ref("Error")]}}
    piece = {"type": "string", "description": "A piece of the answer, or why there is none, as JSON.", **content}
    end = {"const": "[DONE]", "description": "The answer is whole."}
    return _object({"data": {"anyOf": [end, piece]}}, "data")


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _schemas(models: Sequence[str]) -> Schema:
    text, count = {"type": "string"}, {"type": "integer", "minimum": 0}
    name = {"type": "string", "maxLength": LONGEST_NAME, "pattern": _NAME}
    flag = {"type": ["boolean", "null"]}
    # A reference to the schema of schemas would have each reader of this document fetch it.
    rules = {"type": "object", "description": "A JSON Schema of draft 2020-12; what is none is refused."}
    function = _object({"name": text, "parameters": _or_null(rules)}, "name")
    piece = _object({"index": count, "delta": {"type": "object"}, "finish_reason": _or_null(text)}, "index", "delta")
    choice = _object({"index": count, "message": {"type": "object"}, "finish_reason": text}, "index", "message")
    return {
        "Request": _object(
            {
                "model": {"enum": list(models)},
                "messages": {"type": "array", "items": _ref("Message"), "contains": _ref("Said")},
                "stream": flag,
                "stream_options": _or_null(_object({"include_usage": flag})),
                "tools": _or_null({"type": "array", "items": _ref("Tool")}),
                "tool_choice": _or_null({"anyOf": [{"enum": ["none", "auto", "required"]}, {"type": "object"}]}),
                "response_format": _or_null(_ref("ResponseFormat")),
                "n": {"enum": [1, None]},
                "metadata": _or_null({"type": "object", "properties": {"session_id": _or_null(name)}}),
                "prompt_cache_key": _or_null(name),
                "safety_identifier": _or_null(name),
                "user": _or_null(name),
                "functions": {"type": "null"},
                "function_call": {"type": "null"},
            },
            "model",
            "messages",
            description="All other fields are passed on to the provider as they are.",
            additionalProperties=True,
            **_calls_have_tools(),
        ),
        "Message": _object(
            {
                "role": {"enum": list(ROLES)},
                "content": {"anyOf": [text, {"type": "null"}, {"type": "array", "items": _ref("Part")}]},
            },
            "role",
        ),
        "Said": _said(),
        "Part": {
            "anyOf": [
                _object({"type": {"const": "text"}, "text": text}, "type", "text"),
                _object({"type": {"type": "string", "not": {"const": "text"}}}, "type"),
            ]
        },
        "Tool": _object({"type": {"const": "function"}, "function": function}, "function"),
        "ResponseFormat": {
            "anyOf": [
                _object({"type": {"enum": ["text", "json_object"]}}, "type"),
                _object(
                    {
                        "type": {"const": "json_schema"},
                        "json_schema": _object({"schema": rules}, "schema"),
                    },
                    "type",
                    "json_schema",
                ),
            ]
        },
        "Completion": _object(
            {
                "id": text,
                "object": {"const": "chat.completion"},
                "created": count,
                "model": {"type": "string", "description": "`provider/model` that answered."},
                "choices": {"type": "array", "minItems": 1, "maxItems": 1, "items": choice},
                "usage": _object({f"{part}_tokens": count for part in ("prompt", "completion", "total")}),
            },
            "id",
            "object",
            "created",
            "model",
            "choices",
        ),
        "Event": _event(),
        "Chunk": _object(
            {
                "id": text,
                "object": {"const": "chat.completion.chunk"},
                "created": count,
                "model": text,
                "choices": {"type": "array", "maxItems": 1, "items": piece},
                "usage": _or_null({"type": "object"}),
            },
            "id",
            "object",
            "created",
            "model",
            "choices",
        ),
        "Model": _object(
            {"id": text, "object": {"const": "model"}, "created": count, "owned_by": text}, "id", "object"
        ),
        "ModelList": _object({"object": {"const": "list"}, "data": {"type": "array", "items": _ref("Model")}}, "data"),
        "Status": _object({"status": text}, "status"),
        "Document": _object({"openapi": text}, "openapi"),
        "Error": _object(
            {
                "error": _object(
                    {
                        "message": text,
                        "type": text,
                        "param": _or_null(text),
                        "code": _or_null(text),
                        "decision": _or_null(text),
                        "verdicts": {"type": "array", "items": {"type": "object"}},
                    },
                    "message",
                    "type",
                    "param",
                    "code",
                )
            },
            "error",
        ),
    }
