"""Is what we build what a stranger needs? Wheel and sdist are made, opened, and installed, each extra alone.

    python tests/packages.py [--python 3.12] [--only none --only server]

Run by `make packages`; takes a few minutes and needs a registry.
Every environment is new and lies in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")
NONE = "none"
NOT_PYTHON = (".css", ".html", ".json", ".jsonl", ".js", ".svg", ".toml", ".txt", ".typed")

ANSWER = """
import sys
from qualityroute import Config, Engine
from qualityroute.practice import PracticeServer
{before}
schema = {{
    "type": "object",
    "properties": {{"invoice_number": {{"type": "string"}}, "total": {{"type": "number"}}}},
    "required": ["invoice_number", "total"],
}}
with PracticeServer() as server:
    config = Config.model_validate({{
        "providers": {{"practice": {{"base_url": server.base_url}}}},
        "tiers": {{"efficiency": {{"models": ["practice/small"]}}, "performance": {{"models": ["practice/careful"]}}}},
        "judge": {{"model": "practice/checker"}},
        "tasks": {{"invoice": {{"schema": schema, "rubric": "extraction"}}}},
    }})
    with Engine(config, store="sqlite://") as engine:
        answer = engine.run_sync("invoice", "Northmoor Ltd\\nInvoice number: INV-7\\nTotal £69.00", session="user-42")
assert answer.output == {{"invoice_number": "INV-7", "total": 69}}, answer
loaded = {{name.partition(".")[0] for name in sys.modules}}
{after}
"""
"""A program of a user's, with what an extra has to do before and after."""


