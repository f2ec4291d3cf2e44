"""The inputs of the `baseline` commands, each with its id and the key of what it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qualityroute.commands.given import FORM, Given, read_lines
from qualityroute.commands.json_lines import STDIN, Mistake, called, count_lines, opened, told_of
from qualityroute.errors import ConfigError
from qualityroute.inputs import Input, as_messages, checked_name
from qualityroute.labels import Reference, input_key


@dataclass(frozen=True, slots=True)
class BaselineInput:
    """One input, or why it cannot be asked."""

    id: str
    """The caller's, or the key."""
    key: str = ""
    input: Input = ""
    session: str | None = None
    mistake: str = ""


class InputFile:
    """A file's inputs, each once: the same line again is counted, another input of the same id is a mistake."""

    def __init__(self, name: str, most: int) -> None:
        """Raises `ConfigError` for a file that cannot be opened. `most`: characters that an input may have."""
        self._name, self._most = name, most
        self.repeated = 0
        try:
            with opened(name):
                pass
        except Mistake as mistake:
            raise ConfigError(f"{called(name)} {mistake}") from None
        self.lines = count_lines(name)
        """`None` where that cannot be told beforehand."""
        if self.lines == 0:
            raise ConfigError(f"{called(name)} has no line; right is one for each input: {FORM}")

    def __iter__(self) -> Iterator[BaselineInput]:
        seen: dict[str, tuple[str, int]] = {}
        for given in read_lines(self._name, self._most):
            found = _read(given, self._most)
            key, line = seen.setdefault(found.id, (found.key, given.index))
            if found.mistake or line == given.index:
                yield found
            elif key == found.key:
                self.repeated += 1
            else:
                told = f"line {given.index} of {called(self._name)}: id '{found.id}' is another input's in line {line}"
                yield BaselineInput(found.id, mistake=told)


def kept_inputs(references: list[Reference]) -> list[BaselineInput]:
    """Those that came with their references."""
    return [
        BaselineInput(reference.input_id, reference.input_key, reference.messages)
        for reference in references
        if reference.messages is not None
    ]


def _read(given: Given, most: int) -> BaselineInput:
    if given.mistake:
        return BaselineInput(given.id, mistake=given.mistake)
    try:
        checked_name(given.session, "session")
        key = input_key(as_messages(given.input, most))
        name = checked_name(given.id, "id") if given.named else None
    except ConfigError as error:
        return BaselineInput(given.id, mistake=f"{told_of(given.file or STDIN, given.index)}: {error}")
    return BaselineInput(name or key, key, given.input, given.session)
