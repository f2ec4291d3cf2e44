"""One line of what people say is right, as a reference or a label; or what is wrong with it. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from qualityroute.commands.json_lines import Line
from qualityroute.gates.form import Reading
from qualityroute.gates.schema import SchemaCheck
from qualityroute.ground_truth import GroundTruth
from qualityroute.labels import Fact, Label, Origin, Reference, plain_output
from qualityroute.records import Json, Ruling, Verdict

KINDS = '{"id": INPUT, "output": ...} or {"decision": ID, "right": true}'
_READ = Verdict("form", Ruling.ACCEPTED)


class Wrong(Exception):
    """Why a line cannot be taken, and what would be right."""


class PeoplesLines:
    """Reads the lines of one file, for one task."""

    def __init__(
        self,
        task: str,
        schema: SchemaCheck | None,
        known: GroundTruth,
        labels: Iterable[Label],
        now: datetime,
        *,
        keeps_answers: bool = True,
    ) -> None:
        self._keeps_answers = keeps_answers
        self._task, self._schema, self._known, self._now = task, schema, known, now
        self._labels = {label.decision_id: label for label in labels}
        self._seen: dict[tuple[str, str], int] = {}

    def fact(self, line: Line) -> Fact | None:
        """`None` for a decision without a label. Raises `Wrong`."""
        value = line.value
        keys = set(value) if isinstance(value, dict) else set()
        if keys == {"id", "output"}:
            name = value["id"]
            if not isinstance(name, str | int) or isinstance(name, bool):
                raise Wrong('the "id" is no text')
            self._once("id", str(name), line.number)
            return self._reference(str(name), value["output"])
        if keys == {"decision", "right"}:
            self._check_word(value)
            self._once("decision", value["decision"], line.number)
            return self._label(value["decision"], right=value["right"])
        raise Wrong(f"is neither kind of line; right is {KINDS}")

    def _once(self, kind: str, name: str, number: int) -> None:
        earlier = self._seen.setdefault((kind, name), number)
        if earlier != number:
            raise Wrong(f"{kind} '{name[:100]}' stands in line {earlier} already; keep one of the two")

    def _check_word(self, value: Mapping[str, Any]) -> None:
        if not isinstance(value["decision"], str):
            raise Wrong('the "decision" is no text; right is the id that `baseline compare` tells')
        if not isinstance(value["right"], bool):
            raise Wrong(f'"right" is {json.dumps(value["right"])[:40]}; right is true or false')

    def _reference(self, name: str, output: Json) -> Reference:
        if not self._keeps_answers:
            raise Wrong('[store] payloads = "none" keeps no answer, and so no right one; right is "rejected" or "all"')
        if not self._known.knows(name):
            ids = {*self._known.performance, *self._known.person}
            close = difflib.get_close_matches(name, ids, n=1) if len(ids) < 10_000 else []
            hint = f"did you mean '{close[0][:100]}'?" if close else "`baseline run` makes them known"
            raise Wrong(f"no input '{name[:100]}' of task '{self._task}'; {hint}")
        known = self._known.performance.get(name) or self._known.person[name]
        return Reference(
            task=self._task,
            input_id=name,
            origin=Origin.PERSON,
            at=self._now,
            output=self._checked(output),
            input_key=known.input_key,
        )

    def _checked(self, output: Json) -> Json:
        """As the engine keeps an answer of this task."""
        if self._schema is None:
            if not isinstance(output, str) or not output.strip():
                raise Wrong("the output is no text, and the task has no schema; right is the text of the right answer")
            return output
        read, verdict = self._schema.read(Reading(_READ, text=json.dumps(output), value=output))
        if verdict.ruling is not Ruling.ACCEPTED:
            raise Wrong(f"the output breaks the task's schema: {verdict.message}")
        return plain_output(read)

    def _label(self, decision_id: str, *, right: bool) -> Label | None:
        label = self._labels.get(decision_id)
        if label is None:
            return None
        # Where both tiers said the same, what people say of the one they say of the other.
        same = label.bad is not None and not label.differences and label.reference_right is not label.bad
        return replace(
            label, origin=Origin.PERSON, bad=not right, reference_right=right if same else label.reference_right
        )