@dataclass(frozen=True)
class Installed:
    """The package in an environment of its own."""

    folder: Path

    def run(self, *command: str, code: int = 0, says: str = "") -> str:
        """A program of the environment; what it printed. Fails unless it ends with `code` and says so."""
        program = self.folder / "bin" / command[0]
        done = subprocess.run(
            [program, *command[1:]], cwd=self.folder, env=clean(), capture_output=True, text=True, timeout=300
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, f"{command[:4]} ended with {done.returncode}, not {code}:\n{said}"
        assert says in said, f"{command} does not say {says!r}:\n{said}"
        return said

    def answers(self, before: str = "", after: str = "") -> None:
        self.run("python", "-W", "error", "-c", ANSWER.format(before=before, after=after))


def clean() -> dict[str, str]:
    """An environment in which nothing of this checkout, and no key, can be found."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OPENAI", "VIRTUAL"))}


def nothing_extra(package: Installed) -> None:
    """Everything but the extras works, and each of them is named where it is missing."""
    package.answers(after='assert not loaded & {"aiohttp", "jsonschema_rs", "psycopg", "starlette", "opentelemetry"}')
    package.run("qualityroute", "--version")
    package.run("qualityroute", "demo", says="MISCLASSIFIED")
    package.run("qualityroute", "init", "shop", "--practice")
    package.run("qualityroute", "check", "--config", "shop/qualityroute.toml")
    run_shop(package)
    for extra, command in {
        "server": ("serve", "--config", "shop/qualityroute.toml"),
        "postgres": ("pins", "list", "--config", "shop/qualityroute.toml", "--db", "postgresql://127.0.0.1:1/none"),
        "html": ("report", "--config", "shop/qualityroute.toml", "--html", "report.html"),
    }.items():
        package.run("qualityroute", *command, code=2, says=f"pip install 'qualityroute[{extra}]'")


def run_shop(package: Installed) -> None:
    command = ("run", "invoice", "shop/documents/invoice.txt", "--config", "shop/qualityroute.toml", "--session", "one")
    assert '"outcome"' in package.run("qualityroute", *command)


def fast(package: Installed) -> None:
    package.answers(after='assert {"aiohttp", "jsonschema_rs"} <= loaded, loaded')


def html(package: Installed) -> None:
    package.run("qualityroute", "demo")
    package.run("qualityroute", "report", "--config", "qualityroute-demo/qualityroute.toml", "--html", "report.html")
    page = (package.folder / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "MISCLASSIFIED" in page


def otel(package: Installed) -> None:
    package.answers(before="import opentelemetry.trace", after='assert "opentelemetry" in loaded')


def postgres(package: Installed) -> None:
    """There is no database; that is said, and no longer that psycopg is missing."""
    package.run("qualityroute", "init", "shop", "--practice")
    address = "postgresql://127.0.0.1:1/none"
    said = package.run("qualityroute", "pins", "list", "--config", "shop/qualityroute.toml", "--db", address, code=3)
    assert "pip install" not in said


SERVED = """
import json, re, subprocess, sys, urllib.request
command = [sys.executable, "-m", "qualityroute", "serve", "--config", "shop/qualityroute.toml", "--port", "0"]
with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as gateway:
    base = re.search(r"http://[^/]+", gateway.stdout.readline())[0]
    for path in ("/healthz", "/v1/models", "/metrics", "/dashboard"):
        with urllib.request.urlopen(base + path, timeout=30) as reply:
            assert reply.status == 200, path
    gateway.terminate()
"""


LIKENED = """
import anyio
from qualityroute import Config, Engine
from qualityroute.testing import ScriptedClient
models = {"efficiency": {"models": ["any/small"]}, "performance": {"models": ["any/large"]}}
rubric = {"name": "help", "criteria": [{"id": "right", "ask": "Is it right?"}]}
config = Config.model_validate({
    "tiers": models, "judge": {"model": "any/judge"}, "cache": {"embeddings": "any/vectors", "window": 256},
    "tasks": {"help": {"rubric": rubric, "cache": "semantic"}},
})
client = ScriptedClient({"efficiency": "Yes.", "judge": "yes", "embedding": lambda messages: [1.0, 0.5]})
async def main():
    async with Engine(config, client=client, store="sqlite://") as engine:
        asked = ("Do you ship to Oslo?", "Is shipping to Oslo possible?", "Do you ship to Bergen?")
        return [(await engine.run("help", text)).decision.outcome.value for text in asked]
assert anyio.run(main) == ["accepted", "cached", "accepted"]
"""


def semantic(package: Installed) -> None:
    package.run("python", "-c", LIKENED)


def server(package: Installed) -> None:
    package.run("qualityroute", "init", "shop", "--practice")
    package.run("python", "-c", SERVED)


TRIALS: dict[str, Callable[[Installed], None]] = {
    NONE: nothing_extra,
    "fast": fast,
    "html": html,
    "otel": otel,
    "postgres": postgres,
    "semantic": semantic,
    "server": server,
}
"""What an environment with this extra, and no other, must be able to do."""


def extras() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return set(project["optional-dependencies"])


def built(into: Path) -> Path:
    """The wheel, made from the sdist as a registry's user would have to."""
    subprocess.run([UV, "build", "--quiet", "--out-dir", into, ROOT], check=True)
    (wheel,) = into.glob("*.whl")
    (source,) = into.glob("*.tar.gz")
    look_into_wheel(wheel)
    look_into_source(source)
    return wheel


def look_into_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (archive.read(name).decode() for name in names if name.endswith(".dist-info/METADATA"))
    wanted = {f"qualityroute/builtin_rubrics/{path.name}" for path in (ROOT / "rubrics").glob("*.toml")}
    package = ROOT / "qualityroute"
    wanted |= {str(path.relative_to(ROOT)) for path in package.rglob("*") if path.suffix in (".py", *NOT_PYTHON)}
    assert wanted <= names, sorted(wanted - names)
    assert "qualityroute/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    strangers = {name.partition("/")[0] for name in names} - {"qualityroute"}
    assert all(name.endswith(".dist-info") for name in strangers), strangers
    assert "License-Expression: Apache-2.0" in metadata
    assert {line.split()[1] for line in metadata.splitlines() if line.startswith("Provides-Extra:")} == extras()


def look_into_source(source: Path) -> None:
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"LICENSE", "README.md", "Makefile", "constraints.txt", "rubrics/extraction.toml", "tests/conftest.py"}
    assert wanted <= names, wanted - names
    unwanted = {name for name in names if name.endswith((".db", ".pyc")) or name.startswith((".venv", ".ci", ".git/"))}
    assert not unwanted, unwanted


def installed(wheel: Path, extra: str, folder: Path, python: str) -> Installed:
    subprocess.run([UV, "venv", "--quiet", "--python", python, folder], check=True)
    wanted = str(wheel) if extra == NONE else f"{wheel}[{extra}]"
    interpreter = folder / "bin" / "python"
    constraints = ROOT / "constraints.txt"
    subprocess.run([UV, "pip", "install", "--quiet", "--python", interpreter, "-c", constraints, wanted], check=True)
    return Installed(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the package, install it with each extra alone, and try it.")
    parser.add_argument("--python", action="append", help="a version; may be given again; default: this one")
    parser.add_argument("--only", choices=TRIALS, action="append", help="this extra; may be given again")
    options = parser.parse_args()
    assert set(TRIALS) == extras() | {NONE}, "an extra has no trial"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = built(folder / "dist")
        print(f"built and looked into: {wheel.name}, {wheel.stat().st_size // 1024} KiB", flush=True)
        for python in options.python or [sys.executable]:
            for extra in options.only or TRIALS:
                TRIALS[extra](installed(wheel, extra, folder / f"{Path(python).name}-{extra}", python))
                print(f"works: Python {python}, extra {extra}", flush=True)
        ran = subprocess.run(
            [UV, "tool", "run", "--quiet", "--from", wheel, "qualityroute", "--version"],
            cwd=folder, env=clean(), capture_output=True, text=True, check=True,
        )  # fmt: skip
        print(f"runs without being installed: {ran.stdout.strip()}")


if __name__ == "__main__":
    main()
