"""The conductor's side of the nursery: start workers, hear what they say, end them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from faults.upstream import configuration

Line = Mapping[str, Any]
NOBODY = "http://127.0.0.1:9/v1"
PATIENCE = 150.0
"""Seconds that a worker may take for what takes milliseconds, on a machine that does other things as well."""


@dataclass
class Told:
    """All that the workers said, in the order it was read."""

    lines: list[Line] = field(default_factory=list)
    _by_worker: defaultdict[int, list[Line]] = field(default_factory=lambda: defaultdict(list))

    def add(self, line: Line) -> None:
        self.lines.append(line)
        self._by_worker[line["worker"]].append(line)

    def of(self, said: str, worker: int | None = None, after: float = 0.0) -> list[Line]:
        """What was said in one word, by one worker or by all; `after` is in seconds of the monotonic clock."""
        lines = self.lines if worker is None else self._by_worker[worker]
        return [line for line in lines if line["said"] == said and line.get("at", after) >= after]


class Crew:
    """Use it as a context manager; at its end every worker is killed."""

    def __init__(self, code: Path | None = None, *, first: int = 1) -> None:
        """`code`: the checkout that workers import `qualityroute` from, if not this one; `first`: a worker's number."""
        self.told = Told()
        self._numbers = count(first)
        self._heard = threading.Condition()
        self._code = code

    def __enter__(self) -> Self:
        # No proxies, and an empty folder of certificates: reading the system's takes each worker 40 ms.
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environment |= {"SSL_CERT_DIR": "/nonexistent", "OPENAI_API_KEY": ""}
        if self._code is not None:
            environment["PYTHONPATH"] = str(self._code)
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "nursery.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
        )  # fmt: skip
        self._ears = threading.Thread(target=self._listen, name="ears", daemon=True)
        self._ears.start()
        self._tell({"rehearse": configuration(NOBODY, retries=0, deadline="5m")})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._ears.join()
        self._process.stdout.close()

    def start(self, plan: Mapping[str, Any]) -> int:
        """Start a worker; its number, by which it is known from then on."""
        number = next(self._numbers)
        self._tell({"start": {**plan, "number": number}})
        return number

    def kill(self, worker: int) -> None:
        self._tell({"worker": worker, "signal": int(signal.SIGKILL)})

    def stop(self, *workers: int) -> None:
        """Ask them to finish what they are at, and wait until they have."""
        for worker in workers:
            self._tell({"worker": worker, "signal": int(signal.SIGTERM)})
        self.ended(*workers)

    def ended(self, *workers: int) -> None:
        for worker in workers:
            self.wait(lambda told, worker=worker: told.of("ended", worker), f"the end of worker {worker}")

    def opened(self, *workers: int) -> None:
        """Raises `AssertionError` for one that could not open its store."""
        for worker in workers:
            self.wait(
                lambda told, worker=worker: told.of("open", worker) or told.of("ended", worker), f"worker {worker}"
            )
            if not self.told.of("open", worker):
                raise AssertionError(f"worker {worker} did not open its store: {self.told.of('refused', worker)}")

    def answers(self, worker: int, number: int, after: float = 0.0) -> None:
        """Wait until a worker has returned so many answers, or has ended."""
        self.wait(
            lambda told: len(told.of("answer", worker, after)) >= number or told.of("ended", worker),
            f"{number} answers of worker {worker}",
        )

    def wait(self, until: Callable[[Told], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        with self._heard:
            while not until(self.told):
                if not self._heard.wait(deadline - time.monotonic()) and time.monotonic() > deadline:
                    raise AssertionError(f"waited in vain for {what}; said last: {self.told.lines[-5:]}")

    def _tell(self, told: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write((json.dumps(told) + "\n").encode())
        self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._heard:
                self.told.add(json.loads(line))
                self._heard.notify_all()
