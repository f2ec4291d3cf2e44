"""Ground truth made on purpose: performance answers kept as references, and efficiency answers held against them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qualityroute.attempts import Request
from qualityroute.cascade import answer
from qualityroute.errands import Errand, to_compare, to_refer
from qualityroute.errors import AnswerRejected
from qualityroute.inputs import Input, checked_name
from qualityroute.labels import Reference
from qualityroute.passage import Caller, Passage, World
from qualityroute.records import Answer, Decision
from qualityroute.setup import Setup


@dataclass(frozen=True, slots=True)
class Workplace:
    """What the engine lends: its doors, its setup as it is now, and a request made of a task and an input."""

    world: World
    setup: Setup
    request: Callable[[str, Input], Request]


class Baseline:
    """References of an engine's tasks. Each method writes what it found in the transaction of its decision.

    async with Engine.from_file("qualityroute.toml") as engine:
        answer = await engine.baseline.refer("invoice", text, input_id="invoice-17")
    """

    def __init__(self, workplace: Callable[[], Workplace]) -> None:
        self._workplace = workplace

    async def refer(
        self, task: str, input: Input, *, input_id: str | None = None, session: str | None = None,
        tenant: str = "default",
    ) -> Answer:  # fmt: skip
        """Ask the performance tier, and keep its answer as reference.

        Args:
            input_id: the caller's id for the input; left out, a hash of it. An earlier reference is replaced.

        Raises:
            AnswerRejected, ProviderError, DeadlineExceeded, BudgetExceeded: there is no answer, and no reference.
            ConfigError: no such task, or an input that cannot be used.
        """
        return await answer(self._passage(task, input, session, tenant, to_refer(input_id)))

    async def compare(
        self, task: str, input: Input, reference: Reference, *, performance: Reference | None = None,
        session: str | None = None, tenant: str = "default",
    ) -> Decision:  # fmt: skip
        """Ask the efficiency tier with the task's whole gate, and label its answer by a reference.

        Nobody is served and no pin is touched. An answer that the gate rejects is a finding, not an error.

        Args:
            reference: what is right: a person's answer, or else the performance tier's.
            performance: the performance tier's own, where it is known; its cost goes with the label.

        Raises:
            ProviderError, DeadlineExceeded, BudgetExceeded: efficiency gave no answer, and there is no label.
            ConfigError: no such task, or an input that cannot be used.
        """
        try:
            compared = await answer(self._passage(task, input, session, tenant, to_compare(reference, performance)))
        except AnswerRejected as error:
            if error.decision is None:
                raise
            return error.decision
        return compared.decision

    def _passage(self, task: str, input: Input, session: str | None, tenant: str, errand: Errand) -> Passage:
        place = self._workplace()
        caller = Caller(checked_name(session, "session"), checked_name(tenant, "tenant") or "default", None, {})
        return Passage(place.world, place.setup, place.request(task, input), caller, errand)
