"""From a configuration's names to the things they name: schemas, models, rubrics, functions.

Everything that can be missing or wrong is found here, before the first request.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from pydantic import BaseModel

from qualityroute.config.gate_sections import Judge
from qualityroute.config.models import Config, check_providers
from qualityroute.config.task_section import CheckName, OnDeadline, Task
from qualityroute.errors import ConfigError
from qualityroute.records import Json
from qualityroute.rubrics import Rubric, builtin_rubrics, load_rubric
from qualityroute.strict_json import JsonLimits, NotJson, read_json

MAX_SCHEMA_BYTES = 4 * 1024 * 1024
DEEPEST_SCHEMA = 256
"""Levels: more than any answer has, which are read 64 deep."""


@dataclass(frozen=True, slots=True)
class NamedCheck:
    """A user's function `(output, source) -> reason or None`."""

    name: str
    function: Callable[[Any, str], str | None]


@dataclass(frozen=True, slots=True)
class ResolvedTask:
    """A task with everything it names at hand."""

    name: str
    settings: Task
    instructions: str
    schema: Mapping[str, Any] | None
    model: type[BaseModel] | None
    rubric: Rubric | None
    checks: tuple[NamedCheck, ...]
    gate: tuple[CheckName, ...]
    deadline: timedelta
    on_undecided: Literal["fallback", "accept", "error"]
    on_deadline: OnDeadline = "error"
    speculates: bool = False
    """May performance be begun while efficiency's answer is still being proved?"""


def resolve(config: Config) -> dict[str, ResolvedTask]:
    """Each task with its schema, rubric and checks loaded. Raises `ConfigError`."""
    own_judge(config)
    return {name: _resolve_task(config, name, task) for name, task in config.tasks.items()}


def resolve_judge(config: Config) -> Judge | None:
    """The judge's settings; where it is the user's own, `object` is at hand. Raises `ConfigError`."""
    judge, own = config.judge, own_judge(config)
    if judge is None:
        return None
    if own is None and judge.model is None:
        raise ConfigError(
            "judge: it names no judge; set judge.model to 'provider/model', judge.object to 'package.module:MyJudge', "
            "or hand the engine one: Engine(..., judge=MyJudge())"
        )
    if isinstance(own, type):
        try:
            own = own()
        except Exception as error:  # the user's own code; whatever it raises is a mistake in it
            raise ConfigError(f"judge.object: '{judge.object}' cannot be made: {error!r:.300}") from error
    return judge.model_copy(update={"object": own})


def own_judge(config: Config) -> Any:
    """The user's own judge, or its class, which is not made yet; `None` where there is none. Raises `ConfigError`."""
    given = config.judge.object if config.judge is not None else None
    if given is None:
        return None
    where, found = "judge.object", _import(config, "judge.object", given) if isinstance(given, str) else given
    name, method = f"'{given}'" if isinstance(given, str) else type(given).__name__, getattr(found, "judge", None)
    if not callable(method):
        raise ConfigError(f"{where}: {name} has no method 'judge'")
    is_class = isinstance(found, type)
    if is_class and not _takes(found, 0):
        raise ConfigError(f"{where}: the class {name} must be made without arguments; name an object made of it")
    if not _takes(method, 4 if is_class else 3):
        raise ConfigError(f"{where}: {name}.judge must take three arguments: (rubric, source, candidate)")
    return found


def _takes(function: Callable[..., Any], arguments: int) -> bool:
    try:
        inspect.signature(function).bind(*[None] * arguments)
    except TypeError:
        return False
    except ValueError:  # some built-in callables have no signature to look at
        pass
    return True


def _resolve_task(config: Config, name: str, task: Task) -> ResolvedTask:
    where = f"tasks.{name}"
    model, schema = _schema(config, f"{where}.schema", task.schema_)
    rubric = _rubric(config, f"{where}.rubric", task, has_schema=schema is not None)
    checks = tuple(_check(config, f"{where}.checks.{i}", check) for i, check in enumerate(task.checks))
    gate = _gate(config, task, rubric)
    if task.cache == "semantic":
        _check_semantic(where, gate)
    return ResolvedTask(
        name=name,
        settings=task,
        instructions=task.instructions,
        schema=schema,
        model=model,
        rubric=rubric,
        checks=checks,
        gate=gate,
        deadline=task.deadline or config.request_deadline,
        on_undecided=task.on_undecided or (config.judge.on_error if config.judge else "fallback"),
        on_deadline=task.on_deadline or config.routing.on_deadline,
        speculates=config.speculates(task),
    )


def _check_semantic(where: str, gate: tuple[CheckName, ...]) -> None:
    if "judge" not in gate:
        raise ConfigError(
            f"{where}.cache: 'semantic' needs the judge, who is asked whether an earlier answer is right for another "
            f"input; give the task a rubric and the configuration a [judge], or use 'exact'"
        )
    try:
        importlib.import_module("numpy")  # now, since it takes longer to load than a request may wait
    except ImportError as error:
        raise ConfigError(
            f"{where}.cache: 'semantic' needs numpy; install 'qualityroute[semantic]', or use 'exact'"
        ) from error


