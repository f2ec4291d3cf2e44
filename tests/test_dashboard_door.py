"""Who may see the dashboard and who may change something: keys, cookies, forms, names and origins."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from dashboard_world import NOW, Key, Keyring, engine_on
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from qualityroute import Engine
from qualityroute.errors import StoreError
from qualityroute.gateway.dashboard import dashboard_routes
from qualityroute.gateway.dashboard.doorkeeper import COOKIE
from qualityroute.gateway.dashboard.origins import host_name, is_from_here, is_loopback, may_look_without_key
from qualityroute.gateway.dashboard.pins_page import key_of, written
from qualityroute.gateway.dashboard.sessions import LASTS, Session, Signer
from qualityroute.pins import PinKey

anyio_test = pytest.mark.anyio

SESSION = Session("k1", NOW + LASTS, "n" * 32)
SIGNER = Signer("s" * 64)
HERE = {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}
PAGES = ("", "/pins", "/decisions", "/decisions/d1", "/money")


class Visitor:
    """A browser as far as cookies go, on an engine of its own, without a network."""

    def __init__(self, engine: Engine, app: Starlette, peer: str = "127.0.0.1", base: str = "http://127.0.0.1:8000"):
        transport = httpx2.ASGITransport(app=app, client=(peer, 4321))
        self.engine, self.client = engine, httpx2.AsyncClient(transport=transport, base_url=base)

    async def get(self, path: str = "", **options: Any) -> httpx2.Response:
        return await self.client.get(f"/dashboard{path}", **options)

    async def post(self, path: str, data: Any = None, headers: Any = HERE) -> httpx2.Response:
        return await self.client.post(f"/dashboard{path}", data=data, headers=headers)

    async def pin(self, session: str = "user-42") -> dict[str, str]:
        """Make one, and give what its release button sends."""
        await self.engine.pins.add(session)
        page = (await self.get("/pins", params={"session": session})).text
        return {name: re.search(f'name="{name}" value="([^"]+)"', page)[1] for name in ("token", "pin")}  # type: ignore[index]

    async def pinned(self) -> list[str]:
        return [pin.session for pin in await self.engine.pins.list()]


class House:
    def __init__(self, engine: Engine) -> None:
        self.engine, self.keyring, self.now, self.hosts = engine, Keyring(), NOW, ("gateway.test",)
        self.app = self.another_worker()

    def another_worker(self) -> Starlette:
        routes = dashboard_routes(self.engine, self.keyring, hosts=self.hosts, now=lambda: self.now)
        return Starlette(routes=routes)

    def visitor(self, **options: Any) -> Visitor:
        return Visitor(self.engine, options.pop("app", self.app), **options)

    async def key_holder(self, **options: Any) -> Visitor:
        self.keyring.keys.setdefault("qr-secret", Key("k1", "operator"))
        visitor = self.visitor(**options)
        origin = {"origin": str(visitor.client.base_url).rstrip("/")}
        answer = await visitor.post("/login", {"key": "qr-secret"}, origin)
        assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")
        return visitor


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with engine_on(f"sqlite:///{tmp_path}/q.db") as engine:
        yield House(engine)


def test_a_cookie_gives_back_its_session_until_it_is_over() -> None:
    cookie = SIGNER.cookie(SESSION)
    assert SIGNER.session(cookie, NOW) == SESSION
    assert SIGNER.session(cookie, NOW + LASTS - timedelta(seconds=1)) == SESSION
    assert SIGNER.session(cookie, NOW + LASTS) is None
    assert Signer("t" * 64).session(cookie, NOW) is None


@given(text=st.text(max_size=300), place=st.integers(0, 400), char=st.characters())
def test_a_changed_or_made_up_cookie_is_nobodys(text: str, place: int, char: str) -> None:
    cookie = SIGNER.cookie(SESSION)
    place %= len(cookie)
    changed = f"{cookie[:place]}{char}{cookie[place + 1 :]}"
    assert SIGNER.session(text, NOW) is None
    assert SIGNER.session(changed, NOW) in (None, SESSION if changed == cookie else None)
    assert SIGNER.session(cookie + text, NOW) is None or not text


def test_a_token_holds_for_its_own_session_alone_and_is_no_cookie() -> None:
    token = SIGNER.token(SESSION)
    assert SIGNER.signed_by(SESSION, token)
    assert not SIGNER.signed_by(replace(SESSION, nonce="m" * 32), token)
    assert not SIGNER.signed_by(replace(SESSION, key_id="k2"), token)
    assert not SIGNER.signed_by(SESSION, "")
    assert not SIGNER.signed_by(SESSION, "\ud800é")
    assert token not in SIGNER.cookie(SESSION)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "a.localhost", "::ffff:127.0.0.1"])
def test_a_name_of_loopback_is_one(name: str) -> None:
    assert is_loopback(name)


@pytest.mark.parametrize(
    "name", ["", "localhost.evil.example", "evil.example", "127.0.0.1.nip.io", "10.0.0.1", "0.0.0.0"]
)
def test_a_name_that_a_stranger_can_have_is_none(name: str) -> None:
    assert not is_loopback(name)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        *(("LOCALHOST:8000", "localhost"), ("[::1]:80", "::1"), ("localhost.", "localhost"), ("", "")),
        *(("a@localhost", ""), ("localhost/x", ""), ("[::1", ""), ("localhost:80?", "localhost")),
    ],
)
def test_a_host_header_gives_its_name_or_nothing(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize(
    ("host", "peer", "may"),
    [
        *(("localhost:8000", "127.0.0.1", True), ("[::1]", "::1", True), ("gateway.test", "127.0.0.1", True)),
        *(("localhost", None, True), ("evil.example", "127.0.0.1", False), ("localhost", "192.0.2.7", False)),
        *(("gateway.test", "192.0.2.7", False), ("", "127.0.0.1", False)),
    ],
)
def test_without_keys_both_the_name_and_the_other_end_must_be_this_machines(host: str, peer: str, may: bool) -> None:
    assert may_look_without_key(host, peer, {"gateway.test"}) is may


@pytest.mark.parametrize(
    ("headers", "here"),
    [
        ({"origin": "http://localhost:8000", "host": "localhost:8000"}, True),
        ({"origin": "https://gw.example", "host": "GW.example", "sec-fetch-site": "same-origin"}, True),
        ({"origin": "http://localhost:3000", "host": "localhost:8000"}, False),
        ({"origin": "http://localhost:3000", "host": "localhost:8000", "sec-fetch-site": "same-site"}, False),
        ({"origin": "http://localhost:8000", "host": "localhost:8000", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "http://localhost:8000", "host": "localhost:8000", "sec-fetch-site": "none"}, False),
        ({"origin": "https://evil.example", "host": "localhost:8000"}, False),
        ({"origin": "null", "host": "localhost:8000"}, False),
        ({"origin": "http://[", "host": "localhost:8000"}, False),
        ({"host": "localhost:8000"}, False),
        ({"origin": "http://", "host": ""}, False),
    ],
)
def test_a_form_is_from_here_only_if_its_browser_says_so(headers: dict[str, str], here: bool) -> None:
    assert is_from_here(headers) is here


@given(st.text(), st.text(), st.text())
def test_a_pins_key_comes_out_of_its_button_as_it_went_in(tenant: str, session: str, task: str) -> None:
    assert key_of(written(PinKey(tenant, session, task))) == PinKey(tenant, session, task)


@pytest.mark.parametrize("text", ["", "e30=", "WzEsMiwzXQ==", "W10=", "é", "#", "W" * 9999])
def test_what_is_no_pins_key_is_none(text: str) -> None:
    assert key_of(text) is None


@anyio_test
@pytest.mark.parametrize("path", PAGES)
async def test_without_keys_this_machine_may_look_and_nobody_else(house: House, path: str) -> None:
    assert (await house.visitor().get(path)).status_code in (200, 404)
    for stranger in (
        house.visitor(peer="192.0.2.7"),
        house.visitor(base="http://evil.example"),  # its name leads here since it was bound anew
        house.visitor(base="http://localhost.evil.example:8000"),
    ):
        answer = await stranger.get(path)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
    assert (await house.visitor(base="http://gateway.test").get(path)).status_code in (200, 404)


@anyio_test
@pytest.mark.parametrize("path", PAGES)
async def test_with_keys_nobody_looks_without_one_not_even_from_this_machine(house: House, path: str) -> None:
    house.keyring.keys["qr-secret"] = Key("k1", "operator")
    answer = await house.visitor().get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/login")
    assert (await (await house.key_holder(peer="192.0.2.7", base="http://gw.example")).get(path)).status_code in (
        200,
        404,
    )


@anyio_test
async def test_a_session_from_before_there_were_keys_is_worth_nothing_once_there_are(house: House) -> None:
    visitor = house.visitor()
    assert (await visitor.get()).status_code == 200
    house.keyring.keys["qr-secret"] = Key("k1", "operator")
    assert (await visitor.get()).status_code == 303


@anyio_test
async def test_a_key_that_is_unknown_or_may_not_see_it_is_refused_in_the_same_words(house: House) -> None:
    house.keyring.keys |= {"qr-secret": Key("k1", "operator"), "qr-caller": Key("k2", "app", dashboard=False)}
    visitor = house.visitor()
    answers = [await visitor.post("/login", {"key": token}) for token in ("qr-guess", "qr-caller", "")]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert not any("set-cookie" in answer.headers or "qr-" in answer.text for answer in answers)


@anyio_test
async def test_the_cookie_is_for_this_site_this_path_and_no_script(house: House) -> None:
    house.keyring.keys["qr-secret"] = Key("k1", "operator")
    plain = await house.visitor().post("/login", {"key": "qr-secret"})
    told = plain.headers["set-cookie"].lower()
    assert all(part in told for part in ("httponly", "samesite=strict", "path=/dashboard", "max-age=43200"))
    assert "secure" not in told
    assert "qr-secret" not in told
    visitor = house.visitor(base="https://gw.example")
    sure = await visitor.post("/login", {"key": "qr-secret"}, {"origin": "https://gw.example"})
    assert "secure" in sure.headers["set-cookie"].lower()


@anyio_test
async def test_a_revoked_key_ends_its_sessions_at_once(house: House) -> None:
    visitor = await house.key_holder()
    house.keyring.keys["qr-other"] = Key("k2", "somebody else")
    assert (await visitor.get()).status_code == 200
    del house.keyring.keys["qr-secret"]
    assert (await visitor.get()).headers["location"] == "/dashboard/login"


@anyio_test
async def test_a_key_that_may_no_longer_see_the_dashboard_ends_its_sessions(house: House) -> None:
    visitor = await house.key_holder()
    house.keyring.keys["qr-secret"].dashboard = False
    assert (await visitor.get()).headers["location"] == "/dashboard/login"


@anyio_test
async def test_a_session_ends_after_twelve_hours_and_by_logging_out(house: House) -> None:
    visitor = await house.key_holder()
    token = re.search('name="token" value="([^"]+)"', (await visitor.get()).text)
    assert token is not None
    assert (await visitor.post("/logout", {"token": "0" * 64})).status_code == 403
    assert (await visitor.get("/money")).status_code == 200
    assert (await visitor.post("/logout", {"token": token[1]})).status_code == 303
    assert COOKIE not in visitor.client.cookies
    again = await house.key_holder()
    house.now = NOW + LASTS + timedelta(seconds=1)
    assert (await again.get()).status_code == 303


@anyio_test
async def test_another_worker_on_the_same_store_takes_the_session(house: House) -> None:
    visitor = await house.key_holder()
    other = house.visitor(app=house.another_worker())
    other.client.cookies = visitor.client.cookies
    assert (await other.get()).status_code == 200


@anyio_test
@pytest.mark.parametrize("with_keys", [False, True])
async def test_a_release_button_releases_its_pin(house: House, with_keys: bool) -> None:
    visitor = await house.key_holder() if with_keys else house.visitor()
    button = await visitor.pin("order/7 \u202e&<b>")
    await visitor.engine.pins.add("another")
    answer = await visitor.post("/pins/release", button)
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/pins?done=released")
    assert await visitor.pinned() == ["another"]
    assert (await visitor.post("/pins/release", button)).headers["location"] == "/dashboard/pins?done=gone"


@anyio_test
@pytest.mark.parametrize("with_keys", [False, True])
async def test_a_post_of_somebody_elses_page_changes_nothing(house: House, with_keys: bool) -> None:
    visitor = await house.key_holder() if with_keys else house.visitor()
    button = await visitor.pin()
    for headers in (
        {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        {"origin": "http://127.0.0.1:3000", "sec-fetch-site": "same-site"},  # another program's page on this machine
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "null"},
        {},
    ):
        assert (await visitor.post("/pins/release", button, headers)).status_code == 403
    assert (await visitor.post("/pins/release", {"pin": button["pin"]})).status_code == 403
    assert (await visitor.post("/pins/release", {**button, "token": "0" * 64})).status_code == 403
    assert (await visitor.get("/pins/release", params=button)).status_code == 405
    rebound = house.visitor(base="http://evil.example")
    assert (await rebound.post("/pins/release", button, {"origin": "http://evil.example"})).status_code == 403
    stranger = house.visitor()  # without the cookie, the token is another session's
    assert (await stranger.post("/pins/release", button)).status_code == 403
    assert await visitor.pinned() == ["user-42"]


@anyio_test
async def test_a_login_of_somebody_elses_page_is_refused(house: House) -> None:
    house.keyring.keys["qr-secret"] = Key("k1", "operator")
    answer = await house.visitor().post("/login", {"key": "qr-secret"}, {"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@anyio_test
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"pin=x&token=" + b"y" * 20_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"a=%d" % number for number in range(50)), "application/x-www-form-urlencoded"),
        (b"pin=%ff&token=\xff", "application/x-www-form-urlencoded"),
        (b'{"pin": "x"}', "application/json"),
        (b"pin=x", "text/plain"),
    ],
)
async def test_a_form_that_is_none_is_refused(house: House, body: bytes, kind: str) -> None:
    headers = {**HERE, "content-type": kind}
    answer = await house.visitor().client.post("/dashboard/pins/release", content=body, headers=headers)
    assert answer.status_code == 400


@anyio_test
async def test_every_page_says_what_a_browser_must_not_do(house: House) -> None:
    visitor = house.visitor()
    answers = [await visitor.get(path) for path in (*PAGES, "/login")]
    answers.append(await house.visitor(peer="192.0.2.7").get())
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        for part in ("default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'"):
            assert part in policy
        assert "script" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
    style = re.search('href="(/dashboard/style-[0-9a-f]+.css)"', (await visitor.get()).text)
    assert style is not None
    assert "immutable" in (await visitor.client.get(style[1])).headers["cache-control"]


@anyio_test
async def test_a_store_in_trouble_is_a_page_that_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*given: Any, **named: Any) -> None:
        raise StoreError("cannot look for decisions: the disk <i>is gone</i>")

    monkeypatch.setattr(house.engine.store, "decisions", broken)
    answer = await house.visitor().get("/decisions")
    assert answer.status_code == 503
    assert "the disk &lt;i&gt;is gone&lt;/i&gt;" in answer.text


def test_the_time_of_a_session_is_kept_to_the_second() -> None:
    fine = Session("k", datetime(2026, 1, 1, tzinfo=UTC), "n")
    assert SIGNER.session(SIGNER.cookie(fine), datetime(2025, 12, 31, tzinfo=UTC)) == fine


@anyio_test
async def test_the_root_leads_to_the_dashboard(house: House) -> None:
    answer = await house.visitor().client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")
