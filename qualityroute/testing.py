"""Scripted answers for tests without a network."""

from __future__ import annotations

import inspect
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import anyio.lowlevel

from qualityroute.client import CompletionRequest, delta_of
from qualityroute.errors import ConfigError, ProviderError
from qualityroute.records import Completion, Reason, Role, Tier, Usage

_FEW_WORDS = re.compile(r"(?:\s*\S+){1,3}\s*|\s+")
Item: TypeAlias = str | BaseException | Completion | Mapping[str, str] | Callable[..., Any]


class ScriptedClient:
    """Answers from a script, by tier and for the judge, however the judge is asked.

        client = ScriptedClient({"efficiency": ["{}"], "performance": ['{"total": 5}'], "judge": ["yes"]})
        engine = Engine(config, client=client, store="sqlite://")

    An item is a text, a `Completion`, an exception to raise, or a function of the messages that gives one of
    these. For the judge also `"yes"`, `"no"` or `"unsure"` for all criteria, or a dict by criterion id (those left
    out are answered yes). A list's last item repeats. Requests are kept in `requests`. asyncio and trio.

    For `"embedding"`, which likens questions for the semantic cache, an item is a function of the one message that
    gives a list of numbers.

    Who hears an answer hears it a few words at a time.
    """

    def __init__(self, script: Mapping[str, Item | Sequence[Item]]) -> None:
        unknown = set(script) - {"efficiency", "performance", "judge", "peer", "embedding"}
        if unknown:
            raise ConfigError(
                f"script for {sorted(unknown)}; a script has efficiency, performance, judge, peer, embedding"
            )
        self._script = {name: _as_list(name, items) for name, items in script.items()}
        self._used: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.requests: list[CompletionRequest] = []

    @property
    def calls(self) -> dict[str, int]:
        """How many calls there were of each kind."""
        with self._lock:
            return dict(self._used)

    async def complete(self, request: CompletionRequest) -> Completion:
        await anyio.lowlevel.checkpoint()
        item: Any = self._next(request)
        if callable(item) and not isinstance(item, BaseException):
            item = item(list(request.messages))
            if inspect.isawaitable(item):
                item = await item
        if isinstance(item, BaseException):
            raise _as_provider_error(item) from item
        completion = _completion(item, request)
        if request.hear is not None:
            for delta in _pieces(delta_of(completion)):
                request.progress.heard = True
                await request.hear(delta)
        return completion

    async def aclose(self) -> None:
        """Nothing to close."""

    def _next(self, request: CompletionRequest) -> Item:
        name = _part(request)
        with self._lock:
            self.requests.append(request)
            items = self._script.get(name)
            if items is None:
                raise ProviderError(f"the script has no answers for '{name}'", retryable=False)
            item = items[min(self._used[name], len(items) - 1)]
            _refuse_logprobs(item, request)
            self._used[name] += 1
            return item


def _part(request: CompletionRequest) -> str:
    if request.role in (Role.JUDGE, Role.PEER, Role.EMBEDDING):
        return request.role.value
    return (request.tier or Tier.PERFORMANCE).value


def _as_list(name: str, items: Item | Sequence[Item]) -> list[Item]:
    listed = list(items) if isinstance(items, Sequence) and not isinstance(items, str) else [items]
    if not listed:
        raise ConfigError(f"the script for '{name}' is empty; give at least one answer")
    return listed


def _as_provider_error(item: BaseException) -> BaseException:
    """An exception stands for an endpoint that fails that way."""
    if isinstance(item, TimeoutError):
        return ProviderError(str(item) or "timed out", reason=Reason.TIMEOUT)
    if isinstance(item, ProviderError) or not isinstance(item, Exception):
        return item
    return ProviderError(f"{type(item).__name__}: {item}")


def _completion(item: Any, request: CompletionRequest) -> Completion:
    if isinstance(item, Completion):
        return item
    if request.embeds:
        read = len(str(request.messages[0]["content"]).split()) + 2
        return Completion(None, usage=Usage(read, 0, 0), model=request.model, raw={"embedding": list(item)})
    raw = None
    if request.role is Role.JUDGE and _is_verdict(item):
        _refuse_logprobs(item, request)
        if request.questions:
            item = raw = _decisions(item, request)
        else:
            item = _verdicts(item, request)
    if not isinstance(item, str):
        item = json.dumps(item, ensure_ascii=False)
    read = sum(len(json.dumps(message, default=str)) for message in request.messages)
    usage = Usage(read // 4 + 1, 0, len(item) // 4 + 1, estimated=True)
    return replace(Completion(item), usage=usage, model=request.model, raw=raw)


def _pieces(delta: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The delta of a whole answer, as a model would have written it."""
    for piece in _FEW_WORDS.findall(delta.get("content", "")):
        yield {"content": piece}
    others = {name: value for name, value in delta.items() if name != "content"}
    if others:
        yield others


def _is_verdict(item: Any) -> bool:
    return isinstance(item, Mapping) or (isinstance(item, str) and item in ("yes", "no", "unsure"))


def _refuse_logprobs(item: Any, request: CompletionRequest) -> None:
    """A scripted word has no probability: like many endpoints, and before it is used up, so that the judge asks
    for it in the other form."""
    if request.role is Role.JUDGE and request.top_logprobs is not None and _is_verdict(item):
        raise ProviderError("scripted verdicts have no logprobs; script a Completion", retryable=False, status=400)


def _decisions(item: str | Mapping[str, str], request: CompletionRequest) -> dict[str, Any]:
    """A probability for each question; the last asks for instructions in the data, and there are none."""
    *asked, last = (question.name for question in request.questions)
    said = [(name, item if isinstance(item, str) else item.get(name, "yes")) for name in asked]
    chances = [(name, {"yes": 1.0, "unsure": 0.5}.get(word, 0.0)) for name, word in said]
    answers = [{"type": "predicate", "name": name, "probability": p} for name, p in (*chances, (last, 0.0))]
    return {"answers": answers}


def _verdicts(item: str | Mapping[str, str], request: CompletionRequest) -> str:
    schema: Any = request.response_schema
    ids: list[str] = schema["properties"]["checks"]["items"]["properties"]["id"]["enum"]
    said = {name: item if isinstance(item, str) else item.get(name, "yes") for name in ids}
    checks = [{"id": name, "evidence": "", "verdict": verdict} for name, verdict in said.items()]
    return json.dumps({"checks": checks, "instructions_in_data": "no"})
