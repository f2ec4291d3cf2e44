"""The forms a judge can answer in: evidence before verdict, one line of letters with log probabilities, decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from qualityroute.client import Question
from qualityroute.gates.judge_decisions import read_decisions
from qualityroute.gates.judge_letters import lettered, read_letters
from qualityroute.gates.judge_prompt import (
    EVIDENCE_FORM,
    LETTER_FORM,
    judge_input,
    judge_messages,
    judge_questions,
    judge_schema,
)
from qualityroute.gates.judge_verdict import Judgement, read_judgement
from qualityroute.records import Completion, Message
from qualityroute.rubrics import Rubric


class Form(Protocol):
    """How a judge is asked, and how its answer is read."""

    @property
    def name(self) -> str: ...

    @property
    def top_logprobs(self) -> int | None:
        """How many alternatives to ask for at each token; `None` for no log probabilities."""
        ...

    def messages(self, rubric: Rubric, source: str, candidate: str, tag: str) -> tuple[Message, ...]: ...

    def schema(self, rubric: Rubric) -> Mapping[str, Any] | None: ...

    def questions(self, rubric: Rubric) -> tuple[Question, ...]:
        """What to ask in place of words; none for the forms that are written."""
        ...

    def read(self, completion: Completion, rubric: Rubric) -> Judgement:
        """Raises `UnreadableVerdict`, or of it `NoLogprobs`."""
        ...


class EvidenceForm:
    """A JSON object with a short quotation before each verdict. Works with every model."""

    name = "evidence"
    top_logprobs = None

    def messages(self, rubric: Rubric, source: str, candidate: str, tag: str) -> tuple[Message, ...]:
        return judge_messages(rubric, source, candidate, tag, form=EVIDENCE_FORM)

    def schema(self, rubric: Rubric) -> Mapping[str, Any]:
        return judge_schema(rubric)

    def questions(self, rubric: Rubric) -> tuple[Question, ...]:
        return ()

    def read(self, completion: Completion, rubric: Rubric) -> Judgement:
        return read_judgement(completion.content or "", rubric)


class LetterForm:
    """`c1=Y c2=N inj=N`: a tenth of the words, and the model's own doubt beside each letter."""

    name = "logprob"
    top_logprobs = 5
    """Enough for three letters and their variants; some endpoints refuse more."""

    def messages(self, rubric: Rubric, source: str, candidate: str, tag: str) -> tuple[Message, ...]:
        return judge_messages(lettered(rubric), source, candidate, tag, form=LETTER_FORM)

    def schema(self, rubric: Rubric) -> None:
        """None: several endpoints refuse log probabilities together with a schema."""

    def questions(self, rubric: Rubric) -> tuple[Question, ...]:
        return ()

    def read(self, completion: Completion, rubric: Rubric) -> Judgement:
        return read_letters(completion, rubric)


class DecisionsForm:
    """OpenAI's `/decisions`: a probability for each question, and not a word."""

    name = "decisions"
    top_logprobs = None

    def messages(self, rubric: Rubric, source: str, candidate: str, tag: str) -> tuple[Message, ...]:
        return judge_input(rubric, source, candidate, tag)

    def schema(self, rubric: Rubric) -> None:
        """None: nothing is written."""

    def questions(self, rubric: Rubric) -> tuple[Question, ...]:
        return judge_questions(rubric)

    def read(self, completion: Completion, rubric: Rubric) -> Judgement:
        return read_decisions(completion, rubric)
