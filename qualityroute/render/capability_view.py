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
_WIDEST_STANDING = max(len(standing) for standing in Standing)
_MOST_REASON = 240


def capability_view(found: Mapping[str, Sequence[Finding]], box: Box | None, *, width: int) -> Iterator[RenderableType]:
    """Models down, probes across, or the other way round where `width` is too narrow; then the reasons.

    `found` names at least one model, and each has the same probes.
    """
    yield _across(found, box) if _width_across(found) <= width else _down(found, box)
    yield Text("")
    yield safe_text(LEGEND, "dim")
    reasons = [words for model, findings in found.items() for words in _reasons(model, _in_order(findings))]
    if reasons:
        yield Text("")
    for words in reasons:
        yield safe_text(words, most=_MOST_REASON)


def _reasons(model: str, findings: Sequence[Finding]) -> Iterator[str]:
    """What was said of each probe; probes of which the same was said share a line."""
    probes: dict[tuple[Standing, str], list[str]] = {}
    for finding in findings:
        if finding.reason:
            probes.setdefault((finding.standing, finding.reason), []).append(finding.probe)
    for (standing, reason), names in probes.items():
        yield f"{model}, {', '.join(names)} {standing}: {reason}"


def _across(found: Mapping[str, Sequence[Finding]], box: Box | None) -> RenderableType:
    grid = table(box)
    for name in ("model", *_probes(found)):
        grid.add_column(name, no_wrap=True)
    for model, findings in found.items():
        grid.add_row(safe_text(model), *map(_cell, _in_order(findings)))
    return grid


def _down(found: Mapping[str, Sequence[Finding]], box: Box | None) -> RenderableType:
    grid = table(box)
    grid.add_column("probe", no_wrap=True)
    for model in found:
        grid.add_column(safe_text(model), overflow="fold")
    by_probe = zip(*map(_in_order, found.values()), strict=True)
    for name, findings in zip(_probes(found), by_probe, strict=True):
        grid.add_row(name, *map(_cell, findings))
    return grid


def _width_across(found: Mapping[str, Sequence[Finding]]) -> int:
    """Characters, with two beside each column."""
    probes = [max(len(name), _WIDEST_STANDING) for name in _probes(found)]
    return sum(width + 2 for width in (max(map(len, found)), *probes))


def _probes(found: Mapping[str, Sequence[Finding]]) -> list[str]:
    return [finding.probe for finding in _in_order(next(iter(found.values())))]


def _cell(finding: Finding) -> Text:
    return Text(finding.standing.value, _STYLES[finding.standing])


def _in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Whether it answers at all comes first, although the limits are asked for before."""
    return sorted(findings, key=lambda finding: finding.probe != ANSWERS)
