"""One call of one model: asked, asked again as `moves.py` says, and counted, whatever comes in between."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import anyio

from qualityroute.client import CompletionRequest, delta_of
from qualityroute.errors import ProviderError
from qualityroute.openai_client.bodies import encode, path_for
from qualityroute.openai_client.complaints import Speaker, clean
from qualityroute.openai_client.connection import Connection, Incoming
from qualityroute.openai_client.dialects import Dialect, spoken
from qualityroute.openai_client.ladder import Rung, answered_on, kept_to
from qualityroute.openai_client.moves import Ask, GiveUp, Keep, Tries, next_move
from qualityroute.openai_client.reading import Reading
from qualityroute.openai_client.replies import reader_of
from qualityroute.openai_client.surroundings import Surroundings
from qualityroute.openai_client.tokens import counted, together, tokens_of
from qualityroute.openai_client.trouble import Reply, Trouble
from qualityroute.openai_client.turnstile import Pass, Turnstile
from qualityroute.records import Completion, Reason, Usage

TAIL_SECONDS = 2.0
"""How long the count of tokens and the end of a stream are waited for, once the answer itself is whole."""


@dataclass(frozen=True, slots=True)
class Line:
    """What every call of one model goes through."""

    connection: Connection
    turnstile: Turnstile
    speaker: Speaker
    surroundings: Surroundings
    retries: int


@dataclass(slots=True)
class Call:
    line: Line
    request: CompletionRequest
    dialect: Dialect
    under_way: Pass | None
    """The right to send, until what was sent is back."""
    sent: int = 0
    """Requests that left for the provider."""
    tries: Tries = field(default_factory=Tries)
    lasting: Dialect = field(init=False)
    """The dialect that was understood, without what was said for once."""
    taught: bool = False
    """Is `lasting` another than the call began with?"""
    seen: list[tuple[Rung, bool]] = field(default_factory=list)
    """Answers that kept to the promise of their rung, or did not."""
    reading: Reading | None = None
    """What has come in of a streamed reply, until it is back."""
    time: anyio.CancelScope | None = None
    """Ends the call when its time is up."""

    def __post_init__(self) -> None:
        self.lasting = self.dialect

    async def answer(self) -> Completion:
        """Ask until there is an answer. Raises `ProviderError`."""
        while True:
            body = spoken(self.request, self.dialect)
            outcome = await self._post(encode(body, self.request.name), in_pieces="stream" in body)
            move = next_move(
                outcome,
                request=self.request,
                body=body,
                dialect=self.dialect,
                tries=self.tries,
                retries=self.line.retries,
                remaining=patience(self.request) if isinstance(outcome, Trouble) else 0.0,  # an answer waits no more
                chance=self.line.surroundings.random(),
            )
            match move:
                case Keep(completion):
                    return await self._finished(completion)
                case GiveUp(trouble):
                    raise self._error(trouble)
                case Ask():
                    self.under_way = await self._again(move, outcome)

    def timed_out(self, seconds: float) -> ProviderError:
        """The call's time is up; what was under way speaks against the endpoint."""
        message = f"no answer from '{self.request.name}' within {seconds:g} s"
        trouble = Trouble(message, Reason.TIMEOUT, sent=self.under_way is not None, usage=self._begun())
        self.tries = replace(self.tries, spent=together(self.tries.spent, trouble.usage))
        self._give_back(trouble, trouble.usage)
        return self._error(trouble)

    def broken_off(self) -> None:
        """Called at the end of every call: whatever is still under way was left by its caller."""
        if self.under_way is not None:
            begun, progress = self._begun(), self.request.progress
            if begun != Usage():
                progress.spent, progress.counted = together(self.tries.spent, begun), True
            self.line.turnstile.drop()

    def _give_back(self, trouble: Trouble | None, usage: Usage = Usage()) -> None:
        if self.under_way is not None:
            self.line.turnstile.give_back(self.under_way, trouble, usage)
            self.under_way = self.reading = None

    def _begun(self) -> Usage:
        """Tokens of a reply that is still coming in."""
        return Usage() if self.reading is None else self.reading.usage

    async def _post(self, content: bytes, *, in_pieces: bool) -> Completion | Trouble:
        self.sent += 1
        self.request.progress.sent, self.request.progress.counted = self.sent, False
        if in_pieces:
            return self._counted(await self._streamed(content), len(content))
        reply = await self.line.connection.post(path_for(self.request), content)
        return self._counted(self._understood(reply), len(content))

    async def _streamed(self, content: bytes) -> Completion | Trouble:
        """The same, with the answer told while it comes in."""
        incoming = await self.line.connection.open(path_for(self.request), content)
        if not isinstance(incoming, Incoming):
            return self._understood(incoming)
        self.reading = reading = Reading(self.line.speaker, self.line.surroundings.now(), len(content))
        try:
            outcome = await self._read(incoming, reading) or reading.outcome()
        finally:
            await incoming.aclose()
        unpaid = isinstance(outcome, Trouble) and outcome.usage == Usage()
        return replace(outcome, usage=reading.usage) if unpaid else outcome

    async def _read(self, incoming: Incoming, reading: Reading) -> Trouble | None:
        """Read to the end; the connection's trouble, where it broke before the answer was whole."""
        while not reading.broken:
            piece: bytes | Trouble | None = None
            with anyio.move_on_after(TAIL_SECONDS if reading.whole else None):
                piece = await incoming.next()
            if isinstance(piece, bytes):
                await self._tell(reading.take(piece))
            elif piece is None or reading.whole:
                await self._tell(reading.rest())
                break
            else:
                return self._named(piece)
        return None

    async def _tell(self, deltas: Iterable[Mapping[str, Any]]) -> None:
        """Let them be heard, one after another; a listener's time is not the provider's."""
        for delta in deltas:
            if not self.tries.heard:
                self.tries, self.request.progress.heard = replace(self.tries, heard=True), True
            assert self.request.hear is not None
            with self._clock_stopped():
                await self.request.hear(delta)

    @contextmanager
    def _clock_stopped(self) -> Iterator[None]:
        assert self.time is not None
        left, self.time.deadline = self.time.deadline - anyio.current_time(), math.inf
        try:
            yield
        finally:
            self.time.deadline = anyio.current_time() + left

    def _understood(self, reply: Reply | Trouble) -> Completion | Trouble:
        if isinstance(reply, Trouble):
            return self._named(reply)
        return reader_of(self.request)(reply, self.line.speaker, self.line.surroundings.now())

    def _named(self, trouble: Trouble) -> Trouble:
        words = clean(trouble.message, self.line.speaker.secret)[:400]
        return replace(trouble, message=f"'{self.request.name}': {words}")

    def _counted(self, outcome: Completion | Trouble, size: int) -> Completion | Trouble:
        if isinstance(outcome, Completion):
            outcome = counted(outcome, size)
            self._give_back(None, outcome.usage)
            kept = kept_to(self.dialect.rung, self.request, outcome)
            if kept is not None:
                self.seen.append((self.dialect.rung, kept))
        else:
            self._give_back(outcome, outcome.usage)
        billed = self.tries.billed or (isinstance(outcome, Trouble) and outcome.may_be_billed)
        self.tries = replace(self.tries, billed=billed, spent=together(self.tries.spent, outcome.usage))
        self.request.progress.spent = self.tries.spent
        self.request.progress.counted = isinstance(outcome, Completion)
        return outcome

    async def _again(self, move: Ask, outcome: Completion | Trouble) -> Pass:
        """Wait for the next try. Raises the trouble when there will be none after all."""
        self.tries, self.dialect = move.tries, move.dialect
        if not move.for_now:
            self.taught |= move.dialect != self.lasting
            self.lasting = move.dialect
        if move.wait > 0:
            await self.line.surroundings.sleep(move.wait)
        tokens = reserved(self.request)
        while (right := self.line.turnstile.take(tokens)) is None:
            trouble = await self.line.turnstile.wait(tokens, patience(self.request))
            if trouble is not None:
                last = outcome if isinstance(outcome, Trouble) else trouble
                raise self._error(replace(last, retry_after=trouble.retry_after, asked=True))
        return right

    async def _finished(self, completion: Completion) -> Completion:
        whole = completion if self.sent == 1 else self._with_earlier_tries(completion)
        whole = answered_on(self.dialect.rung, self.request, whole)
        if self.request.hear is not None and not self.tries.heard and (delta := delta_of(whole)):
            await self._tell([delta])
        return whole

    def _with_earlier_tries(self, completion: Completion) -> Completion:
        """What they spent is the call's as well."""
        empty = self.tries.empty
        cost = completion.cost
        if self.tries.spent != completion.usage:
            others = empty.cost if empty is not None and empty is not completion else None
            cost = None if cost is None or others is None else cost + others
        return replace(completion, usage=self.tries.spent, cost=cost, retries=self._retries)

    @property
    def _retries(self) -> int:
        return max(0, self.sent - 1)

    def _error(self, trouble: Trouble) -> ProviderError:
        if self.tries.heard:
            trouble = replace(trouble, message=f"{trouble.message}; its answer had begun, and no other can follow it")
        return _hinted(trouble, self.request).error(
            retries=self._retries, usage=self.tries.spent, may_be_billed=self.tries.billed
        )


def patience(request: CompletionRequest) -> float:
    """Seconds that this request may still take; 0 for one that does not wait."""
    left = anyio.current_effective_deadline() - anyio.current_time()
    return left if request.timeout is None else min(left, request.timeout.total_seconds())


def reserved(request: CompletionRequest) -> int:
    """Tokens that a request may come to, for limits that are kept before anything is known of it."""
    said = sum(len(str(message.get("content") or "")) for message in request.messages)
    return tokens_of(said) + (request.max_output_tokens or 0)


def _hinted(trouble: Trouble, request: CompletionRequest) -> Trouble:
    """A refused field that the user set is theirs to remove."""
    if trouble.status not in (400, 422) or trouble.reason is not Reason.PROVIDER_ERROR:
        return trouble
    named = next((name for name in request.parameters if name in trouble.words), None)
    hint = f"; '{named}' is one of your parameters for this model"
    return trouble if named is None else replace(trouble, message=trouble.message + hint)
