"""The one door to validators of JSON Schema: jsonschema, and jsonschema-rs where it is installed (extra `fast`).

jsonschema-rs is compiled and a hundred times as fast; what it says counts. Where it says no, jsonschema says why, so
that messages are the same with and without it, unless the schema has patterns, which could take that for ever. Where
the two differ is told in `docs/schema-validators.md`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeGuard

from qualityroute.errors import ConfigError
from qualityroute.gates.plain import plain_path
from qualityroute.gates.references import has_patterns, parts_met, references_end, registry_of, subschemas
from qualityroute.records import Json

if TYPE_CHECKING:
    import jsonschema_rs
    from jsonschema import FormatChecker
    from jsonschema.protocols import Validator as PureValidator

VARIABLE = "QUALITYROUTE_VALIDATOR"
"""Set to `pure` in the environment, it keeps jsonschema-rs out, as if that were not installed."""

_COMPILED_ALONE = frozenset({"dependencies", "additionalItems"})
"""Of older drafts: 2020-12 has them no more, but jsonschema-rs may still apply them."""
_FORMATS = (
    "date", "time", "date-time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6", "uri",
    "uri-reference", "iri", "iri-reference", "uuid", "uri-template", "json-pointer", "relative-json-pointer", "regex",
    "color",
)  # fmt: skip
_MANY_PARTS = 100_000
"""Parts of a schema that are met in some 10 ms by the compiled validator."""
_MOST_REFERENCES = 5_000
"""Followed by jsonschema for one value, in a second at most."""
_LARGEST = Context(prec=350)
"""Digits of a quotient: enough for any float by any step that a schema has."""
_DURATION = re.compile(r"P(?!$)(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)", re.ASCII)

_HOSTNAME = re.compile(
    r"(?=.{1,253}\Z)(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.ASCII | re.IGNORECASE
)
"""RFC 1123, 2.1, in the characters of RFC 952."""


class TooManyReferences(ValueError):
    """A schema whose references multiply too often for one value."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule of the schema that a value breaks."""

    path: tuple[str | int, ...]
    """To the part of the value."""
    keyword: str
    wanted: object
    """What stands under the keyword."""


class Validator:
    """A schema of draft 2020-12 with formats asserted, made ready once."""

    def __init__(self, schema: Mapping[str, Any], where: str, *, pure: bool) -> None:
        """`pure`: without jsonschema-rs. Raises `ConfigError` for what is no schema, or refers elsewhere."""
        self._schema = schema
        compiled = None if pure else _compiled(schema)
        if compiled is None:
            _check_schema(schema, where)
        self._compiled = compiled if references_end(schema, where) else None
        self._has_patterns = has_patterns(schema)
        self._references_left = 0

    @property
    def takes_long(self) -> bool:
        """Is there a value that would take out of all proportion to its size? Of jsonschema-rs' own patterns none does,
        nor does a schema that refers to itself."""
        return self._has_patterns if self._compiled is None else parts_met(self._schema, cycles=True) > _MANY_PARTS

    def broken(self, value: Json) -> list[Broken]:
        """The rules that `value` breaks, by path; none: it follows the schema.

        Raises `RecursionError` for a schema that refers to itself without end, and `ArithmeticError` or `ValueError`
        for a number that cannot be computed with.
        """
        follows = self._follows(value)
        if follows:
            return []
        found = list[Broken]()
        if follows is None or not self._has_patterns:
            self._references_left = _MOST_REFERENCES
            found = [
                Broken(tuple(error.absolute_path), str(error.validator), error.validator_value)
                for error in self._pure.iter_errors(value)
            ]
        if follows is False and not found:
            found = self._in_its_own_words(value)
        return sorted(found, key=lambda broken: list(map(str, broken.path)))

    def _follows(self, value: Json) -> bool | None:
        """What the compiled validator says; `None` where there is none, or it cannot say."""
        if self._compiled is None:
            return None
        try:
            return self._compiled.is_valid(value)
        except ValueError:  # half of a surrogate pair, or deeper than it goes
            return None

    def _in_its_own_words(self, value: Json) -> list[Broken]:
        """Of the compiled validator, where jsonschema finds nothing wrong, or patterns could keep it busy for ever."""
        assert self._compiled is not None
        if parts_met(self._schema, cycles=False) > _MANY_PARTS:  # which it is quick to judge, but not to tell of
            raise TooManyReferences
        return [
            Broken(tuple(error.instance_path), error.kind.name, _at(self._schema, error.schema_path))
            for error in self._compiled.iter_errors(value)
        ]

    @cached_property
    def _pure(self) -> PureValidator:
        from jsonschema import Draft202012Validator  # noqa: PLC0415  (see `_check_schema`)
        from jsonschema.validators import extend  # noqa: PLC0415

        counted = {word: self._counted(Draft202012Validator.VALIDATORS[word]) for word in ("$ref", "$dynamicRef")}
        validator: Any = extend(Draft202012Validator, {"multipleOf": _multiples, **counted})
        return validator(self._schema, registry=registry_of(self._schema), format_checker=_formats())

    def _counted(self, follow: Any) -> Any:
        """A reference for jsonschema, which follows as many as there are; each may double their number."""

        def followed(*about: Any) -> Iterator[Exception]:
            self._references_left -= 1
            if self._references_left < 0:
                raise TooManyReferences
            yield from follow(*about)

        return followed


