"""How much a call may cost, before it is made: meant as an upper bound. Pure, but for what is learned of lengths.

It is one where the request says how many tokens the answer may have (`max_output_tokens`) and the provider keeps to
it. It is none, and a call may cost more than was reserved for it, where

- no limit is set, and an answer is longer than `DEFAULT_OUTPUT` tokens and than any of this model before it;
- the endpoint refuses or overlooks the limit, or counts reasoning beyond it;
- a text has more than one token for three bytes of UTF-8 (dense numbers, random characters), or a picture more than
  `TOKENS_PER_IMAGE`;
- a connection broke and the call was repeated, though the provider bills the broken one;
- the provider names a price of its own that is above the `[[prices]]` row.

What it did cost is counted all the same, as soon as the call is over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from qualityroute.client import CompletionRequest
from qualityroute.prices import Price
from qualityroute.records import Usage

BYTES_PER_TOKEN = 3
TOKENS_PER_MESSAGE = 16
"""Also added once for the request itself."""
BYTES_PER_VALUE = 4
"""What JSON puts around a value."""
TOKENS_PER_IMAGE = 6_000
DEFAULT_OUTPUT = 2_048
"""Tokens of an answer without a limit, as long as no longer one was seen."""

_PER_TOKENS = Decimal(1_000_000)
_LIMITS = ("max_tokens", "max_completion_tokens")


class Lengths:
    """The longest answer so far, in tokens, of each kind of call."""

    def __init__(self) -> None:
        self._longest: defaultdict[Hashable, int] = defaultdict(lambda: DEFAULT_OUTPUT)

    def longest(self, kind: Hashable) -> int:
        """`DEFAULT_OUTPUT` at least."""
        return self._longest[kind]

    def learn(self, kind: Hashable, usage: Usage) -> None:
        self._longest[kind] = max(self._longest[kind], usage.output_tokens or 0)


def largest_cost(request: CompletionRequest, price: Price, longest: int) -> Decimal:
    """USD. `longest`: output tokens to reckon with where the request sets no limit."""
    dearest_input = max(price.input, price.cached_input or Decimal(0))
    tokens = (input_tokens(request) * dearest_input, output_tokens(request, longest) * price.output)
    return sum(tokens, Decimal(0)) / _PER_TOKENS


def input_tokens(request: CompletionRequest) -> int:
    """No fewer than the provider will count."""
    asked = [(question.name, question.ask) for question in request.questions]
    size, images = _weight([request.messages, request.response_schema, request.tools, asked])
    framing = TOKENS_PER_MESSAGE * (1 + len(request.messages))
    return -(-size // BYTES_PER_TOKEN) + framing + TOKENS_PER_IMAGE * images


def output_tokens(request: CompletionRequest, longest: int) -> int:
    """The request's limit, which its parameters may set as well; else the longest that is to be reckoned with."""
    given = [count for name in _LIMITS if (count := _count(request.parameters.get(name))) is not None]
    most = max(given) if given else longest if request.max_output_tokens is None else request.max_output_tokens
    return most * (_count(request.parameters.get("n")) or 1)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _weight(value: Any) -> tuple[int, int]:
    """Bytes of text, and pictures, in a value made of JSON's kinds, however deep."""
    size = images = 0
    left = [value]
    while left:
        part = left.pop()
        size += BYTES_PER_VALUE
        if isinstance(part, str):
            size += len(part) if part.isascii() else len(part.encode("utf-8", "surrogatepass"))
        elif isinstance(part, Mapping):
            if part.get("type") == "image_url":
                images += 1
            else:
                left += [*part.keys(), *part.values()]
        elif isinstance(part, Sequence):
            left += part
        elif part is not None:
            size += len(str(part))
    return size, images
