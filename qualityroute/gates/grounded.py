"""The grounded check: values that must occur in the source do occur in it."""

from __future__ import annotations

from collections.abc import Mapping

from anyio import to_thread

from qualityroute.gates.grounding import Finding, ungrounded
from qualityroute.gates.interface import Candidate
from qualityroute.metering import Meter
from qualityroute.records import Reason, Ruling, Verdict, has_images
from qualityroute.rubrics import FieldRule

LONG_SOURCE = 50_000
"""Characters; longer sources are searched in a thread, so that other requests go on."""
MOST_FINDINGS = 5


class GroundedCheck:
    """Looks up each value with a `ground` rule. A value in a picture cannot be looked up, and is passed on."""

    name = "grounded"

    def __init__(self, fields: Mapping[str, FieldRule]) -> None:
        self._fields = {path: rule for path, rule in fields.items() if rule.ground != "off"}

    async def check(self, candidate: Candidate, meter: Meter) -> Verdict:
        if not self._fields or not isinstance(candidate.value, dict | list):
            return Verdict(self.name, Ruling.ACCEPTED)
        findings = await self._findings(candidate)
        not_found = [{"path": f.path, "value": str(f.value)[:100]} for f in findings[:MOST_FINDINGS]]
        details = {"not_found": not_found} if not_found else {}
        literal = [finding for finding in findings if finding.ground == "literal"]
        if not literal or has_images(candidate.messages):
            return Verdict(self.name, Ruling.ACCEPTED, details=details)
        more = f" (and {len(literal) - 1} more)" if len(literal) > 1 else ""
        return Verdict(self.name, Ruling.REJECTED, Reason.UNGROUNDED, literal[0].message + more, details=details)

    async def _findings(self, candidate: Candidate) -> list[Finding]:
        if len(candidate.source) < LONG_SOURCE:
            return ungrounded(candidate.value, candidate.source, self._fields)
        return await to_thread.run_sync(
            ungrounded, candidate.value, candidate.source, self._fields, abandon_on_cancel=True
        )
