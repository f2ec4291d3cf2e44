"""The models of the examples: the practice provider's, a stand-in that needs no key."""

from __future__ import annotations

from typing import Any

from qualityroute.practice import PracticeServer


def practice_models(server: PracticeServer) -> dict[str, Any]:
    """The parts of a configuration that say which models there are and what they cost."""
    return {
        "providers": {"practice": {"base_url": server.base_url}},
        "tiers": {"efficiency": {"models": ["practice/small"]}, "performance": {"models": ["practice/careful"]}},
        "judge": {"model": "practice/checker"},
        "prices": [
            {"model": "practice/small", "input": 0.15, "output": 0.60},
            {"model": "practice/careful", "input": 3, "output": 15},
            {"model": "practice/checker", "input": 0.10, "output": 0.40},
        ],
    }
