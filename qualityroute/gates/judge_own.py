"""A judge of the user's own: any object that can say how likely yes is to each question of a rubric."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from numbers import Real
from typing import Any, Protocol

import anyio
from anyio import to_thread

from qualityroute.errors import ProviderError
from qualityroute.gates.code import where_raised
from qualityroute.gates.judge_backend import Judged, Trouble
from qualityroute.gates.judge_model import unreadable
from qualityroute.gates.judge_verdict import Judgement, UnreadableVerdict
from qualityroute.metering import Meter
from qualityroute.records import Completion, JudgeTrouble, ModelCall, Reason, Role
from qualityroute.rubrics import Rubric

PROVIDER = "own"
MODE = "own"
MOST_THREADS = 40
_MOST_EVIDENCE = 200


class OwnJudge(Protocol):
    """What the engine asks of a judge of your own: `Engine(config, judge=MyJudge())`, or `judge.object` in the file.

        class MyJudge:
            async def judge(self, rubric: Rubric, source: str, candidate: str) -> Judgement:
                return Judgement(yes={criterion.id: await ask(criterion.ask) for criterion in rubric.criteria})

    `source` is the caller's own text and `candidate` the answer, as JSON where the task has a schema: both are data
    from strangers. Answer every criterion by its id, with the probability of yes (0 to 1, or a bool): in a mapping, or
    in a `Judgement` that also says what it cost. The score, the threshold, samples and the breaker stay the engine's.
    A method that is not `async` runs in a thread. Whatever it raises, or answers in another form, or later than
    `judge.timeout`, leaves the answer undecided (`judge_error`), and never rejects it. For several requests at once
    the method is called several times at once.

    To test one, call it: `await MyJudge().judge(rubric, "total 5", '{"total": 5}')`. To see it decide, give an engine a
    `qualityroute.testing.ScriptedClient` as its `client` beside it.
    """

    def judge(
        self, rubric: Rubric, source: str, candidate: str
    ) -> Awaitable[Judgement | Mapping[str, float]] | Judgement | Mapping[str, float]: ...


class OwnBackend:
    """The user's judge as the gate sees it: in trouble where it raises, in the ledger as a call of its class."""

    def __init__(self, judge: OwnJudge, timeout: timedelta) -> None:
        self._judge, self._timeout = judge, timeout
        self._name = type(judge).__name__
        self._threads: anyio.CapacityLimiter | None = None

    async def judge(self, rubric: Rubric, source: str, candidate: str, meter: Meter) -> Judged:
        said: list[Any] = []

        async def answer() -> Completion:
            said.append(await self._within_time(rubric, source, candidate))
            return Completion(None, model=self._name, cost=_cost(said[0]))

        called = await meter.make(ModelCall(Role.JUDGE, None, PROVIDER, self._name), answer)
        if called.completion is None:
            message = f"no answer from the judge: {called.call.message}"
            return Judged(Trouble(JudgeTrouble.TIMEOUT, message), (called.call,))
        try:
            return Judged(read_own(said[0], rubric), (called.call,), (MODE,))
        except UnreadableVerdict as error:
            return Judged(unreadable(error), (called.call,))

    async def _within_time(self, rubric: Rubric, source: str, candidate: str) -> Any:
        with anyio.move_on_after(self._timeout.total_seconds()):
            try:
                return await self._call(rubric, source, candidate)
            except Exception as error:  # whatever the user's code raises, it says nothing about the answer
                raise self._trouble(error) from error
        late = f"no judgement from '{self._name}' within {self._timeout.total_seconds():g} s"
        raise ProviderError(late, reason=Reason.TIMEOUT)

    async def _call(self, rubric: Rubric, source: str, candidate: str) -> Any:
        if inspect.iscoroutinefunction(self._judge.judge):
            return await self._judge.judge(rubric, source, candidate)
        if self._threads is None:  # threads of its own: a judge that hangs must not take those of everybody else
            self._threads = anyio.CapacityLimiter(MOST_THREADS)

        def judge() -> tuple[Any]:  # packed, since trio takes an awaitable that comes out of a thread for a mistake
            return (self._judge.judge(rubric, source, candidate),)

        (said,) = await to_thread.run_sync(judge, abandon_on_cancel=True, limiter=self._threads)
        return await said if inspect.isawaitable(said) else said

    def _trouble(self, error: Exception) -> ProviderError:
        """Its words may quote the document; where it was raised does not."""
        reason = Reason.TIMEOUT if isinstance(error, TimeoutError) else Reason.PROVIDER_ERROR
        message = f"'{self._name}' raised {type(error).__name__}{where_raised(error)}"
        return ProviderError(message, reason=reason, retryable=False, may_be_billed=True)


def read_own(said: Any, rubric: Rubric) -> Judgement:
    """What the user's judge returned, as a judgement. Raises `UnreadableVerdict` for anything that is none."""
    judgement = Judgement(said) if isinstance(said, Mapping) else said
    if not isinstance(judgement, Judgement) or not isinstance(judgement.yes, Mapping):
        raise UnreadableVerdict(
            f"a {type(said).__name__}, not a Judgement or a mapping of probabilities by criterion id"
        )
    if not isinstance(judgement.instructions_in_data, bool):
        raise UnreadableVerdict("'instructions_in_data' is neither True nor False")
    if not isinstance(judgement.evidence, Mapping):
        raise UnreadableVerdict("'evidence' is no mapping of texts by criterion id")
    if judgement.cost is not None and _cost(judgement) is None:
        raise UnreadableVerdict("'cost' is neither None nor a Decimal of USD from 0 up")
    evidence = {str(name): str(text)[:_MOST_EVIDENCE] for name, text in judgement.evidence.items()}
    return replace(judgement, yes=_probabilities(judgement.yes, rubric), evidence=evidence)


def _probabilities(said: Mapping[Any, Any], rubric: Rubric) -> dict[str, float]:
    wanted = [criterion.id for criterion in rubric.criteria]
    missing = next((name for name in wanted if name not in said), None)
    if missing is not None:
        raise UnreadableVerdict(f"check '{missing}' is not answered")
    if len(said) > len(wanted):
        raise UnreadableVerdict("an entry is for no check of the rubric")
    return {name: _probability(said[name], name) for name in wanted}


def _probability(value: Any, name: str) -> float:
    # `Real` declares no order with int, and every number that is one has it. NaN is not from 0 to 1 either.
    if not isinstance(value, Real) or not 0 <= value <= 1:  # type: ignore[operator]
        raise UnreadableVerdict(f"the answer to '{name}' is neither a bool nor a probability from 0 to 1")
    return float(value)


def _cost(said: Any) -> Decimal | None:
    """What a judgement says it cost, where that is an amount."""
    cost = said.cost if isinstance(said, Judgement) else None
    return cost if isinstance(cost, Decimal) and cost.is_finite() and cost >= 0 else None
