"""When two requests are the same question: equal words in equal roles, asked of an equal pipeline in one scope.

Only what no reader could tell apart is evened out: Unicode's forms of one letter (NFC), line ends, and blanks at
the ends of lines. Case, digits and blanks within a line are left alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qualityroute.cache.entries import CacheKey
from qualityroute.cache.semantic import Space
from qualityroute.records import Json, Message

_EPOCH = "1"
"""Raised when what is kept, or how it is proved, means something else than before."""
_CALLING = frozenset({"tool", "function"})
"""Roles that report what a call gave, which may be different today."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and all that shapes the answer besides."""

    task: str
    messages: Sequence[Message]
    fingerprint: str
    """Of the pipeline that answers and proves."""
    parameters: Mapping[str, Any]
    """Those of the request, from `content_parameters`."""
    schema: Mapping[str, Any] | None = None
    """The request's own, in place of the task's."""
    accept_at: float | None = None
    """The score that a certificate asks for."""


def key_of(question: Question, *, tenant: str, session: str | None, secret: bytes) -> CacheKey | None:
    """Where an answer is kept; `None` where its input cannot be told from another by looking at it.

    Args:
        session: whose answers are not for the tenant's other sessions; `None` where they are.
        secret: of the store, 64 bytes at most, so that nobody makes a key that falls on another's.
    """
    told = [_EPOCH, tenant, session or "", question.task, question.fingerprint]
    try:
        for message in question.messages:
            same = _same_message(message)
            if same is None:
                return None
            told += same
        if question.parameters or question.schema is not None or question.accept_at is not None:
            # The schema as it was written, since models answer in the order of its properties.
            schema = None if question.schema is None else json.dumps(question.schema, default=dict)
            told.append(_json([sorted(question.parameters.items()), schema, question.accept_at]))
    except (TypeError, ValueError, RecursionError):  # a field that JSON does not know
        return None
    # With their lengths, so that no two lists of texts are one text.
    text = "".join([f"{len(part)}:{part}" for part in told])
    digest = hmac.digest(secret, text.encode("utf-8", "surrogatepass"), "sha256")
    return CacheKey(tenant, session or "", question.task, digest.hex())


def space_of(question: Question, *, tenant: str, session: str | None, secret: bytes) -> Space | None:
    """The last text of a question, and a key of all the rest; `None` where it does not end with a user's text."""
    *before, last = question.messages
    text = _only_text(last.get("content"))
    if last.get("role") != "user" or not text or not text.strip():
        return None
    rest = replace(question, messages=(*before, {**last, "content": ""}))
    key = key_of(rest, tenant=tenant, session=session, secret=secret)
    return None if key is None else Space(key, same_text(text))


def _only_text(content: Json) -> str | None:
    match content:
        case str(text) | [{"type": "text", "text": str(text)}]:
            return text
        case _:
            return None


def _same_message(message: Message) -> tuple[str, ...] | None:
    """What a message says, equal for all that say the same; `None` for one that cannot be compared."""
    role, content = message.get("role"), message.get("content")
    if role in _CALLING or message.get("tool_calls") or message.get("function_call"):
        return None
    if isinstance(content, str) and len(message) == 2:
        return ("text", str(role), same_text(content))
    said: Json = content
    if isinstance(content, str):
        said = same_text(content)
    elif content is not None:
        said = [_same_part(part) for part in content]
        if None in said:
            return None
    return ("message", _json([said, sorted((name, value) for name, value in message.items() if name != "content")]))


def same_text(text: str) -> str:
    """A text without the differences that no reader sees."""
    if not (text.isascii() or _is_latin(text)):
        text = unicodedata.normalize("NFC", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _holds(text, " \n") or _holds(text, "\t\n"):
        text = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    return text.rstrip(" \t\n")


def _is_latin(text: str) -> bool:
    """Has it letters of Latin-1 alone, which NFC leaves as they are? Found out in a hundredth of the time NFC takes."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _holds(text: str, two: str) -> bool:
    # One sign is looked for in a hundredth of the time that two take, and two from behind in a quarter.
    return two[0] in text and text.rfind(two) >= 0


def _same_part(part: Mapping[str, Any]) -> Json:
    """A text, or a picture that came with the request; what lies behind an address may be another tomorrow."""
    match part:
        case {"type": "text", "text": str(text), **rest} if not rest:
            return ["text", same_text(text)]
        case {"type": "image_url", "image_url": {"url": str(url), **rest}, **others} if not others:
            picture = _picture(url)
            return None if picture is None else ["image", picture, sorted(rest.items())]
        case _:
            return None


def _picture(url: str) -> Json:
    """The kind and the digest of the bytes of a picture in a `data:` address."""
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return None
    try:
        return [head.casefold(), hashlib.sha256(base64.b64decode("".join(data.split()), validate=True)).hexdigest()]
    except (binascii.Error, ValueError):
        return None


_json = json.JSONEncoder(ensure_ascii=False).encode
