"""`keys add`, `list` and `revoke`: a token is shown once, and is nowhere afterwards."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from command_line import call, one_line_error
from conftest import config_with
from worlds import GOOD, client_with

from qualityroute import Completion, Engine
from qualityroute.gateway.keyring import Keyring
from qualityroute.keys import Key, digest_of, is_token
from qualityroute.store import open_store


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, current."""
    call("init", tmp_path, "--practice")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


def token_of_new(*arguments: str) -> str:
    result = call("keys", "add", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def listed() -> list[dict[str, Any]]:
    return list(json.loads(call("keys", "list", "--json").stdout))


def verified(token: str) -> Key | None:
    async def ask() -> Key | None:
        store = open_store("qualityroute.db", folder=Path())
        await store.open()
        try:
            return await Keyring(store, lambda: datetime.now(UTC), lambda: 0.0).verify(token)
        finally:
            await store.aclose()

    return anyio.run(ask)


def test_a_new_keys_token_stands_alone_on_stdout_and_opens_the_gateway(own: Path) -> None:
    result = call("keys", "add", "ci", "--tenant", "acme")
    assert result.exit_code == 0
    (token,) = result.stdout.splitlines()
    assert is_token(token)
    assert "Key ci of tenant acme. Keep its token: it will not be shown again." in result.stderr
    key = verified(token)
    assert key is not None and (key.name, key.tenant, key.hint) == ("ci", "acme", token[-4:])


def test_json_holds_the_token_and_what_else_is_known(own: Path) -> None:
    limits = ("--budget-per-day", "$5", "--requests-per-minute", "60", "--dashboard")
    result = call("keys", "add", "ci", "--json", *limits)
    told = json.loads(result.stdout)
    assert is_token(told["token"])
    assert "will not be shown again" in result.stderr
    assert told.pop("token").endswith(told["hint"])
    assert listed() == [told]
    expected = {"name": "ci", "tenant": "default", "revoked_at": None, "budget_per_day": "5", "spent_today": "0",
                "requests_per_minute": 60, "dashboard": True}  # fmt: skip
    assert {name: told[name] for name in expected} == expected
    assert datetime.now(UTC) - datetime.fromisoformat(told["created_at"]) < timedelta(minutes=1)


def test_the_token_is_in_no_file_and_no_log_and_is_not_shown_again(own: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = token_of_new("ci", "--budget-per-day", "5")
    secret = token.removeprefix("qr-").encode()
    for command in (("list",), ("list", "--json"), ("add", "ci"), ("revoke", "ci"), ("revoke", "ci")):
        assert secret.decode() not in call("keys", *command).output
    verified(token)
    written = [path for path in own.rglob("*") if path.is_file()]
    assert any(digest_of(token).encode() in path.read_bytes() for path in written)
    assert [path for path in written if secret in path.read_bytes()] == []
    assert secret.decode() not in caplog.text


def test_no_two_keys_have_one_token(own: Path) -> None:
    assert len({token_of_new(f"k{number}") for number in range(5)}) == 5


def test_the_list_shows_everything_but_the_token(own: Path) -> None:
    assert "nobody else" in listed_text(make=True)
    old, new = token_of_new("old"), ""
    call("keys", "revoke", "old")
    new = token_of_new(
        "ci", "--tenant", "acme", "--budget-per-day", "2.50", "--requests-per-minute", "1200", "--dashboard"
    )
    heading, first, second = listed_text().splitlines()
    assert heading.split() == [
        "name", "tenant", "ends", "in", "created", "revoked", "a", "minute", "a", "day", "(UTC)", "dashboard"
    ]  # fmt: skip
    assert first.split()[:3] == ["old", "default", old[-4:]] and first.count("ago") == 2
    for part in ("ci", "acme", new[-4:], "1,200 requests", "$0 of $2.50 spent", "yes"):
        assert part in second
    assert second.count("ago") == 1


def test_columns_with_nothing_in_them_are_left_out(own: Path) -> None:
    token_of_new("ci")
    assert listed_text().splitlines()[0].split() == ["name", "tenant", "ends", "in", "created"]


def listed_text(*, make: bool = False) -> str:
    if make:  # a database without a key
        call("pins", "add", "user-42")
    result = call("keys", "list")
    assert result.exit_code == 0
    return result.stdout


def test_the_list_says_what_a_key_spent_today(own: Path) -> None:
    token = token_of_new("ci", "--budget-per-day", "1")
    token_of_new("other", "--budget-per-day", "1")
    token_of_new("free")
    key = verified(token)
    assert key is not None

    async def spend() -> None:
        client = client_with(Completion(GOOD, cost=Decimal("0.25")))
        task = {"gate": []}
        async with Engine(config_with(task), client=client, store="qualityroute.db") as engine:
            await engine.run("invoice", "Invoice A-1", tenant=key.tenant, allowance=key.allowance)

    anyio.run(spend)
    assert {one["name"]: one["spent_today"] for one in listed()} == {"ci": "0.25", "other": "0", "free": None}
    assert "$0.2500 of $1.00 spent" in listed_text()
    call("keys", "revoke", "ci")
    assert listed()[0]["spent_today"] is None


def test_a_revoked_key_opens_nothing_and_its_name_is_free(own: Path) -> None:
    token = token_of_new("ci")
    result = call("keys", "revoke", "ci")
    assert (
        f"Key ci (it ends in {token[-4:]}) is revoked; gateways that run refuse it within 5 seconds." in result.stdout
    )
    assert verified(token) is None
    assert verified(token_of_new("ci")) is not None
    assert [one["revoked_at"] is None for one in listed()] == [False, True]
    assert json.loads(call("keys", "revoke", "ci", "--json").stdout)["revoked_at"]


def test_a_name_that_is_taken_is_an_error_and_makes_no_key(own: Path) -> None:
    token_of_new("ci")
    result = call("keys", "add", "ci", "--tenant", "acme")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is a key 'ci' already; revoke it first, or choose another name" in one_line_error(result)
    assert len(listed()) == 1


def test_a_key_that_is_not_there_cannot_be_revoked(own: Path) -> None:
    token_of_new("build-server")
    result = call("keys", "revoke", "build-sever")
    assert result.exit_code == 2
    assert "no key 'build-sever' is in force; did you mean 'build-server'?" in one_line_error(result)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["a\nb"], "key's name 'a\\nb' holds control characters"),
        (["a\x1b[31mb"], "holds control characters"),
        ([" "], "key's name is empty"),
        (["x" * 300], "key's name has 300 characters"),
        (["ci", "--tenant", "a\rb"], "tenant 'a\\rb' holds control characters"),
        (["ci", "--tenant", ""], "tenant is empty"),
        (["ci", "--budget-per-day", "0"], "right is an amount above 0"),
        (["ci", "--budget-per-day", "much"], "'much' is no amount"),
        (["ci", "--budget-per-day", "1000001"], "at most $1,000,000"),
        (["ci", "--requests-per-minute", "0"], "not in the range"),
        ([], "Missing argument 'NAME'"),
    ],
)
def test_what_cannot_be_a_key_is_refused_before_one_is_made(own: Path, arguments: list[str], told: str) -> None:
    result = call("keys", "add", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in one_line_error(result)
    assert not Path("qualityroute.db").exists()


def test_a_budget_needs_the_price_of_every_model(own: Path) -> None:
    config = own / "qualityroute.toml"
    whole = config.read_text()
    config.write_text(whole.replace('model = "practice/careful"', 'model = "practice/another"'))
    result = call("keys", "add", "ci", "--budget-per-day", "5")
    assert result.exit_code == 2
    assert '--budget-per-day needs the price of every model that is asked; add [[prices]] with model = "practice/' in (
        one_line_error(result)
    )
    assert not Path("qualityroute.db").exists()
    token_of_new("ci")


def test_a_budget_needs_a_configuration_to_know_prices_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = call("keys", "add", "ci", "--db", "q.db", "--budget-per-day", "5")
    assert result.exit_code == 2
    assert "no configuration 'qualityroute.toml'" in one_line_error(result)
    assert is_token(token_of_new("ci", "--db", "q.db"))
    assert call("keys", "revoke", "ci", "--db", "q.db").exit_code == 0


def test_hostile_names_are_shown_as_text(own: Path) -> None:
    hostile = "[red]x\u202ey\u200b[/]"
    result = call("keys", "add", hostile, "--tenant", hostile)
    shown = "[red]x<U+202E>y<U+200B>[/]"
    assert f"Key {shown} of tenant {shown}." in result.stderr
    assert listed_text().count(shown) == 2
    assert shown in call("keys", "revoke", hostile).stdout
    plain = call("keys", "add", hostile, "--json").stdout
    assert "\u202e" not in plain and json.loads(plain)["name"] == hostile


def test_a_database_that_is_not_there_is_an_error_to_list_and_none_to_add(own: Path) -> None:
    for command in (("list",), ("revoke", "ci")):
        assert call("keys", *command, "--db", "other.db").exit_code == 3
        assert not Path("other.db").exists()
    assert is_token(token_of_new("ci", "--db", "other.db"))
