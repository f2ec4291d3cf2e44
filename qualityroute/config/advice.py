"""What is allowed in a configuration and still unwise."""

from __future__ import annotations

from qualityroute.config.models import Config


def same_family_warning(config: Config) -> str | None:
    """A sentence when a judge is the very model that it judges, from whichever provider; else `None`."""
    judges = config.judge.models if config.judge is not None else ()
    for judge in judges:
        for judged in config.tiers.efficiency.models:
            if _bare(judge) == _bare(judged):
                return (
                    f"judge: '{judge}' judges the answers of '{judged}', which is the same model, and models like"
                    " their own answers too well; use a judge of another family"
                )
    return None


def _bare(model: str) -> str:
    """Without its provider, and without the vendor that a router puts before it."""
    return model.rpartition("/")[2].casefold()