def _gate(config: Config, task: Task, rubric: Rubric | None) -> tuple[CheckName, ...]:
    """The task's own gate, free checks added where they were set up but not named."""
    if task.gate is None:
        judged = config.judge is not None and rubric is not None
        grounded = rubric is not None and any(rule.ground != "off" for rule in rubric.fields.values())
        gate: tuple[CheckName, ...] = (*(("grounded",) if grounded else ()), *(("judge",) if judged else ()))
    else:
        gate = task.gate
    if task.checks and "checks" not in gate:
        gate = ("checks", *gate)
    if task.schema_ is not None:
        gate = ("schema", *(check for check in gate if check != "schema"))
    return gate


def _schema(
    config: Config, where: str, value: str | Mapping[str, Any] | type[BaseModel] | None
) -> tuple[type[BaseModel] | None, Mapping[str, Any] | None]:
    if value is None:
        return None, None
    if isinstance(value, str) and not value.endswith(".json") and ":" in value:
        value = _import(config, where, value)
    if isinstance(value, type) and issubclass(value, BaseModel):
        return value, value.model_json_schema()
    if isinstance(value, str):
        value = _schema_file(where, config.folder / value)
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: a JSON Schema is an object, or a pydantic model, not {type(value).__name__}")
    return None, value


def _schema_file(where: str, path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_SCHEMA_BYTES:
            raise ConfigError(f"{where}: '{path}' is larger than {MAX_SCHEMA_BYTES // 2**20} MiB")
        return _strict(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{where}: no file '{path}'") from None
    except OSError as error:
        raise ConfigError(f"{where}: '{path}' cannot be read: {error.strerror}") from error
    except NotJson as error:
        raise ConfigError(f"{where}: '{path}' {error.finding}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: '{path}' is not UTF-8 text (byte {error.start})") from error


def _strict(text: str) -> Json:
    found = read_json(text, limits=JsonLimits(depth=DEEPEST_SCHEMA, size=MAX_SCHEMA_BYTES))
    if found.repaired:
        raise NotJson("not JSON alone: there is a code fence or a byte order mark around it")
    return found.value


def _rubric(config: Config, where: str, task: Task, *, has_schema: bool) -> Rubric | None:
    value = task.rubric
    if value is None and task.gate is not None and "judge" in task.gate:
        value = "extraction" if has_schema else "answer"
    if value is None or isinstance(value, Rubric):
        return value
    if not value.endswith(".toml"):
        built_in = builtin_rubrics()
        if value not in built_in:
            raise ConfigError(
                f"{where}: no built-in rubric '{value}'; there are: {', '.join(built_in)}; or name a .toml file"
            )
        return load_rubric(built_in[value])
    try:
        return load_rubric(config.folder / value)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _check(config: Config, where: str, value: str | Callable[..., str | None]) -> NamedCheck:
    function = _import(config, where, value) if isinstance(value, str) else value
    name = value if isinstance(value, str) else getattr(value, "__name__", "check")
    if not callable(function):
        raise ConfigError(f"{where}: '{name}' is not a function of (output, source)")
    if not _takes(function, 2):
        raise ConfigError(f"{where}: '{name}' must take two arguments: (output, source)")
    return NamedCheck(name.rpartition(":")[2] or name, function)


def _import(config: Config, where: str, reference: str) -> Any:
    module_name, colon, attribute = reference.partition(":")
    if not (module_name and colon and attribute):
        raise ConfigError(f"{where}: '{reference}' is not of the form 'package.module:name'")
    folder = str(config.folder.resolve())
    if config.file is not None and folder not in sys.path:
        # A module beside the configuration is found wherever the command was started; at the end
        # of the path, so that it hides nothing.
        sys.path.append(folder)
    try:
        found: Any = _module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except ModuleNotFoundError as error:
        raise ConfigError(f"{where}: no module '{error.name}' for '{reference}'") from error
    except AttributeError:
        raise ConfigError(f"{where}: module '{module_name}' has no '{attribute}'") from None
    except Exception as error:  # the user's own module; whatever it raises is a mistake in it
        raise ConfigError(f"{where}: module '{module_name}' cannot be imported: {error!r:.300}") from error
    return found


def _module(name: str) -> ModuleType:
    """The running program under its own name too: imported a second time, its models would be other classes."""
    program = sys.modules.get("__main__")
    file = getattr(program, "__file__", None)
    if program is not None and file is not None and Path(file).name == f"{name}.py":
        return program
    return importlib.import_module(name)


def fingerprint(config: Config, tasks: Mapping[str, ResolvedTask]) -> str:
    """A hash of everything that shapes decisions: the settings and what they name."""
    content = {
        "config": config.model_dump(mode="json", exclude={"tasks", "store", "providers", "gateway"}),
        "tasks": {name: _task_content(task) for name, task in tasks.items()},
    }
    text = json.dumps(content, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _task_content(task: ResolvedTask) -> dict[str, Any]:
    settings = task.settings.model_dump(mode="json", exclude={"schema_", "rubric", "checks"})
    return {
        **settings,
        "schema": task.schema,
        "rubric": task.rubric.model_dump(mode="json") if task.rubric else None,
        "checks": [f"{check.function.__module__}:{check.name}" for check in task.checks],
    }


__all__ = ["NamedCheck", "ResolvedTask", "check_providers", "fingerprint", "resolve", "resolve_judge"]
