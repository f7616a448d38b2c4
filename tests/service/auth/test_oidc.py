"""An identity provider's tokens: a real key server, real keys, and every way in which a token can be wrong."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from models.clock import Clock
from models.errors import ConfigurationError
from service.auth.oidc import Provider
from service.parameters import OidcParameters
from tests.service.builders import alert, desk, own
from tests.service.house import House, until

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
STRANGER = rsa.generate_private_key(65537, 2048)
KEPT_S = 0.3


class Issuer:
    """An identity provider: discovery document, keys that can be changed, and what it was asked."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {"rsa-1": RSA_KEY, "ec-1": EC_KEY}
        self.asked: list[str] = []
        self.broken = False
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                body = json.dumps(issuer.answer(self.path)).encode()
                self.send_response(500 if issuer.broken else 200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path: str) -> dict[str, Any]:
        if path.endswith("openid-configuration"):
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        return {"keys": [public(name, key) for name, key in self.keys.items()]}

    def token(self, *, key: Key = RSA_KEY, kid: str | None = "rsa-1", **claims: Any) -> str:
        now = int(time.time())
        result = {"iss": self.url, "aud": "highwater", "sub": "ann", "iat": now, "exp": now + 300, "highwater_role": "user:ACME", **claims}
        algorithm = "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256"
        headers = {} if kid is None else {"kid": kid}
        return jwt.encode({name: value for name, value in result.items() if value is not None}, key, algorithm, headers)


