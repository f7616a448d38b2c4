"""Signing in: tokens that end, cookies that other sites can't use, and nothing open but the demo on loopback."""

from functools import partial
from pathlib import Path

import pytest

from models.clock import Clock
from models.errors import ConfigurationError
from service.access import Role
from service.store import tokens
from tests.service.builders import alert, desk
from tests.service.house import House


def test_the_admin_s_token_is_made_once_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    with House(tmp_path / "data") as house:
        secret = house.parts.first_secret
        assert secret is not None
        assert house.client(None).get("/v1/tokens", headers={"authorization": f"Bearer {secret}"}).status_code == 200
    data = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert secret.encode() not in data
    with House(tmp_path / "data") as again:
        assert again.parts.first_secret is None


def test_an_admin_s_secret_from_the_configuration_works_and_the_one_before_does_not(tmp_path: Path) -> None:
    for secret, other in (("first-secret-0123456789", "second-secret-0123456789"), ("second-secret-0123456789", "first-secret-0123456789")):
        with House(tmp_path / "data", admin_token=secret) as house:
            assert house.parts.first_secret is None
            for one, status in ((secret, 200), (other, 401)):
                assert house.client(None).get("/v1/tokens", headers={"authorization": f"Bearer {one}"}).status_code == status


def test_an_empty_admin_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="leave it out"), House(tmp_path / "data", admin_token=" " * 3):
        pass


def test_a_short_admin_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="could be guessed"), House(tmp_path / "data", admin_token="a" * 15):
        pass


def test_the_cookie_over_tls_can_be_set_by_no_other_host(tmp_path: Path) -> None:
    with House(tmp_path / "data", public_url="https://monitor.example.com") as house:
        client = house.client(None)
        answer = client.post("/v1/session", json={"token": house.secrets["triage"]})
        name, _, rest = answer.headers["set-cookie"].partition("=")
        assert name == "__Host-highwater_session"
        assert "Secure" in rest
        assert "Path=/" in rest
        assert "Domain" not in rest
        session = {"cookie": f"{name}={rest.partition(';')[0]}"}
        assert client.get("/v1/session", headers=session).json()["role"] == "triage"
        assert client.get("/v1/session", headers={"cookie": session["cookie"].removeprefix("__Host-")}).status_code == 401


def test_a_token_is_made_listed_used_and_revoked(house: House) -> None:
    admin = house.client("admin")
    made = admin.post("/v1/tokens", json={"role": "user:NEW", "name": "new", "expires_at": "2099-01-01T00:00:00Z"})
    assert made.status_code == 201
    assert set(made.json()) == {"id", "secret"}
    headers = {"authorization": f"Bearer {made.json()['secret']}"}
    assert house.client(None).get("/v1/session", headers=headers).json() == {"name": "new", "role": "user:NEW", "user": "NEW"}
    house.parts.database.write(lambda _: None).result()
    shown = next(one for one in admin.get("/v1/tokens").json()["items"] if one["id"] == made.json()["id"])
    assert shown["expires_at"] == "2099-01-01T00:00:00Z"
    assert shown["last_used_at"] is not None
    assert "secret" not in shown
    assert admin.delete(f"/v1/tokens/{made.json()['id']}").status_code == 204
    assert admin.delete(f"/v1/tokens/{made.json()['id']}").status_code == 404
    assert house.client(None).get("/v1/session", headers=headers).status_code == 401
    actions = [one["action"] for one in admin.get("/v1/audit").json()["items"]]
    actions = [action for action in actions if action != "failed sign-in"]
    assert actions == ["revoke token", "create token", "create token"], "the first is that of the first start"
    assert made.json()["secret"] not in admin.get("/v1/audit").text


@pytest.mark.parametrize("role", ["root", "user", "user:", "user:a b", "user:*", "USER:ACME", "admin:x", "user:" + "x" * 65])
def test_an_unknown_role_is_refused(shared_house: House, role: str) -> None:
    assert shared_house.client("admin").post("/v1/tokens", json={"role": role, "name": "x"}).status_code == 422


