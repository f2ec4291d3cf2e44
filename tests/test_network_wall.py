"""The wall around the network stands."""

from __future__ import annotations

import socket

import pytest


def test_a_test_cannot_reach_the_network() -> None:
    with socket.socket() as outside, pytest.raises(AssertionError, match=r"tried to reach 192\.0\.2\.1"):
        outside.connect(("192.0.2.1", 80))
