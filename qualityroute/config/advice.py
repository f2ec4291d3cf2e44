"""What is allowed in a configuration and still unwise."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qualityroute.config.models import Config

_SNAPSHOT = re.compile(r"-\d{4}-?\d{2}-?\d{2}$|:free$")
"""The date of a model's version, or a router's word for how it is paid."""


def same_family_warning(config: Config) -> str | None:
    """A sentence when a judge or a peer is the very model it should check, from whichever provider; else `None`."""
    return next(_same_model(config), None)


def _same_model(config: Config) -> Iterator[str]:
    efficiency = config.tiers.efficiency.models
    judges = config.judge.models if config.judge is not None else ()
    for judge in judges:
        judged = _twin(judge, efficiency)
        if judged is not None:
            yield (
                f"judge: '{judge}' judges the answers of '{judged}', which is the same model, and models like"
                " their own answers too well; use a judge of another family"
            )
    for name, task in config.tasks.items():
        if task.agreement is None:
            continue
        for peer in task.agreement.peers:
            judged = _twin(peer, efficiency)
            if judged is not None:
                yield (
                    f"tasks.{name}.agreement: the peer '{peer}' is the same model as '{judged}' of the efficiency tier,"
                    " and would only agree with itself; name a model of another family"
                )
            arbiter = _twin(peer, judges) if task.agreement.on_difference == "judge" else None
            if arbiter is not None:
                yield (
                    f"tasks.{name}.agreement: '{arbiter}' judges between the efficiency answer and the peer '{peer}',"
                    " which is the same model; use a judge of another family"
                )


def _twin(model: str, others: tuple[str, ...]) -> str | None:
    return next((other for other in others if _bare(other) == _bare(model)), None)


def _bare(model: str) -> str:
    """Without its provider, the vendor that a router puts before it, and what stands behind its name."""
    return _SNAPSHOT.sub("", model.rpartition("/")[2].casefold())
