"""The Dockerfile's steps without Docker: its files in a clean folder, its `pip install`, its command, its health check.

    python tests/image.py

Run by `make packages`; takes a minute and needs a registry. What it cannot try is the base image and the user.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from packages import clean

ROOT = Path(__file__).parents[1]
CONFIG = "/etc/qualityroute/qualityroute.toml"


@dataclass(frozen=True)
class Image:
    """What a Dockerfile says, an instruction each: its name and the rest of it."""

    steps: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        return [rest for step, rest in self.steps if step == name]

    def last(self, name: str) -> str:
        return self.all(name)[-1]

    @property
    def copied(self) -> list[str]:
        """Files and folders of the checkout that are copied into it."""
        words = (shlex.split(rest) for rest in self.all("COPY") if not rest.startswith("--from"))
        return [name for *names, _ in words for name in names]

    @property
    def command(self) -> list[str]:
        return [*json.loads(self.last("ENTRYPOINT")), *json.loads(self.last("CMD"))]

    @property
    def health_check(self) -> list[str]:
        command: list[str] = json.loads(self.last("HEALTHCHECK").partition("CMD ")[2])
        return command

    @property
    def installed(self) -> list[str]:
        """The arguments of `pip install`."""
        (line,) = (rest for rest in self.all("RUN") if "pip install" in rest)
        return shlex.split(line.partition("pip install ")[2])


def read_image(text: str) -> Image:
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return Image(tuple((name, rest) for name, _, rest in (line.partition(" ") for line in lines) if name))


@contextmanager
def serving(command: list[str], folder: Path) -> Iterator[None]:
    gateway = subprocess.Popen(command, cwd=folder, env=clean())
    try:
        yield
    finally:
        gateway.terminate()
        assert gateway.wait(30) == -signal.SIGTERM  # the server ends itself by it, once all is closed


def healthy(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, timeout=10).returncode == 0


def main() -> None:
    image = read_image((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for copied in image.copied:
            kind = shutil.copytree if (ROOT / copied).is_dir() else shutil.copy
            kind(ROOT / copied, folder / copied)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder / "venv"], check=True)
        bin_ = folder / "venv" / "bin"
        subprocess.run([bin_ / "pip", "install", "--quiet", *image.installed], cwd=folder, check=True)
        subprocess.run([bin_ / "qualityroute", "init", "shop", "--practice"], cwd=folder, check=True)
        config = str(folder / "shop" / "qualityroute.toml")
        subprocess.run([bin_ / "qualityroute", "keys", "add", "shop", "--config", config], cwd=folder, check=True)
        program, *arguments = [config if word == CONFIG else word for word in image.command]
        check = [str(bin_ / image.health_check[0]), *image.health_check[1:]]
        assert not healthy(check), "something else is at the gateway's port"
        with serving([str(bin_ / program), *arguments], folder):
            until = time.monotonic() + 30
            while not healthy(check):
                assert time.monotonic() < until, "the gateway did not become healthy"
                time.sleep(0.2)
    print("the image's files are enough to install and serve, and its health check sees that")


if __name__ == "__main__":
    main()
