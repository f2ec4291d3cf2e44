"""The user's own checks: functions `(output, source) -> reason or None`."""

from __future__ import annotations

import inspect
import traceback
from pathlib import Path

from anyio import to_thread

from qualityroute.config import NamedCheck
from qualityroute.gates.interface import Candidate
from qualityroute.metering import Meter
from qualityroute.records import Reason, Ruling, Verdict


class CodeChecks:
    """Runs each function until one objects. One that raises, or answers oddly, could not judge."""

    name = "checks"

    def __init__(self, checks: tuple[NamedCheck, ...]) -> None:
        self._checks = checks

    async def check(self, candidate: Candidate, meter: Meter) -> Verdict:
        for check in self._checks:
            verdict = await self._one(check, candidate)
            if verdict.ruling is not Ruling.ACCEPTED:
                return verdict
        return Verdict(self.name, Ruling.ACCEPTED)

    async def _one(self, check: NamedCheck, candidate: Candidate) -> Verdict:
        try:
            if inspect.iscoroutinefunction(check.function):
                said = await check.function(candidate.output, candidate.source)
            else:  # it may block: the event loop must not, and a deadline does not wait for it
                said = await to_thread.run_sync(
                    check.function, candidate.output, candidate.source, abandon_on_cancel=True
                )
        except Exception as error:  # whatever the user's code raises, it says nothing about the answer
            return _undecided(check.name, f"raised {type(error).__name__}{where_raised(error)}")
        if said is None:
            return Verdict(self.name, Ruling.ACCEPTED)
        if isinstance(said, str) and said:
            return Verdict(self.name, Ruling.REJECTED, Reason.CHECK, f"{check.name}: {said[:500]}")
        return _undecided(check.name, f"returned {said!r:.50}; it must return None or a reason")


def _undecided(name: str, message: str) -> Verdict:
    return Verdict("checks", Ruling.UNDECIDED, Reason.CHECK_ERROR, f"{name}: {message}")


def where_raised(error: BaseException) -> str:
    """The line of code, for a message: what the error says may quote the document."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