def public(name: str, key: Key) -> dict[str, Any]:
    made = ECAlgorithm.to_jwk(key.public_key()) if isinstance(key, ec.EllipticCurvePrivateKey) else RSAAlgorithm.to_jwk(key.public_key())
    return {**json.loads(made), "kid": name, "use": "sig"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    opened = Issuer()
    yield opened
    opened.server.shutdown()
    opened.server.server_close()


@pytest.fixture(scope="module")
def house(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    oidc = OidcParameters(issuer=issuer.url, keys_kept_s=KEPT_S)
    with House(tmp_path_factory.mktemp("oidc") / "data", oidc=oidc) as opened:
        yield opened


def status(house: House, token: str) -> int:
    answer = house.client(None).get("/v1/session", headers={"authorization": f"Bearer {token}"})
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["detail"] == "the token is wrong, expired or revoked: ask an administrator for a new one"
    return answer.status_code


@pytest.mark.parametrize(("key", "kid"), [(RSA_KEY, "rsa-1"), (EC_KEY, "ec-1")], ids=["RS256", "ES256"])
def test_a_good_token_is_its_role_and_nothing_more(house: House, issuer: Issuer, key: Key, kid: str) -> None:
    house.publish([*desk(alert("A-1"), alert("B-1", user="BOLT")), *own("ACME", alert("A-1")), *own("BOLT", alert("B-1", user="BOLT"))])
    headers = {"authorization": f"Bearer {issuer.token(key=key, kid=kid, email='ann@acme.example')}"}
    client = house.client(None)
    assert client.get("/v1/session", headers=headers).json() == {"name": "ann@acme.example", "role": "user:ACME", "user": "ACME"}
    assert [one["alert_id"] for one in client.get("/v1/alerts", headers=headers).json()["items"]] == ["A-1"]
    assert client.get("/v1/alerts/B-1", headers=headers).status_code == 404
    assert client.get("/v1/incidents", headers=headers).status_code == 403


def unsigned(issuer: Issuer) -> str:
    head, body, _ = issuer.token().split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT","kid":"rsa-1"}').decode().rstrip("=")
    assert head != none
    return f"{none}.{body}."


def signed_with_the_public_key_as_a_secret(issuer: Issuer) -> str:
    secret = RSA_KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT","kid":"rsa-1"}').decode().rstrip("=")
    signing = f"{head}.{issuer.token().split('.')[1]}"
    mac = hmac.new(secret, signing.encode(), hashlib.sha256).digest()
    return f"{signing}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def with_another_role(issuer: Issuer) -> str:
    head, body, signature = issuer.token().split(".")
    result = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    made = base64.urlsafe_b64encode(json.dumps({**result, "highwater_role": "admin"}).encode()).decode().rstrip("=")
    return f"{head}.{made}.{signature}"


WRONG: dict[str, Callable[[Issuer], str]] = {
    "expired": lambda issuer: issuer.token(exp=int(time.time()) - 60),
    "not valid yet": lambda issuer: issuer.token(nbf=int(time.time()) + 600),
    "another audience": lambda issuer: issuer.token(aud="grafana"),
    "another issuer": lambda issuer: issuer.token(iss="https://evil.example"),
    "no expiry": lambda issuer: issuer.token(exp=None),
    "no subject": lambda issuer: issuer.token(sub=None),
    "no role": lambda issuer: issuer.token(highwater_role=None),
    "a role that is none": lambda issuer: issuer.token(highwater_role="user:*"),
    "roles in a list": lambda issuer: issuer.token(highwater_role=["admin"]),
    "a stranger's key under a known name": lambda issuer: issuer.token(key=STRANGER),
    "a key that is not published": lambda issuer: issuer.token(key=STRANGER, kid="stranger"),
    "no key named": lambda issuer: issuer.token(kid=None),
    "the other kind of key": lambda issuer: issuer.token(key=EC_KEY, kid="rsa-1"),
    "algorithm none": unsigned,
    "the public key as a shared secret": signed_with_the_public_key_as_a_secret,
    "a changed role": with_another_role,
    "no JWT at all": lambda _: "a.b.c",
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_token_is_401_in_the_same_words(house: House, issuer: Issuer, wrong: Callable[[Issuer], str]) -> None:
    assert status(house, issuer.token()) == 200
    assert status(house, wrong(issuer)) == 401


def test_a_token_that_is_not_meant_for_us_asks_nobody_for_keys(issuer: Issuer, tmp_path: Path) -> None:
    provider = Provider(OidcParameters(issuer=issuer.url, keys_kept_s=KEPT_S), Clock())
    before = len(issuer.asked)
    assert provider.principal(issuer.token(iss="https://evil.example")) is None
    assert provider.principal("a.b.c") is None
    assert len(issuer.asked) == before


def test_keys_rotate_the_new_one_counts_and_the_old_one_ends(house: House, issuer: Issuer) -> None:
    fresh = rsa.generate_private_key(65537, 2048)
    assert status(house, issuer.token(key=fresh, kid="rsa-2")) == 401
    issuer.keys = {"rsa-1": RSA_KEY, "rsa-2": fresh, "ec-1": EC_KEY}
    try:
        until(lambda: status(house, issuer.token(key=fresh, kid="rsa-2")) == 200)
        assert status(house, issuer.token()) == 200
        del issuer.keys["rsa-1"]
        until(lambda: status(house, issuer.token()) == 401)
        assert status(house, issuer.token(key=fresh, kid="rsa-2")) == 200
    finally:
        issuer.keys = {"rsa-1": RSA_KEY, "ec-1": EC_KEY}


def test_unknown_keys_are_not_asked_for_at_each_request(issuer: Issuer) -> None:
    provider = Provider(OidcParameters(issuer=issuer.url, keys_kept_s=600), Clock())
    assert provider.principal(issuer.token()) is not None
    before = len(issuer.asked)
    for number in range(20):
        assert provider.principal(issuer.token(key=STRANGER, kid=f"stranger-{number}")) is None
    assert len(issuer.asked) == before


def test_a_provider_that_is_down_is_503_at_once_and_own_tokens_work_on(issuer: Issuer, tmp_path: Path) -> None:
    steady = [1000.0]
    clock = Clock(steady_s=lambda: steady[0])
    with House(tmp_path / "data", clock=clock, oidc=OidcParameters(issuer=issuer.url, keys_kept_s=KEPT_S)) as house:
        issuer.broken = True
        try:
            before = len(issuer.asked)
            assert status(house, issuer.token()) == 503
            assert status(house, issuer.token()) == 503
            assert len(issuer.asked) == before + 1, "it was asked again although it had just failed"
            assert house.client("observer").get("/v1/alerts").status_code == 200
        finally:
            issuer.broken = False
        steady[0] += 11
        assert status(house, issuer.token()) == 200


def test_a_stream_ends_with_the_token_that_it_began_with(issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.http.routes.stream._PING_S", 0.1)
    monkeypatch.setattr("service.auth.open_streams._LOOK_S", 0.05)
    ahead_us = [0]
    clock = Clock(lambda: time.time_ns() // 1000 + ahead_us[0])
    with House(tmp_path / "data", clock=clock, oidc=OidcParameters(issuer=issuer.url)) as house:
        headers = {"authorization": f"Bearer {issuer.token()}"}
        with house.client(None).stream("GET", "/v1/stream", headers=headers) as answer:
            parts = answer.iter_bytes()
            assert b"connected" in next(parts)
            ahead_us[0] = 400_000_000
            assert all(part == b": still here\n\n" for part in parts), "it went on"


@pytest.mark.parametrize("algorithms", [("HS256",), ("RS256", "none")])
def test_shared_secrets_and_none_can_not_be_configured(issuer: Issuer, algorithms: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="public-key algorithms"):
        Provider(OidcParameters(issuer=issuer.url, algorithms=algorithms), Clock())
