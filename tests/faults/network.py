"""Hosts of their own on this machine: network namespaces, each with two cables, one of which can be cut."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from faults.places import NotHere


@dataclass(frozen=True)
class Host:
    """`front` and `back`: the addresses here that it reaches callers and models by, and the database."""

    namespace: str
    address: str
    """Its own, on the front cable."""
    front: str
    back: str
    _back_cable: str

    def command(self, *command: str) -> list[str]:
        """As it is run on that host."""
        return ["ip", "netns", "exec", self.namespace, *command]

    def cut_off(self, cut: bool) -> None:
        """Pull the cable to the database at our end, or put it back; whoever sends hears nothing of it."""
        _ip("link", "set", self._back_cable, "down" if cut else "up")


@contextmanager
def hosts(number: int) -> Iterator[list[Host]]:
    """Raises `NotHere` where network namespaces may not be made."""
    if os.getuid() != 0 or shutil.which("ip") is None:
        raise NotHere("network namespaces need root and iproute2's `ip`")
    with ExitStack() as resources:
        yield [_host(place, resources) for place in range(number)]


def _host(place: int, resources: ExitStack) -> Host:
    name = f"qr{os.getpid() % 100_000}{'abcdef'[place]}"
    try:
        _ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        raise NotHere(f"no network namespace can be made here: {error.stderr.strip()}") from error
    resources.callback(_gone, "netns", "del", name)
    _ip("-n", name, "link", "set", "lo", "up")
    for cable, net in (("front", 213), ("back", 214)):
        end = f"{name}{cable[0]}"
        _ip("link", "add", end, "type", "veth", "peer", "name", cable, "netns", name)
        resources.callback(_gone, "link", "del", end)
        _ip("address", "add", f"10.{net}.{place}.1/30", "dev", end)
        _ip("link", "set", end, "up")
        _ip("-n", name, "address", "add", f"10.{net}.{place}.2/30", "dev", cable)
        _ip("-n", name, "link", "set", cable, "up")
    return Host(name, f"10.213.{place}.2", f"10.213.{place}.1", f"10.214.{place}.1", f"{name}b")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def _gone(*words: str) -> None:
    with suppress(subprocess.CalledProcessError):  # a cable goes with its host
        _ip(*words)
