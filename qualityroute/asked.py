"""What a caller asks for, made into a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from qualityroute.attempts import Request, system_message
from qualityroute.gates import JsonSchemaCheck, ToolsCheck, requires_call, schema_of_request
from qualityroute.inputs import Input, as_messages
from qualityroute.setup import Setup


def request_of(
    setup: Setup,
    task: str,
    value: Input,
    tools: Sequence[Mapping[str, Any]] = (),
    parameters: Mapping[str, Any] | None = None,
    schema: Mapping[str, Any] | JsonSchemaCheck | None = None,
) -> Request:
    """What `Engine.run` was handed, looked through before any model is asked; its arguments. Raises `ConfigError`."""
    resolved, gate, system = setup.task(task), setup.gates[task], setup.systems[task]
    if schema is not None:
        check = schema_of_request(schema)
        # The one that is kept with its check: what the client makes of a schema is kept with the object.
        resolved = replace(resolved, schema=check.schema, model=None)
        gate, system = replace(gate, schema=check), system_message(resolved)
    messages = as_messages(value, setup.config.max_input)
    ToolsCheck(tools)  # compiled and kept; a tool that cannot be checked is found before any model is asked
    if tools and requires_call(parameters):
        gate = replace(gate, must_call=True)
    return Request(resolved, gate, messages, system, tuple(tools), parameters)