def test_an_expired_token_is_401(tmp_path: Path) -> None:
    now = [1_767_571_200_000_000]
    with House(tmp_path / "data", clock=Clock(lambda: now[0], lambda: now[0] / 1e6)) as house:
        job = partial(tokens.create, role="observer", name="x", by="t", now_us=now[0], expires_us=now[0] + 10_000_000)
        secret = house.parts.database.write(job).result()[1]
        headers = {"authorization": f"Bearer {secret}"}
        assert house.client(None).get("/v1/alerts", headers=headers).status_code == 200
        now[0] += 11_000_000
        assert house.client(None).get("/v1/alerts", headers=headers).status_code == 401
        past = house.client("admin").post("/v1/tokens", json={"role": "observer", "name": "x", "expires_at": "2020-01-01T00:00:00Z"})
        assert past.status_code == 422


def test_a_browser_gets_a_cookie_that_scripts_and_other_sites_can_not_use(house: House) -> None:
    browser = house.client(None, trust_env=False)
    credentials = {"token": house.secrets["triage"]}
    assert browser.post("/v1/session", json=credentials, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    answer = browser.post("/v1/session", json=credentials)
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert house.secrets["triage"] not in cookie
    assert browser.get("/v1/session").json()["role"] == "triage"
    house.publish(desk(alert("A-1")))
    path = "/v1/alerts/A-1/acknowledge"
    assert browser.post(path).status_code == 403
    assert browser.post(path, headers={"x-highwater": "page", "origin": "https://evil.example"}).status_code == 403
    assert browser.post(path, headers={"x-highwater": "page", "sec-fetch-site": "cross-site"}).status_code == 403
    assert browser.post(path, headers={"x-highwater": "page", "origin": house.address}).status_code == 200
    with browser.stream("GET", "/v1/stream") as stream:
        assert stream.status_code == 200
    assert browser.delete("/v1/session", headers={"x-highwater": "page"}).status_code == 204
    assert browser.get("/v1/alerts").status_code == 401


def test_a_session_ends_with_its_token(house: House) -> None:
    admin = house.client("admin")
    made = admin.post("/v1/tokens", json={"role": "observer", "name": "x"}).json()
    browser = house.client(None, trust_env=False)
    browser.post("/v1/session", json={"token": made["secret"]})
    assert browser.get("/v1/alerts").status_code == 200
    admin.delete(f"/v1/tokens/{made['id']}")
    assert browser.get("/v1/alerts").status_code == 401


def test_the_cookie_is_secure_behind_https(tmp_path: Path) -> None:
    with House(tmp_path / "data", public_url="https://monitor.example.com") as house:
        answer = house.client(None, trust_env=False).post("/v1/session", json={"token": house.secrets["observer"]})
        assert "secure" in answer.headers["set-cookie"].lower()


def test_the_demo_is_open_to_this_machine_and_to_no_other_name(tmp_path: Path) -> None:
    with House(tmp_path / "data", open_role=Role.TRIAGE) as house:
        visitor = house.client(None)
        assert visitor.get("/v1/alerts").status_code == 200
        assert visitor.get("/v1/tokens").status_code == 403
        assert visitor.get("/v1/alerts", headers={"host": "rebound.example"}).status_code == 401
        assert visitor.post("/v1/changes", json={}).status_code == 403
        assert visitor.get("/v1/alerts", headers={"authorization": "Bearer wrong"}).status_code == 401


def test_answers_keep_browsers_safe(shared_house: House) -> None:
    headers = shared_house.client(None).get("/").headers
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_the_page_and_its_parts_come_from_here_alone(shared_house: House) -> None:
    client = shared_house.client(None)
    for path in (
        "/",
        "/docs",
        "/page/app.js",
        "/page/core/api.js",
        "/page/core/dom.js",
        "/page/docs.js",
        "/page/style.css",
    ):
        answer = client.get(path)
        assert answer.status_code == 200
        outside = [
            part
            for part in answer.text.split('"')
            if part.startswith(("http:", "https:")) and "w3.org" not in part and "hooks.example" not in part
        ]
        assert outside == [], path
        assert " style=" not in answer.text
