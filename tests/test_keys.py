"""Keys and their tokens: what a token looks like, and what is known of one that is not stored."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.budgets import Allowance
from qualityroute.keys import SECRET_BYTES, Key, digest_of, hint_of, is_token, opens, token_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
secrets = st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES)


def key_of(token: str, **more: Any) -> Key:
    return Key("k1", "ci", "acme", digest_of(token), hint_of(token), NOON, **more)


@given(secrets)
def test_a_token_is_a_prefix_and_43_characters_that_need_no_escape(secret: bytes) -> None:
    token = token_of(secret)
    assert re.fullmatch(r"qr-[A-Za-z0-9_-]{43}", token)
    assert is_token(token)


@given(st.sets(secrets, min_size=2, max_size=20))
def test_no_two_secrets_have_the_same_token_or_digest(several: set[bytes]) -> None:
    tokens = {token_of(secret) for secret in several}
    assert len(tokens) == len({digest_of(token) for token in tokens}) == len(several)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_token_is_never_made_of_fewer_random_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        token_of(b"x" * length)


@given(secrets)
def test_a_digest_is_the_sha_256_of_the_token(secret: bytes) -> None:
    token = token_of(secret)
    assert digest_of(token) == sha256(token.encode("ascii")).hexdigest()


TOKEN = token_of(bytes(range(32)))


@pytest.mark.parametrize(
    "other",
    ["", "qr-", TOKEN[:-1], f"{TOKEN}A", f"{TOKEN}\n", f" {TOKEN}", TOKEN.upper(), TOKEN[3:], f"{TOKEN[:-1]}é",
     f"{TOKEN[:-1]}\ud800", "x" * 1_000_000],
)  # fmt: skip
def test_what_has_not_a_tokens_form_is_none(other: str) -> None:
    assert not is_token(other)


@given(secrets, secrets)
def test_a_key_is_opened_by_its_own_token_alone(secret: bytes, other: bytes) -> None:
    key = key_of(token_of(secret))
    assert opens(key, digest_of(token_of(other))) == (secret == other)
    assert opens(key, key.digest)
    assert not opens(None, key.digest)


def test_a_revoked_key_is_opened_by_no_token() -> None:
    assert not opens(replace(key_of(TOKEN), revoked_at=NOON), digest_of(TOKEN))


def test_a_key_that_is_logged_shows_neither_its_digest_nor_its_token() -> None:
    shown = repr(key_of(TOKEN))
    assert digest_of(TOKEN) not in shown and TOKEN[:-4] not in shown and TOKEN[3:-4] not in shown


def test_the_hint_is_the_end_of_the_token() -> None:
    assert len(hint_of(TOKEN)) == 4 and TOKEN.endswith(hint_of(TOKEN))


def test_a_keys_budget_is_an_allowance_by_its_name() -> None:
    assert key_of(TOKEN).allowance is None
    assert key_of(TOKEN, budget_per_day=Decimal(5)).allowance == Allowance("ci", Decimal(5))
