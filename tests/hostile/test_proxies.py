"""Behind a proxy each company is counted by its own address, and nobody invents one."""

import random
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydantic import ValidationError
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service.networks import network_of, proxy_networks
from service.parameters import QuotaParameters, ServeParameters
from tests.service.house import House

GUESS = {"authorization": "Bearer a-guess"}


def guesses(house: House, *forwarded: str) -> list[int]:
    """The answers to a wrong token with each of these `X-Forwarded-For`."""
    client = house.client(None)
    return [client.get("/v1/alerts", headers={**GUESS, "x-forwarded-for": one}).status_code for one in forwarded]


def test_one_company_s_failed_sign_ins_are_not_those_of_another_behind_the_same_proxy(tmp_path: Path) -> None:
    with House(tmp_path / "data", quotas=QuotaParameters(failed_sign_ins_per_minute=5)) as house:
        assert guesses(house, *["192.0.2.1"] * 7) == [401] * 5 + [429] * 2
        assert guesses(house, "192.0.2.2", "2001:db8::2") == [401, 401]
        invented = [f"198.51.100.{number}, 192.0.2.1" for number in range(3)] + ["127.0.0.1, 192.0.2.1", "'\"<x>, [, 192.0.2.1:99"]
        assert guesses(house, *invented) == [429] * 5, "the proxy appends the true address to what its caller invented"


def test_whoever_is_no_trusted_proxy_names_no_address(tmp_path: Path) -> None:
    with House(tmp_path / "data", quotas=QuotaParameters(failed_sign_ins_per_minute=5), trusted_proxies=()) as house:
        assert guesses(house, *(f"192.0.2.{number}" for number in range(7))) == [401] * 5 + [429] * 2


def test_requests_of_one_address_through_a_proxy_are_bounded_and_others_go_on(tmp_path: Path) -> None:
    with House(tmp_path / "data", quotas=QuotaParameters.model_construct(connections_per_address=2)) as house, ExitStack() as open_streams:
        client = house.client("observer")

        def listen(address: str) -> int:
            answer = open_streams.enter_context(client.stream("GET", "/v1/stream", headers={"x-forwarded-for": address}))
            return answer.status_code

        assert [listen("192.0.2.1") for _ in range(3)] == [200, 200, 429]
        assert listen("192.0.2.2") == 200
        assert [listen("127.0.0.1") for _ in range(3)] == [200, 200, 429], "whoever names this machine is not on it"
        refused = client.get("/v1/alerts", headers={"x-forwarded-for": "192.0.2.1"})
        assert "serve.quotas.connections_per_address" in refused.json()["detail"]
        assert client.get("/v1/alerts").status_code == 200, "this machine's own are not counted"


@pytest.mark.parametrize("entry", ["*", "0.0.0.0/0", "::/0", "proxy.example.com", "192.0.2.1/24"])
def test_a_trusted_proxy_is_an_address_or_a_network(entry: str) -> None:
    with pytest.raises(ValidationError):
        ServeParameters(trusted_proxies=(entry,))


def test_an_address_of_a_socket_for_both_versions_is_that_of_the_ipv4_sender() -> None:
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") != network_of("::ffff:192.0.2.2")
    assert named("::ffff:10.0.0.1", ["192.0.2.9"], proxies=("10.0.0.0/24",)) == "192.0.2.9"


def test_what_a_caller_sends_before_the_proxy_appends_its_address_never_counts() -> None:
    """1,000 headers of arbitrary bytes; the proxy appends, in the same line or in one of its own."""
    source = random.Random(14)
    pieces = ["127.0.0.1", "::1", "10.0.0.1", "unknown", "[::1]:1", "[", ":", ",", " ", ";", "\xff", "192.0.2.7:80", "0", "x" * 300]
    for _ in range(1_000):
        invented = "".join(source.choice(pieces) + source.choice(["", ", ", ","]) for _ in range(source.randrange(6)))
        sent = [invented, "192.0.2.1"] if source.random() < 0.5 else [f"{invented}, 192.0.2.1"]
        assert network_of(named("10.0.0.1", sent)) == "192.0.2.1"
        assert named("192.0.2.3", [invented]) == "192.0.2.3", "from anybody else nothing is believed"


def named(peer: str, forwarded: Sequence[str], proxies: Sequence[str] = ("10.0.0.1",)) -> str:
    """The client's address of a request from `peer` with these header lines."""
    seen: list[str] = []

    async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        seen.append(scope["client"][0])

    headers = [(b"x-forwarded-for", one.encode("latin1")) for one in forwarded]
    call = ProxyHeadersMiddleware(app, list(proxy_networks(proxies)))({"type": "http", "client": (peer, 1), "headers": headers}, None, None)  # type: ignore[arg-type]
    with pytest.raises(StopIteration):
        call.send(None)  # it never waits, so it needs no event loop
    return seen[0]
