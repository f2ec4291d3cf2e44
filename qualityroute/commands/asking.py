"""Inputs asked one by one for what is learned of them, within a budget, each failure told and none the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

import click

from qualityroute.commands.baseline_inputs import BaselineInput
from qualityroute.commands.exits import Exit, tell_error
from qualityroute.commands.options import Integer, as_dollars
from qualityroute.commands.progress import Progress
from qualityroute.commands.purse import Purse
from qualityroute.commands.tally import Tally
from qualityroute.commands.working import Work, drawn
from qualityroute.config import Config
from qualityroute.errors import ConfigError, QualityRouteError, StoreError
from qualityroute.records import Decision
from qualityroute.render import dollars, visible
from qualityroute.render.json_lines import money_text

MOST_PROBLEMS = 20
GOES_ON = "the same command goes on"

Command = TypeVar("Command", bound=Callable[..., None])


@dataclass(frozen=True, slots=True)
class Pace:
    """How much at once, how much in all, and whether what is known is asked again."""

    concurrency: int
    budget: Decimal | None
    resume: bool


def paced(command: Command) -> Command:
    """`--concurrency`, `--budget` and `--resume/--again`."""
    for option in (
        click.option("--resume/--again", default=True, show_default=True, help="Ask only what is not known yet."),
        click.option("--budget", metavar="USD", callback=as_dollars, help="Stop when it is about to be spent."),
        click.option("--concurrency", type=Integer(1, 1024), default=16, show_default=True, help="Requests at once."),
    ):
        command = option(command)
    return command


def that_writes(config: Config) -> Config:
    """The same configuration, where a row that cannot be written is a failure: the rows are all that is wanted."""
    return config.model_copy(update={"store": config.store.model_copy(update={"on_store_error": "raise"})})


@dataclass(frozen=True, slots=True)
class Problem:
    id: str
    message: str
    says_where: bool
    """Of an input that could not be read; the message has its file and line."""


@dataclass(slots=True)
class Asking:
    ask: Callable[[BaselineInput], Awaitable[Decision]]
    purse: Purse
    progress: Progress
    left: int = 0
    """Inputs that the budget did not reach."""
    problems: list[Problem] = field(default_factory=list)
    work: Work = field(default_factory=Work)
    tally: Tally = field(default_factory=Tally)

    async def through(self, inputs: Iterator[BaselineInput], concurrency: int) -> None:
        draw = partial(self._draw, inputs)
        await self.work.through(draw, self._one, session_of=lambda _: None, concurrency=concurrency)

    def ending(self) -> int:
        """Tell what went wrong; the exit code."""
        self._tell_problems()
        early = self.work.early_exit(GOES_ON)
        if early is not None:
            return early
        if not self.left:
            return self.tally.exit
        assert self.purse.limit is not None
        are_left = "1 input is" if self.left == 1 else f"{self.left:,} inputs are"
        budget = f"the budget of {dollars(self.purse.limit)} does not reach further"
        tell_error(f"{budget}: {dollars(self.purse.spent)} are spent, {are_left} left; {GOES_ON}")
        return max(self.tally.exit, Exit.REJECTED)

    def to_json(self) -> dict[str, Any]:
        """What both commands say of their asking."""
        stopped = "signal" if self.work.stopped_by else "failure" if self.work.failure else None
        tally = self.tally
        return {
            "asked": tally.outcomes.total(),
            "outcomes": dict(tally.outcomes),
            "bad_inputs": tally.bad_inputs,
            "left": self.left,
            "stopped": "budget" if self.left else stopped,
            "cost": None if tally.unknown_costs else money_text(tally.spent),
            "unknown_costs": tally.unknown_costs,
            "problems": [{"id": problem.id, "error": problem.message} for problem in self.problems[:MOST_PROBLEMS]],
        }

    async def _draw(self, inputs: Iterator[BaselineInput]) -> BaselineInput | None:
        found = await drawn(inputs)
        if found is None or found.mistake or await self.purse.room():
            return found
        while found is not None:
            if found.mistake:
                self._note(found, ConfigError(found.mistake))
            else:
                self.left += 1
            found = await drawn(inputs)
        return None

    async def _one(self, given: BaselineInput) -> None:
        if given.mistake:
            self._note(given, ConfigError(given.mistake))
        else:
            await self._asked(given)
        self.progress.advance()

    async def _asked(self, given: BaselineInput) -> None:
        try:
            decision = await self.ask(given)
        except Exception as error:  # one failed input does not end the others
            self.purse.pay(_cost_of(error))
            self._note(given, error)
            if isinstance(error, StoreError):  # money spent on what could not be written down
                self.work.end(error)
        else:
            self.purse.pay(decision.cost)
            self.tally.add(decision)

    def _note(self, given: BaselineInput, error: Exception) -> None:
        self.tally.add_error(error)
        message = str(error) if isinstance(error, QualityRouteError) else f"{type(error).__name__}: {error}"
        self.problems.append(Problem(given.id, message, says_where=bool(given.mistake)))

    def _tell_problems(self) -> None:
        for problem in self.problems[:MOST_PROBLEMS]:
            where = "" if problem.says_where else f"{visible(problem.id, 80)}: "
            click.echo(f"{where}{visible(problem.message, 500)}", err=True)
        if len(self.problems) > MOST_PROBLEMS:
            click.echo(f"and {len(self.problems) - MOST_PROBLEMS:,} more like these", err=True)


def _cost_of(error: Exception) -> Decimal | None:
    decision = error.decision if isinstance(error, QualityRouteError) else None
    if decision is not None:
        return decision.cost
    return Decimal(0) if isinstance(error, ConfigError) else None  # found before any model was asked
