"""One reply that was asked for in pieces: bytes in, deltas for its listener out, and what it all was at its end.

Pure but for what has come in. A server that answers in one piece all the same is understood as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from qualityroute.openai_client.assembly import Assembly, Delta
from qualityroute.openai_client.complaints import Speaker
from qualityroute.openai_client.replies import hides_an_error, understand, understand_assembled
from qualityroute.openai_client.streams import Event, EventReader
from qualityroute.openai_client.tokens import counted
from qualityroute.openai_client.trouble import Reply, Trouble
from qualityroute.records import Completion, Usage


class Reading:
    """What has come in of one reply."""

    def __init__(self, speaker: Speaker, now: datetime, sent: int) -> None:
        """`sent`: bytes of the request."""
        self._speaker, self._now, self._sent = speaker, now, sent
        self._events, self._assembly = EventReader(), Assembly()
        self._plain = bytearray()
        """All bytes, until an event shows that they are no plain reply."""
        self._is_stream = False
        self._ended = False
        self._trouble: Trouble | None = None

    @property
    def whole(self) -> bool:
        """Has the whole answer come? What may still come is a count of tokens."""
        return not self.broken and (self._ended or self._assembly.finished)

    @property
    def broken(self) -> bool:
        """Has an event shown that there will be no answer?"""
        return self._trouble is not None

    def take(self, piece: bytes) -> Iterator[Delta]:
        """The deltas in the next piece, in order."""
        if not self._is_stream:
            self._plain += piece
        return self._heard(self._events.take(piece))

    def rest(self) -> Iterator[Delta]:
        """At the end: what was held back of an answer that is whole."""
        yield from self._heard(self._events.rest())
        if self.whole and (delta := self._assembly.rest()):
            yield delta

    def outcome(self) -> Completion | Trouble:
        """At the end: what the model said, or why that is not an answer."""
        if not self._is_stream:
            return understand(Reply(200, bytes(self._plain)), self._speaker, self._now)
        if self._trouble is not None:
            return self._trouble
        if not self.whole:
            return Trouble(f"'{self._speaker.model}': the stream ended before the answer did")
        return understand_assembled(self._assembly.body(), self._speaker, self._now)

    @property
    def usage(self) -> Usage:
        """Tokens of what has come in, estimated where nobody has counted; none where the model has written nothing."""
        if not self._assembly.began:
            return Usage()
        so_far = understand_assembled(self._assembly.body(), self._speaker, self._now)
        return counted(so_far, self._sent).usage if isinstance(so_far, Completion) else so_far.usage

    def _heard(self, events: Iterable[Event]) -> Iterator[Delta]:
        for event in events:
            if event.is_end:
                self._ended = True
            elif not self.broken and (delta := self._chunk(event)):
                yield delta

    def _chunk(self, event: Event) -> Delta:
        value = event.value
        if not isinstance(value, Mapping):
            if event.data.lstrip().startswith(b"{"):  # other words are signs of life
                self._break(Trouble(f"'{self._speaker.model}': an event of the stream is not JSON", status=200))
            return {}
        self._is_stream = True
        self._plain.clear()
        if event.name == b"error" and "error" not in value:
            value = {"error": value}
        if hides_an_error(value):
            hidden = understand_assembled(value, self._speaker, self._now)
            assert isinstance(hidden, Trouble)
            self._break(hidden)
            return {}
        return self._assembly.add(value)

    def _break(self, trouble: Trouble) -> None:
        self._is_stream, self._trouble = True, trouble
