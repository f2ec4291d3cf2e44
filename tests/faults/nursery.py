"""A process that has imported everything and forks workers on request, so that each starts in some milliseconds.

    python tests/faults/nursery.py

Standard input: `{"rehearse": CONFIG}`, `{"start": PLAN}` or `{"signal": NUMBER, "worker": N}`, a line each; its end is
the end of all.
Standard output: what the workers say, and `{"worker": N, "said": "ended", "status": S}` for each that is over.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import traceback
from typing import Any

from worker import rehearse, work

LOOK = 0.005
"""Seconds between looks at who has ended."""


def say(**line: Any) -> None:
    os.write(1, (json.dumps(line) + "\n").encode())


class Nursery:
    def __init__(self) -> None:
        self._pids: dict[int, int] = {}

    def run(self) -> None:
        rest = b""
        while True:
            ready, _, _ = select.select([0], [], [], LOOK)
            self._reap()
            if not ready:
                continue
            read = os.read(0, 1 << 16)
            if not read:
                break
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                self._do(json.loads(line))
        for pid in self._pids.values():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def _do(self, told: dict[str, Any]) -> None:
        if "rehearse" in told:
            rehearse(told["rehearse"])
        elif "start" in told:
            self._start(told["start"])
        elif told["worker"] in self._pids:  # else it has ended, and its number may be another's
            os.kill(self._pids[told["worker"]], told["signal"])

    def _start(self, plan: dict[str, Any]) -> None:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.close(0)
                os.open(os.devnull, os.O_RDONLY)
                if "user" in plan:
                    os.setgroups([])
                    os.setgid(plan["user"])
                    os.setuid(plan["user"])
                work(plan)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        self._pids[plan["number"]] = pid
        say(worker=plan["number"], said="born", pid=pid)

    def _reap(self) -> None:
        for number, pid in list(self._pids.items()):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                del self._pids[number]
                say(worker=number, said="ended", status=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the conductor ends it
    Nursery().run()
