"""What each model's endpoint honours, as a table with the reasons below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.box import Box
from rich.console import RenderableType
from rich.text import Text

from qualityroute.openai_client.findings import ANSWERS, Finding, Standing
from qualityroute.render.safe import safe_text
from qualityroute.render.tables import table

_STYLES = {
    Standing.HONOURED: "green",
    Standing.ACCEPTED: "green",
    Standing.IGNORED: "yellow",
    Standing.REFUSED: "red",
    Standing.UNKNOWN: "dim",
}
LEGEND = (
    "honoured: accepted and obeyed; accepted: not refused, and nothing shows whether it is obeyed; "
    "ignored: accepted and not obeyed; refused: an error about it; unknown: no answer that says so"
)
_SHORT = {"max_completion_tokens": "max_compl._tokens"}
_MOST_REASON = 240


def capability_view(found: Mapping[str, Sequence[Finding]], box: Box | None) -> Iterator[RenderableType]:
    """Models down, probes across; then each reason that is not plain from its standing."""
    yield _standings(found, box)
    yield Text("")
    yield safe_text(LEGEND, "dim")
    reasons = [
        (model, finding) for model, findings in found.items() for finding in _in_order(findings) if finding.reason
    ]
    if reasons:
        yield Text("")
    for model, finding in reasons:
        words = f"{model}, {finding.probe} {finding.standing}: {finding.reason}"
        yield safe_text(words, most=_MOST_REASON)


def _standings(found: Mapping[str, Sequence[Finding]], box: Box | None) -> RenderableType:
    grid = table(box)
    grid.add_column("model", overflow="fold")
    for finding in _in_order(next(iter(found.values()), ())):
        grid.add_column(_SHORT.get(finding.probe, finding.probe), overflow="fold")
    for model, findings in found.items():
        cells = (Text(finding.standing.value, _STYLES[finding.standing]) for finding in _in_order(findings))
        grid.add_row(safe_text(model), *cells)
    return grid


def _in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Whether it answers at all comes first, although the limits are asked for before."""
    return sorted(findings, key=lambda finding: finding.probe != ANSWERS)
