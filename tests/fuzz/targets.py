"""What is fuzzed: each target reads bytes, and asserts what must hold of them whatever they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import files, gateway, models

Read = Callable[[bytes], None]


@dataclass(frozen=True)
class Target:
    read: Read
    seeds: tuple[bytes, ...]
    """Good and nearly good ones, made by hand, to begin with."""
    words: tuple[str, ...]
    """What a blind change of bytes would hardly hit upon."""


JSON_WORDS = ("{", "}", "[", "]", '"', "\\u", "\\ud83d", "null", "true", "NaN", "1e9", "```json\n", "\ufeff")
TARGETS: dict[str, Target] = {
    "json": Target(models.read_strict_json, models.JSON_SEEDS, JSON_WORDS),
    "verdict": Target(models.read_verdict, models.VERDICT_SEEDS, (*JSON_WORDS, *models.VERDICT_WORDS)),
    "stream": Target(models.read_stream, models.STREAM_SEEDS, (*JSON_WORDS, *models.STREAM_WORDS)),
    "config": Target(files.read_config, files.CONFIG_SEEDS, files.CONFIG_WORDS),
    "rubric": Target(files.read_rubric, files.RUBRIC_SEEDS, files.RUBRIC_WORDS),
    "body": Target(gateway.read_body, gateway.BODY_SEEDS, (*JSON_WORDS, *gateway.BODY_WORDS)),
    "headers": Target(gateway.read_headers, gateway.HEADER_SEEDS, gateway.HEADER_WORDS),
    "head": Target(gateway.read_head, gateway.HEAD_SEEDS, gateway.HEAD_WORDS),
}
