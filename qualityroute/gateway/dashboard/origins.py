"""Where a request comes from, by what its browser says. Pure.

A page of somebody else can make a browser send requests here, also to loopback. Its name for this server gives it away
(`Host`, which after DNS rebinding is still its own), and so does where it was loaded from (`Origin`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit


def host_name(host: str) -> str:
    """The name in a `Host` header, without its port; empty where it is none.

    >>> host_name("LocalHost:8000"), host_name("[::1]:8000"), host_name("a@b")
    ('localhost', '::1', '')
    """
    try:
        split = urlsplit(f"//{host}")
        plain = not (split.path or split.query or split.fragment or "@" in host)
        return (split.hostname or "").removesuffix(".") if plain else ""
    except ValueError:
        return ""


def is_loopback(name: str) -> bool:
    """>>> is_loopback("localhost"), is_loopback("127.8.0.1"), is_loopback("localhost.example")
    (True, True, False)
    """
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761: never asked of a name server
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def may_look_without_key(host: str, peer: str | None, hosts: Collection[str]) -> bool:
    """Only from this machine, and only under a name that no stranger's page can have.

    Args:
        host: the `Host` header.
        peer: the other end's address; `None` where there is none, such as on a Unix socket.
        hosts: names that are known to be this server's, beside those of loopback.
    """
    name = host_name(host)
    return (is_loopback(name) or name in hosts) and (peer is None or is_loopback(peer))


def is_from_here(headers: Mapping[str, str]) -> bool:
    """Was a form sent from a page of this very server? Every browser says so of a POST."""
    origin = headers.get("origin", "")
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    try:
        split = urlsplit(origin)
    except ValueError:
        return False
    # The scheme is not compared: behind a proxy that ends TLS we are asked by http.
    return split.scheme in ("http", "https") and split.netloc.lower() == headers.get("host", "").lower() != ""
