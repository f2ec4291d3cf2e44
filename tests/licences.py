"""The licences of everything that an installation brings, extra by extra.

    python tests/licences.py            # print docs/licences.md, which `make licences` writes

Read from the metadata of what is installed here, so `.venv` with every extra has to be there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

US = "qualityroute"
_COPYLEFT = re.compile(r"\b(?:A|L)?GPL|General Public|\bMPL\b|Mozilla|\bEUPL\b|\bCDDL\b|\bEPL\b", re.IGNORECASE)
ALLOWED = {
    "psycopg": "LGPL 3, of the extra `postgres` alone; used as a library, unchanged, and replaceable by the user",
    "psycopg-binary": "the same",
}
"""Copyleft all the same, and why."""

HEAD = """\
# Licences of what an installation brings

qualityroute itself is under Apache-2.0. Written by `make licences`; a test fails when it is stale, or when a licence
with copyleft comes in that is not explained below.

| package | licence | comes with |
|---|---|---|
"""


@dataclass(frozen=True)
class Package:
    name: str
    licence: str
    comes_with: str
    """The extra; `always` for those that every installation brings."""

    @property
    def is_copyleft(self) -> bool:
        return bool(_COPYLEFT.search(self.licence))


def packages() -> list[Package]:
    """Everything that is installed with us, or with one of our extras, by name."""
    extras = ["", *sorted(distribution(US).metadata.get_all("Provides-Extra") or ())]
    found: dict[str, Package] = {}
    for extra in extras:
        for name in reached(US, frozenset({extra})) - {US}:
            found.setdefault(name, Package(name, licence_of(distribution(name)), extra or "always"))
    return sorted(found.values(), key=lambda package: package.name)


def reached(name: str, extras: frozenset[str]) -> set[str]:
    """The package and all that it needs, with these extras of it."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(name, extras)]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += needed(*one)
    return {name for name, _ in seen}


def needed(name: str, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    for line in distribution(name).requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
            wanted = plain(requirement.name)
            try:
                distribution(wanted)
            except PackageNotFoundError:
                raise SystemExit(f"{wanted}, which {name} needs, is not installed; run `make test` first") from None
            yield wanted, frozenset(requirement.extras)


def licence_of(package: Distribution) -> str:
    """As its metadata says it: an expression, else what its classifiers say, else the first line of free text."""
    said = package.metadata
    if said.get("License-Expression"):
        return str(said["License-Expression"])
    names = [line.split(" :: ")[-1] for line in said.get_all("Classifier") or () if line.startswith("License ::")]
    return ", ".join(names) or (said.get("License") or "unknown").splitlines()[0]


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def page() -> str:
    rows = "".join(f"| {one.name} | {one.licence} | {one.comes_with} |\n" for one in packages())
    notes = "".join(f"- `{name}`: {why}.\n" for name, why in ALLOWED.items())
    return f"{HEAD}{rows}\n## Copyleft\n\n{notes}"


if __name__ == "__main__":
    print(page(), end="")
