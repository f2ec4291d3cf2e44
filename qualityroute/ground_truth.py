"""What is known of a task's inputs today: which reference counts for one, and which label. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from qualityroute.labels import Label, Origin, Reference


class Standing(Enum):
    """Has the performance tier, as it is asked today, answered an input already?"""

    THERE = auto()
    NEW = auto()
    CHANGED = auto()
    """The input of that id was another one then."""
    OUTDATED = auto()
    """Other models, parameters, instructions or another schema were asked then."""


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """References and labels of one task, by the id of their input."""

    performance: Mapping[str, Reference]
    person: Mapping[str, Reference]
    labels: Mapping[str, Label]
    """The newest of today's pipeline."""
    fingerprint: str
    """What the performance tier is asked by today."""

    @classmethod
    def of(
        cls, references: Iterable[Reference], labels: Iterable[Label], *, fingerprint: str, pipeline: str
    ) -> GroundTruth:
        """`references` and `labels` as the store gives them, the oldest first."""
        by_origin: dict[Origin, dict[str, Reference]] = {origin: {} for origin in Origin}
        for reference in references:
            by_origin[reference.origin][reference.input_id] = reference
        newest = {label.input_id: label for label in labels if label.input_id and label.pipeline == pipeline}
        return cls(by_origin[Origin.PERFORMANCE], by_origin[Origin.PERSON], newest, fingerprint)

    def standing(self, input_id: str, key: str) -> Standing:
        """`key`: the `input_key` of the input as it is now."""
        found = self.performance.get(input_id)
        if found is None:
            return Standing.NEW
        if found.input_key != key:
            return Standing.CHANGED
        return Standing.THERE if found.fingerprint == self.fingerprint else Standing.OUTDATED

    def answer(self, input_id: str, key: str) -> Reference | None:
        """The performance tier's own, if it is of this input and of today."""
        return self.performance[input_id] if self.standing(input_id, key) is Standing.THERE else None

    def reference(self, input_id: str, key: str) -> Reference | None:
        """The one that counts: a person's for this input, or else the performance tier's."""
        said = self.person.get(input_id)
        return said if said is not None and said.input_key in ("", key) else self.answer(input_id, key)

    def label(self, input_id: str, key: str) -> Label | None:
        """What is known of the efficiency tier's answer, if the reference that counts is not younger."""
        label, reference = self.labels.get(input_id), self.reference(input_id, key)
        if label is None or reference is None or label.at < reference.at:
            return None
        return label

    def knows(self, input_id: str) -> bool:
        """Is there any reference of this id, of whatever day?"""
        return input_id in self.performance or input_id in self.person
