"""Where a command finds its configuration and its store."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path

from qualityroute.config import Config, Pins
from qualityroute.errors import StoreError
from qualityroute.store import SessionStore, open_store


@dataclass(frozen=True, slots=True)
class Place:
    """What `--config` and `--db` say."""

    config: Path
    db: str | None = None
    """A path or URL; a relative one is relative to where the command was called."""

    def load(self) -> Config:
        return Config.load(self.config)

    def store(self, config: Config) -> SessionStore:
        """Not opened yet."""
        return (
            open_store(config.store.url, folder=config.folder)
            if self.db is None
            else open_store(self.db, folder=Path())
        )

    def store_alone(self) -> tuple[SessionStore, Pins | None]:
        """The store, and the pins' policy if there is a configuration: a database named by `--db` needs none."""
        if self.db is not None and not self.config.exists():
            return open_store(self.db, folder=Path()), None
        config = self.load()
        return self.store(config), config.pins


@asynccontextmanager
async def opened(store: SessionStore, *, make: bool = False, to_read: bool = False) -> AsyncIterator[SessionStore]:
    """The store, open. Unless told to `make` it, a database that is not there is an error: most likely a wrong path.

    `to_read`: nothing will be written, so that one may look into a file that one may not write to.
    """
    path = getattr(store, "path", None)
    if not make and isinstance(path, Path) and not path.exists():
        raise StoreError(f"there is no database '{path}' yet; `qualityroute run` makes it, or name another by --db")
    await store.open(to_read=to_read)
    try:
        yield store
    finally:
        await store.aclose()


def called() -> str:
    """How to call this program again from here, as one types it."""
    beside = Path(sys.executable).with_name("qualityroute")
    found = shutil.which("qualityroute")
    if found is not None and beside.exists() and Path(found).samefile(beside):
        return "qualityroute"
    if beside.exists():
        return shlex.quote(near(beside))
    return f"{shlex.quote(near(Path(sys.executable)))} -m qualityroute"


def near(path: Path) -> str:
    """A path as seen from here, unless it lies far off."""
    relative = relpath(path)
    return str(path.absolute()) if relative.startswith("../..") else relative
