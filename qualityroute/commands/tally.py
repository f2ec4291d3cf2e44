"""What became of the inputs of a `run`, in one line and one exit code."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from qualityroute.commands.exits import Exit, exit_of
from qualityroute.errors import ConfigError, QualityRouteError
from qualityroute.records import Decision
from qualityroute.render import dollars


@dataclass(slots=True)
class Tally:
    outcomes: Counter[str] = field(default_factory=Counter)
    bad_inputs: int = 0
    exit: Exit = Exit.GOOD
    """The gravest so far: what is down goes before what was rejected."""
    spent: Decimal = Decimal(0)
    """USD, as far as known."""
    there: int = 0
    """Inputs that were finished before; not counted otherwise."""
    unknown_costs: int = 0
    """Inputs whose cost is not known."""
    _started: float = field(default_factory=time.monotonic)

    def add(self, decision: Decision) -> None:
        self.outcomes[decision.outcome.value] += 1
        self._pay(decision)

    def add_error(self, error: Exception) -> None:
        decision = error.decision if isinstance(error, QualityRouteError) else None
        if decision is not None:
            self.outcomes[decision.outcome.value] += 1
            self._pay(decision)
        elif isinstance(error, ConfigError):
            self.bad_inputs += 1
        else:
            self.outcomes["failed"] += 1
        self.exit = max(self.exit, _weight(error))

    def summary(self) -> str:
        parts = [f"{count} {outcome}" for outcome, count in self.outcomes.most_common()]
        parts += [f"{self.bad_inputs} bad input{'s' if self.bad_inputs > 1 else ''}"] if self.bad_inputs else []
        total = self.outcomes.total() + self.bad_inputs
        took = time.monotonic() - self._started
        told = f"{total} input{'' if total == 1 else 's'}: {', '.join(parts) or 'none'}; {self._cost()}; {took:.1f} s"
        there = f"; {self.there:,} {'was' if self.there == 1 else 'were'} there already" if self.there else ""
        return told + there

    def _pay(self, decision: Decision) -> None:
        if decision.cost is None:
            self.unknown_costs += 1
        else:
            self.spent += decision.cost

    def _cost(self) -> str:
        if not self.unknown_costs:
            return dollars(self.spent)
        return f"{dollars(self.spent)} and {self.unknown_costs} at unknown cost"


def _weight(error: Exception) -> Exit:
    """A bad input is the input's mistake, not the command's."""
    if not isinstance(error, QualityRouteError):
        return Exit.DOWN
    return Exit.REJECTED if isinstance(error, ConfigError) else exit_of(error)