def only_pure() -> bool:
    """Does the environment keep jsonschema-rs out?"""
    return os.environ.get(VARIABLE) == "pure"


def _compiled(schema: Mapping[str, Any]) -> jsonschema_rs.Validator | None:
    """`None` where it is not installed, has something against the schema, or would read it differently."""
    try:
        import jsonschema_rs  # noqa: PLC0415  (an extra)
    except ImportError:
        return None
    try:
        compiled = jsonschema_rs.Draft202012Validator(
            dict(schema),
            # The same functions for both, so that the two agree on what a date or a multiple is.
            formats=_asserted(),
            validate_formats=True,
            keywords={"multipleOf": _Multiples},
            # Takes time in proportion to the text, whatever the pattern; those it does not know are jsonschema's.
            pattern_options=jsonschema_rs.RegexOptions(),
            offline=True,
        )
    except (ValueError, TypeError, jsonschema_rs.ReferencingError):
        return None
    return compiled if all(_reads_alike(part) for _, part in subschemas(schema, "")) else None


def _reads_alike(part: Mapping[str, Any]) -> bool:
    """Could both validators read it? Patterns that Python refuses are refused with and without jsonschema-rs."""
    named = part.get("patternProperties")
    patterns = [*(named if isinstance(named, Mapping) else ()), *([part["pattern"]] if "pattern" in part else ())]
    return not _COMPILED_ALONE & part.keys() and all(map(_is_python, patterns))


def _is_python(pattern: object) -> bool:
    try:
        re.compile(pattern if isinstance(pattern, str) else "")  # another is the name of a property
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _check_schema(schema: Mapping[str, Any], where: str) -> None:
    # jsonschema takes a tenth of a second to import, and `--help` must not wait for it.
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        path = plain_path(error.absolute_path)
        raise ConfigError(f"{where}: not a JSON Schema: {path}: {error.message[:200]}") from None
    except RecursionError:
        raise ConfigError(f"{where}: not a JSON Schema: nested too deeply") from None


def _at(schema: Any, path: list[str | int]) -> object:
    """What stands there; nothing where the path goes through a reference to elsewhere."""
    for step in path:
        try:
            schema = schema[step]
        except (LookupError, TypeError):
            return None
    return schema


def _is_multiple(value: float, step: float) -> bool:
    """Exact, where floats would say that 19.99 is no multiple of 0.01. Raises `ArithmeticError` beyond `_LARGEST`."""
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    return _LARGEST.remainder(Decimal(str(value)), Decimal(str(step))) == 0


def _multiples(validator: Any, step: float, value: object, schema: object) -> Iterator[Exception]:
    """`multipleOf` for jsonschema."""
    from jsonschema import ValidationError  # noqa: PLC0415  (see `_check_schema`)

    if _is_number(value) and not _is_multiple(value, step):
        yield ValidationError("not a multiple")


class _Multiples:
    """`multipleOf` for jsonschema-rs, which makes one for each place in a schema."""

    def __init__(self, schema: object, step: float, path: object) -> None:
        self._step = step

    def validate(self, value: object) -> None:
        if _is_number(value) and not _is_multiple(value, self._step):
            raise ValueError("not a multiple")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


@lru_cache(maxsize=1)
def _asserted() -> dict[str, Callable[[object], bool]]:
    """Every format that jsonschema-rs knows: those that jsonschema does not know are not asserted."""
    return {name: partial(_formats().conforms, format=name) for name in _FORMATS}


@lru_cache(maxsize=1)
def _formats() -> FormatChecker:
    from jsonschema import FormatChecker  # noqa: PLC0415  (see `_check_schema`)

    checker = FormatChecker()

    # The package for durations takes longer to import than everything else here together; that for names of hosts
    # takes what ends in a line's end for one, and is under another kind of licence than all we need.
    checker.checks("duration")(_is_duration)
    checker.checks("hostname")(_is_hostname)
    return checker


def _is_duration(value: object) -> bool:
    return not isinstance(value, str) or _DURATION.fullmatch(value) is not None


def _is_hostname(value: object) -> bool:
    return not isinstance(value, str) or _HOSTNAME.fullmatch(value) is not None
