"""What a browser sends: forms, and the questions in an address."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from urllib.parse import parse_qsl

from starlette.requests import Request

LARGEST_FORM = 16_384
"""Bytes."""
MOST_FIELDS = 20


class BadForm(Exception):
    """What was sent is no form of ours; says what is wrong."""


async def form_of(request: Request) -> Mapping[str, str]:
    """The fields of a posted form. Raises `BadForm`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise BadForm("a form is wanted, as a browser sends it")
    body = b""
    async with aclosing(request.stream()) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > LARGEST_FORM:
                raise BadForm(f"the form is longer than {LARGEST_FORM:,} bytes")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"))
    except ValueError:
        raise BadForm("the form cannot be read") from None
