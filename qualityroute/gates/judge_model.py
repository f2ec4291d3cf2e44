"""One model as judge: asked in one form, or for log probabilities as long as it gives them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from qualityroute.client import CompletionRequest
from qualityroute.config import Judge
from qualityroute.config.fields import split_model
from qualityroute.errors import ProviderError
from qualityroute.gates.judge_backend import Judged, Trouble
from qualityroute.gates.judge_forms import EvidenceForm, Form, LetterForm
from qualityroute.gates.judge_letters import NoLogprobs
from qualityroute.gates.judge_prompt import candidate_is_cut, source_is_cut
from qualityroute.gates.judge_verdict import Judgement, UnreadableVerdict, within_sight
from qualityroute.metering import Called, Meter
from qualityroute.records import Completion, JudgeTrouble, Reason, Role
from qualityroute.rubrics import Rubric

_LARGEST_LIMIT = 16


class ModelJudge:
    """Asks one model in one form. A verdict that was cut off or cannot be read is asked for once more."""

    def __init__(self, settings: Judge, model: str, form: Form, new_tag: Callable[[], str]) -> None:
        self._settings, self._model, self._form, self._new_tag = settings, model, form, new_tag
        self._limit_factor = 1

    async def judge(self, rubric: Rubric, source: str, candidate: str, meter: Meter) -> Judged:
        if candidate_is_cut(candidate):  # what nobody has seen, nobody can accept
            return Judged(Trouble(JudgeTrouble.TRUNCATED, "the answer is longer than a judge is shown"))
        first = await self._ask(rubric, source, candidate, meter)
        if not _worth_repeating(first):
            return first
        second = await self._ask(rubric, source, candidate, meter)
        return replace(second, calls=first.calls + second.calls)

    async def _ask(self, rubric: Rubric, source: str, candidate: str, meter: Meter) -> Judged:
        called = await meter.ask(self._request(rubric, source, candidate))
        found = self._found(called, rubric)
        if isinstance(found, Judgement) and source_is_cut(source):
            found = within_sight(found, rubric)
        return Judged(found, called.made, (self._form.name,))

    def _found(self, called: Called, rubric: Rubric) -> Judgement | Trouble:
        if called.completion is None:
            message = f"no answer from the judge: {called.call.message}"
            refused = self._form.top_logprobs is not None and _is_refused(called.error)
            return Trouble(JudgeTrouble.TIMEOUT, message, no_logprobs=refused)
        cause = _cause(called.completion)
        if cause is JudgeTrouble.TRUNCATED:  # models that reason need more room, and will the next time too
            self._limit_factor = min(_LARGEST_LIMIT, 2 * self._limit_factor)
        if cause is not None:
            return Trouble(cause, f"the judge's answer was {_WORDS[cause]}")
        try:
            return self._form.read(called.completion, rubric)
        except UnreadableVerdict as error:
            return unreadable(error)

    def _request(self, rubric: Rubric, source: str, candidate: str) -> CompletionRequest:
        provider, model = split_model(self._model)
        questions = self._form.questions(rubric)
        return CompletionRequest(
            role=Role.JUDGE,
            tier=None,
            provider=provider,
            model=model,
            messages=self._form.messages(rubric, source, candidate, self._new_tag()),
            response_schema=self._form.schema(rubric),
            questions=questions,
            max_output_tokens=None if questions else self._limit_factor * (64 + 40 * len(rubric.criteria)),
            top_logprobs=self._form.top_logprobs,
            timeout=self._settings.timeout,
            parameters=self._settings.parameters,
        )


class LogprobJudge:
    """Asks for log probabilities, and for evidence where the endpoint gives none.

    An endpoint that gave evidence when it gave no log probabilities is asked for evidence from then on. One that
    failed at both has proved nothing, so that no document can talk the judge out of its form.
    """

    def __init__(self, settings: Judge, model: str, new_tag: Callable[[], str]) -> None:
        self._letters = ModelJudge(settings, model, LetterForm(), new_tag)
        self._evidence = ModelJudge(settings, model, EvidenceForm(), new_tag)
        self._gives_logprobs = True

    async def judge(self, rubric: Rubric, source: str, candidate: str, meter: Meter) -> Judged:
        if not self._gives_logprobs:
            return await self._evidence.judge(rubric, source, candidate, meter)
        asked = await self._letters.judge(rubric, source, candidate, meter)
        if not (isinstance(asked.found, Trouble) and asked.found.no_logprobs):
            return asked
        again = await self._evidence.judge(rubric, source, candidate, meter)
        if isinstance(again.found, Judgement):
            self._gives_logprobs = False
        return replace(again, calls=asked.calls + again.calls)


_WORDS = {JudgeTrouble.REFUSAL: "a refusal", JudgeTrouble.TRUNCATED: "cut off at the token limit"}


def unreadable(error: UnreadableVerdict) -> Trouble:
    """An answer that is no judgement."""
    message = f"the judge's answer could not be read: {error}"
    return Trouble(error.cause, message, no_logprobs=isinstance(error, NoLogprobs))


def _cause(completion: Completion) -> JudgeTrouble | None:
    if completion.refusal or completion.finish_reason == "content_filter":
        return JudgeTrouble.REFUSAL
    return JudgeTrouble.TRUNCATED if completion.finish_reason == "length" else None


def _worth_repeating(judged: Judged) -> bool:
    if isinstance(judged.found, Judgement) or judged.found.no_logprobs:
        return False
    return judged.found.cause in (JudgeTrouble.PARSE, JudgeTrouble.TRUNCATED)


def _is_refused(error: ProviderError | None) -> bool:
    """Was it the request's wording that the endpoint would not have?"""
    return error is not None and error.status in (400, 422) and error.reason is Reason.PROVIDER_ERROR
