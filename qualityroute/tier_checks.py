"""From the store to `tier_check`: which tasks people have answered inputs of, and how both tiers did on them."""

from __future__ import annotations

from collections.abc import Mapping

from qualityroute.config import Config, ResolvedTask
from qualityroute.ground_truth import GroundTruth
from qualityroute.labels import Origin
from qualityroute.pipelines import pipeline_of, reference_key
from qualityroute.store import SessionStore
from qualityroute.tier_check import TierCheck, check_tiers


async def tier_check_of(store: SessionStore, config: Config, task: ResolvedTask) -> TierCheck:
    """Of one task, from its references and labels. Raises `StoreError`."""
    labels = await store.labels(task.name)
    references = await store.references(task.name)
    fingerprint, pipeline = reference_key(config, task), pipeline_of(config, task).key
    truth = GroundTruth.of(references, labels, fingerprint=fingerprint, pipeline=pipeline)
    return check_tiers(truth, labels, task.rubric.fields if task.rubric is not None else {})


async def tier_checks(store: SessionStore, config: Config, tasks: Mapping[str, ResolvedTask]) -> dict[str, TierCheck]:
    """Of those tasks that people have labelled answers of; of the others nothing more is read."""
    return {
        name: await tier_check_of(store, config, task)
        for name, task in tasks.items()
        if any(label.origin is Origin.PERSON for label in await store.labels(name))
    }
