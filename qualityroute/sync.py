"""The engine for code that does not await: its coroutines run on an event loop in a thread of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal

from qualityroute.records import Answer


class SyncFace:
    """Opens an engine on a thread when first needed, and keeps it until closed. Safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._portal: BlockingPortal | None = None
        self._engine: Any = None
        self._stack = ExitStack()

    def open(self, choose: Callable[[], Any]) -> None:
        """Open what `choose` gives, unless something is open already. Raises what opening raises."""
        with self._lock:
            if self._portal is not None:
                return
            engine = choose()
            with ExitStack() as stack:
                portal = stack.enter_context(start_blocking_portal("asyncio"))
                stack.enter_context(portal.wrap_async_context_manager(engine))
                self._stack, self._portal, self._engine = stack.pop_all(), portal, engine

    def run(self, task: str, input: Any, options: dict[str, Any]) -> Answer:
        assert self._portal is not None
        answer: Answer = self._portal.call(partial(self._engine.run, task, input, **options))
        return answer

    def holds_another(self, engine: object) -> bool:
        return self._engine is not None and self._engine is not engine

    def reload(self, engine: object) -> None:
        """Reload the engine opened here, if it is another one."""
        if self.holds_another(engine):
            self._engine.reload()

    def close(self) -> None:
        with self._lock:
            stack, self._stack, self._portal, self._engine = self._stack, ExitStack(), None, None
        stack.close()
