"""Which fields a model wants or refuses: learned from its 400s, remembered for each model while we run.

A dialect is the steps taken away from the standard request. To teach us a new one, add a row to `STEPS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from qualityroute.openai_client.bodies import Body
from qualityroute.openai_client.trouble import Trouble
from qualityroute.records import Reason

MAX_STEPS = 3
"""In one call."""

_REFUSED = re.compile(
    r"unsupported|not support|unknown|unrecogni[sz]ed|unexpected|\bextra\b|not permitted|not allowed|forbidden"
    r"|unavailable|not available|deprecated|instead|invalid parameter"
)
_SOME_PARAMETER_REFUSED = re.compile(
    r"(unsupported|unknown|unrecogni[sz]ed|unexpected|extra|additional|invalid)[\w\s]{0,20}"
    r"(parameter|field|argument|inputs|propert|key)"
)
_STRUCTURE = re.compile(r"response_?format|json[_ ]?schema|json[_ ]?object|structured[ _]outputs?|\bgrammar\b")


@dataclass(frozen=True, slots=True)
class Step:
    """One way of saying it differently; `name` is what a store would keep."""

    name: str
    fits: Callable[[str, Body], bool]
    """Do these words complain of something in this body that the step changes?"""
    change: Callable[[Body], Body]


Dialect = tuple[Step, ...]


def next_step(trouble: Trouble, body: Body, taken: Dialect) -> Step | None:
    """What to try after the provider refused `body`; `None` when its words are about something else."""
    if trouble.status not in (400, 422) or trouble.reason is not Reason.PROVIDER_ERROR:
        return None
    return next((step for step in STEPS if step not in taken and step.fits(trouble.words, body)), None)


def spoken(body: Body, dialect: Dialect) -> Body:
    for step in dialect:
        body = step.change(body)
    return body


class Dialects:
    """What each `provider/model` has taught us."""

    def __init__(self) -> None:
        self._learned: dict[str, Dialect] = {}

    def of(self, model: str) -> Dialect:
        return self._learned.get(model, ())

    def learn(self, model: str, dialect: Dialect) -> None:
        """Keep the steps of a request that was answered; others may have learned meanwhile."""
        known = self.of(model)
        self._learned[model] = known + tuple(step for step in dialect if step not in known)


def _refuses(field: str) -> Callable[[str, Body], bool]:
    named = re.compile(rf"\b{field}\b")
    return lambda words, body: field in body and bool(named.search(words) and _REFUSED.search(words))


def _refuses_structure(words: str, body: Body) -> bool:
    if _STRUCTURE.search(words):
        return True
    return bool(_SOME_PARAMETER_REFUSED.search(words)) and not _names_another_field(words, body)


def _names_another_field(words: str, body: Body) -> bool:
    others = body.keys() - {"model", "messages", "response_format"}
    return any(re.search(rf"\b{re.escape(field)}\b", words) for field in others)


def _has_schema(body: Body) -> bool:
    structure = body.get("response_format")
    return isinstance(structure, dict) and structure.get("type") == "json_schema"


def _renamed(old: str, new: str) -> Callable[[Body], Body]:
    return lambda body: {new if field == old else field: value for field, value in body.items()}


def _without(dropped: str) -> Callable[[Body], Body]:
    return lambda body: {field: value for field, value in body.items() if field != dropped}


def _any_json(body: Body) -> Body:
    return body | {"response_format": {"type": "json_object"}} if _has_schema(body) else body


STEPS: tuple[Step, ...] = (
    Step("max_completion_tokens", _refuses("max_tokens"), _renamed("max_tokens", "max_completion_tokens")),
    Step("max_tokens", _refuses("max_completion_tokens"), _renamed("max_completion_tokens", "max_tokens")),
    Step("no temperature", _refuses("temperature"), _without("temperature")),
    Step("json_object", lambda words, body: _has_schema(body) and _refuses_structure(words, body), _any_json),
    Step(
        "no response_format",
        lambda words, body: "response_format" in body and _refuses_structure(words, body),
        _without("response_format"),
    ),
)
"""In the order tried: a field that is named comes before a guess."""
