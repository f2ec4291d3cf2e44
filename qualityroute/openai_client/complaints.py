"""From a provider's error, in whatever shape it came, to one of our reasons."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from qualityroute.openai_client.trouble import REPEATED_STATUSES, Reply, Trouble
from qualityroute.openai_client.waiting import parse_retry_after
from qualityroute.records import Json, Reason

MAX_WORDS = 300

_OVERFLOW_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error", "request_too_large"})
_OVERFLOW = re.compile(
    r"(maximum|max) (context|model|sequence|input|prompt) ?(length|len|size|tokens)"
    r"|context[ _](length|size|window|limit)[^.]{0,40}exceed|exceed[^.]{0,60}context|larger than[^.]{0,40}context"
    r"|(prompt|input|request|message)s?( is|:)? too (long|large)|too many (input |prompt )?tokens"
    r"|tokens`? \+ `?max_new_tokens|reduce the length of|longer than the (model|maximum)|token count[^.]{0,60}exceed"
)
_INNER_STATUSES: tuple[tuple[str, int], ...] = (
    ("insufficient_quota", 429),
    ("rate_limit", 429),
    ("too_many_requests", 429),
    ("overloaded", 503),
    ("unavailable", 503),
    ("timeout", 504),
    ("server_error", 500),
    ("authentication", 401),
    ("invalid_api_key", 401),
    ("permission", 403),
    ("not_found", 404),
    ("invalid_request", 400),
    ("context_length_exceeded", 400),
)
"""What a code inside a 200 says the status should have been."""
_SPENT = re.compile(r"insufficient_quota|billing_hard_limit|exceeded your current quota")
_HALF_PAIR = re.compile(r"[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whom a message is about, and what must never be in it."""

    model: str
    """`provider/model`."""
    provider: str
    key_from: str
    """Where the key comes from, in words for the user."""
    secret: str | None


def complaint(reply: Reply, speaker: Speaker, now: datetime, *, body: Json = None) -> Trouble:
    """The trouble behind an error reply; `body` is its JSON where it has been read already."""
    body = parsed(reply.content) if body is None else body
    told = clean(" ".join(_sayings(body)) or _plain_text(reply.content), speaker.secret)
    codes = " ".join(_codes(body)).lower()
    words = f"{told} {codes}".lower()
    status = _inner_status(body, codes) if reply.good else reply.status
    reason = _reason(status, codes, words)
    return Trouble(
        message=_message(reply, status, told, speaker),
        reason=reason,
        status=status,
        retryable=_retryable(status, words) and reason is not Reason.CONTEXT_OVERFLOW,
        retry_after=parse_retry_after(reply.retry_after, now),
        words=words,
    )


def clean(text: str, secret: str | None) -> str:
    """Somebody else's words made fit to be shown: one line, no control characters, no key."""
    text = " ".join(_CONTROL.sub(" ", sound(text)).split())
    return text.replace(secret, "[key]") if secret else text


def sound(text: str) -> str:
    """Half of a surrogate pair is legal in JSON, as where an emoji was cut; nothing can store or print it."""
    return text if text.isascii() else _HALF_PAIR.sub("\ufffd", text)


def parsed(content: bytes) -> Json:
    """The JSON in a body, or `None` when there is none."""
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def _reason(status: int, codes: str, words: str) -> Reason:
    if status == 413 or _OVERFLOW_CODES & set(codes.split()):
        return Reason.CONTEXT_OVERFLOW
    if status in (400, 422) and _OVERFLOW.search(words):
        return Reason.CONTEXT_OVERFLOW
    if status == 429:
        return Reason.RATE_LIMITED
    if status in (408, 504):
        return Reason.TIMEOUT
    return Reason.PROVIDER_ERROR


def _retryable(status: int, words: str) -> bool:
    if _SPENT.search(words):
        return False
    return status in REPEATED_STATUSES or (status >= 500 and status != 501) or status < 300


def _message(reply: Reply, status: int, told: str, speaker: Speaker) -> str:
    told = told if len(told) <= MAX_WORDS else told[: MAX_WORDS - 1] + "…"
    if 300 <= status < 400:
        return (
            f"'{speaker.model}' redirects to {_host(reply.location)} (HTTP {status}), which is not followed;"
            f" set providers.{speaker.provider}.base_url to the final address"
        )
    if status in (401, 403):
        return f"'{speaker.provider}' refused the key (HTTP {status}); check {speaker.key_from}: {told}"
    inside = f" inside HTTP {reply.status}" if status != reply.status else ""
    return f"'{speaker.model}' answered with an error (HTTP {status}{inside}): {told}"


def _host(location: str | None) -> str:
    try:
        host = urlsplit(location or "").hostname
    except ValueError:
        host = None
    return f"the host '{clean(host, None)[:100]}'" if host else "another path"


def _inner_status(body: Json, codes: str) -> int:
    for code in codes.split():
        if code.isdecimal() and len(code) == 3 and 400 <= int(code) <= 599:
            return int(code)
    return next((status for name, status in _INNER_STATUSES if name in codes), 200)


def _sayings(body: Json) -> Iterator[str]:
    """The human words of an error body in the shapes seen so far."""
    for layer in _layers(body):
        if isinstance(layer, str):
            yield layer
            continue
        for name in ("message", "msg"):
            if isinstance(layer.get(name), str):
                yield layer[name]
        if isinstance(layer.get("loc"), list):
            yield ".".join(str(part) for part in layer["loc"])
        # A router's own message is often only "provider returned error"; the upstream's words are here.
        upstream = layer.get("metadata")
        if isinstance(upstream, Mapping) and isinstance(upstream.get("raw"), str):
            yield upstream["raw"]


def _codes(body: Json) -> Iterator[str]:
    for layer in _layers(body):
        if isinstance(layer, Mapping):
            for name in ("code", "type", "param", "status"):
                if isinstance(layer.get(name), str | int):
                    yield str(layer[name])[:100].replace(" ", "_")


def _layers(body: Json) -> Iterator[str | Mapping[str, Any]]:
    """The body itself, its error, and FastAPI's list of details, as far as they are there."""
    if isinstance(body, list):
        body = body[0] if body else None
    if isinstance(body, Mapping):
        yield body
        for name in ("error", "detail"):
            inner = body.get(name)
            for layer in inner[:20] if isinstance(inner, list) else [inner]:
                if isinstance(layer, str | Mapping):
                    yield layer


def _plain_text(content: bytes) -> str:
    text = content[:2_000].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        return "an HTML page instead of JSON"
    return text or "no words"
